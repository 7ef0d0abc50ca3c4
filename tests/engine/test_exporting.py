"""Exports: what a file holds in each format, that nothing in it runs, that it is whole or absent, who may get it."""

from __future__ import annotations

import csv
import io
import os
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import fastexcel
import polars as pl
import pyarrow.parquet as pq
import pytest

from engine.contacts.fields import FieldType, add_field
from engine.errors import InputError, NotFound, UnknownName
from engine.segments import Audience, Comparison, Context, Segment, Selection, SelectionMode, load_context
from engine.segments.export_jobs import (
    CANCELLED,
    DONE,
    FAILED,
    ExportRequest,
    cancel_export,
    export_secret,
    exports_folder,
    file_of,
    forget_old_exports,
    get_export,
    list_exports,
    start_export,
    wait_for_export,
)
from engine.segments.exporting import ExportFormat, ExportOptions, Stopped, export_audience, guarded
from engine.segments.exporting_workbook import write_workbook
from engine.settings import Settings
from engine.warehouse import Warehouse
from tests.engine.operations_world import add_contacts

NOW = datetime(2026, 11, 22, 22, 30, 5, tzinfo=UTC)
ISTANBUL = ZoneInfo("Europe/Istanbul")
COLUMNS = ("surname", "name", "phone", "created_at", "age", "birthday", "vip", "tags")
NASTY = ["=cmd|' /C calc'!A0", "+1+2", "-2+3", "@SUM(A1)", "\tx", "\rx", " =1", "＝1", "+90 (532) 1"]
HARMLESS = ["+905321112233", "a=b", "0532", "Ali; Veli", 'he said "so"', "two\nlines", "İğüşöç", "😀", "'", ""]


@pytest.fixture
def context(warehouse: Warehouse) -> Context:
    """Three people with a value of each type, and one with nearly nothing."""
    for name, kind in (("age", "number"), ("birthday", "date"), ("vip", "bool"), ("tags", "list")):
        add_field(warehouse, name, name.title(), FieldType(kind), who="test", now=NOW)
    rows: list[dict[str, Any]] = [
        {"name": "Ayşe", "surname": "Demir", "age": 34.0, "birthday": date(1990, 2, 3), "vip": True,
         "tags": ["a", "b"], "email": "=1+1"},
        {"name": "Can", "age": 1.5, "vip": False, "tags": []},
        {"name": "Ece", "user_id": "TR.1"},
        {"name": None, "phone": None, "user_id": "TR.2"},
    ]  # fmt: skip
    add_contacts(warehouse, rows)
    return fresh(warehouse)


def fresh(warehouse: Warehouse) -> Context:
    return load_context(warehouse.cursor(), now=NOW, zone=ISTANBUL)


def write(warehouse: Warehouse, context: Context, path: Path, kind: str, *columns: str, **more: Any) -> Path:
    audience = more.pop("audience", Audience())
    done = export_audience(warehouse.cursor(), audience, context, columns or COLUMNS, kind, path, **more)
    assert (done.path, done.byte_count) == (path, path.stat().st_size)
    return path


def rows_of(path: Path, delimiter: str = ";") -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), delimiter=delimiter))


def test_a_csv_has_the_chosen_columns_in_their_order(warehouse: Warehouse, context: Context, tmp_path: Path) -> None:
    found = rows_of(write(warehouse, context, tmp_path / "o.csv", "csv"))
    assert found[0] == list(COLUMNS)
    moment = found[1][3]
    assert found[1] == ["Demir", "Ayşe", "+905320000001", moment, "34", "1990-02-03", "true", "a;b"]
    assert found[2][4:] == ["1.5", "", "false", ""]
    assert found[4][:3] == ["", "", ""]
    assert len(found) == 5


def test_moments_are_told_in_the_zone_of_the_business(warehouse: Warehouse, context: Context, tmp_path: Path) -> None:
    warehouse.cursor().execute("UPDATE contacts SET created_at = TIMESTAMP '2026-11-22 22:30:05.123'")
    assert rows_of(write(warehouse, context, tmp_path / "o.csv", "csv", "created_at"))[1] == ["2026-11-23 01:30:05"]
    path = write(warehouse, context, tmp_path / "o.parquet", "parquet", "created_at")
    assert pl.read_parquet(path)["created_at"].dt.convert_time_zone("UTC")[0] == datetime(
        2026, 11, 22, 22, 30, 5, 123_000, tzinfo=UTC
    )


