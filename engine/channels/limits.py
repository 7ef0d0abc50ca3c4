"""The number's own state as the provider tells it: status, quality, throughput, messaging limit.

Source: whatsapp.md §6.1–§6.3. An unknown word is shown as it is and changes no limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import redis

from engine.channels.client import make_client
from engine.channels.cloud_api import CloudApi
from engine.channels.portfolios import save_portfolio
from engine.channels.provider import Channel, ChannelSecrets
from engine.channels.store import get_channel, get_secrets, publish_channels
from engine.clock import to_store
from engine.settings import Settings
from engine.warehouse import Warehouse


def read_limits(
    warehouse: Warehouse, client: redis.Redis | None, settings: Settings, channel_id: str, *, now: datetime
) -> None:
    """Ask the provider for the number's state and keep it.

    Raises:
        NotFound: there is no such channel.
        ProviderError: the provider refused or can't be reached; nothing was changed.
    """
    cursor = warehouse.cursor()
    channel, secrets = get_channel(cursor, channel_id), get_secrets(cursor, settings, channel_id)
    keep_number(warehouse, channel, asyncio.run(_fetch(channel, secrets)), now=now)
    if client is not None:
        publish_channels(warehouse, client, settings)


def keep_number(warehouse: Warehouse, channel: Channel, node: Mapping[str, Any], *, now: datetime) -> None:
    """Write what the number's node says into the channel and its portfolio."""
    with warehouse.writing(is_about_people=False) as cursor:
        cursor.execute(
            "UPDATE channels SET display_phone = coalesce(?, display_phone),"
            " verified_name = coalesce(?, verified_name),"
            " status = coalesce(?, status), quality_rating = coalesce(?, quality_rating), synced_at = ?"
            " WHERE channel_id = ?",
            [
                *(node.get(name) for name in ("display_phone_number", "verified_name", "status", "quality_rating")),
                to_store(now),
                channel.channel_id,
            ],
        )
    tier = node.get("whatsapp_business_manager_messaging_limit") or node.get("messaging_limit_tier")
    if tier:
        save_portfolio(warehouse, channel.portfolio_id, str(tier), source="provider", now=now)


async def _fetch(channel: Channel, secrets: ChannelSecrets) -> dict[str, Any]:
    async with make_client() as client:
        return await CloudApi(channel, secrets, client).read_number()
