"""Where the pages about operations get their figures: doors that give nothing rather than fail."""

from __future__ import annotations

from pathlib import Path

import redis

from engine.channels.store import list_channels
from engine.errors import NotFound, QueueUnavailable, StoreError
from engine.operations.snapshot import read_header
from engine.operations.store import Operation
from pages.ui import t
from pages.ui.services import live_redis, warehouse


def live_or_none() -> redis.Redis | None:
    """A client for Redis, or None when no server is known: the figures are the store's then."""
    try:
        return live_redis()
    except QueueUnavailable:
        return None


def channel_names() -> dict[str, str]:
    """The names of the channels by id."""
    return {channel.channel_id: channel.name for channel in list_channels(warehouse().cursor())}


def slot_labels(operation: Operation) -> dict[str, str]:
    """The labels of the template's slots by key, from the frozen audience; empty when it is gone."""
    try:
        slots = read_header(Path(operation.snapshot_path)).get("slots", {})
    except (NotFound, StoreError):
        return {}
    return {str(key): t(label, name=name) for key, (label, name) in slots.items()}
