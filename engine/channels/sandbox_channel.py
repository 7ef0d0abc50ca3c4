"""The sandbox as a channel: there from the first start, so that a newcomer needs no account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import redis
from pydantic import SecretStr

from engine.channels.portfolios import save_portfolio
from engine.channels.provider import Channel, ChannelSecrets
from engine.channels.store import add_channel, get_channel, get_secrets, publish_channels, seal_secrets
from engine.errors import NotFound, SettingsError
from engine.settings import Settings
from engine.warehouse import Warehouse

SANDBOX = "sandbox"
SANDBOX_RATE = 80.0
SANDBOX_TIER = "TIER_10K"


def ensure_sandbox_channel(
    warehouse: Warehouse, client: redis.Redis | None, settings: Settings, now: datetime
) -> bool:
    """Make the sandbox channel at a first start; later follow the sandbox's port and credentials.

    Returns: whether there is a sandbox channel now (not before the sandbox left its credentials).
    """
    if not settings.sandbox_credentials_path.exists():
        return False
    left: dict[str, Any] = json.loads(settings.sandbox_credentials_path.read_text())
    secrets = ChannelSecrets(**{name: SecretStr(left[name]) for name in ChannelSecrets.model_fields})
    try:
        known = get_channel(warehouse.cursor(), SANDBOX)
    except NotFound:
        save_portfolio(warehouse, SANDBOX, SANDBOX_TIER, source=SANDBOX, now=now)
        add_channel(warehouse, settings, _channel(settings, left), secrets, who="ulak", now=now)
    else:
        _follow(warehouse, settings, known, _channel(settings, left), secrets)
    if client is not None:
        publish_channels(warehouse, client, settings)
    return True


def _channel(settings: Settings, left: Mapping[str, Any]) -> Channel:
    return Channel(
        channel_id=SANDBOX,
        name="Sandbox",
        provider=SANDBOX,
        portfolio_id=SANDBOX,
        waba_id=str(left["waba_id"]),
        phone_number_id=str(left["phone_number_id"]),
        graph_url=f"http://127.0.0.1:{settings.sandbox_port}",
        graph_version=settings.graph_version,
        rate_per_second=SANDBOX_RATE,
        display_phone=left.get("display_phone_number"),
    )


def _follow(
    warehouse: Warehouse, settings: Settings, known: Channel, wanted: Channel, secrets: ChannelSecrets
) -> None:
    """Bring address, ids and secrets up to date; a rate that a person chose stays."""
    names = ("waba_id", "phone_number_id", "graph_url", "graph_version")
    try:
        is_same = get_secrets(warehouse.cursor(), settings, SANDBOX) == secrets
    except SettingsError:  # sealed with a key that is gone: nothing is lost, the sandbox left them again
        is_same = False
    if is_same and all(getattr(known, name) == getattr(wanted, name) for name in names):
        return
    changes = ", ".join(f"{name} = ?" for name in names)
    with warehouse.writing() as cursor:
        cursor.execute(
            f"UPDATE channels SET {changes}, secrets = ? WHERE channel_id = ?",
            [*(getattr(wanted, name) for name in names), seal_secrets(settings, secrets), SANDBOX],
        )
