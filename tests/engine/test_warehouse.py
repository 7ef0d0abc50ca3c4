"""The door to DuckDB: migrations, the writer lock, the epoch, the audit row."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from engine.clock import to_store
from engine.errors import NewerDatabase, StoreError
from engine.warehouse import Warehouse, audit, open_warehouse
from engine.warehouse.connection import FOLDERS
from engine.warehouse.migrate import apply_migrations, known_migrations

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def test_a_new_file_gets_every_migration_once(tmp_path: Path) -> None:
    connection = duckdb.connect(str(tmp_path / "x.duckdb"))
    assert apply_migrations(connection) == [name for _, name, _ in known_migrations()]
    assert apply_migrations(connection) == []


def test_migrations_are_numbered_without_gaps() -> None:
    assert [number for number, _, _ in known_migrations()] == list(range(1, len(known_migrations()) + 1))


def test_the_schema_keeps_to_what_a_lake_takes_too() -> None:
    for _, name, sql in known_migrations():
        text = "\n".join(line.split("--")[0] for line in sql.splitlines()).upper()
        for word in ("PRIMARY KEY", "UNIQUE", "CREATE INDEX", "SEQUENCE", "REFERENCES"):
            assert word not in text, f"{name}: {word}"


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    opened = open_warehouse(path)
    with opened.writing() as cursor:
        cursor.execute("INSERT INTO migrations VALUES (9000, '9000_future', now() AT TIME ZONE 'UTC')")
    opened.close()
    with pytest.raises(NewerDatabase, match="schema 9000"):
        open_warehouse(path)


def test_a_failing_migration_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = [(1, "0001_bad", "CREATE TABLE half (a INTEGER); SELECT nonsense FROM nowhere;")]
    monkeypatch.setattr("engine.warehouse.migrate.known_migrations", lambda: bad)
    connection = duckdb.connect(str(tmp_path / "x.duckdb"))
    with pytest.raises(duckdb.Error):
        apply_migrations(connection)
    tables = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert "half" not in tables


def test_epoch_and_salt_survive_a_restart(tmp_path: Path) -> None:
    first = open_warehouse(tmp_path / "x.duckdb")
    epoch, salt = first.epoch, first.salt
    first.close()
    second = open_warehouse(tmp_path / "x.duckdb")
    assert (second.epoch, second.salt) == (epoch, salt)
    assert len(salt) == 16
    second.close()


def test_a_file_that_is_no_database_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError):
        open_warehouse(path)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_text('{home}/secret.key')",
        "SELECT * FROM read_text('{home}/exports/../secret.key')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '{home}/x.csv'",
        "ATTACH '{home}/other.duckdb' AS x",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET lock_configuration = false",
        "RESET memory_limit",
        "PRAGMA memory_limit = '9GB'",
    ],
)
def test_no_statement_leaves_the_store_or_changes_its_configuration(tmp_path: Path, statement: str) -> None:
    (tmp_path / "secret.key").write_text("k")
    (tmp_path / "exports").mkdir()
    warehouse = open_warehouse(tmp_path / "x.duckdb")
    with pytest.raises(duckdb.Error, match=r"disabled by configuration|has been locked"):
        warehouse.cursor().execute(statement.format(home=tmp_path))
    warehouse.close()


def test_the_store_reads_and_writes_in_its_own_folders_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "audiences"
    warehouse = open_warehouse(tmp_path / "home" / "x.duckdb", (elsewhere,))
    for folder in (*(tmp_path / "home" / name for name in FOLDERS), elsewhere):
        (folder / "deep").mkdir(parents=True)
        file = folder / "deep" / "x.parquet"
        warehouse.cursor().execute(f"COPY (SELECT 7 AS n) TO '{file}' (FORMAT parquet)")
        assert warehouse.cursor().execute("SELECT n FROM read_parquet(?)", [str(file)]).fetchall() == [(7,)]
    warehouse.renew_file()
    with pytest.raises(duckdb.Error, match="disabled by configuration"):
        warehouse.cursor().execute("SELECT * FROM read_text('/etc/passwd')")
    assert warehouse.cursor().execute("SELECT n FROM read_parquet(?)", [str(file)]).fetchall() == [(7,)]
    warehouse.close()


def test_a_query_never_reads_a_variable_of_ours(warehouse: Warehouse) -> None:
    people_frame = warehouse.cursor().sql("SELECT 1 AS n")
    with pytest.raises(duckdb.CatalogException, match="people_frame"):
        warehouse.cursor().execute("SELECT * FROM people_frame")
    assert people_frame.fetchall() == [(1,)]


def test_an_error_inside_writing_rolls_back(warehouse: Warehouse) -> None:
    def write_and_fail() -> None:
        with warehouse.writing() as cursor:
            cursor.execute("INSERT INTO people VALUES ('Elif', 'tr', TIMESTAMP '2026-01-01')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert warehouse.cursor().execute("SELECT count(*) FROM people").fetchall() == [(0,)]


def test_writers_wait_for_each_other(warehouse: Warehouse) -> None:
    def write(number: int) -> None:
        with warehouse.writing() as cursor:
            found = cursor.execute("SELECT count(*) FROM people").fetchall()[0][0]
            cursor.execute("INSERT INTO people VALUES (?, 'tr', TIMESTAMP '2026-01-01')", [f"{found}"])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {row[0] for row in warehouse.cursor().execute("SELECT name FROM people").fetchall()}
    assert names == {str(number) for number in range(20)}
    assert warehouse.data_version == 20


def test_an_audit_row_says_who_and_when(warehouse: Warehouse) -> None:
    with warehouse.writing() as cursor:
        audit(cursor, who="Elif", verb="imported", subject=("import", "imp-1"), now=NOW, rows=3)
    row = warehouse.cursor().execute("SELECT happened_at, who, verb, subject_id, detail FROM audit").fetchall()[0]
    assert row == (to_store(NOW), "Elif", "imported", "imp-1", '{"rows": 3}')


def test_a_naive_time_never_enters_the_store() -> None:
    with pytest.raises(ValueError, match="naive"):
        to_store(datetime(2026, 1, 1))
