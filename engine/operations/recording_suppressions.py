"""Writes suppressions into the record as sets: an import of a hundred thousand is a few statements, not as many.

Order counts between suppressing and lifting alone, so neighbours of one kind go together. Runs inside the recorder's
transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import duckdb
import pyarrow as pa

from engine.clock import from_ms, to_store
from engine.contacts.person import key_to_int
from engine.operations.stream import Entry

_SCHEMA = pa.schema(
    [
        ("position", pa.int64()),
        ("person_key", pa.uint64()),
        ("scope", pa.string()),
        ("reason", pa.string()),
        ("channel_id", pa.string()),
        ("by_whom", pa.string()),
        ("happened_at", pa.timestamp("ms")),
    ]
)
_SUPPRESS = """
    INSERT INTO suppressions
    SELECT person_key, scope, reason, channel_id, by_whom, happened_at, NULL, NULL
    FROM recorded_suppressions AS n
    WHERE NOT EXISTS (SELECT 1 FROM suppressions AS s
        WHERE s.person_key = n.person_key AND s.scope = n.scope AND s.reason = n.reason AND s.lifted_at IS NULL)
    QUALIFY row_number() OVER (PARTITION BY person_key, scope, reason ORDER BY position) = 1
    ORDER BY position
"""
_LIFT = """
    UPDATE suppressions AS s SET lifted_at = n.happened_at, lifted_by = n.by_whom
    FROM (SELECT person_key, scope, reason, min(happened_at) AS happened_at, arg_min(by_whom, position) AS by_whom
          FROM recorded_suppressions GROUP BY person_key, scope, reason) AS n
    WHERE s.person_key = n.person_key AND s.lifted_at IS NULL
        AND (n.scope = '' OR s.scope = n.scope) AND (n.reason = '' OR s.reason = n.reason)
"""


def record_suppressions(cursor: duckdb.DuckDBPyConnection, entries: Sequence[Entry]) -> int:
    """Apply `suppress` and `lift` in order.

    Returns: how many there were.
    """
    count = 0
    for kind, some in groupby(entries, key=lambda entry: entry.kind):
        rows = [_row(fact, entry) for entry in some for fact in entry.facts]
        if not rows:
            continue
        table = pa.Table.from_pylist([row | {"position": place} for place, row in enumerate(rows)], schema=_SCHEMA)
        cursor.register("recorded_suppressions", table)
        try:
            cursor.execute(_SUPPRESS if kind == "suppress" else _LIFT)
        finally:
            cursor.unregister("recorded_suppressions")
        count += len(rows)
    return count


def _row(fact: dict[str, Any], entry: Entry) -> dict[str, Any]:
    usual = "marketing" if entry.kind == "suppress" else ""
    return {
        "person_key": key_to_int(bytes.fromhex(fact["person_key"])),
        "scope": str(fact.get("scope") or usual),
        "reason": str(fact.get("reason") or ""),
        "channel_id": str(fact.get("channel_id") or "") or None,
        "by_whom": str(fact.get("who") or "ulak"),
        "happened_at": to_store(from_ms(int(fact.get("at_ms") or entry.at_ms))),
    }
