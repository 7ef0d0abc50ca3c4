"""Operations that Redis no longer knows: halted, with what was open `unknown`. Never continued, never made anew.

That is the rule of the epoch: a ledger that was lost, or belongs to another store, can't say who was sent to.
"""

from __future__ import annotations

from datetime import datetime

import redis

from engine.clock import to_store
from engine.live import operation_key, reaching_redis
from engine.operations.states import OPEN_DELIVERY_STATES, DeliveryState, OperationState
from engine.warehouse import Warehouse, audit
from engine.words import N_

LOST_EPOCH = N_("Redis was emptied or replaced during the launch; whether anything was sent is not known")
LOST_LEDGER = N_("Redis lost this operation's ledger; whether the open recipients were sent to is not known")
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
    rows = (
        warehouse.cursor()
        .execute(
            f"SELECT operation_id, operation_no FROM operations WHERE state IN ({marks})"
            " AND cause IS DISTINCT FROM ? AND cause IS DISTINCT FROM ?",
            [*LIVE, LOST_LEDGER, LOST_EPOCH],
        )
        .fetchall()
    )
    epoch = warehouse.epoch.encode()
    with reaching_redis():
        lost = [row for row in rows if client.hget(operation_key(row[0]), "epoch") != epoch]
    for operation_id, operation_no in lost:
        _halt(warehouse, operation_id, operation_no, now)
    return [operation_id for operation_id, _ in lost]


def _halt(warehouse: Warehouse, operation_id: str, operation_no: int, now: datetime) -> None:
    states = ", ".join(str(int(state)) for state in OPEN_DELIVERY_STATES)
    with warehouse.writing() as cursor:
        cursor.execute(
            "UPDATE operations SET state = ?, cause = ?, updated_at = ? WHERE operation_id = ?",
            [OperationState.HALTED, LOST_LEDGER, to_store(now), operation_id],
        )
        changed = cursor.execute(
            f"UPDATE deliveries SET state = ?, updated_at = ? WHERE operation_no = ? AND state IN ({states})"
            " RETURNING recipient_no",
            [int(DeliveryState.UNKNOWN), to_store(now), operation_no],
        ).fetchall()
        subject = ("operation", operation_id)
        audit(cursor, who="ulak", verb="halted", subject=subject, now=now, reason="ledger lost", unknown=len(changed))
