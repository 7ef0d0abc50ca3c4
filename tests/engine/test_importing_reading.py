"""Each small nasty file of `tests/fixtures/imports`: what becomes of every line of it, as `expected.csv` says."""

from __future__ import annotations

import csv
import gzip
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import fastexcel
import polars as pl
import pytest

from engine.contacts.fields import load_registry
from engine.contacts.guessing import guess_mapping
from engine.contacts.importing import begin_import, plan_import
from engine.contacts.options import ImportOptions
from engine.contacts.source import ReadOptions, SourceFile
from engine.errors import UnreadableFile
from engine.settings import Settings
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "imports"
REFUSED = {
    "empty.csv": "empty",
    "header_only.csv": "no rows",
    "too_wide.csv": "300 columns",
    "a_pdf.csv": "PDF",
    "a_picture.csv": "picture",
    "an_old_workbook.xls": "save it as .xlsx",
    "a_web_page.xls": "web page",
    "contact_cards.csv": "vCard",
    "json.csv": "JSON",
    "cut_off.csv.gz": "compressed file is damaged",
    "cut_off.xlsx": "damaged",
    "cut_off.parquet": "damaged",
    "locked.zip": "password",
    "no_table.zip": "no table",
    "a_workbook_inside.zip": "unpack it",
    "a_word_document.docx": "Word",
}


def expected() -> list[dict[str, str]]:
    with (FOLDER / "expected.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def count_lines(path: Path, part: str | None, source: SourceFile) -> int:
    """The lines of the file as it lies there, counted without anything of ours."""
    if path.suffix == ".xlsx":
        sheet = fastexcel.read_excel(path).load_sheet(source.part or "", header_row=None, skip_rows=0)
        return sheet.height
    if path.suffix == ".parquet":
        return len(pl.read_parquet(path))
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            content = archive.read(part or "klasör/birinci.csv")
    text = content.decode(source.encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")
    return text.count("\n") + (not text.endswith("\n"))


@pytest.mark.parametrize("row", expected(), ids=lambda row: " ".join(filter(None, (row["file"], row["part"]))))
def test_every_line_of_the_file_is_accounted_for(
    row: dict[str, str], warehouse: Warehouse, settings: Settings
) -> None:
    part = row["part"] or None
    path = FOLDER / row["file"]
    source = begin_import(settings, path, now=NOW, options=ReadOptions(part=part))
    mapping = guess_mapping(source, load_registry(warehouse.cursor()))
    staged = plan_import(warehouse, settings, source, mapping, ImportOptions(region="TR"), now=NOW).staged
    found = {
        "lines": count_lines(path, part, source),
        "header": int(source.has_header and source.kind != "parquet"),
        "rows": source.row_count,
        "whole": source.whole_count,
        "broken": source.broken_count,
        "blank": source.blank_count,
        "rejected": staged.rejected_count,
        "duplicates": staged.duplicate_count,
        "persons": staged.person_count,
    }
    assert found == {name: int(row[name]) for name in found}
    assert found["header"] + source.row_count + source.blank_count + int(row["inner"]) == found["lines"]
    assert source.whole_count + source.broken_count == source.row_count
    assert staged.person_count + staged.duplicate_count + staged.rejected_count == source.row_count


def test_the_table_and_the_folder_name_the_same_files() -> None:
    there = {path.name for path in FOLDER.iterdir() if path.suffix != ".py"} - {"expected.csv", "__pycache__"}
    assert there == {row["file"] for row in expected()} | set(REFUSED)


@pytest.mark.parametrize("name", REFUSED)
def test_what_holds_no_table_is_refused_with_what_to_do_and_leaves_nothing(name: str, settings: Settings) -> None:
    with pytest.raises(UnreadableFile) as caught:
        begin_import(settings, FOLDER / name, now=NOW)
    assert REFUSED[name] in caught.value.reason
    assert not list((settings.home / "imports").glob("*"))


@pytest.mark.parametrize(
    ("name", "encoding", "clue"),
    [
        ("semicolon_bom_crlf.csv", "utf-8", "bom"),
        ("tab.tsv", "utf-8", "valid"),
        ("utf16_le.csv", "utf-16-le", "bom"),
        ("utf16_be_without_mark.csv", "utf-16-be", "zeros"),
        ("windows_1254.csv", "cp1254", "turkish"),
        ("iso_8859_9.csv", "iso-8859-9", "controls"),
        ("windows_1252.csv", "cp1252", "western"),
        ("damaged_utf8.csv", "utf-8", "mostly"),
        ("workbook.xlsx", "utf-8", "own"),
    ],
)
def test_an_encoding_is_found_and_said_how(name: str, encoding: str, clue: str, settings: Settings) -> None:
    source = begin_import(settings, FOLDER / name, now=NOW)
    assert (source.encoding, source.encoding_clue) == (encoding, clue)


@pytest.mark.parametrize("name", ["utf16_le.csv", "utf16_be_without_mark.csv", "windows_1254.csv", "iso_8859_9.csv"])
def test_turkish_letters_come_out_of_every_encoding(name: str, settings: Settings) -> None:
    source = begin_import(settings, FOLDER / name, now=NOW)
    assert [row[:2] for row in source.samples[:3]] == [("Ayşe", "Şahin"), ("Ömer", "Çağ"), ("İpek", "Öz")]


@pytest.mark.parametrize(
    ("name", "has_header", "headers"),
    [
        ("without_header.csv", False, ("Column 1", "Column 2", "Column 3", "Column 4")),
        ("without_header_one_row.csv", False, ("Column 1",)),
        ("headers_twice_and_empty.csv", True, ("Ad", "Telefon", "Column 3", "Telefon (2)", "ad (2)")),
        ("semicolon_bom_crlf.csv", True, ("Ad", "Soyad", "Telefon", "Not")),
    ],
)
def test_a_first_row_of_data_is_no_header(
    name: str, has_header: bool, headers: tuple[str, ...], settings: Settings
) -> None:
    source = begin_import(settings, FOLDER / name, now=NOW)
    assert (source.has_header, source.headers) == (has_header, headers)
    assert int(source.lines()[0]) == (2 if has_header else 1)
