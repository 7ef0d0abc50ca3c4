"""Operations as lists and detail pages read them: the row of the store, the live state and counters from Redis.

While an operation has a ledger its figures come from there (they are ahead of the store by a second); afterwards, or
with Redis away, from `deliveries`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import redis

from engine.clock import from_ms, from_store
from engine.errors import NotFound, QueueUnavailable
from engine.live import operation_key, reaching_redis
from engine.operations.states import (
    FINAL_OPERATION_STATES,
    OPEN_DELIVERY_STATES,
    DeliveryState,
    OperationState,
)

_COLUMNS = (
    "operation_id, operation_no, name, state, cause, channel_id, template_name, template_language, template_category,"
    " audience_count, recipient_count, batch_size, audience, audience_sentence, snapshot_path, snapshot_hash,"
    " created_by, launched_by, launched_at, completed_at"
)
_REACHED = (
    (DeliveryState.ACCEPTED, DeliveryState.HELD, DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ),
    (DeliveryState.DELIVERED, DeliveryState.READ),
    (DeliveryState.READ,),
)


@dataclass(frozen=True)
class Operation:
    """A launched operation. `is_live` is false when the figures are the store's, because Redis has no ledger."""

    operation_id: str
    operation_no: int
    name: str
    state: OperationState
    cause: str
    channel_id: str
    template_name: str
    template_language: str
    template_category: str
    audience_count: int
    recipient_count: int
    batch_size: int
    audience: str
    audience_sentence: str
    snapshot_path: str
    snapshot_hash: str
    created_by: str
    launched_by: str
    launched_at: datetime | None
    completed_at: datetime | None
    until: datetime | None = None
    is_live: bool = False
    counts: Mapping[DeliveryState, int] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Nothing more is going to be sent; receipts may still come."""
        return self.state in FINAL_OPERATION_STATES

    @property
    def open_count(self) -> int:
        """Recipients of whom nothing is decided yet."""
        return sum(self.counts.get(state, 0) for state in OPEN_DELIVERY_STATES)

    @property
    def done_count(self) -> int:
        """Recipients that are through: accepted or further, failed, unknown, opted out, cancelled, expired."""
        return self.recipient_count - self.open_count if self.counts else 0

    @property
    def progress_ratio(self) -> float:
        """`done_count` as a share of the recipients, 0 to 1."""
        return self.done_count / self.recipient_count if self.recipient_count else 0.0

    @property
    def left_out_count(self) -> int:
        """How many preflight took out of the audience."""
        return self.audience_count - self.recipient_count

    def count(self, *states: DeliveryState) -> int:
        """Recipients in any of these states."""
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def accepted_count(self) -> int:
        """Accepted by the provider, whatever came after but failure."""
        return self.count(*_REACHED[0])

    @property
    def delivered_count(self) -> int:
        """Delivered, read or not."""
        return self.count(*_REACHED[1])

    @property
    def failed_count(self) -> int:
        """Failed for good."""
        return self.count(DeliveryState.FAILED)

    @property
    def read_count(self) -> int:
        """Read."""
        return self.count(*_REACHED[2])


def list_operations(
    cursor: duckdb.DuckDBPyConnection, client: redis.Redis | None, *, limit: int = 50, offset: int = 0
) -> list[Operation]:
    """A page of launched operations, the newest first, with their figures of this moment."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM operations WHERE operation_no IS NOT NULL"
        " ORDER BY operation_no DESC LIMIT ? OFFSET ?",
        [limit, offset],
    ).fetchall()
    return _with_figures(cursor, client, rows)


def count_operations(cursor: duckdb.DuckDBPyConnection) -> int:
    """How many were ever launched."""
    return int(cursor.execute("SELECT count(*) FROM operations WHERE operation_no IS NOT NULL").fetchall()[0][0])


def get_operation(cursor: duckdb.DuckDBPyConnection, client: redis.Redis | None, operation_id: str) -> Operation:
    """One launched operation with its figures of this moment.

    Raises:
        NotFound: there is none, or it is a draft.
    """
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM operations WHERE operation_id = ? AND operation_no IS NOT NULL", [operation_id]
    ).fetchall()
    if not rows:
        raise NotFound(kind="operation", id=operation_id)
    return _with_figures(cursor, client, rows)[0]


def stored_counts(cursor: duckdb.DuckDBPyConnection, numbers: Sequence[int]) -> dict[int, dict[DeliveryState, int]]:
    """Recipients by state, of several operations, as the store has them."""
    found: dict[int, dict[DeliveryState, int]] = {}
    rows = cursor.execute(
        "SELECT operation_no, state, count(*) FROM deliveries WHERE operation_no IN (SELECT unnest(?::INTEGER[]))"
        " GROUP BY ALL",
        [list(numbers)],
    ).fetchall()
    for number, state, count in rows:
        found.setdefault(number, {})[DeliveryState(state)] = count
    return found


def _with_figures(
    cursor: duckdb.DuckDBPyConnection, client: redis.Redis | None, rows: Sequence[tuple[Any, ...]]
) -> list[Operation]:
    lives = _live_figures(client, [row[0] for row in rows])
    without = [row[1] for row in rows if row[0] not in lives]
    kept = stored_counts(cursor, without) if without else {}
    return [_operation(row, lives.get(row[0]), kept.get(row[1], {})) for row in rows]


def _live_figures(client: redis.Redis | None, operation_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """State, cause, time and counters by operation id; nothing for those without a ledger, or with Redis away."""
    if client is None or not operation_ids:
        return {}
    try:
        with reaching_redis():
            pipe = client.pipeline(transaction=False)
            for operation_id in operation_ids:
                pipe.hgetall(operation_key(operation_id))
            answers = pipe.execute()
    except QueueUnavailable:
        return {}
    found = {}
    for operation_id, fields in zip(operation_ids, answers, strict=True):
        if fields:
            found[operation_id] = {
                "state": fields[b"state"].decode(),
                "cause": fields.get(b"cause", b"").decode(),
                "until_ms": int(float(fields.get(b"until_ms") or 0)),
                "counts": {state: int(fields.get(f"c:{state.value}".encode()) or 0) for state in DeliveryState},
            }
    return found


def _operation(row: tuple[Any, ...], alive: dict[str, Any] | None, kept: dict[DeliveryState, int]) -> Operation:
    named = dict(zip((name.strip() for name in _COLUMNS.split(",")), row, strict=True))
    for moment in ("launched_at", "completed_at"):
        named[moment] = from_store(named[moment]) if named[moment] else None
    for text in ("cause", "audience", "audience_sentence", "snapshot_path", "snapshot_hash", "launched_by"):
        named[text] = named[text] or ""
    state = OperationState(alive["state"] if alive else named["state"])
    if alive:
        named["cause"] = alive["cause"]
    return Operation(
        **{
            **named,
            "state": state,
            "until": from_ms(alive["until_ms"]) if alive and alive["until_ms"] else None,
            "is_live": alive is not None,
            "counts": alive["counts"] if alive else kept,
        }
    )
