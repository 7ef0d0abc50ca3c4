"""Suppressions of a user id whose person turns out to have a number: they are told of the number's person too.

A suppression knows its person by one key; somebody known by a user id alone, until a file gives it together with a
number, would be written to by that number otherwise.
"""

from __future__ import annotations

from datetime import datetime

import duckdb
import polars as pl

from engine.clock import to_store
from engine.contacts.person import person_numbers

_OF_IMPORT = """
    SELECT person_key, user_id FROM contacts SEMI JOIN (SELECT contact_id FROM import_contacts WHERE import_id = ?) i
    USING (contact_id) WHERE user_id IS NOT NULL AND phone IS NOT NULL"""
_ENTRIES = """
    SELECT person_key, scope, reason, by_whom FROM suppressions WHERE lifted_at IS NULL
    UNION ALL SELECT person_key, scope, reason, by_whom FROM pending_suppressions"""


def follow_user_ids(cursor: duckdb.DuckDBPyConnection, import_id: str, salt: bytes, now: datetime) -> None:
    """Write, to be told to Redis, the suppressions that an import's people have by user id for their numbers too."""
    if not cursor.execute(f"SELECT 1 FROM ({_ENTRIES}) LIMIT 1").fetchall():
        return
    people_frame = cursor.sql(_OF_IMPORT, params=[import_id]).pl()
    numbers = person_numbers(salt, people_frame["user_id"].to_list())
    keyed_frame = people_frame.with_columns(pl.Series("id_key", numbers, dtype=pl.UInt64))
    cursor.register("keyed_frame", keyed_frame)
    try:
        cursor.execute(
            f"INSERT INTO pending_suppressions SELECT DISTINCT k.person_key, e.scope, e.reason, e.by_whom, "
            f"CAST(? AS TIMESTAMP) FROM keyed_frame k JOIN ({_ENTRIES}) e ON e.person_key = k.id_key "
            f"WHERE k.person_key <> k.id_key AND NOT EXISTS (SELECT 1 FROM ({_ENTRIES}) known "
            f"WHERE known.person_key = k.person_key AND known.scope = e.scope AND known.reason = e.reason)",
            [to_store(now)],
        ).fetchall()
    finally:
        cursor.unregister("keyed_frame")
