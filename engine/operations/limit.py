"""The messaging limit of a portfolio, now: how many people it allows in a moving 24 h, how many places are taken.

Counted from Redis, where claims take the places and failures give them back; never from an estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

import duckdb
import numpy as np
import redis

from engine.clock import from_store
from engine.live import portfolio_key, windows_key
from engine.operations import ledger

UNLIMITED = -1
WINDOW_MARGIN_MS = 120_000
"""A service window that ends sooner than this does not spare a place (as in claim.lua)."""
PACE_CLIMB_RATIO = 0.05
"""After a slow-down the pace climbs by this share of the rate each second (as in claim.lua)."""


@dataclass(frozen=True)
class LimitNow:
    """What is left of a portfolio's messaging limit; `limit` is None for an unlimited one."""

    portfolio_id: str
    limit: int | None
    used: int

    @property
    def left(self) -> int | None:
        """Unique people outside a service window who can still be messaged now."""
        return None if self.limit is None else max(self.limit - self.used, 0)


@dataclass(frozen=True)
class Portfolio:
    """A portfolio as the provider described it; no `limit`: unlimited, or unknown (then no `read_at` either)."""

    portfolio_id: str
    tier: str | None
    limit: int | None
    source: str | None
    read_at: datetime | None


@dataclass(frozen=True)
class Freed:
    """`count` places become free between `from_ms` and `until_ms`."""

    from_ms: int
    until_ms: int
    count: int


def list_portfolios(cursor: duckdb.DuckDBPyConnection) -> list[Portfolio]:
    """The portfolios of all channels in use, by id, with what was last read of them."""
    rows = cursor.execute(
        "SELECT c.portfolio_id, any_value(p.tier), any_value(p.messaging_limit), any_value(p.source), max(p.read_at)"
        " FROM channels AS c LEFT JOIN portfolios AS p ON p.portfolio_id = c.portfolio_id"
        " WHERE c.archived_at IS NULL GROUP BY c.portfolio_id ORDER BY c.portfolio_id"
    ).fetchall()
    return [
        Portfolio(portfolio_id, tier, limit, source, from_store(read_at) if read_at else None)
        for portfolio_id, tier, limit, source, read_at in rows
    ]


def read_limit(client: redis.Redis, portfolio_id: str, now_ms: int) -> LimitNow:
    """The limit, and the places that are taken at this moment."""
    text = client.hget(portfolio_key(portfolio_id), "limit")
    limit = int(text) if text is not None else UNLIMITED
    used = int(ledger.places_used(client, portfolio_id, now_ms))
    return LimitNow(portfolio_id, None if limit == UNLIMITED else limit, used)


def places_freeing(client: redis.Redis, portfolio_id: str, now_ms: int, *, step_ms: int = 3_600_000) -> list[Freed]:
    """When the taken places become free, in steps; empty steps are left out.

    A place that is delivered to later than now stays longer: this is the earliest.
    """
    key = portfolio_key(portfolio_id, "places")
    held = cast("list[tuple[bytes, float]]", client.zrangebyscore(key, f"({now_ms}", "+inf", withscores=True))
    if not held:
        return []
    ends = np.fromiter((score for _, score in held), np.float64, len(held)).astype(np.int64)
    steps, counts = np.unique((ends - now_ms) // step_ms, return_counts=True)
    return [
        Freed(now_ms + int(step) * step_ms, now_ms + (int(step) + 1) * step_ms, int(count))
        for step, count in zip(steps, counts, strict=True)
    ]


def places_wanted(client: redis.Redis, channel_id: str, portfolio_id: str, person_keys: bytes, now_ms: int) -> int:
    """How many new places these people need: all but those who hold one or whose service window is open.

    Args:
        person_keys: 8 bytes a person, each person once.
    """
    people = np.frombuffer(person_keys, ">u8")
    held = client.zrangebyscore(portfolio_key(portfolio_id, "places"), f"({now_ms}", "+inf")
    opened = client.hgetall(windows_key(channel_id))
    ends = now_ms + WINDOW_MARGIN_MS
    spared = [*held, *(person for person, until in opened.items() if int(until) > ends)]
    if not spared:
        return len(people)
    return int((~np.isin(people, np.frombuffer(b"".join(spared), ">u8"))).sum())


def pace_now(rate: float, pace: float | None, pace_ms: float | None, now_ms: int) -> float:
    """What a channel sends at most at this moment: after a slow-down it climbs back, as claim.lua has it.

    Args:
        rate, pace: messages a second; `pace` as it was at `pace_ms`, None when it was never slowed.
    """
    if pace is None or pace_ms is None:
        return rate
    return min(rate, pace + PACE_CLIMB_RATIO * rate * max(0.0, now_ms - pace_ms) / 1000)
