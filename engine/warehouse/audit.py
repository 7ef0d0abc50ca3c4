"""The audit table: who changed what, and when. A row goes in with the change, in the same transaction."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import duckdb

from engine.clock import to_store


def audit(
    cursor: duckdb.DuckDBPyConnection,
    *,
    who: str,
    verb: str,
    subject: tuple[str, str],
    now: datetime,
    **detail: Any,
) -> None:
    """Write one row.

    Args:
        cursor: inside the transaction of the change (`Warehouse.writing`).
        who: the person's profile name, or `ulak` for what happens by itself.
        verb: past tense, such as `imported`, `launched`.
        subject: (kind, id), such as `("segment", "seg-…")`.
        now: aware.
        detail: what else is worth knowing; ids and counts, no phone numbers, secrets or texts.
    """
    cursor.execute(
        "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)",
        [
            to_store(now),
            who,
            verb,
            subject[0],
            subject[1],
            json.dumps(detail, ensure_ascii=False, default=str),
        ],
    )
