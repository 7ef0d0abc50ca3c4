"""Suppressions decided in a transaction of the store, told to Redis: an import, an edit, a list of numbers.

Whoever changes contacts writes `pending_suppressions` with the change, so that neither can be lost without the other;
this tells Redis (set and event, by the ledger's script) and takes the rows away. Telling twice changes nothing.
"""

from __future__ import annotations

import threading
from typing import Any

import duckdb
import pyarrow as pa
import redis

from engine.contacts.person import key_from_int
from engine.operations import ledger
from engine.warehouse import Warehouse

SLICE = 5_000
telling = threading.Lock()
"""Held while rows are told, and while a person lifts: what is lifted can't come back out of a half-told row."""

_READ = """
    SELECT DISTINCT person_key, scope, reason, by_whom FROM pending_suppressions
    ORDER BY person_key, scope, reason, by_whom LIMIT ?
"""
_TOLD = """
    DELETE FROM pending_suppressions AS p USING told AS t
    WHERE p.person_key = t.person_key AND p.scope = t.scope AND p.reason = t.reason AND p.by_whom = t.by_whom
"""
_SCHEMA = pa.schema(
    [("person_key", pa.uint64()), ("scope", pa.string()), ("reason", pa.string()), ("by_whom", pa.string())]
)


def apply_pending(warehouse: Warehouse, client: redis.Redis) -> int:
    """Tell Redis what `pending_suppressions` holds, then remove the rows.

    Returns: how many entries are new in Redis.

    Raises:
        redis.RedisError: Redis is away; what was not told stays and is told at the next call.
    """
    fresh = 0
    with telling:
        while rows := _pending(warehouse):
            calls = [
                ledger.suppress(key_from_int(person), scope, reason, who=who) for person, scope, reason, who in rows
            ]
            fresh += sum(ledger.run_many(client, calls))
            with warehouse.writing() as cursor:
                _remove(cursor, rows)
    return fresh


def count_pending(cursor: duckdb.DuckDBPyConnection) -> int:
    """How many entries Redis has not been told yet."""
    return int(cursor.execute("SELECT count(*) FROM pending_suppressions").fetchall()[0][0])


def forget_pending(cursor: duckdb.DuckDBPyConnection, person: int) -> int:
    """Take back what was not told yet about a person who is being lifted; in a transaction, `telling` held."""
    found = cursor.execute("DELETE FROM pending_suppressions WHERE person_key = ?", [person]).fetchall()
    return int(found[0][0])


def _pending(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    cursor = warehouse.cursor()
    try:
        return cursor.execute(_READ, [SLICE]).fetchall()
    finally:
        cursor.close()


def _remove(cursor: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> None:
    named = [dict(zip(_SCHEMA.names, row, strict=True)) for row in rows]
    cursor.register("told", pa.Table.from_pylist(named, schema=_SCHEMA))
    try:
        cursor.execute(_TOLD)
    finally:
        cursor.unregister("told")
