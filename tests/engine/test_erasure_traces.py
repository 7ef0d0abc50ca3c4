"""By what a person is found in texts and files: every usual form of their number, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from engine.operations.erasure_files import clean_files
from engine.operations.erasure_traces import Traces
from engine.settings import Settings
from engine.warehouse import Warehouse

TRACES = Traces(
    7, b"\xff" * 8, b"12345678", phones=("905321117788",), user_ids=("TR.44410",), emails=("g@example.org",)
)
THEIRS = [
    "+905321117788", "905321117788", "00905321117788", "05321117788", "5321117788", "0532 111 77 88",
    "0 (532) 111-77-88", "+90 (0) 532 111 77 88", "532.111.77.88", "+90\u00a0532\u00a0111\u00a077\u00a088",
    '{"value":"+905321117788"}', "905321117788.0", "TR.44410", "G@EXAMPLE.ORG", "tel:+905321117788,",
]  # fmt: skip
OTHERS = ["905321117789", "95321117788", "53211177880", "1905321117788", "532111778", "op-5321-117789", "TR.4441", ""]


@pytest.mark.parametrize("text", THEIRS)
def test_a_number_is_found_however_it_is_written(text: str) -> None:
    assert TRACES.pattern.search(text)
    assert TRACES.raw_pattern.search(text.encode())
    assert duckdb.execute("SELECT regexp_matches(?, ?)", [text, TRACES.sql_pattern]).fetchall() == [(True,)]


@pytest.mark.parametrize("text", OTHERS)
def test_another_number_is_left_alone(text: str) -> None:
    assert TRACES.taken_out(text) == text
    assert not TRACES.raw_pattern.search(text.encode())


def test_of_somebody_without_number_or_address_no_text_is_found() -> None:
    nobody = Traces(7, b"\xff" * 8, b"12345678")
    assert nobody.taken_out("+905321117788 g@example.org") == "+905321117788 g@example.org"
    assert duckdb.execute("SELECT regexp_matches('abc', ?)", [nobody.sql_pattern]).fetchall() == [(False,)]


def test_a_short_number_is_looked_for_with_its_country_alone() -> None:
    short = Traces(7, b"\xff" * 8, b"12345678", phones=("354123456",))
    assert short.taken_out("123456 and +354 123456") == "123456 and erased"


def test_the_variants_of_one_number_are_the_person(settings: Settings) -> None:
    brazil = Traces(7, b"\xff" * 8, b"12345678", phones=("5511987654321",))
    assert brazil.taken_out("551187654321") == "erased"
    assert brazil.taken_out("11 98765-4321") == "erased"


def test_the_id_for_nobody_is_nobodys() -> None:
    assert -(2**63) < TRACES.nobody_id < 0


def import_folder(settings: Settings, warehouse: Warehouse, name: str, *, is_finished: bool) -> Path:
    folder = settings.home / "imports" / name
    folder.mkdir(parents=True)
    if is_finished:
        warehouse.cursor().execute(
            "INSERT INTO imports (import_id, file_name, file_hash, row_count, new_count, updated_count,"
            " unchanged_count, duplicate_count, rejected_count, mapping, by_whom, happened_at)"
            " VALUES (?, 'f', 'h', 0, 0, 0, 0, 0, 0, '{}', 'Elif', now()::TIMESTAMP)",
            [name],
        )
    return folder


def test_a_finished_import_keeps_its_rows_without_the_person(settings: Settings, warehouse: Warehouse) -> None:
    folder = import_folder(settings, warehouse, "imp-1", is_finished=True)
    pl.DataFrame({"contact_id": [7, 8], "old_phone": ["+905321117788", "+905321117789"]}).write_parquet(
        folder / "undo.parquet"
    )
    lines = ["\ufeffline;reason;phone;note", '4;too short;0532 111 77 88;"a;\nb"', "5;too short;12;c"]
    (folder / "rejects.csv").write_text("\r\n".join(lines) + "\r\n", "utf-8", newline="")
    (folder / "job.json").write_text('{"file": "of 05321117788.csv"}')
    assert clean_files(warehouse.cursor(), settings, TRACES) == ()
    assert pl.read_parquet(folder / "undo.parquet")["contact_id"].to_list() == [8]
    after = (folder / "rejects.csv").read_text("utf-8-sig").splitlines()
    assert after == ["line;reason;phone;note", "4;too short;;", "5;too short;12;c"]
    assert (folder / "job.json").read_text() == '{"file": "of erased.csv"}'


def test_a_file_without_the_person_is_not_touched(settings: Settings, warehouse: Warehouse) -> None:
    folder = import_folder(settings, warehouse, "imp-1", is_finished=True)
    (folder / "rejects.csv").write_text("line,reason,phone\n4,x,'05321117789\n")
    pl.DataFrame({"contact_id": [8]}).write_parquet(folder / "undo.parquet")
    before = {path.name: (path.stat().st_ino, path.read_bytes()) for path in folder.iterdir()}
    clean_files(warehouse.cursor(), settings, TRACES)
    assert {path.name: (path.stat().st_ino, path.read_bytes()) for path in folder.iterdir()} == before


def test_an_unfinished_import_that_holds_the_person_is_given_up_and_no_other(
    settings: Settings, warehouse: Warehouse
) -> None:
    staged = import_folder(settings, warehouse, "imp-1", is_finished=False)
    pl.DataFrame({"person_key": [int.from_bytes(b"12345678"), 2], "x": ["a", "b"]}).write_parquet(
        staged / "staged.parquet"
    )
    read = import_folder(settings, warehouse, "imp-2", is_finished=False)
    (read / "table.csv").write_text("Ayşe,0532 111 77 88\n", "utf-8")
    other = import_folder(settings, warehouse, "imp-3", is_finished=False)
    (other / "table.csv").write_text("Can,0532 111 77 89\n", "utf-8")
    assert clean_files(warehouse.cursor(), settings, TRACES) == ("imp-1", "imp-2")
    assert not staged.exists()
    assert not read.exists()
    assert other.exists()


def test_exports_go_and_logs_lose_the_number(settings: Settings, warehouse: Warehouse) -> None:
    exports = settings.home / "exports" / "exp-1"
    exports.mkdir(parents=True)
    (exports / "people.xlsx").write_bytes(b"PK")
    (settings.home / "web.log").write_text("hello +905321117788 and +905321117789\n")
    clean_files(warehouse.cursor(), settings, TRACES)
    assert not (exports / "people.xlsx").exists()
    assert (settings.home / "web.log").read_text() == "hello erased and +905321117789\n"