@pytest.mark.parametrize("text", NASTY)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(
    warehouse: Warehouse, context: Context, tmp_path: Path, text: str
) -> None:
    warehouse.cursor().execute("UPDATE contacts SET name = ?", [text])
    assert rows_of(write(warehouse, context, tmp_path / "o.csv", "csv", "name"))[1] == ["'" + text]
    assert guarded(text) == "'" + text


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays_as_it_is(warehouse: Warehouse, context: Context, tmp_path: Path, text: str) -> None:
    warehouse.cursor().execute("UPDATE contacts SET name = ?", [text])
    assert rows_of(write(warehouse, context, tmp_path / "o.csv", "csv", "name", "city"))[1] == [text, "Ankara"]


def test_headings_and_list_values_are_guarded_too(warehouse: Warehouse, context: Context, tmp_path: Path) -> None:
    warehouse.cursor().execute("UPDATE contacts SET tags = ['=1', 'b']")
    found = rows_of(write(warehouse, context, tmp_path / "o.csv", "csv", "tags", headings=["@Tags"]))
    assert found[:2] == [["'@Tags"], ["'=1;b"]]


def test_the_mark_at_the_front_and_the_delimiter_are_a_choice(
    warehouse: Warehouse, context: Context, tmp_path: Path
) -> None:
    usual = write(warehouse, context, tmp_path / "a.csv", "csv", "name", "city").read_bytes()
    assert usual.startswith(b"\xef\xbb\xbfname;city\r\n")
    plain = ExportOptions(delimiter=",", bom=False)
    other = write(warehouse, context, tmp_path / "b.csv", "csv", "name", "city", options=plain).read_bytes()
    assert other.startswith(b"name,city\r\n")
    with pytest.raises(InputError):
        write(warehouse, context, tmp_path / "c.csv", "csv", "name", options=ExportOptions(delimiter="\n"))


def test_a_workbook_holds_texts_numbers_days_and_moments_as_such(
    warehouse: Warehouse, context: Context, tmp_path: Path
) -> None:
    path = write(warehouse, context, tmp_path / "o.xlsx", "xlsx", *COLUMNS, "email", headings=["x"] * 8 + ["E-mail"])
    sheet = fastexcel.read_excel(path).load_sheet(0, header_row=None, dtypes="string").to_polars()
    assert sheet.row(1)[2] == "+905320000001"
    assert sheet.row(1)[8] == "=1+1"
    typed = fastexcel.read_excel(path).load_sheet(0).to_polars()
    assert typed.row(0)[4:6] == (34.0, datetime(1990, 2, 3))
    assert typed.height == 4


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(tmp_path: Path) -> None:
    pl.DataFrame({"n": range(25)}).write_parquet(tmp_path / "rows")
    write_workbook(tmp_path / "rows", tmp_path / "o.xlsx", ["n"], lambda share: None, sheet_rows=10)
    book = fastexcel.read_excel(tmp_path / "o.xlsx")
    assert [book.load_sheet(name).to_polars().height for name in book.sheet_names] == [10, 10, 5]


def test_a_text_too_long_for_a_cell_is_refused_and_leaves_no_file(
    warehouse: Warehouse, context: Context, tmp_path: Path
) -> None:
    warehouse.cursor().execute("UPDATE contacts SET name = repeat('x', 40000)")
    with pytest.raises(InputError, match="32,767"):
        write(warehouse, context, tmp_path / "o.xlsx", "xlsx", "name")
    assert list(tmp_path.iterdir()) == []


def test_a_long_workbook_is_built_by_another_process_with_the_same_rows(
    warehouse: Warehouse, context: Context, tmp_path: Path
) -> None:
    with warehouse.writing() as cursor:
        cursor.execute(
            "INSERT INTO contacts (contact_id, person_key, bucket, origin, created_at, updated_at, name)"
            " SELECT range + 100, range, 1, 'import', now()::TIMESTAMP, now()::TIMESTAMP, 'n' FROM range(6000)"
        )
    shares: list[float] = []
    path = write(warehouse, context, tmp_path / "o.xlsx", "xlsx", "contact_id", "name", on_progress=shares.append)
    assert fastexcel.read_excel(path).load_sheet(0).to_polars().height == 6_004
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_parquet_file_keeps_types_and_names(warehouse: Warehouse, context: Context, tmp_path: Path) -> None:
    path = write(warehouse, context, tmp_path / "o.parquet", "parquet", "name", "age", "birthday", "vip", "tags")
    frame = pl.read_parquet(path).sort("name", nulls_last=True)
    assert frame.schema == {
        "name": pl.String, "age": pl.Float64, "birthday": pl.Date, "vip": pl.Boolean, "tags": pl.List(pl.String),
    }  # fmt: skip
    assert frame.row(0) == ("Ayşe", 34.0, date(1990, 2, 3), True, ["a", "b"])
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("kind", list(ExportFormat))
def test_nobody_is_a_file_with_its_heading(
    warehouse: Warehouse, context: Context, tmp_path: Path, kind: ExportFormat
) -> None:
    nobody = Audience(segment=Segment(rule=Comparison(field="name", operator="equals", value="nobody")))
    done = export_audience(warehouse.cursor(), nobody, context, ["name", "city"], kind, tmp_path / f"o.{kind}")
    assert done.count == 0
    assert done.byte_count > 0


