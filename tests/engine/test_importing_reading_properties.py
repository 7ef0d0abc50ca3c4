"""Files nobody thought of: whatever the cells, quoting, encoding and delimiter, each record is accounted for."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from engine.contacts.encodings import ENCODING_LABELS
from engine.contacts.source import DELIMITERS, ReadOptions, SourceFile, read_source
from engine.errors import UnreadableFile

RELAXED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
    deadline=None,
    max_examples=60,
)
LETTERS = "abz019 ,;|\t\"'=+-.@\nşığüÇ€"
CELL = st.text(alphabet=LETTERS, max_size=8)
ROWS = st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=12)
HEADER = ["Ad", "Telefon", "Not"]


def table_of(source: SourceFile) -> list[list[str]]:
    """The rows that a reader takes from what lies in the import's folder, by Python's own CSV reader."""
    skip = int(pl.read_json(source.folder / "table.json")["skip"][0])
    text = (source.folder / "table.csv").read_text("utf-8").split("\n", skip)[skip]
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=source.delimiter))


def written(rows: list[list[str]], delimiter: str, quoting: int, end: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue()


def read(path: Path, folder: Path, **options: object) -> SourceFile:
    chosen = ReadOptions.model_validate(options)
    return read_source(path, folder / "import", "imp-1", file_name=path.name, options=chosen)


@given(
    rows=ROWS,
    delimiter=st.sampled_from(DELIMITERS),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "cp1254"]),
)
@RELAXED
def test_whole_cells_come_back_equal(
    rows: list[list[str]], delimiter: str, quoting: int, end: str, encoding: str, tmp_path: Path
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(written([HEADER, *rows], delimiter, quoting, end).encode(encoding))
    source = read(path, tmp_path, delimiter=delimiter, has_header=True, encoding=encoding.removesuffix("-sig"))
    assert (source.whole_count, source.broken_count, source.blank_count) == (len(rows), 0, 0)
    assert table_of(source) == rows
    assert source.headers == tuple(HEADER)


@given(rows=st.lists(st.lists(CELL, max_size=6), min_size=1, max_size=12), seed=st.integers(0, 9))
@RELAXED
def test_every_record_is_accounted_for_however_ragged(rows: list[list[str]], seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    text = written([HEADER], ";", csv.QUOTE_MINIMAL, "\n")
    blank, records = 0, 0
    for row in rows:
        if chance.random() < 0.3:
            text += "\n"
            blank += 1
        line = written([row], ";", csv.QUOTE_ALL, "\n")
        text += line
        blank, records = (blank + 1, records) if line == "\n" else (blank, records + 1)
    assume(records)
    path = tmp_path / "file.csv"
    path.write_text(text, "utf-8", newline="")
    source = read(path, tmp_path, delimiter=";", has_header=True)
    assert (source.row_count, source.blank_count) == (records, blank)
    assert source.whole_count == sum(len(row) == 3 for row in rows)
    assert table_of(source) == [row for row in rows if len(row) == 3]
    assert source.broken_count == len(pl.read_parquet(source.folder / "broken.parquet"))
    lines = sorted([*source.lines().tolist(), *pl.read_parquet(source.folder / "broken.parquet")["line"]])
    assert len(set(lines)) == records


@given(content=st.binary(max_size=400))
@example(content=b"\xef\xbb\xbf")
@example(content=b"\xff\xfe")
@example(content=b"sep=;\n")
@example(content=b"\xff\xfe\x00")
@example(content=b"\r")
@example(content=b"PK\x05\x06")
@example(content=b"\x1f\x8b")
@RELAXED
def test_whatever_the_bytes_a_file_is_read_or_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    try:
        source = read(path, tmp_path)
    except UnreadableFile:
        return  # a sentence, not a traceback
    assert source.whole_count + source.broken_count == source.row_count
    assert len(table_of(source)) == source.whole_count == len(source.lines())


@given(text=st.text(alphabet='aş;\n"5@', min_size=1, max_size=60), encoding=st.sampled_from(sorted(ENCODING_LABELS)))
@RELAXED
def test_a_chosen_encoding_reads_or_refuses(text: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(text.encode("utf-8"))
    try:
        source = read(path, tmp_path, encoding=encoding)
    except UnreadableFile:
        return  # a sentence, not a traceback
    assert source.encoding == encoding


@given(rows=ROWS)
@RELAXED
def test_a_parquet_file_and_its_csv_give_the_same_cells(rows: list[list[str]], tmp_path: Path) -> None:
    kept = [row for row in rows if any(row)]
    assume(kept)
    pl.DataFrame(rows, schema=HEADER, orient="row").write_parquet(tmp_path / "table.parquet")
    source = read(tmp_path / "table.parquet", tmp_path)
    assert table_of(source) == kept
    assert source.row_count + source.blank_count == len(rows)
    assert source.lines().tolist() == [number for number, row in enumerate(rows, start=1) if any(row)]


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_delimiter_is_found(delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(written([HEADER, ["a", "05321234501", "x"], ["b", "2", "y"]], delimiter, 0, "\n"), "utf-8")
    assert read(path, tmp_path).delimiter == delimiter
