"""Live operations as Redis knows them: what the dispatcher and a worker's end of job look at.

Reads only. One pipeline reads all operations; a ledger's bytes are looked at no further than needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import redis

from engine.live import OPERATIONS, operation_key
from engine.operations.ledger import LEASE_MS
from engine.operations.states import DeliveryState, OperationState

FIELDS = ("state", "cause", "until_ms", "epoch", "n", "batch", "channel", "portfolio", "priority", "created_ms")
OPEN_COUNTERS = ("c:0", "c:1")
SCANNED_BATCHES = 50
DUE_ROWS = 2_000
SILENT_MS = 7_000
"""A job renews its lease every four seconds; one that is silent for longer is not waited for."""


@dataclass(frozen=True)
class LiveOperation:
    """One operation with a ledger."""

    operation_id: str
    state: str
    cause: str
    until_ms: int
    epoch: str
    recipient_count: int
    batch_size: int
    channel_id: str
    portfolio_id: str
    priority: int
    created_ms: int
    pending_count: int
    retry_count: int

    @property
    def is_running(self) -> bool:
        """Whether its rows may be claimed."""
        return self.state == OperationState.RUNNING


def operation_ids_of(client: redis.Redis) -> list[str]:
    """The ids of all operations that have or had a ledger lately."""
    return sorted(cast("bytes", name).decode() for name in client.smembers(OPERATIONS))


def read_operations(client: redis.Redis, operation_ids: Iterable[str] | None = None) -> list[LiveOperation]:
    """All operations with a ledger, or those named; one whose ledger is gone is left out."""
    ids = operation_ids_of(client) if operation_ids is None else list(operation_ids)
    pipe = client.pipeline(transaction=False)
    for operation_id in ids:
        pipe.hmget(operation_key(operation_id), FIELDS + OPEN_COUNTERS)
    rows = zip(ids, pipe.execute(), strict=True)
    return [_operation(operation_id, values) for operation_id, values in rows if values[0] is not None]


def _operation(operation_id: str, values: list[Any]) -> LiveOperation:
    text = [(value or b"").decode() for value in values]
    number = [int(value or 0) for value in (*text[4:6], *text[8:12])]
    return LiveOperation(
        operation_id=operation_id,
        state=text[0],
        cause=text[1],
        until_ms=int(text[2] or 0),
        epoch=text[3],
        recipient_count=number[0],
        batch_size=max(1, number[1]),
        channel_id=text[6],
        portfolio_id=text[7],
        priority=number[2],
        created_ms=number[3],
        pending_count=number[4],
        retry_count=number[5],
    )


def server_now_ms(client: redis.Redis) -> int:
    """The server's clock, in milliseconds since 1970."""
    seconds, microseconds = client.time()
    return seconds * 1000 + microseconds // 1000


def has_ledger(client: redis.Redis, operation: LiveOperation) -> bool:
    """Whether the bytes behind the operation's hash are there, all of them."""
    return int(client.strlen(operation_key(operation.operation_id, "led"))) == operation.recipient_count


def leased_batches(client: redis.Redis, operation_id: str, now_ms: int) -> set[int]:
    """Batches that a living job works on. A job's name begins with its batch's number."""
    key = operation_key(operation_id, "leases")
    names = cast("list[bytes]", client.zrangebyscore(key, f"({now_ms + LEASE_MS - SILENT_MS}", "+inf"))
    return {int(name.partition(b".")[0]) for name in names}


def open_batches(client: redis.Redis, operation: LiveOperation, now_ms: int) -> Iterator[int]:
    """Batches with rows that may be sent now, first those with a retry that is due, then in order; each once."""
    seen: set[int] = set()
    if operation.retry_count:
        key = operation_key(operation.operation_id, "due")
        due = cast("list[bytes]", client.zrangebyscore(key, "-inf", now_ms, start=0, num=DUE_ROWS))
        for batch_no in sorted({int(row) // operation.batch_size for row in due}):
            seen.add(batch_no)
            yield batch_no
    if operation.pending_count:
        yield from (batch_no for batch_no in _pending_batches(client, operation) if batch_no not in seen)


def _pending_batches(client: redis.Redis, operation: LiveOperation) -> Iterator[int]:
    key, size = operation_key(operation.operation_id, "led"), operation.batch_size
    for start in range(0, operation.recipient_count, SCANNED_BATCHES * size):
        found = cast("bytes", client.getrange(key, start, start + SCANNED_BATCHES * size - 1))
        rows = np.flatnonzero(np.frombuffer(found, np.uint8) == DeliveryState.PENDING)
        yield from (start // size + int(batch_no) for batch_no in np.unique(rows // size))
