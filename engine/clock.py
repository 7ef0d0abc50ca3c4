"""The one place that reads the clock, and the one shape of a time: aware, UTC.

`now` is an argument of whatever needs it; entry points call `utc_now`. DuckDB holds UTC `TIMESTAMP` without a
zone: `to_store` and `from_store` are that door.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


def now_ms() -> int:
    """The present moment in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def to_store(moment: datetime) -> datetime:
    """An aware moment as the naive UTC value that DuckDB keeps.

    Raises:
        ValueError: the moment is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no place in the store")
    return moment.astimezone(UTC).replace(tzinfo=None)


def from_store(moment: datetime) -> datetime:
    """A naive UTC value from DuckDB as an aware moment."""
    return moment.replace(tzinfo=UTC)


def from_ms(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as an aware moment."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def to_ms(moment: datetime) -> int:
    """An aware moment in milliseconds since 1970."""
    return round(moment.timestamp() * 1000)
