"""Who got a message of a category a short time ago: what a frequency cap asks.

Read from `deliveries` (accepted or further; a message that failed later reached nobody) and the frozen audiences of
their operations, which say which person a recipient was. Test messages are no deliveries, and count for nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from engine.clock import to_store
from engine.errors import StoreError
from engine.operations.states import DeliveryState

REACHED = (
    DeliveryState.ACCEPTED,
    DeliveryState.HELD,
    DeliveryState.SENT,
    DeliveryState.DELIVERED,
    DeliveryState.READ,
)
_REACHED = f"""state IN ({", ".join(str(int(state)) for state in REACHED)})
    AND coalesce(accepted_at, sent_at, delivered_at, read_at) > ?"""
_OPERATIONS = f"""SELECT operation_no, snapshot_path, operation_id FROM operations
    WHERE template_category = ? AND snapshot_path IS NOT NULL
        AND operation_no IN (SELECT DISTINCT operation_no FROM deliveries WHERE {_REACHED})
    ORDER BY operation_no"""
_PEOPLE = f"""SELECT s.person_key FROM read_parquet(?) AS s SEMI JOIN
    (SELECT recipient_no FROM deliveries WHERE operation_no = ? AND {_REACHED}) AS d
    ON d.recipient_no = s.recipient_no"""


def note_recent_people(
    cursor: duckdb.DuckDBPyConnection, table: str, category: str, days: int, now: datetime
) -> None:
    """Make a temporary table of the `person_key` of everybody who got one in the last days; 0 days: nobody.

    Raises:
        StoreError: the frozen audience of such an operation is missing: nobody could say who got it.
    """
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE {table} (person_key UBIGINT)")
    if days <= 0:
        return
    since = to_store(now - timedelta(days=days))
    for number, path, operation_id in cursor.execute(_OPERATIONS, [category.upper(), since]).fetchall():
        if not Path(path).exists():
            raise StoreError(reason=f"the frozen audience of {operation_id} is missing, so the cap can't be asked")
        cursor.execute(f"INSERT INTO {table} {_PEOPLE}", [path, number, since])
