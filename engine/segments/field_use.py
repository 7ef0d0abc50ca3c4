"""Which fields have values at all, and which have very many different ones: how a panel of facets is laid out."""

from __future__ import annotations

import duckdb

from engine.contacts.fields import FieldType
from engine.segments.activity import BEGAN, LAST_ANSWER, LAST_MESSAGE, WINDOW
from engine.segments.context import Context
from engine.segments.overview import filled_counts
from engine.segments.rules import IMPORT_FIELD, LIST_FIELD, OPERATION_FIELD

SAMPLE_ROWS = 50_000
MANY = 400
"""A field with more different values than this in the sample is shown by its most frequent ones alone."""

_ACTIVITY = """SELECT EXISTS (SELECT 1 FROM contact_facts WHERE last_message_at IS NOT NULL),
    EXISTS (SELECT 1 FROM contact_facts WHERE last_answer_at IS NOT NULL), EXISTS (SELECT 1 FROM windows)"""


def filled_fields(cursor: duckdb.DuckDBPyConnection, context: Context) -> frozenset[str]:
    """The columns of contacts in which somebody has a value."""
    return frozenset(
        name for name, count in filled_counts(cursor, context, context.registry.names()).items() if count
    )


def filled_beside(cursor: duckdb.DuckDBPyConnection, context: Context) -> frozenset[str]:
    """The same of what is no column: what people did, lists, files, operations. Cheap, and never kept."""
    wrote, answered, opened = cursor.execute(_ACTIVITY).fetchall()[0]
    has = {
        BEGAN: True, LAST_MESSAGE: wrote, LAST_ANSWER: answered, WINDOW: opened,
        LIST_FIELD: bool(context.lists), IMPORT_FIELD: bool(context.imports),
        OPERATION_FIELD: bool(context.operations),
    }  # fmt: skip
    return frozenset(name for name, some in has.items() if some)


def fields_of_many(cursor: duckdb.DuckDBPyConnection, context: Context, people_count: int) -> frozenset[str]:
    """The text, choice and list fields with many different values, told from a sample of the contacts."""
    flat = context.registry.names(FieldType.TEXT, FieldType.CHOICE)
    lists = context.registry.names(FieldType.LIST)
    share = min(10_000, max(1, 10_000 * SAMPLE_ROWS // max(1, people_count)))
    counts = dict(zip(flat, _distinct(cursor, [f'"{name}"' for name in flat], share), strict=True))
    for name in lists:
        counts[name] = _distinct(
            cursor, ["entry"], share, f'(SELECT unnest("{name}") AS entry, bucket FROM contacts)'
        )[0]
    return frozenset(name for name, count in counts.items() if count > MANY)


def _distinct(
    cursor: duckdb.DuckDBPyConnection, columns: list[str], share: int, source: str = "contacts"
) -> tuple[int, ...]:
    if not columns:
        return ()
    asked = ", ".join(f"approx_count_distinct({column})" for column in columns)
    return tuple(cursor.execute(f"SELECT {asked} FROM {source} WHERE bucket < ?", [share]).fetchall()[0])
