"""REST verbs: saved segments. What they hold is read with its place in the tree, so that a mistake can be found."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from engine.errors import InvalidRule, UnknownName
from engine.segments import (
    Context,
    SavedSegment,
    Segment,
    SegmentUse,
    count_audience,
    describe,
    find_segment,
    list_segments,
    list_versions,
    record_size,
    save_segment,
    segment_uses,
)
from engine.segments.reading import read_segment
from engine.segments.sizes import SizeCause, SizePoint, recent_sizes
from worker.api import Doors, Person
from worker.api_messages import SegmentName, audience_of, context_of

router = APIRouter()


class SegmentBody(BaseModel):
    """A segment to keep under a name: a new one, or the next version of the one that has the name."""

    name: str = Field(description="its name; case doesn't count")
    definition: dict[str, Any] = Field(description="facets and rule, as `GET /segments/{name}` answers them")
    description: str | None = Field(None, description="what it is for; stays if not given")
    edition: str = Field("", description="of the one you saw: refused if somebody changed it since")


@router.get("/segments")
def segments(doors: Doors, person: Person, archived: bool = False) -> list[dict[str, Any]]:
    """The saved segments: sentence, definition, the size that was counted last, and what uses them."""
    warehouse = doors.warehouse()
    cursor, context = warehouse.cursor(), context_of(doors, warehouse)
    uses, sizes = segment_uses(cursor), recent_sizes(cursor)
    return [
        _row(saved, context) | _size(sizes.get(saved.segment_id, ())) | _use(uses.get(saved.segment_id, SegmentUse()))
        for saved in list_segments(cursor, archived=archived)
    ]


@router.post("/segments")
def save(body: SegmentBody, doors: Doors, person: Person) -> dict[str, Any]:
    """Keep a segment under a name. Doing it twice changes nothing the second time."""
    warehouse = doors.warehouse()
    context = context_of(doors, warehouse)
    segment = read_segment(body.definition, context)
    try:
        found = find_segment(warehouse.cursor(), body.name)
    except UnknownName:
        found = None
    if found is not None and _is_same(found, segment, body.description):
        return _row(found, context) | {"created": False, "changed": False}
    kept = save_segment(
        warehouse, found.name if found else body.name, segment, who=person, context=context,
        segment_id=found.segment_id if found else None, description=body.description,
        edition=body.edition or None if found else None,
    )  # fmt: skip
    return _row(kept, context) | {"created": found is None, "changed": found is not None}


@router.post("/segments/count")
def count(body: SegmentName, doors: Doors, person: Person) -> dict[str, Any]:
    """How many contacts a segment has now."""
    warehouse = doors.warehouse()
    context = context_of(doors, warehouse)
    audience = audience_of(warehouse, body)
    found = count_audience(warehouse.cursor(), audience, context)
    for segment_id in audience.segment_ids:
        record_size(warehouse, segment_id, found, SizeCause.SHOWN, now=context.now)
    return {"count": found, "sentence": describe(audience.as_segment(), context)}


@router.post("/segments/describe")
def say(body: SegmentName, doors: Doors, person: Person) -> dict[str, Any]:
    """A segment, saved or not, as one sentence; nobody is counted."""
    warehouse = doors.warehouse()
    if body.definition is None and body.segment:
        saved = find_segment(warehouse.cursor(), body.segment)
        return {"name": saved.name, "sentence": _sentence(saved.segment, context_of(doors, warehouse))}
    audience = audience_of(warehouse, body)
    return {"name": None, "sentence": describe(audience.as_segment(), context_of(doors, warehouse))}


@router.get("/segments/{name:path}/versions")
def versions(name: str, doors: Doors, person: Person) -> list[dict[str, Any]]:
    """What a segment was, the newest first; one is brought back by saving its definition."""
    warehouse = doors.warehouse()
    cursor, context = warehouse.cursor(), context_of(doors, warehouse)
    return [
        {
            "version": each.version,
            "name": each.name,
            "sentence": _sentence(each.segment, context),
            "definition": each.segment.model_dump(mode="json"),
            "by": each.by_whom,
            "at": each.happened_at.isoformat(),
        }
        for each in list_versions(cursor, find_segment(cursor, name).segment_id)
    ]


@router.get("/segments/{name:path}")
def show(name: str, doors: Doors, person: Person) -> dict[str, Any]:
    """One saved segment, by name or id; saving what this answers keeps it as it is."""
    warehouse = doors.warehouse()
    cursor = warehouse.cursor()
    saved = find_segment(cursor, name)
    use = segment_uses(cursor).get(saved.segment_id, SegmentUse())
    size = _size(recent_sizes(cursor).get(saved.segment_id, ()))
    return _row(saved, context_of(doors, warehouse)) | size | _use(use)


def _is_same(found: SavedSegment, segment: Segment, description: str | None) -> bool:
    same_words = description is None or description.strip() == found.description
    return found.segment.fingerprint == segment.fingerprint and same_words


def _sentence(segment: Segment, context: Context) -> str | None:
    """The sentence; None where it names what is no more."""
    try:
        return describe(segment, context)
    except InvalidRule:
        return None


def _row(saved: SavedSegment, context: Context) -> dict[str, Any]:
    return {
        "segment_id": saved.segment_id,
        "name": saved.name,
        "description": saved.description,
        "sentence": _sentence(saved.segment, context),
        "definition": saved.segment.model_dump(mode="json"),
        "version": saved.version,
        "edition": saved.edition,
        "updated_by": saved.updated_by,
        "updated_at": saved.updated_at.isoformat(),
        "archived_at": saved.archived_at.isoformat() if saved.archived_at else None,
    }


def _size(points: tuple[SizePoint, ...]) -> dict[str, Any]:
    last = points[-1] if points else None
    return {"size": last.count if last else None, "counted_at": last.counted_at.isoformat() if last else None}


def _use(use: SegmentUse) -> dict[str, Any]:
    return {
        "segments": list(use.segments),
        "drafts": use.draft_count,
        "operations": use.operation_count,
        "scheduled": use.scheduled_count,
    }