def test_all_but_some_is_exported_as_the_page_says_it(warehouse: Warehouse, context: Context, tmp_path: Path) -> None:
    but_two = Audience(selection=Selection(mode=SelectionMode.EXCEPT, ids=frozenset({1, 3})))
    path = write(warehouse, context, tmp_path / "o.csv", "csv", "contact_id", "user_id", audience=but_two)
    assert rows_of(path)[1:] == [["2", ""], ["4", "TR.2"]]


@pytest.mark.parametrize("columns", [(), ("shoe_size",), ("person_key",)], ids=["none", "unknown", "ours alone"])
def test_columns_that_cannot_be_had_are_refused(
    warehouse: Warehouse, context: Context, tmp_path: Path, columns: tuple[str, ...]
) -> None:
    with pytest.raises((InputError, UnknownName)):
        export_audience(warehouse.cursor(), Audience(), context, columns, "csv", tmp_path / "o.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", list(ExportFormat))
def test_who_stops_an_export_leaves_no_file(
    warehouse: Warehouse, context: Context, tmp_path: Path, kind: ExportFormat
) -> None:
    with pytest.raises(Stopped):
        write(warehouse, context, tmp_path / "o", kind, "name", should_stop=lambda: True)
    assert list(tmp_path.iterdir()) == []


def ask(**more: Any) -> ExportRequest:
    return ExportRequest(**{"audience": Audience(), "columns": ("name",), "format": ExportFormat.CSV} | more)


def test_a_job_writes_its_file_audits_the_count_and_its_file_has_a_secret(
    warehouse: Warehouse, context: Context, settings: Settings
) -> None:
    begun = start_export(warehouse, settings, ask(title="Fair: İzmir/2026"), context, who="Elif", now=NOW)
    job = wait_for_export(begun.export_id)
    assert (job.state, job.count, job.share, job.file_name) == (DONE, 4, 1.0, "Fair İzmir 2026.csv")
    path = file_of(settings, job.export_id, export_secret(job.export_id))
    assert path.stat().st_size == job.byte_count
    with pytest.raises(NotFound):
        file_of(settings, job.export_id, "guessed")
    rows = warehouse.cursor().execute("SELECT who, verb, detail FROM audit WHERE verb = 'exported'").fetchall()
    assert rows == [("Elif", "exported", '{"count": 4, "format": "csv", "columns": ["name"]}')]
    assert job in list_exports("Elif")
    assert job not in list_exports("Can")


def test_a_file_is_deleted_after_a_day_and_a_purge_deletes_them_all(
    warehouse: Warehouse, context: Context, settings: Settings
) -> None:
    old, young = (
        wait_for_export(start_export(warehouse, settings, ask(), context, who="Elif", now=moment).export_id)
        for moment in (NOW, NOW + timedelta(hours=20))
    )
    stray = exports_folder(settings) / "exp-of-a-killed-process"
    stray.mkdir()
    os.utime(stray, (NOW.timestamp(), NOW.timestamp()))
    being_written = exports_folder(settings) / "exp-now-1"
    being_written.mkdir()
    assert forget_old_exports(settings, NOW + timedelta(hours=25)) == 2
    with pytest.raises(NotFound):
        get_export(old.export_id)
    assert file_of(settings, young.export_id).exists()
    assert forget_old_exports(settings, NOW + timedelta(hours=25), all_of_them=True) == 2
    assert list(exports_folder(settings).iterdir()) == []


def test_a_job_that_cannot_be_done_says_why_and_leaves_nothing(
    warehouse: Warehouse, context: Context, settings: Settings
) -> None:
    begun = start_export(warehouse, settings, ask(columns=()), context, who="Elif", now=NOW)
    job = wait_for_export(begun.export_id)
    assert job.state == FAILED
    assert isinstance(job.error, InputError)
    assert not list(exports_folder(settings).iterdir())


def test_a_cancelled_job_leaves_nothing(
    warehouse: Warehouse, context: Context, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = threading.Event()

    def slow(*_: Any, should_stop: Any, **__: Any) -> None:
        reached.set()
        while not should_stop():
            threading.Event().wait(0.001)
        raise Stopped

    monkeypatch.setattr("engine.segments.export_jobs.export_audience", slow)
    begun = start_export(warehouse, settings, ask(), context, who="Elif", now=NOW)
    assert reached.wait(10)
    cancel_export(begun.export_id)
    assert wait_for_export(begun.export_id).state == CANCELLED
    assert not list(exports_folder(settings).iterdir())
