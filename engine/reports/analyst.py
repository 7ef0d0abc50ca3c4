"""One read-only SQL statement of an analyst over contacts and deliveries, with limits.

Four fences: the statement is parsed by DuckDB itself and must be one SELECT over the tables named here (no file, no
setting, no table of ours alone, above all no secret); the whole database reaches no foreign file and has its
configuration locked (`engine.warehouse.connection`); it runs in a read-only transaction; and it ends after `SECONDS`
or `MOST_ROWS`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from engine.clock import to_store
from engine.errors import InputError
from engine.operations.states import DeliveryState
from engine.segments import create_list
from engine.warehouse import Warehouse
from engine.words import N_

MOST_ROWS = 10_000
MOST_PEOPLE = 20_000_000
SECONDS = 20.0
LONGEST_STATEMENT = 20_000  # characters
TABLES = (
    "contacts", "fields", "lists", "list_members", "imports", "import_contacts", "consent_events", "contact_facts",
    "operations", "deliveries", "events", "left_out", "suppressions", "windows", "templates", "messages",
)  # fmt: skip
_HIDDEN = {"operations": {"draft", "template", "bindings", "audience", "snapshot_path", "epoch"}}
_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
_FORBIDDEN_FUNCTIONS = frozenset({"current_setting", "getvariable", "nextval", "currval", "write_log"})
_STATE_NAMES = " ".join(f"WHEN {state.value} THEN '{state.name.lower()}'" for state in DeliveryState)
_MESSAGES = f"""
CREATE OR REPLACE TEMP VIEW messages AS
SELECT o.operation_id, coalesce(nullif(o.name, ''), o.template_name || ' / ' || o.template_language) AS operation,
    o.template_name, o.template_language, o.channel_id, d.recipient_no,
    CASE d.state {_STATE_NAMES} END AS state, d.attempt, d.code, d.accepted_at, d.sent_at, d.delivered_at, d.read_at,
    d.failed_at, d.answered_at, d.updated_at
FROM deliveries d JOIN operations o USING (operation_no)"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave: the rows (at most `MOST_ROWS`), whether there were more, and the seconds it took."""

    frame: pl.DataFrame
    is_cut: bool
    seconds: float


class InvalidStatement(InputError):
    """The statement can't be run: {reason}"""


def ask(warehouse: Warehouse, statement: str, *, seconds: float = SECONDS, most_rows: int = MOST_ROWS) -> Answer:
    """Run one SELECT.

    Raises:
        InvalidStatement: it is no single SELECT over `TABLES`, it is wrong (`detail` says where), or it took longer
            than `seconds`.
    """
    cursor = warehouse.cursor()
    try:
        check_statement(cursor, statement)
        cursor.execute(_MESSAGES)
        return _run(cursor, statement, seconds, most_rows)
    finally:
        cursor.close()


def make_list(warehouse: Warehouse, statement: str, name: str, *, who: str, now: datetime) -> tuple[str, int]:
    """A new list of everybody in the column `contact_id` of a statement's rows, however many.

    Returns: its id, and how many people are in it.

    Raises:
        InvalidStatement: as in `ask`, or there is no such column, or it names no contact.
        InputError: the name can't be used.
    """
    cursor = warehouse.cursor()
    check_statement(cursor, statement)
    cursor.close()
    people = (
        f"SELECT DISTINCT contact_id::BIGINT AS contact_id FROM (\n{_body(statement)}\n) WHERE contact_id IS NOT NULL"
    )
    ids_frame = ask(warehouse, people, most_rows=MOST_PEOPLE).frame
    with warehouse.writing() as cursor:
        cursor.register("ids_frame", ids_frame)
        known = "FROM contacts SEMI JOIN ids_frame USING (contact_id)"
        ((count,),) = cursor.execute(f"SELECT count(*) {known}").fetchall()
        if not count:
            raise InvalidStatement(reason=N_("its column contact_id names no contact"), detail="")
        list_id = create_list(warehouse, name, who=who, now=now)
        cursor.execute(f"INSERT INTO list_members SELECT ?, contact_id, ? {known}", [list_id, to_store(now)])
        cursor.unregister("ids_frame")
    return list_id, int(count)


