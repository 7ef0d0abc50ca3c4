"""The worker's reading of a frozen audience, against what freezing writes."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from engine.errors import NotFound, UnreadableFile
from engine.operations.snapshot import BATCH_SIZE, freeze, snapshot_path
from engine.operations.snapshot_reader import Recipient, open_snapshot, read_batch
from engine.operations.snapshot_reader import snapshot_path as path_of_reader

COUNT = 2 * BATCH_SIZE + 1


def recipients(count: int) -> pl.DataFrame:
    numbers = pl.int_range(count, eager=True)
    return pl.DataFrame(
        {
            "recipient_no": numbers.cast(pl.UInt32),
            "person_key": numbers.cast(pl.UInt64),
            "phone": pl.select(pl.concat_str(pl.lit("+90532"), numbers.cast(pl.String).str.zfill(7))).to_series(),
            "user_id": pl.Series([None] * count, dtype=pl.String),
            "p_0": pl.select(pl.concat_str(pl.lit("Ayşe "), numbers.cast(pl.String))).to_series(),
            "p_1": pl.Series(["%20"] * count),
        }
    )


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    path = snapshot_path(tmp_path, "op-1")
    pieces = [recipients(COUNT).slice(start, 777) for start in range(0, COUNT, 777)]
    freeze(pl.concat(pieces, rechunk=False), path, {"operation_id": "op-1", "batch_size": BATCH_SIZE})
    return path


def test_both_sides_look_in_the_same_place(tmp_path):
    assert snapshot_path(tmp_path, "op-1") == path_of_reader(tmp_path, "op-1")


def test_the_batches_partition_the_recipients_in_order(frozen):
    snapshot = open_snapshot(frozen)
    assert snapshot.facts["operation_id"] == "op-1"
    assert (snapshot.batch_count, snapshot.recipient_count) == (3, COUNT)
    batches = [read_batch(snapshot, batch_no) for batch_no in range(3)]
    assert [len(batch) for batch in batches] == [BATCH_SIZE, BATCH_SIZE, 1]
    assert [row.recipient_no for batch in batches for row in batch] == list(range(COUNT))
    assert batches[1][0] == Recipient(BATCH_SIZE, f"+90532{BATCH_SIZE:07}", "", (f"Ayşe {BATCH_SIZE}", "%20"))


def test_parameters_come_in_the_order_of_their_numbers_not_of_their_names(tmp_path):
    frame = recipients(3).with_columns(pl.lit(f"v{number}").alias(f"p_{number}") for number in range(12))
    path = snapshot_path(tmp_path, "op-2")
    freeze(frame, path, {"batch_size": BATCH_SIZE})
    row = read_batch(open_snapshot(path), 0)[0]
    assert row.parameters == tuple(f"v{number}" for number in range(12))


def test_a_template_without_slots_gives_rows_without_parameters(tmp_path):
    path = snapshot_path(tmp_path, "op-3")
    freeze(recipients(3).drop("p_0", "p_1"), path, {"batch_size": BATCH_SIZE})
    assert [row.parameters for row in read_batch(open_snapshot(path), 0)] == [(), (), ()]


def test_a_batch_beyond_the_end_is_not_found(frozen):
    with pytest.raises(NotFound):
        read_batch(open_snapshot(frozen), 3)


def test_a_missing_file_is_not_found_and_another_file_is_unreadable(tmp_path):
    with pytest.raises(NotFound):
        open_snapshot(tmp_path / "op-9" / "recipients.parquet")
    other = tmp_path / "other.parquet"
    other.write_bytes(b"no parquet at all")
    with pytest.raises(UnreadableFile):
        open_snapshot(other)
    recipients(3).write_parquet(other)
    with pytest.raises(UnreadableFile):
        open_snapshot(other)


def test_row_groups_that_are_not_the_batches_are_refused(tmp_path):
    path = snapshot_path(tmp_path, "op-4")
    freeze(recipients(COUNT), path, {"batch_size": 1_000})
    with pytest.raises(UnreadableFile):
        read_batch(open_snapshot(path), 1)
