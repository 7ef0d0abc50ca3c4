"""Workbooks, Parquet, .gz and .zip: the same cells come out as from a CSV, within limits."""

from __future__ import annotations

import gzip
import zipfile
from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import xlsxwriter

from engine.contacts import archive
from engine.contacts.source import ReadOptions, SourceFile, read_source
from engine.errors import UnreadableFile

CSV = b"Ad;Telefon\nAli;05321234501\nVeli;05321234502\n"


def read(path: Path, part: str | None = None) -> SourceFile:
    return read_source(path, path.parent / "import", "imp-1", file_name=path.name, options=ReadOptions(part=part))


def write_sheet(path: Path, rows: list[list[object]], *, first_row: int = 0) -> Path:
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Kişiler")
    day, moment = book.add_format({"num_format": "dd/mm/yyyy"}), book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
    clock = book.add_format({"num_format": "hh:mm"})
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            place = (first_row + number, column)
            if isinstance(cell, datetime):
                sheet.write_datetime(*place, cell, moment)
            elif isinstance(cell, date):
                sheet.write_datetime(*place, cell, day)
            elif isinstance(cell, time):
                sheet.write_datetime(*place, cell, clock)
            elif isinstance(cell, str) and cell.startswith("="):
                sheet.write_formula(*place, cell, None, "kept")
            elif cell is not None:
                sheet.write(*place, cell)
    book.close()
    return path


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (905321234567, "905321234567"),
        (5321234567.0, "5321234567"),
        (0.1 + 0.2, "0.3"),
        (1250.5, "1250.5"),
        (-7, "-7"),
        (True, "true"),
        (date(2026, 3, 4), "2026-03-04"),
        (datetime(2026, 3, 4, 10, 20, 30), "2026-03-04 10:20:30"),
        (time(12, 30), "12:30:00"),
        ("=A1", "kept"),
        ("0532 123 45 67", "0532 123 45 67"),
        ("005", "005"),
        ('bir\niki, "üç"', 'bir\niki, "üç"'),
        ("03.04.2026", "03.04.2026"),
    ],
)
def test_a_cell_of_a_sheet_comes_as_what_a_person_sees(cell: object, text: str, tmp_path: Path) -> None:
    source = read(write_sheet(tmp_path / "book.xlsx", [["Ad", "Değer"], ["x", cell]]))
    assert (source.kind, source.samples) == ("xlsx", (("x", text),))


