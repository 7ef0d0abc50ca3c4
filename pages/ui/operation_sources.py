"""Where the pages about operations get their figures: doors that give nothing rather than fail."""

from __future__ import annotations

import json
from pathlib import Path

import redis

from engine.channels.store import list_channels
from engine.clock import utc_now
from engine.errors import InvalidRule, NotFound, QueueUnavailable, StoreError
from engine.operations.snapshot import read_header
from engine.operations.store import Operation
from engine.segments import Audience, load_context
from pages.ui import t
from pages.ui.audience_words import plain, sentence
from pages.ui.services import live_redis, settings, warehouse


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


def audience_sentence(operation: Operation) -> str:
    """Who the audience was, in the session's language; as it was noted in English when its parts are gone."""
    try:
        audience = Audience.model_validate(json.loads(operation.audience)["audience"])
        context = load_context(warehouse().cursor(), now=utc_now(), zone=settings().zone)
        text = sentence(audience.as_segment(), context)
    except (InvalidRule, ValueError, KeyError, TypeError):
        return plain(operation.audience_sentence)
    return f"{text} · {t('narrowed by hand')}" if audience.selection.is_narrowing else text
