"""Which doorbells to ring next: by priority, each channel one before any a second, and never many ahead.

A doorbell that waits in the queue can't be taken back when something more urgent comes, so few wait.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from engine.operations.live_operations import LiveOperation
from worker.queue import Doorbell

QUEUED_PER_WORKER = 2
JOB_RATE = 250.0
"""What one job is trusted to send a second over a slow network; a faster channel gets several jobs."""


def jobs_for(rate_per_second: float) -> int:
    """How many jobs at once a channel is worth."""
    return max(1, math.ceil(rate_per_second / JOB_RATE))


def choose_doorbells(
    operations: Iterable[LiveOperation],
    open_batches: Callable[[LiveOperation], Iterator[int]],
    busy: Mapping[str, set[int]],
    rates: Mapping[str, float],
    room: int,
) -> list[Doorbell]:
    """Choose at most `room` doorbells.

    Args:
        operations: those that may be worked on.
        open_batches: the batches of one operation that have something to send, in order.
        busy: batches by operation that are queued, or worked on.
        rates: messages a second by channel.
    """
    waiting = sorted(operations, key=lambda one: (-one.priority, one.created_ms, one.operation_id))
    load = Counter({one.channel_id: 0 for one in waiting})
    for one in waiting:
        load[one.channel_id] += len(busy.get(one.operation_id, ()))
    sources = {
        one.operation_id: (no for no in open_batches(one) if no not in busy.get(one.operation_id, ()))
        for one in waiting
    }
    chosen: list[Doorbell] = []
    while waiting and len(chosen) < room:
        one = min(waiting, key=lambda each: load[each.channel_id])  # the first of those with the least load
        batch_no = next(sources[one.operation_id], None)
        if batch_no is None or load[one.channel_id] >= jobs_for(rates.get(one.channel_id, 0.0)):
            waiting.remove(one)
            continue
        chosen.append(Doorbell(one.operation_id, batch_no))
        load[one.channel_id] += 1
    return chosen
