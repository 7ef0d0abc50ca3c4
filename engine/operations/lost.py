"""Operations that Redis no longer knows: halted, with what was open `unknown`. Never continued, never made anew.

That is the rule of the epoch: a ledger that was lost, or belongs to another store, can't say who was sent to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime

import duckdb
import redis

from engine.clock import to_store
from engine.live import operation_key, reaching_redis
from engine.operations.causes import EPOCH
from engine.operations.states import OPEN_DELIVERY_STATES, DeliveryState, OperationState
from engine.warehouse import Warehouse, audit
from engine.words import N_

LOST_EPOCH = N_("Redis was emptied or replaced during the launch; whether anything was sent is not known")
LOST_LEDGER = N_("Redis lost this operation's ledger; whether the open recipients were sent to is not known")
RESTORED = N_("restored from a backup; whether the open recipients were sent to since it was made is not known")
SETTLED = (LOST_EPOCH, LOST_LEDGER, RESTORED, EPOCH)
"""Causes of an operation that is halted for good: it is told once."""
LIVE = (
    OperationState.RUNNING,
    OperationState.WAITING,
    OperationState.PAUSED,
    OperationState.SCHEDULED,
    OperationState.HALTED,
)


def halt_lost(warehouse: Warehouse, client: redis.Redis, *, now: datetime) -> list[str]:
    """Halt each operation that the record says is live and whose ledger or epoch is missing in Redis.

    Run it after the stream was drained, so that the record knows everything that is left to know.

    Returns: the ids of those halted now.

    Raises:
        QueueUnavailable: Redis is away; nothing was changed.
    """
    marks = ", ".join("?" for _ in LIVE)
    with contextlib.closing(warehouse.cursor()) as cursor:
        rows = cursor.execute(
            f"SELECT operation_id, operation_no, cause FROM operations WHERE state IN ({marks})", [*LIVE]
        ).fetchall()
    epoch = warehouse.epoch.encode()
    with reaching_redis():
        lost = [row for row in rows if client.hget(operation_key(row[0]), "epoch") != epoch]
    halted = []
    for operation_id, operation_no, cause in lost:
        if cause not in SETTLED:
            _halt(warehouse, operation_id, operation_no, now)
            halted.append(operation_id)
    settled = [operation_no for _, operation_no, cause in lost if cause in SETTLED]
    if settled:
        with warehouse.writing() as cursor:  # a stream that outlived the store may have opened rows again
            make_unknown(cursor, settled, now)
    return halted


def make_unknown(cursor: duckdb.DuckDBPyConnection, operation_nos: Sequence[int], now: datetime) -> int:
    """Rows that were open when their ledger was lost: sent to or not, nobody knows.

    Returns: how many there were.
    """
    states = ", ".join(str(int(state)) for state in OPEN_DELIVERY_STATES)
    changed = cursor.execute(
        "UPDATE deliveries SET state = ?, updated_at = ? WHERE operation_no IN (SELECT unnest(?::INTEGER[]))"
        f" AND state IN ({states}) RETURNING recipient_no",
        [int(DeliveryState.UNKNOWN), to_store(now), list(operation_nos)],
    ).fetchall()
    return len(changed)


def _halt(warehouse: Warehouse, operation_id: str, operation_no: int, now: datetime) -> None:
    with warehouse.writing() as cursor:
        cursor.execute(
            "UPDATE operations SET state = ?, cause = ?, updated_at = ? WHERE operation_id = ?",
            [OperationState.HALTED, LOST_LEDGER, to_store(now), operation_id],
        )
        unknown = make_unknown(cursor, [operation_no], now)
        subject = ("operation", operation_id)
        audit(cursor, who="ulak", verb="halted", subject=subject, now=now, reason="ledger lost", unknown=unknown)
