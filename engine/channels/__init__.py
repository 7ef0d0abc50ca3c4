"""The provider's side: channels and their secrets, sending, template sync, error codes, webhooks, limits, media."""

from __future__ import annotations

from engine.channels.cloud_api import CloudApi
from engine.channels.errors_table import ACTION_LABELS, ErrorRule, classify
from engine.channels.provider import Channel, ChannelSecrets, Outcome, Provider, make_client
from engine.channels.sandbox_channel import ensure_sandbox_channel
from engine.channels.store import (
    add_channel,
    archive_channel,
    get_channel,
    get_secrets,
    list_channels,
    load_channel,
    publish_channels,
    set_rate,
)

__all__ = [
    "ACTION_LABELS",
    "Channel",
    "ChannelSecrets",
    "CloudApi",
    "ErrorRule",
    "Outcome",
    "Provider",
    "add_channel",
    "archive_channel",
    "classify",
    "ensure_sandbox_channel",
    "get_channel",
    "get_secrets",
    "list_channels",
    "load_channel",
    "make_client",
    "publish_channels",
    "set_rate",
]
