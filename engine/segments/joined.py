"""The relations behind `joins`: one small query a column, joined to the contacts inside DuckDB."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import duckdb
import narwhals as nw

from engine.clock import to_store
from engine.errors import InvalidRule
from engine.segments.activity import BEGAN, LAST_ANSWER, LAST_MESSAGE, WINDOW
from engine.segments.context import Context
from engine.segments.folding import ENTRY_EDGE
from engine.segments.joins import ANY, Join, JoinKind
from engine.segments.rules import OPERATION_FIELD
from engine.words import N_

VALUE = "@value"
_REACHED = "(3, 4, 5, 6, 7)"
"""Accepted, held, sent, delivered, read: `operations.states.DeliveryState`, whose numbers are for ever."""
_OUTCOMES: dict[str, str] = {
    "accepted": f"state IN {_REACHED}",
    "delivered": "state IN (6, 7)",
    "read": "state = 7",
    "not_read": "state = 7",
    "answered": "answered_at IS NOT NULL",
    "pressed": "pressed IS NOT NULL",
    "pressed_button": "pressed = ?",
    "failed": "state = 8",
    "failed_with": "state = 8 AND code = ?",
    "unknown": "state = 9",
}
_LIST = "SELECT DISTINCT contact_id FROM list_members WHERE list_id = ?"
_ANY_LIST = """SELECT DISTINCT contact_id FROM list_members
    WHERE list_id IN (SELECT list_id FROM lists WHERE archived_at IS NULL)"""
_IMPORT = """SELECT contact_id FROM import_contacts WHERE import_id = ?
    UNION SELECT contact_id FROM contacts WHERE import_id = ?"""
_ANY_IMPORT = (
    "SELECT contact_id FROM import_contacts UNION SELECT contact_id FROM contacts WHERE import_id IS NOT NULL"
)
_RECIPIENTS = "SELECT DISTINCT contact_id FROM read_parquet(?)"
_WITH_OUTCOME = """SELECT DISTINCT contact_id FROM read_parquet(?) {how} JOIN
    (SELECT recipient_no FROM deliveries WHERE operation_no = ? AND {holds}) USING (recipient_no)"""
_SENT_SINCE = f"state IN {_REACHED} AND coalesce(accepted_at, sent_at, delivered_at, read_at) >= ?"
_SENDING_SINCE = f"SELECT DISTINCT operation_no FROM deliveries WHERE {_SENT_SINCE}"
_FACT = """SELECT person_key, max({column}) AS "{value}" FROM contact_facts
    WHERE {column} IS NOT NULL GROUP BY person_key"""
_COLUMNS = {LAST_MESSAGE: "last_message_at", LAST_ANSWER: "last_answer_at", BEGAN: "began"}
_WINDOW = f'SELECT DISTINCT person_key, true AS "{VALUE}" FROM windows WHERE expires_at > ?'


def with_joins(
    cursor: duckdb.DuckDBPyConnection, frame: nw.LazyFrame[Any], joins: dict[str, Join], context: Context
) -> nw.LazyFrame[Any]:
    """The frame of contacts with one more column for each join.

    Raises:
        InvalidRule: the list, file or operation isn't known, or its frozen audience is gone.
    """
    for join in joins.values():
        if join.kind is JoinKind.ENTRIES:
            native = frame.to_native()
            frame = nw.from_native(native.project(f'*, {_entries_sql(join.of[0])} AS "{join.column}"'))
        else:
            frame = join_column(frame, relation_of(cursor, join, context), join)
    return frame


def join_column(frame: Any, values: Any, join: Join) -> Any:
    """Join a column; `values` has the key of the join, each once, and the value as `@value`."""
    return frame.join(values.rename({VALUE: join.column}), on=join.key, how="left")


def relation_of(cursor: duckdb.DuckDBPyConnection, join: Join, context: Context) -> nw.LazyFrame[Any]:
    """The people a join is about: the key, and `@value`."""
    try:
        sql, bound = _query(cursor, join, context)
        if join.kind is not JoinKind.ACTIVITY:
            sql = f'SELECT contact_id, true AS "{VALUE}" FROM ({sql})'
        relation: nw.LazyFrame[Any] = nw.from_native(cursor.sql(sql, params=bound))
    except duckdb.IOException:
        raise InvalidRule(
            reason="the frozen audience of an operation is gone", field=OPERATION_FIELD,
            problem=N_("the frozen audience of that operation is gone"),
        ) from None  # fmt: skip
    return relation


def _query(cursor: duckdb.DuckDBPyConnection, join: Join, context: Context) -> tuple[str, list[Any]]:
    match join.kind:
        case JoinKind.LIST:
            return (_ANY_LIST, []) if join.of[0] == ANY else (_LIST, [join.of[0]])
        case JoinKind.IMPORT:
            return (_ANY_IMPORT, []) if join.of[0] == ANY else (_IMPORT, [join.of[0]] * 2)
        case JoinKind.OPERATION:
            return _of_operation(join, context)
        case JoinKind.MESSAGED:
            return _messaged(cursor, int(join.of[0]), context)
        case _:
            return _of_activity(join.of[0], context)


def _of_operation(join: Join, context: Context) -> tuple[str, list[Any]]:
    operation_id, outcome, detail = join.of
    operation = context.known_operation(operation_id)
    if outcome == "left_out":
        return "SELECT DISTINCT contact_id FROM left_out WHERE operation_no = ?", [operation.number]
    if outcome == "in":
        return _RECIPIENTS, [operation.snapshot_path]
    how = "ANTI" if outcome == "not_read" else ""
    bound = [operation.snapshot_path, operation.number, *([] if detail is None else [detail])]
    return _WITH_OUTCOME.format(how=how, holds=_OUTCOMES[outcome]), bound


def _messaged(cursor: duckdb.DuckDBPyConnection, days: int, context: Context) -> tuple[str, list[Any]]:
    """Everybody who got a message of any operation on one of the last days."""
    since = context.day_start(context.today - timedelta(days=days - 1))
    numbers = {row[0] for row in cursor.execute(_SENDING_SINCE, [since]).fetchall()}
    queries, bound = ["SELECT contact_id FROM contacts WHERE false"], list[Any]()
    for operation in context.operations.values():
        if operation.number in numbers:
            queries.append(_WITH_OUTCOME.format(how="", holds=_SENT_SINCE))
            bound += [operation.snapshot_path, operation.number, since]
    return " UNION ".join(queries), bound


def _of_activity(field: str, context: Context) -> tuple[str, list[Any]]:
    if field == WINDOW:
        return _WINDOW, [to_store(context.now)]
    return _FACT.format(column=_COLUMNS[field], value=VALUE), []


def _entries_sql(name: str) -> str:
    return f'array_to_string("{name}", chr({ord(ENTRY_EDGE)}))'
