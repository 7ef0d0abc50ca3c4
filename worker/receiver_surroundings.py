"""What the receiver knows of the store without DuckDB: channels and their opened secrets, salt, words, room left.

Read from Redis every second in a thread, and at once when a webhook comes for a channel or a secret it doesn't know.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import redis

from engine.channels.provider import ChannelSecrets
from engine.channels.store import channel_of_hash
from engine.clock import now_ms
from engine.errors import UlakError
from engine.live import CHANNELS, STOP_WORDS, STORE, channel_key, windows_key
from engine.operations.hearing_types import ChannelAddress, Context
from engine.operations.inbound import default_words
from engine.operations.statuses import change_of, halts_channel
from engine.operations.stream import publish_pressure
from engine.operations.suppressions import SCOPE_FIELD
from engine.secrets import open_sealed, secret_box
from engine.settings import Settings

log = logging.getLogger("ulak.receiver")

FULL_AT = 0.8
"""Above this share of the server's memory webhooks are answered 503; the provider repeats them."""
CHANNELS_SECONDS = 5.0
SOONEST_RELOAD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class KnownChannel:
    """A channel with its secrets, and the sealed record they were opened from."""

    address: ChannelAddress
    secrets: ChannelSecrets
    sealed: tuple[bytes | None, bytes | None]


@dataclass
class Surroundings:
    """The store as the receiver sees it. `refresh` is called from one thread at a time."""

    settings: Settings
    client: redis.Redis
    channels: Mapping[str, KnownChannel] = field(default_factory=dict)
    is_full: bool = False
    memory_ratio: float = 0.0
    pressure: float = 0.0
    context: Context | None = None
    _salt_token: bytes | None = None
    _loaded_at: float = float("-inf")
    _turn: int = -1
    _scanned: dict[str, int] = field(default_factory=dict)

    def refresh(self) -> None:
        """Read what changes: room, salt, words; channels every few seconds.

        Raises:
            redis.RedisError: the server is away; what is known stays.
        """
        memory = self.client.info("memory")
        limit = int(memory.get("maxmemory") or 0)
        self.memory_ratio = int(memory["used_memory"]) / limit if limit else 0.0
        self.is_full = self.memory_ratio >= FULL_AT
        self.pressure = publish_pressure(self.client)
        if time.monotonic() - self._loaded_at >= CHANNELS_SECONDS:
            self.load_channels()
        self._refresh_context()
        self._sweep_windows()

    def _sweep_windows(self) -> None:
        """Forget some windows that closed more than an hour ago; each channel's turn comes again."""
        if not self.channels:
            return
        names = sorted(self.channels)
        self._turn = (self._turn + 1) % len(names)
        key, closed_ms = windows_key(names[self._turn]), now_ms() - 3_600_000
        scanned = self.client.hscan(key, self._scanned.get(key, 0), count=1_000)
        cursor, some = cast("tuple[int, dict[bytes, bytes]]", scanned)
        self._scanned[key] = int(cursor)
        gone = [person for person, until_ms in some.items() if int(until_ms) < closed_ms]
        if gone:
            self.client.hdel(key, *gone)

    def reload(self) -> None:
        """Read channels now, for a webhook that fits none; at most once a second."""
        if time.monotonic() - self._loaded_at >= SOONEST_RELOAD_SECONDS:
            self.load_channels()
            self._refresh_context()

    def load_channels(self) -> None:
        """Read every published channel; secrets that didn't change stay open."""
        self._loaded_at = time.monotonic()
        names = sorted(name.decode() for name in cast("set[bytes]", self.client.smembers(CHANNELS)))
        found = {name: known for name in names if (known := self._channel(name)) is not None}
        self.channels = found

    def _channel(self, channel_id: str) -> KnownChannel | None:
        values = cast("list[bytes | None]", self.client.hmget(channel_key(channel_id), ["record", "secrets"]))
        sealed = (values[0], values[1])
        known = self.channels.get(channel_id)
        if known is not None and known.sealed == sealed:
            return known
        try:
            channel, secrets = channel_of_hash(self.settings, channel_id, *sealed)
        except UlakError as problem:
            log.error("channel %s can't be used: %s", channel_id, type(problem).__name__)
            return None
        address = ChannelAddress(channel_id, channel.phone_number_id, channel.waba_id, channel.portfolio_id)
        return KnownChannel(address, secrets, sealed)

    def _refresh_context(self) -> None:
        token, scope = cast("list[bytes | None]", self.client.hmget(STORE, ["salt", SCOPE_FIELD]))
        published = cast("dict[bytes, bytes]", self.client.hgetall(STOP_WORDS))
        words = {word.decode(): verb.decode() for word, verb in published.items()} or default_words()
        if token is None:
            self.context = None
            return
        if self.context is None or token != self._salt_token:
            salt = bytes.fromhex(open_sealed(secret_box(self.settings), token))
            self.context = Context(salt, words, "marketing", (), change_of, halts_channel)
            self._salt_token = token
        self.context.words = words
        self.context.stop_scope = "all" if scope == b"all" else "marketing"
        self.context.channels = tuple(known.address for known in self.channels.values())
