"""Purging: what was erased leaves the disk too. DuckDB's file is written anew, and so is Redis's append-only log.

Both keep what was deleted from them until then: DuckDB in free blocks, Redis in the log of its commands.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import redis

from engine.clock import from_store, to_store
from engine.errors import StoreError
from engine.live import reaching_redis
from engine.operations.launch import one_at_a_time
from engine.settings import Settings
from engine.warehouse import Warehouse, audit
from engine.words import N_

NIGHT_HOURS = range(2, 5)
"""Of the business's day: when a purge that is due is made by itself."""
LONGEST_DUE = timedelta(hours=24)
"""An erasure that waited this long (the machine was off at night) is purged at any hour."""
LOG_PATIENCE_SECONDS = 600.0
_LOOK_SECONDS = 0.05
_NO_LOG = N_("the server's log could not be written anew")


@dataclass(frozen=True)
class PurgeDue:
    """Erasures whose bytes are still on the disk; `since` is None when there are none."""

    count: int
    since: datetime | None


@dataclass(frozen=True)
class PurgeResult:
    """What a purge did. `is_log_anew` is false where the server doesn't take the command (some managed ones)."""

    erasure_count: int
    is_log_anew: bool
    bytes_before: int
    bytes_after: int
    seconds: float


def purge_due(cursor: duckdb.DuckDBPyConnection) -> PurgeDue:
    """How many erasures wait for a purge, and since when."""
    rows = cursor.execute(
        "SELECT count(*), min(finished_at) FROM erasures WHERE finished_at IS NOT NULL AND purged_at IS NULL"
    ).fetchall()
    count, since = rows[0]
    return PurgeDue(int(count), from_store(since) if since else None)


def is_time_for(due: PurgeDue, now: datetime, zone: ZoneInfo) -> bool:
    """Whether a purge that is due should be made now by itself."""
    if due.since is None:
        return False
    return now.astimezone(zone).hour in NIGHT_HOURS or now - due.since >= LONGEST_DUE


def purge(
    warehouse: Warehouse,
    client: redis.Redis,
    settings: Settings,
    *,
    who: str,
    now: datetime,
    drain: Callable[[], object] = lambda: None,
    after_step: Callable[[str], None] = lambda step: None,
) -> PurgeResult:
    """Write DuckDB's file and Redis's log anew. May be called at any time; killed anywhere, nothing is lost.

    Pages wait meanwhile; a message in Redis is sent and recorded as ever.

    Args:
        drain: records the stream to its end (`Recorder.drain`): what waits there is in the log too.
        after_step: called with `drained`, `store` and `log`.

    Raises:
        StateError: the store is in use for too long; nothing was changed.
        StoreError: there is no room for the copy, or the log couldn't be written; what was done stays done.
        QueueUnavailable: Redis is away.
    """
    began, path = time.monotonic(), settings.database_path
    with one_at_a_time:
        drain()
        after_step("drained")
        before = path.stat().st_size if path.exists() else 0
        warehouse.renew_file()
        after_step("store")
        with reaching_redis():
            is_log_anew = rewrite_log(client)
        after_step("log")
        count = _record(warehouse, who, now, is_log_anew)
    after = path.stat().st_size if path.exists() else 0
    return PurgeResult(count, is_log_anew, before, after, time.monotonic() - began)


def _record(warehouse: Warehouse, who: str, now: datetime, is_log_anew: bool) -> int:
    with warehouse.writing() as cursor:
        done = cursor.execute(
            "UPDATE erasures SET purged_at = ? WHERE finished_at IS NOT NULL AND purged_at IS NULL"
            " RETURNING erasure_id",
            [to_store(now)],
        ).fetchall()
        audit(
            cursor, who=who, verb="purged", subject=("store", "store"), now=now, erasures=len(done), log=is_log_anew
        )
    return len(done)


def rewrite_log(client: redis.Redis, patience_seconds: float = LOG_PATIENCE_SECONDS) -> bool:
    """Have the append-only log written anew, and wait for it. False: the server doesn't take the command.

    Raises:
        StoreError: it began and failed, or didn't end in time.
    """
    until = time.monotonic() + patience_seconds
    _wait_for_log(client, until)
    try:
        client.bgrewriteaof()
    except redis.ResponseError:
        return False
    if _wait_for_log(client, until).get("aof_last_bgrewrite_status") != "ok":
        raise StoreError(reason=_NO_LOG)
    return True


def _wait_for_log(client: redis.Redis, until: float) -> dict[str, Any]:
    while True:
        facts = client.info("persistence")
        if not (facts.get("aof_rewrite_in_progress") or facts.get("aof_rewrite_scheduled")):
            return facts
        if time.monotonic() > until:
            raise StoreError(reason=_NO_LOG)
        time.sleep(_LOOK_SECONDS)
