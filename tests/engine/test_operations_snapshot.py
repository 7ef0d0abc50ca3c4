"""The frozen audience: row groups are batches, every row's hash can be worked out again, nothing half is left."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from engine.errors import NotFound, StoreError
from engine.operations.snapshot import freeze, read_header, thaw
from engine.operations.snapshot_reader import open_snapshot, read_batch


def recipients(count: int) -> pl.DataFrame:
    """Recipients with texts that are awkward in JSON."""
    numbers = range(count)
    return pl.DataFrame(
        {
            "recipient_no": pl.Series(numbers, dtype=pl.UInt32),
            "contact_id": pl.Series([10 + number for number in numbers], dtype=pl.Int64),
            "person_key": pl.Series([2**64 - 1 - number for number in numbers], dtype=pl.UInt64),
            "phone": [f"+90532{number:07d}" if number % 3 else None for number in numbers],
            "user_id": [None if number % 3 else f"TR.{number}" for number in numbers],
            "country": ["TR"] * count,
            "language": ["tr"] * count,
            "variant": pl.Series([None] * count, dtype=pl.String),
            "p_0": [f'İ "{number}" \\ \x1f çğş 🎉\n' for number in numbers],
            "p_1": ["" for _ in numbers],
        }
    )


def test_row_groups_are_batches_of_five_thousand(tmp_path: Path) -> None:
    frozen = freeze(recipients(12_345), tmp_path / "op-1" / "recipients.parquet", {"operation_id": "op-1"})
    metadata = pq.read_metadata(frozen.path)
    assert [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)] == [5_000, 5_000, 2_345]
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_each_hash_is_sha256_of_salt_and_row_as_json(tmp_path: Path) -> None:
    frozen = freeze(recipients(60_001), tmp_path / "op-1" / "recipients.parquet", {})
    rows = pq.read_table(frozen.path).to_pylist()
    for row in (rows[0], rows[49_999], rows[50_000], rows[60_000]):
        salt, hashed = row.pop("row_salt"), row.pop("row_hash")
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        assert len(salt) == 16
        assert hashed == hashlib.sha256(salt + text.encode()).digest()
    assert len({row["row_salt"] for row in rows if "row_salt" in row}) == len(rows) - 4


def test_what_freezing_returned_is_read_back_from_the_file(tmp_path: Path) -> None:
    frozen = freeze(recipients(7), tmp_path / "op-1" / "recipients.parquet", {"name": "Kış"})
    assert thaw(frozen.path) == frozen
    assert read_header(frozen.path) == {"name": "Kış"}
    assert frozen.person_keys[:8] == (2**64 - 1).to_bytes(8, "big")
    assert frozen.file_hash == hashlib.sha256(frozen.path.read_bytes()).hexdigest()


def test_the_worker_reads_the_parameters_in_order(tmp_path: Path) -> None:
    frozen = freeze(recipients(5_002), tmp_path / "op-1" / "recipients.parquet", {"batch_size": 5_000})
    batch = read_batch(open_snapshot(frozen.path), 1)
    assert [recipient.recipient_no for recipient in batch] == [5_000, 5_001]
    assert batch[0].parameters == ('İ "5000" \\ \x1f çğş 🎉\n', "")


def test_a_second_freezing_takes_the_place_of_the_first_and_leaves_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "op-1" / "recipients.parquet"
    freeze(recipients(3), path, {})
    again = freeze(recipients(4), path, {})
    assert thaw(path) == again
    assert [entry.name for entry in path.parent.iterdir()] == ["recipients.parquet"]


def test_a_missing_or_foreign_file_is_said_in_our_words(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        thaw(tmp_path / "op-1" / "recipients.parquet")
    foreign = tmp_path / "foreign.parquet"
    foreign.write_bytes(b"no parquet")
    with pytest.raises(StoreError):
        thaw(foreign)
    pl.DataFrame({"x": [1]}).write_parquet(foreign)
    with pytest.raises(StoreError):
        read_header(foreign)


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StoreError):
        freeze(recipients(1), blocked / "op-1" / "recipients.parquet", {})
