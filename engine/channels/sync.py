"""Reads a channel's templates from the provider and keeps them, with what changed since the last time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import httpx
import redis

from engine.channels.client import make_client
from engine.channels.cloud_api import CloudApi
from engine.channels.limits import keep_number
from engine.channels.provider import Channel, ChannelSecrets
from engine.channels.store import get_channel, get_secrets, publish_channels
from engine.channels.template_changes import TemplateChange, changes_between, record_changes
from engine.clock import from_store, to_store
from engine.settings import Settings
from engine.templates.components import Template, parse_template
from engine.templates.store import list_templates
from engine.warehouse import Warehouse, audit

TemplateKey = tuple[str, str]


@dataclass(frozen=True)
class SyncResult:
    """What one sync found; each list holds `name/language`."""

    channel_id: str
    total: int
    new: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    changes: tuple[TemplateChange, ...] = ()

    @property
    def is_unchanged(self) -> bool:
        """Nothing is new, changed or gone."""
        return not (self.new or self.changed or self.gone)


def sync_templates(
    warehouse: Warehouse,
    client: redis.Redis | None,
    settings: Settings,
    channel_id: str,
    *,
    who: str,
    now: datetime,
    transport: httpx.AsyncBaseTransport | None = None,
) -> SyncResult:
    """Read all pages of templates and the number's state from the provider, and keep both.

    Args:
        client: Redis, to publish what changed; None leaves that to web's next start.
        transport: for tests; else the ordinary client.

    Raises:
        NotFound: there is no such channel.
        ProviderError: the provider refused or can't be reached; nothing was changed.
    """
    cursor = warehouse.cursor()
    channel, secrets = get_channel(cursor, channel_id), get_secrets(cursor, settings, channel_id)
    nodes, number = asyncio.run(_fetch(channel, secrets, transport))
    keep_number(warehouse, channel, number, now=now)
    result = keep_templates(warehouse, channel_id, nodes, who=who, now=now)
    if client is not None:
        publish_channels(warehouse, client, settings)
    return result


def keep_templates(
    warehouse: Warehouse, channel_id: str, nodes: Sequence[Mapping[str, Any]], *, who: str, now: datetime
) -> SyncResult:
    """Write what the provider listed; what it no longer lists is marked gone. What changed is kept as such."""
    complete = [node for node in nodes if node.get("name") and node.get("language")]
    parsed = [(parse_template(channel_id, node), node) for node in complete]
    found = {(template.name, template.language): template for template, _ in parsed}
    known = {(t.name, t.language): t for t in list_templates(warehouse.cursor(), channel_id, with_gone=True)}
    is_first = not known
    changes = [change for key, template in found.items() for change in changes_between(known.get(key), template)]
    new = [key for key in found if key not in known or known[key].is_gone]
    changed = [key for key in found if key not in new and _differs(found[key], known[key])]
    gone = [key for key, template in known.items() if key not in found and not template.is_gone]
    changes += [TemplateChange(name, language, "gone") for name, language in gone]
    with warehouse.writing(is_about_people=bool(changes or is_first)) as cursor:
        for template, node in parsed:
            _upsert(cursor, template, node.get("components") or [], now)
        for name, language in gone:
            cursor.execute(
                "UPDATE templates SET gone_at = ? WHERE channel_id = ? AND name = ? AND language = ?",
                [to_store(now), channel_id, name, language],
            )
        if not is_first:  # when everything is new, nothing is news
            record_changes(cursor, channel_id, changes, cause="sync", now=now)
        counts = {"total": len(found), "new": len(new), "changed": len(changed), "gone": len(gone)}
        audit(cursor, who=who, verb="synced", subject=("channel", channel_id), now=now, **counts)
    return SyncResult(channel_id, len(found), _names(new), _names(changed), _names(gone), tuple(changes))


def keep_template(warehouse: Warehouse, channel_id: str, node: Mapping[str, Any], *, now: datetime) -> Template:
    """Write one template as the provider describes it; the others stay as they are."""
    template = parse_template(channel_id, node)
    with warehouse.writing() as cursor:
        _upsert(cursor, template, node.get("components") or [], now)
    return template


def last_synced(cursor: duckdb.DuckDBPyConnection, channel_id: str) -> datetime | None:
    """When a channel's templates were last read; None: never."""
    rows = cursor.execute("SELECT synced_at FROM channels WHERE channel_id = ?", [channel_id]).fetchall()
    return from_store(rows[0][0]) if rows and rows[0][0] else None


async def _fetch(
    channel: Channel, secrets: ChannelSecrets, transport: httpx.AsyncBaseTransport | None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    client = httpx.AsyncClient(transport=transport) if transport else make_client()
    async with client:
        api = CloudApi(channel, secrets, client)
        return await api.list_templates(), await api.read_number()


def _differs(one: Template, other: Template) -> bool:
    seen = ("status", "category", "quality", "rejected_reason", "content_hash", "template_id")
    return any(getattr(one, name) != getattr(other, name) for name in seen)


def _names(keys: Sequence[TemplateKey]) -> tuple[str, ...]:
    return tuple(f"{name}/{language}" for name, language in sorted(keys))


def _upsert(cursor: duckdb.DuckDBPyConnection, template: Template, components: Sequence[Any], now: datetime) -> None:
    values = {
        "channel_id": template.channel_id,
        "name": template.name,
        "language": template.language,
        "template_id": template.template_id,
        "status": template.status,
        "category": template.category,
        "parameter_format": template.parameter_format,
        "components": json.dumps(list(components), ensure_ascii=False),
        "quality": template.quality,
        "rejected_reason": template.rejected_reason,
        "content_hash": template.content_hash,
        "synced_at": to_store(now),
    }
    row = ", ".join(f"? AS {name}" for name in values)
    changes = ", ".join(f"{name} = new.{name}" for name in list(values)[3:])
    cursor.execute(
        f"""MERGE INTO templates AS old USING (SELECT {row}) AS new
            ON old.channel_id = new.channel_id AND old.name = new.name AND old.language = new.language
            WHEN MATCHED THEN UPDATE SET {changes}, gone_at = NULL
            WHEN NOT MATCHED THEN INSERT ({", ".join(values)}) VALUES ({", ".join("new." + n for n in values)})""",
        list(values.values()),
    )
