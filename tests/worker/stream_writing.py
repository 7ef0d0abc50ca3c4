"""Writes entries of the event stream as the ledger's scripts do, for tests and benchmarks of its reader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import redis

from engine.live import EVENTS
from engine.operations.states import ROW_DTYPE

AT_MS = 1_763_800_000_000
AT_S = AT_MS // 1000


def rows_fields(
    rows: Sequence[tuple[int, int, int, int, int, int]],
    *,
    no: int = 1,
    op: str = "op-1",
    at: int = AT_MS,
    ids: Sequence[str] = (),
    orphan: bool = False,
) -> dict[str, Any]:
    """Fields of a `rows` entry; a row is (recipient_no, attempt, state, flags, code, at_s)."""
    blob = np.array([tuple(row) for row in rows], ROW_DTYPE).tobytes()
    fields: dict[str, Any] = {"v": 1, "k": "rows", "op": op, "no": no, "at": at, "src": "webhook", "rows": blob}
    if ids:
        fields["ids"] = "\n".join(ids)
    if orphan:
        fields["orphan"] = 1
        fields["no"] = ""
    return fields


def write_rows(client: redis.Redis, *rows: tuple[int, int, int, int, int, int], **options: Any) -> None:
    """Add one `rows` entry."""
    client.xadd(EVENTS, rows_fields(rows, **options))


def write_created(client: redis.Redis, count: int, *, no: int = 1, op: str = "op-1") -> None:
    """Add a `created` entry."""
    client.xadd(EVENTS, {"v": 1, "k": "created", "op": op, "no": no, "at": AT_MS, "n": count})


def write_fact(client: redis.Redis, kind: str, /, **fact: Any) -> None:
    """Add an entry of a kind that carries JSON."""
    client.xadd(EVENTS, {"v": 1, "k": kind, "j": json.dumps({"at_ms": AT_MS} | fact)})
