"""REST verbs: channels and templates, and the store's own figures."""

from __future__ import annotations

import contextlib
from datetime import UTC
from typing import Any

import redis
from fastapi import APIRouter
from pydantic import BaseModel, Field

from engine.channels.store import list_channels
from engine.channels.sync import sync_templates
from engine.clock import utc_now
from engine.contacts.fields import load_registry
from engine.errors import InputError, QueueUnavailable
from engine.segments import Audience, Context, Segment, find_segment, load_context
from engine.segments.reading import read_segment
from engine.templates.bindings import Binding
from engine.templates.store import get_template, list_templates, load_bindings, save_bindings
from engine.warehouse import Warehouse
from engine.words import N_
from worker.api import Doors, Person, Services
from worker.recorder import recorder_lag

router = APIRouter()


class SegmentName(BaseModel):
    """A saved segment by name, or a definition."""

    segment: str = Field("", description="name or id of a saved segment")
    definition: dict[str, Any] | None = Field(None, description="a segment as JSON")


class SyncBody(BaseModel):
    """Which channel."""

    channel: str = Field("", description="channel id; empty: all")


class BindBody(BaseModel):
    """What fills a template's slots."""

    channel: str
    name: str
    language: str
    values: dict[str, str] = Field(description="slot key -> text with @fields")
    fallbacks: dict[str, str] = Field({}, description="slot key -> text for people whose value is empty")


@router.get("/store")
def store(doors: Doors, person: Person) -> dict[str, Any]:
    """The store's own figures, for the doctor."""
    warehouse = doors.warehouse()
    cursor = warehouse.cursor()

    def one(sql: str) -> int:
        return int(cursor.execute(sql).fetchall()[0][0])

    launching = cursor.execute("SELECT operation_id FROM operations WHERE state = 'launching'").fetchall()
    facts: dict[str, Any] = {
        "schema": one("SELECT max(number) FROM migrations"),
        "epoch": warehouse.epoch,
        "contacts": one("SELECT count(*) FROM contacts"),
        "rejected_events": one("SELECT count(*) FROM rejected_events"),
        "launching": [row[0] for row in launching],
    }
    with contextlib.suppress(QueueUnavailable, redis.RedisError), doors.live() as client:
        entries, seconds = recorder_lag(client, warehouse)
        facts |= {"recorder_lag_entries": entries, "recorder_lag_seconds": seconds}
    return facts


@router.get("/channels")
def channels(doors: Doors, person: Person) -> list[dict[str, Any]]:
    """The channels in use, without their secrets."""
    return [channel.model_dump() for channel in list_channels(doors.warehouse().cursor())]


@router.post("/templates/sync")
def sync(body: SyncBody, doors: Doors, person: Person) -> list[dict[str, Any]]:
    """Read the templates from the provider, and say what changed."""
    warehouse = doors.warehouse()
    wanted = [body.channel] if body.channel else [row.channel_id for row in list_channels(warehouse.cursor())]
    results = []
    for channel_id in wanted:
        with doors.live_or_none() as client:
            found = sync_templates(warehouse, client, doors.settings, channel_id, who=person, now=utc_now())
        changes = {"new": len(found.new), "changed": len(found.changed), "gone": len(found.gone)}
        results.append({"channel": channel_id, "total": found.total, **changes})
    return results


@router.get("/templates")
def templates(doors: Doors, person: Person, channel: str = "") -> list[dict[str, Any]]:
    """The templates as last synced: slots, and why one can't be sent."""
    cursor = doors.warehouse().cursor()
    wanted = [channel] if channel else [row.channel_id for row in list_channels(cursor)]
    return [
        {
            "channel": row.channel_id,
            "name": row.name,
            "language": row.language,
            "status": row.status,
            "category": row.category,
            "quality": row.quality,
            "slots": [slot.key for slot in row.slots],
            "unsendable_reason": row.unsendable_reason,
        }
        for channel_id in wanted
        for row in list_templates(cursor, channel_id)
    ]


@router.put("/templates/bindings")
def bind(body: BindBody, doors: Doors, person: Person) -> dict[str, Any]:
    """Save what fills a template's slots as its default; slots not named keep what they have."""
    warehouse = doors.warehouse()
    cursor = warehouse.cursor()
    template = get_template(cursor, body.channel, body.name, body.language)
    bindings = dict(load_bindings(cursor, template).bindings)
    for key in {*body.values, *body.fallbacks}:
        if key not in body.values and key not in bindings:
            raise InputError(reason=N_("a fallback needs a value for the same slot"), slot=key)
        typed = body.values[key] if key in body.values else bindings[key].typed
        former = bindings[key].fallback if key in bindings else ""
        bindings[key] = Binding.of(typed, body.fallbacks.get(key, former))
    fields = tuple(field.name for field in load_registry(cursor))
    save_bindings(warehouse, template, bindings, who=person, now=utc_now(), fields=fields)
    filled = [slot.key for slot in template.slots if slot.key in bindings and not bindings[slot.key].is_empty]
    return {"bound": len(filled), "slots": len(template.slots)}


def context_of(doors: Services, warehouse: Warehouse) -> Context:
    """What segments are read against, now."""
    return load_context(warehouse.cursor(), now=utc_now(), zone=doors.settings.zone)


def audience_of(warehouse: Warehouse, named: SegmentName) -> Audience:
    """The audience of a saved segment or of a definition.

    Raises:
        UnknownName: there is no segment of that name.
        InvalidRule: the definition can't be read, or used; the reason names the place in it.
        InputError: neither is given.
    """
    if named.definition is not None:
        names = load_context(warehouse.cursor(), now=utc_now(), zone=UTC)  # to know what is there; nobody is counted
        return Audience(segment=read_segment(named.definition, names))
    if named.segment:
        return Audience(segment_ids=(find_segment(warehouse.cursor(), named.segment).segment_id,), segment=Segment())
    raise InputError(reason=N_("name a segment, or give its definition"))
