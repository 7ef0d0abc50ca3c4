"""Facets in which a contact counts under several values: entries of a list field, lists, files, operations.

No column of a cube: each is a query of its own, over the people whom the rest of the segment leaves.
"""

from __future__ import annotations

from typing import Any

import duckdb

from engine.segments.context import Context
from engine.segments.rules import IMPORT_FIELD, LIST_FIELD, OPERATION_FIELD

MOST_OPERATIONS = 20
"""The newest ones; a rule reaches the others."""

Counts = dict[str | None, int]
_LISTS = """SELECT DISTINCT list_id AS value, contact_id FROM list_members
    WHERE list_id IN (SELECT list_id FROM lists WHERE archived_at IS NULL)"""
_IMPORTS = """SELECT import_id AS value, contact_id FROM import_contacts
    UNION SELECT import_id, contact_id FROM contacts WHERE import_id IS NOT NULL"""
_COUNTED = """SELECT value, count(*)
    FROM (SELECT m.value FROM ({members}) AS m SEMI JOIN counted_contacts USING (contact_id)) GROUP BY value"""
_NOBODY = (
    "SELECT count(*) FROM counted_contacts ANTI JOIN (SELECT contact_id FROM ({members})) AS m USING (contact_id)"
)


def count_members(
    cursor: duckdb.DuckDBPyConnection, name: str, people: duckdb.DuckDBPyRelation, context: Context
) -> Counts:
    """How many of the people each value has; None: who is under no value (not counted for operations)."""
    if name not in (LIST_FIELD, IMPORT_FIELD, OPERATION_FIELD):
        return _count_entries(people, f'"{name}"')
    members, bound = _members(name, context)
    cursor.register("counted_contacts", people)
    rows = cursor.sql(_COUNTED.format(members=members), params=bound).fetchall()
    counts: Counts = {value: int(count) for value, count in rows}
    if name != OPERATION_FIELD:
        counts[None] = int(cursor.sql(_NOBODY.format(members=members), params=bound).fetchall()[0][0])
    return counts


def _count_entries(people: duckdb.DuckDBPyRelation, column: str) -> Counts:
    entries = people.project(f"unnest(list_distinct({column})) AS value").filter("value IS NOT NULL")
    counts: Counts = {value: int(count) for value, count in entries.aggregate("value, count(*)").fetchall()}
    empty = people.filter(f"{column} IS NULL OR len({column}) = 0").aggregate("count(*)").fetchall()
    counts[None] = int(empty[0][0])
    return counts


def _members(name: str, context: Context) -> tuple[str, list[Any]]:
    """(SQL of value and contact_id, each pair once; what it binds)."""
    if name == LIST_FIELD:
        return _LISTS, []
    if name == IMPORT_FIELD:
        return _IMPORTS, []
    newest = sorted(context.operations.items(), key=lambda pair: -pair[1].number)[:MOST_OPERATIONS]
    queries = ["SELECT ''::VARCHAR AS value, contact_id FROM contacts WHERE false"]
    bound: list[Any] = []
    for operation_id, operation in newest:
        queries.append("SELECT DISTINCT ?::VARCHAR AS value, contact_id FROM read_parquet(?)")
        bound += [operation_id, operation.snapshot_path]
    return " UNION ALL ".join(queries), bound
