"""The SQL page's engine: one read-only SELECT, over the tables it may read, inside its limits."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from engine.reports.analyst import TABLES, InvalidStatement, ask, make_list, schema
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def fill(warehouse: Warehouse, count: int = 10) -> None:
    with warehouse.writing() as cursor:
        cursor.execute(
            "INSERT INTO contacts "
            "(contact_id, phone, person_key, bucket, origin, created_at, updated_at, name, city) "
            "SELECT i, '+9053200000' || i, i, 0, 'import', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC', "
            "'Ad ' || i, CASE WHEN i % 2 = 0 THEN 'İzmir' END FROM range(?) t(i)",
            [count],
        )


def test_a_select_answers_with_its_rows(warehouse: Warehouse) -> None:
    fill(warehouse)
    answer = ask(warehouse, "SELECT city, count(*) AS people FROM contacts GROUP BY city ORDER BY city NULLS LAST;")
    assert answer.frame.rows() == [("İzmir", 5), (None, 5)]
    assert not answer.is_cut


def test_rows_beyond_the_limit_are_cut_and_that_is_said(warehouse: Warehouse) -> None:
    answer = ask(warehouse, "SELECT * FROM range(50) -- all of them", most_rows=7)
    assert len(answer.frame) == 7
    assert answer.is_cut
    assert not ask(warehouse, "FROM range(7)", most_rows=7).is_cut


def test_common_tables_subqueries_and_joins_are_fine(warehouse: Warehouse) -> None:
    fill(warehouse)
    query = (
        "WITH here AS (SELECT * FROM Contacts WHERE city IS NOT NULL) "
        "SELECT count(*) FROM here JOIN (SELECT contact_id FROM contacts) o USING (contact_id) "
        "WHERE contact_id IN (SELECT unnest([0, 2, 4])) UNION ALL SELECT count(*) FROM messages"
    )
    assert sorted(ask(warehouse, query).frame.to_series().to_list()) == [0, 3]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM contacts",
        "SELECT 1; SELECT 2",
        "SELECT * FROM store",
        "SELECT * FROM channels",
        "SELECT * FROM main.contacts",
        "SELECT * FROM 'pyproject.toml'",
        "SELECT * FROM read_text('pyproject.toml')",
        "SELECT * FROM contacts, read_csv('pyproject.toml')",
        "SELECT (SELECT value FROM store LIMIT 1)",
        "WITH x AS (SELECT * FROM store) SELECT * FROM x",
        "WITH store AS (SELECT * FROM store) SELECT * FROM store",
        "SELECT secrets FROM channels",
        "SELECT (WITH channels AS (SELECT 1 AS x) SELECT x FROM channels), (SELECT max(secrets) FROM channels)",
        "WITH a AS (WITH Channels AS (SELECT 1) FROM channels) SELECT secrets FROM CHANNELS",
        "WITH duckdb_columns AS (SELECT 1) SELECT 1",
        "SELECT (WITH \"pyproject.toml\" AS (SELECT 1) SELECT 1), * FROM 'pyproject.toml'",
        "SELECT 1 FROM contacts WHERE EXISTS (SELECT 1 FROM audit)",
        "SELECT 1 UNION ALL SELECT count(*) FROM people",
        "SELECT * FROM duckdb_settings()",
        "SELECT current_setting('memory_limit')",
        "SELECT * FROM query('SELECT * FROM store')",
        "SELECT * FROM query_table('store')",
        "PRAGMA database_list",
        "SET memory_limit = '1MB'",
        "RESET lock_configuration",
        "INSTALL httpfs",
        "LOAD icu",
        "COPY contacts TO 'x.csv'",
        "COPY (SELECT 1) TO 'x.csv'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM duckdb_secrets()",
        "ATTACH 'x.duckdb'",
        "DESCRIBE store",
        "SHOW TABLES",
        "SELECT * FROM (DESCRIBE store)",
        "SELECT * FROM (SHOW TABLES)",
        "EXPLAIN ANALYZE SELECT 1",
        "CALL pragma_version()",
        "",
        "   ",
        "SELEC 1",
        "SELECT * FROM contacts) LIMIT 1; DROP TABLE contacts; --",
        "SELECT nothing FROM contacts",
    ],
)
def test_everything_else_is_refused_with_a_reason(warehouse: Warehouse, statement: str) -> None:
    fill(warehouse)
    with pytest.raises(InvalidStatement) as refused:
        ask(warehouse, statement)
    assert refused.value.reason
    assert warehouse.cursor().execute("SELECT count(*) FROM contacts").fetchall() == [(10,)]


def test_a_statement_that_takes_too_long_is_ended(warehouse: Warehouse) -> None:
    fill(warehouse, 200_000)
    start = time.monotonic()
    with pytest.raises(InvalidStatement, match="too long"):
        ask(
            warehouse,
            "SELECT count(*) FROM range(1_000_000) a, range(1_000_000) b WHERE a.range * b.range % 7 = 3",
            seconds=0.3,
        )
    assert time.monotonic() - start < 10
    assert ask(warehouse, "SELECT count(*) FROM contacts").frame.item() == 200_000


def test_the_schema_names_every_open_table_and_hides_what_is_ours(warehouse: Warehouse) -> None:
    found = schema(warehouse.cursor())
    assert set(found) == set(TABLES)
    assert all(found.values())
    assert "city" in dict(found["contacts"])
    assert "draft" not in dict(found["operations"])


def test_columns_of_one_name_stay_apart(warehouse: Warehouse) -> None:
    frame = ask(warehouse, "SELECT 1 AS n, 2 AS n, 3 AS other").frame
    assert sorted(frame.row(0)) == [1, 2, 3]
    assert len(set(frame.columns)) == 3


def test_the_people_of_a_statement_become_a_list(warehouse: Warehouse) -> None:
    fill(warehouse)
    statement = "SELECT contact_id, name FROM contacts WHERE city = 'İzmir' UNION ALL SELECT 999, 'nobody';"
    list_id, count = make_list(warehouse, statement, "İzmir", who="Elif", now=NOW)
    assert count == 5
    rows = warehouse.cursor().execute("SELECT contact_id FROM list_members WHERE list_id = ?", [list_id]).fetchall()
    assert sorted(row[0] for row in rows) == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(
    "statement", ["SELECT name FROM contacts", "SELECT 999 AS contact_id", "DELETE FROM contacts"]
)
def test_a_list_of_nobody_is_not_made(warehouse: Warehouse, statement: str) -> None:
    fill(warehouse)
    with pytest.raises(InvalidStatement):
        make_list(warehouse, statement, "Nobody", who="Elif", now=NOW)
    assert warehouse.cursor().execute("SELECT count(*) FROM lists").fetchall() == [(0,)]
