"""Heartbeats: each process says every 2 s that it lives, and with which figures; doctor and supervisor read them."""

from __future__ import annotations

import json
import os
from typing import Any

import redis

from engine import live
from engine.clock import now_ms
from worker import __version__

PERIOD_SECONDS = 2.0
DEAD_AFTER_SECONDS = 10.0
FORGOTTEN_AFTER_SECONDS = 600.0


def beat(client: redis.Redis, name: str, **figures: Any) -> None:
    """Write the heartbeat of this process.

    Args:
        name: such as `receiver` or `worker.host.123`.
        figures: what else doctor should show; counts only.
    """
    client.hset(live.HEARTBEATS, name, beat_row(**figures))


def beat_row(**figures: Any) -> str:
    """The JSON of a heartbeat, for callers with an asyncio client."""
    return json.dumps({"pid": os.getpid(), "at_ms": now_ms(), "version": __version__} | figures)


def read_beats(client: redis.Redis) -> dict[str, dict[str, Any]]:
    """Name -> heartbeat with `age_seconds`, of every process seen in the last ten minutes."""
    found = {}
    for raw_name, raw in client.hgetall(live.HEARTBEATS).items():
        row = json.loads(raw)
        row["age_seconds"] = max(0.0, (now_ms() - int(row.get("at_ms", 0))) / 1000)
        if row["age_seconds"] < FORGOTTEN_AFTER_SECONDS:
            found[raw_name.decode() if isinstance(raw_name, bytes) else raw_name] = row
    return found