def test_a_line_shown_is_the_sheets_own_row(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Ad", "Not"], ["a\nb", "x"], [], ["c", None], [], [None, "y"]]
    source = read(write_sheet(tmp_path / "book.xlsx", rows, first_row=3))
    assert source.lines().tolist() == [5, 7, 9]
    assert (source.row_count, source.blank_count) == (3, 5)


def test_a_sheet_is_chosen_by_name_and_the_first_that_holds_anything_otherwise(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(tmp_path / "book.xlsx")
    book.add_worksheet("Boş")
    for name in ("Bir", "İki"):
        book.add_worksheet(name).write_column(0, 0, ["Telefon", f"0532 {name}"])
    book.close()
    assert (read(tmp_path / "book.xlsx").part, read(tmp_path / "book.xlsx").parts) == ("Bir", ("Boş", "Bir", "İki"))
    assert read(tmp_path / "book.xlsx", "İki").samples == (("0532 İki",),)
    for part, reason in (("Boş", "sheet is empty"), ("Üç", "no sheet of that name")):
        with pytest.raises(UnreadableFile) as caught:
            read(tmp_path / "book.xlsx", part)
        assert reason in caught.value.reason


def test_a_long_sheet_is_read_whole(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(tmp_path / "book.xlsx", {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["Telefon", "No"])
    for number in range(1, 60_001):  # more than one slice of the writer
        sheet.write_row(number, 0, [905320000000 + number, number])
    book.close()
    source = read(tmp_path / "book.xlsx")
    assert (source.row_count, source.whole_count) == (60_000, 60_000)
    assert source.lines().tolist() == list(range(2, 60_002))
    assert (tmp_path / "import" / "table.csv").read_text("utf-8").splitlines()[-1] == "905320060000,60000"


def test_every_kind_of_parquet_column_comes_as_text(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "text": ["a", None, "b\r\nc"],
            "whole": pl.Series([905321234567, None, 1], dtype=pl.Int64),
            "float": [5321234567.0, float("nan"), 2.5],
            "amount": pl.Series(["1.50", None, "2.00"]).cast(pl.Decimal(10, 2)),
            "flag": [True, None, False],
            "day": [date(2026, 3, 4), None, date(2026, 3, 5)],
            "moment": [datetime(2026, 3, 4, 10, 20), None, datetime(2026, 3, 4)],
            "zoned": pl.Series([datetime(2026, 3, 4, 10), None, None]).dt.replace_time_zone("Europe/Istanbul"),
            "names": [["a", "b"], None, []],
            "points": [[1.0, 2.5], None, None],
            "choice": pl.Series(["x", None, "x"], dtype=pl.Categorical),
            "nested": [{"a": 1}, None, {"a": 2}],
            "bytes": [b"05321234501", None, b"x"],
            "empty": ["", None, "-"],
        }
    )
    frame.write_parquet(tmp_path / "table.parquet")
    source = read(tmp_path / "table.parquet")
    assert source.headers == tuple(frame.columns)
    assert (source.kind, source.has_header, source.row_count, source.blank_count) == ("parquet", True, 2, 1)
    assert source.lines().tolist() == [1, 3]
    assert source.samples[0] == (
        "a", "905321234567", "5321234567", "1.50", "true", "2026-03-04", "2026-03-04 10:20:00",
        "2026-03-04 07:00:00+00", "a;b", "1;2.5", "x", '{"a":1}', "05321234501", None,
    )  # fmt: skip
    assert source.samples[1][0] == "b\nc"
    assert source.samples[1][2] == "2.5"


def test_a_file_without_end_is_not_unpacked(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "bomb.csv.gz", "wb") as file:
        for _ in range(80):
            file.write(b"a" * (1 << 20))
    with (
        zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("a.csv", "w") as member,
    ):
        for _ in range(80):
            member.write(b"a" * (1 << 20))
    for name in ("bomb.csv.gz", "bomb.zip"):
        with pytest.raises(UnreadableFile) as caught:
            read(tmp_path / name)
        assert "a trap" in caught.value.reason
        assert not (tmp_path / "import" / "unpacked").exists()


def test_a_workbook_that_swells_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_sheet(tmp_path / "book.xlsx", [["Ad", "Telefon"], ["Ali", "05321234501"]])
    monkeypatch.setattr(archive, "MOST_UNPACKED", 1000)
    with pytest.raises(UnreadableFile) as caught:
        read(path)
    assert "a trap" in caught.value.reason


def test_a_members_name_is_no_path(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("../../outside.csv", CSV)
        packed.writestr("/etc/inside.csv", CSV)
    source = read(tmp_path / "a.zip", "/etc/inside.csv")
    assert (source.parts, source.part) == (("../../outside.csv", "/etc/inside.csv"), "/etc/inside.csv")
    assert not list(tmp_path.rglob("outside.csv"))
    assert {path.name for path in (tmp_path / "import").iterdir()} == {
        "table.csv", "table.json", "lines.npy", "broken.parquet", "head.parquet", "source.json",
    }  # fmt: skip


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("a.csv", CSV)
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace(b"Ali;", b"Ala;"))
    with pytest.raises(UnreadableFile):
        read(tmp_path / "a.zip")


def test_compressed_files_are_known_by_their_own_bytes_hash(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(CSV))
    plain, packed = read(tmp_path / "a.csv"), read(tmp_path / "a.csv.gz")
    assert plain.file_hash != packed.file_hash
    assert (plain.headers, plain.samples, plain.kind) == (packed.headers, packed.samples, packed.kind)
    assert np.array_equal(plain.lines(), packed.lines())
    assert packed.byte_count == (tmp_path / "a.csv.gz").stat().st_size
