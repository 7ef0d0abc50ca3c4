from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contacts import records as module
from engine.contacts.records import find_records
from engine.contacts.source import ReadOptions, read_source
from engine.contacts.splitting import cells_of
from engine.contacts.traits import open_table
from engine.errors import UnreadableFile

CELLS = st.text(st.sampled_from('ab,;"\n é'), max_size=6)
LETTERS = st.text(st.sampled_from('ab;"\n '), max_size=80)


def cells(text: str, delimiter: str) -> list[list[str]]:
    content = np.frombuffer(text.encode(), dtype=np.uint8)
    found = find_records(content, delimiter)
    return [cells_of(content, found, number, delimiter) for number in range(len(found))]


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=6), st.sampled_from(",;"))
def test_what_a_csv_writer_wrote_is_read_cell_by_cell(rows: list[list[str]], delimiter: str) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator="\n").writerows(rows)
    assert cells(written.getvalue(), delimiter) == rows


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=2, max_size=6), st.integers(1, 7))
def test_blocks_of_any_size_give_the_same_records(rows: list[list[str]], block: int) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        assert cells(written.getvalue(), ",") == rows


@given(text=LETTERS)
def test_whatever_the_quotes_every_byte_belongs_to_one_record_or_a_line_end(text: str) -> None:
    content = np.frombuffer(text.encode(), dtype=np.uint8)
    if not len(content):
        return
    found = find_records(content, ";")
    covered = sum(int(end - start) for start, end in zip(found.starts, found.ends, strict=True))
    between = text.encode()
    for start, end in zip(found.starts[::-1].tolist(), found.ends[::-1].tolist(), strict=True):
        between = between[:start] + between[end:]
    assert covered + len(between) == len(content)
    assert set(between) <= {10}
    assert found.lines.tolist() == [text.encode()[:start].count(10) + 1 for start in found.starts.tolist()]


@given(text=LETTERS, width=st.integers(1, 3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_the_file_the_counts_add_up_and_the_table_is_whole(text: str, width: int, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    header = ";".join(f"h{number}" for number in range(width))
    path.write_text(f"{header}\nx{';' * (width - 1)}\n{text}", "utf-8", newline="")
    source = read_source(path, tmp_path / "import", "imp-1", file_name="file.csv", options=ReadOptions(delimiter=";"))
    table = (tmp_path / "import" / "table.csv").read_text("utf-8")
    rows = list(csv.reader(io.StringIO(table, newline=""), delimiter=";"))[open_table(tmp_path / "import").skip :]
    assert len(rows) == source.whole_count == len(source.lines())
    assert {len(row) for row in rows} == {width}
    assert source.whole_count + source.broken_count == source.row_count


def test_the_line_of_a_record_counts_the_line_ends_inside_quotes() -> None:
    content = np.frombuffer(b'a;b\n"x\ny";1\n\nz;2\n', dtype=np.uint8)
    found = find_records(content, ";")
    assert found.lines.tolist() == [1, 2, 5]
    assert found.blank_count == 1


def test_a_record_longer_than_a_megabyte_is_broken_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(f"a;b\nx;1\n{'y' * 1_000_001};2\nz;3\n")
    source = read_source(path, tmp_path / "import", "imp-1", file_name="file.csv")
    assert (source.whole_count, source.broken_count) == (2, 1)


def test_headers_get_names_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("Ad;;Ad;ad;\n1;2;3;4;5\n")
    source = read_source(path, tmp_path / "import", "imp-1", file_name="file.csv")
    assert source.headers == ("Ad", "Column 2", "Ad (2)", "ad (3)", "Column 5")


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("Ad;Telefon\n\n\n")
    with pytest.raises(UnreadableFile):
        read_source(path, tmp_path / "import", "imp-1", file_name="file.csv")
