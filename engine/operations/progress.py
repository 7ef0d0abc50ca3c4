"""How an operation goes: its pace, its course by the minute, and what failed with which code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from engine.clock import from_store, to_store
from engine.operations.states import DeliveryState
from engine.operations.store import Operation

PACE_SECONDS = 20
MOST_STEPS = 120
STEPS_SECONDS = (10, 60, 300, 900, 3_600, 14_400, 86_400)


@dataclass(frozen=True)
class Failure:
    """Recipients in one state with one error code; `next_at` is the soonest further try, None if there is none."""

    code: int
    state: DeliveryState
    count: int
    next_at: datetime | None = None


def failures(cursor: duckdb.DuckDBPyConnection, operation_no: int) -> list[Failure]:
    """Who failed, waits for another try or is unknown, by code; the most frequent first."""
    rows = cursor.execute(
        "SELECT code, state, count(*) FROM deliveries WHERE operation_no = ? AND code <> 0 AND state IN (?, ?, ?, ?)"
        " GROUP BY ALL ORDER BY count(*) DESC, code",
        [operation_no, DeliveryState.FAILED, DeliveryState.RETRY, DeliveryState.UNKNOWN, DeliveryState.HELD],
    ).fetchall()
    return [Failure(code, DeliveryState(state), count) for code, state, count in rows]


@dataclass(frozen=True)
class Step:
    """What happened in one step of an operation's time."""

    begins_at: datetime
    accepted: int
    delivered: int
    read: int
    failed: int


def timeline(cursor: duckdb.DuckDBPyConnection, operation_no: int, *, step_seconds: int = 60) -> list[Step]:
    """Recipients accepted, delivered, read and failed, step by step; steps with nothing are left out."""
    kinds = ("accepted", "delivered", "read", "failed")
    parts = " UNION ALL ".join(
        f"SELECT time_bucket(to_seconds(?::INTEGER), {kind}_at) AS step, {index} AS kind, count(*) AS n"
        f" FROM deliveries WHERE operation_no = ? AND {kind}_at IS NOT NULL GROUP BY step"
        for index, kind in enumerate(kinds)
    )
    sums = ", ".join(f"coalesce(sum(n) FILTER (WHERE kind = {index}), 0)::BIGINT" for index in range(len(kinds)))
    rows = cursor.execute(
        f"SELECT step, {sums} FROM ({parts}) GROUP BY step ORDER BY step", [step_seconds, operation_no] * len(kinds)
    ).fetchall()
    return [Step(from_store(step), *figures) for step, *figures in rows]


def fitting_step(first: datetime, last: datetime) -> int:
    """The shortest step, in seconds, that cuts this time into at most `MOST_STEPS`."""
    seconds = (last - first).total_seconds()
    return next((step for step in STEPS_SECONDS if seconds / step <= MOST_STEPS), STEPS_SECONDS[-1])


def pace(cursor: duckdb.DuckDBPyConnection, operation: Operation, now: datetime) -> float:
    """Messages accepted per second over the last `PACE_SECONDS` (or since the launch, if that is shorter)."""
    if operation.launched_at is None:
        return 0.0
    span = min(PACE_SECONDS, max((now - operation.launched_at).total_seconds(), 1.0))
    since = to_store(now - timedelta(seconds=span))
    count = cursor.execute(
        "SELECT count(*) FROM deliveries WHERE operation_no = ? AND accepted_at >= ?", [operation.operation_no, since]
    ).fetchall()[0][0]
    return float(count) / span


def answered_count(cursor: duckdb.DuckDBPyConnection, operation_no: int) -> int:
    """Recipients who wrote back in answer to the message."""
    found = cursor.execute(
        "SELECT count(*) FROM deliveries WHERE operation_no = ? AND answered_at IS NOT NULL", [operation_no]
    ).fetchall()
    return int(found[0][0])
