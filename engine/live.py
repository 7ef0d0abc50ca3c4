"""Redis: the door, and every key Ulak uses there, in one place.

Redis holds what lives: ledgers, limits, channels' records, suppressed people, service windows, the event stream.
People are known there by `person_key` (8 bytes) alone. `docs/architecture.md` lists who writes which key.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis
import redis.asyncio
from redis import exceptions

from engine.errors import QueueUnavailable
from engine.settings import Settings

STORE = "ulak:store"  # hash: epoch, salt (Fernet token), suppressions (version), emptied (until web has settled it)
EVENTS = "ulak:events"  # stream, read by the recorder
OPERATIONS = "ulak:operations"  # set of operation ids with a ledger
CHANNELS = "ulak:channels"  # set of channel ids
SUPPRESSED = "ulak:suppressed"  # hash: person_key -> b"m" (marketing) or b"a" (all)
STOP_WORDS = "ulak:stop_words"  # hash: folded word -> "stop" or "resume"
ALIASES = "ulak:aliases"  # hash: person_key of a learned wa_id or user_id -> person_key the person is known by
OPT_OUTS = "ulak:optouts"  # hash: person_key + ":" + way -> time of the newest word heard that way (ms, "+" or "-")
NOTICES = "ulak:notice:"  # + hash of an account notice: heard already
HEARTBEATS = "ulak:heartbeats"  # hash: process name -> JSON (pid, at_ms, version, figures)


def operation_key(operation_id: str, part: str = "") -> str:
    """A key of one operation's ledger; parts as in `operations.ledger`."""
    return f"ulak:op:{operation_id}:{part}" if part else f"ulak:op:{operation_id}"


def channel_key(channel_id: str) -> str:
    """The hash of one channel: its record, its rate and its bucket."""
    return f"ulak:channel:{channel_id}"


def windows_key(channel_id: str) -> str:
    """The hash person_key -> end of the service window (ms) on one channel."""
    return f"ulak:windows:{channel_id}"


def portfolio_key(portfolio_id: str, part: str = "") -> str:
    """A portfolio's hash (limit, tier), or its `places` (zset) and `holders` (hash)."""
    return f"ulak:portfolio:{portfolio_id}:{part}" if part else f"ulak:portfolio:{portfolio_id}"


def redis_url(settings: Settings) -> str:
    """Where Redis is: the setting, else the socket of the server that `ulak up` started for this home.

    Raises:
        QueueUnavailable: neither is there.
    """
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    address = settings.home / "run" / "redis.url"
    if not address.exists():
        raise QueueUnavailable(reason="no server runs for this home (start `ulak up`, or set ULAK_REDIS_URL)")
    return address.read_text().strip()


def connect(settings: Settings) -> redis.Redis:
    """A client for synchronous callers; replies are bytes."""
    return redis.Redis.from_url(redis_url(settings), socket_timeout=10, socket_connect_timeout=5)


def connect_async(settings: Settings, max_connections: int = 16) -> redis.asyncio.Redis:
    """A client for asyncio; replies are bytes."""
    return redis.asyncio.Redis.from_url(
        redis_url(settings), max_connections=max_connections, socket_timeout=10, socket_connect_timeout=5
    )


@contextmanager
def reaching_redis() -> Iterator[None]:
    """Say in our words that Redis is away: for a caller that can do nothing about it but tell.

    Raises:
        QueueUnavailable: the server couldn't be reached, is full, loading or read-only.
    """
    try:
        yield
    except (
        exceptions.ConnectionError,
        exceptions.TimeoutError,
        exceptions.OutOfMemoryError,
        exceptions.ReadOnlyError,
    ) as problem:
        raise QueueUnavailable(reason=f"the server doesn't answer ({type(problem).__name__})") from problem
