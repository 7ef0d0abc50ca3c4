"""What the recorder must not write about people who were erased: a word that was on its way when they went.

After an erasure the person who writes anew is somebody new; what they said before is not recorded, and a receipt for
a message of before brings its time and its price, but no message id (which holds the number). Runs inside the
recorder's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

_ERASED = """
    SELECT person_key, max(finished_at) FROM erasures
    WHERE finished_at IS NOT NULL AND person_key IN (SELECT unnest(?::UBIGINT[])) GROUP BY person_key
"""
_ROWS_OF_ERASED = """
    SELECT DISTINCT r.place, e.erasure_id FROM recorded_ids AS r JOIN erased_recipients AS e
        ON e.operation_no = r.operation_no AND e.recipient_no = r.recipient_no
    WHERE r.message_id IS NOT NULL
"""


def erased_at(cursor: duckdb.DuckDBPyConnection, people: Iterable[int]) -> dict[int, datetime]:
    """When each of these people was erased; those who never were are left out."""
    return dict(cursor.execute(_ERASED, [sorted(set(people))]).fetchall())


def without_erased(cursor: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The inbound rows that were said after their person was erased, or by somebody who never was."""
    gone = erased_at(cursor, [key for row in rows for key in (row["person_key"], row["own_key"])])
    if not gone:
        return rows
    return [
        row
        for row in rows
        if all(row["happened_at"] > gone[key] for key in (row["person_key"], row["own_key"]) if key in gone)
    ]


def without_their_ids(cursor: duckdb.DuckDBPyConnection, table: pa.Table) -> pa.Table:
    """The rows of a run (`recording_rows.rows_table`), without the message ids of erased people.

    Such an id went through Redis, whose log keeps it: the purge of that erasure is due again.
    """
    if table["message_id"].null_count == table.num_rows:
        return table
    if not cursor.execute("SELECT EXISTS (SELECT 1 FROM erased_recipients)").fetchall()[0][0]:
        return table
    cursor.register("recorded_ids", table)
    try:
        found = cursor.execute(_ROWS_OF_ERASED).fetchall()
    finally:
        cursor.unregister("recorded_ids")
    if not found:
        return table
    ids = table["message_id"].to_pylist()
    for place, _ in found:
        ids[place] = None
    erasures = sorted({erasure_id for _, erasure_id in found})
    cursor.execute("UPDATE erasures SET purged_at = NULL WHERE erasure_id IN (SELECT unnest(?))", [erasures])
    position = table.schema.get_field_index("message_id")
    return table.set_column(position, table.schema.field(position), pa.array(ids, pa.string()))