def check_statement(cursor: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Refuse what is not one SELECT over the tables an analyst may read.

    Raises:
        InvalidStatement: with the reason.
    """
    if not statement.strip() or len(statement) > LONGEST_STATEMENT:
        raise InvalidStatement(reason=N_("it is empty or too long"), detail="")
    ((serialised,),) = cursor.execute("SELECT json_serialize_sql(?)", [statement]).fetchall()
    tree = json.loads(serialised)
    if tree["error"]:
        is_syntax = tree.get("error_type") == "parser"
        reason = N_("it isn't SQL that DuckDB understands") if is_syntax else N_("only SELECT can be run here")
        raise InvalidStatement(reason=reason, detail=tree.get("error_message", "") if is_syntax else "")
    if len(tree["statements"]) != 1:
        raise InvalidStatement(reason=N_("one statement at a time"), detail="")
    own = {name.casefold() for node in _nodes(tree) for name in _common_tables(node)}
    _refuse_shadows(cursor, own)
    for node in _nodes(tree):
        _refuse_node(node, own | set(TABLES))


def schema(cursor: duckdb.DuckDBPyConnection) -> dict[str, tuple[tuple[str, str], ...]]:
    """The tables an analyst may read: (column, type) of each."""
    cursor.execute(_MESSAGES)
    rows = cursor.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name IN (current_database(), 'temp') AND table_name IN (SELECT unnest(?)) "
        "ORDER BY table_name, column_index",
        [list(TABLES)],
    ).fetchall()
    found: dict[str, list[tuple[str, str]]] = {name: [] for name in TABLES}
    for table, column, kind in rows:
        if column not in _HIDDEN.get(table, ()):
            found[table].append((column, kind))
    return {table: tuple(columns) for table, columns in found.items()}


def _run(cursor: duckdb.DuckDBPyConnection, statement: str, seconds: float, most_rows: int) -> Answer:
    late = threading.Event()

    def end() -> None:
        late.set()
        cursor.interrupt()

    timer = threading.Timer(seconds, end)
    start = time.monotonic()
    cursor.execute("BEGIN TRANSACTION READ ONLY")
    timer.start()
    try:
        frame = cursor.sql(f"SELECT * FROM (\n{_body(statement)}\n) LIMIT {most_rows + 1}").pl()
    except duckdb.Error as problem:
        if late.is_set():
            raise InvalidStatement(reason=N_("it took too long and was ended"), detail="") from None
        raise InvalidStatement(reason=N_("DuckDB refused it"), detail=_first_lines(problem)) from None
    finally:
        timer.cancel()
        cursor.execute("ROLLBACK")
    return Answer(frame.head(most_rows), len(frame) > most_rows, time.monotonic() - start)


def _body(statement: str) -> str:
    return statement.strip().rstrip(";")


def _first_lines(problem: duckdb.Error) -> str:
    return "\n".join(str(problem).splitlines()[:8])


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of the parsed statement."""
    waiting = [tree]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _common_tables(node: dict[str, Any]) -> list[str]:
    kept = node.get("cte_map")
    return [entry["key"] for entry in kept["map"]] if isinstance(kept, dict) else []


def _refuse_shadows(cursor: duckdb.DuckDBPyConnection, names: set[str]) -> None:
    """Refuse a WITH that is named as a table that isn't open, or as a file: outside its reach it would open that."""
    rows = cursor.execute(
        "SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views()"
    ).fetchall()
    real = {name.casefold() for (name,) in rows} - set(TABLES)
    for name in sorted(names):
        if name in real or not name.isidentifier():
            raise InvalidStatement(reason=N_("its WITH has a name that can't be used here"), detail=name)


def _refuse_node(node: dict[str, Any], known: set[str]) -> None:
    kind = node.get("type")
    if kind == "BASE_TABLE":
        name = str(node["table_name"])
        qualified = node.get("catalog_name") or node.get("schema_name")
        if qualified or name.casefold() not in known:
            raise InvalidStatement(reason=N_("it reads a table that isn't open here"), detail=name)
    elif kind == "TABLE_FUNCTION":
        name = str(node.get("function", {}).get("function_name", "")).casefold()
        if name not in _TABLE_FUNCTIONS:
            raise InvalidStatement(reason=N_("it calls a function that isn't open here"), detail=name)
    elif kind == "SHOW_REF":
        raise InvalidStatement(reason=N_("only SELECT can be run here"), detail="")
    elif node.get("class") == "FUNCTION" and str(node["function_name"]).casefold() in _FORBIDDEN_FUNCTIONS:
        raise InvalidStatement(
            reason=N_("it calls a function that isn't open here"), detail=str(node["function_name"])
        )
