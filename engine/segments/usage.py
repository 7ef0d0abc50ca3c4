"""What saved segments are used in: other segments, drafts, operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
from pydantic import ValidationError

from engine.errors import InvalidRule
from engine.segments.audience import Audience
from engine.segments.rules import SEGMENT_FIELD, Segment, parse_segment


@dataclass(frozen=True, slots=True)
class SegmentUse:
    """Names of the saved segments that refer to it; drafts, and launched operations of which some are still to go."""

    segments: tuple[str, ...] = ()
    draft_count: int = 0
    operation_count: int = 0
    scheduled_count: int = 0

    @property
    def is_used(self) -> bool:
        """Something refers to it."""
        return bool(self.segments or self.draft_count or self.operation_count)


def segment_uses(cursor: duckdb.DuckDBPyConnection) -> dict[str, SegmentUse]:
    """What each segment that is used is used in, directly."""
    found: dict[str, dict[str, list[str]]] = {}
    saved = cursor.execute("SELECT name, definition FROM segments WHERE archived_at IS NULL ORDER BY name").fetchall()
    for name, definition in saved:
        for segment_id in set(_named_in(definition)):
            found.setdefault(segment_id, {}).setdefault("segment", []).append(name)
    sent = cursor.execute(
        "SELECT state, coalesce(audience, json_extract(draft, '$.audience')::VARCHAR) FROM operations"
    ).fetchall()
    for state, audience in sent:
        for segment_id in set(_chosen_in(audience)):
            found.setdefault(segment_id, {}).setdefault(state, []).append("")
    return {segment_id: _use(states) for segment_id, states in found.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """One thing that a segment is used in: a segment, a draft or an operation, with its state."""

    kind: str
    id: str
    name: str
    state: str = ""


def places_of(cursor: duckdb.DuckDBPyConnection, segment_id: str) -> tuple[Place, ...]:
    """Everything a segment is used in, directly: segments by name, then drafts and operations, the newest first."""
    saved = cursor.execute(
        "SELECT segment_id, name, definition FROM segments WHERE archived_at IS NULL ORDER BY lower(name)"
    ).fetchall()
    found = [Place("segment", id_, name) for id_, name, text in saved if segment_id in _named_in(text)]
    sent = cursor.execute(
        "SELECT operation_id, name, state, coalesce(audience, json_extract(draft, '$.audience')::VARCHAR)"
        " FROM operations ORDER BY coalesce(launched_at, created_at) DESC, operation_id"
    ).fetchall()
    for id_, name, state, text in sent:
        if segment_id in _chosen_in(text):
            found.append(Place("draft" if state == "draft" else "operation", id_, name or "", state))
    return tuple(found)


def _use(states: dict[str, list[str]]) -> SegmentUse:
    counts = {state: len(each) for state, each in states.items() if state != "segment"}
    drafts = counts.pop("draft", 0)
    return SegmentUse(tuple(states.get("segment", ())), drafts, sum(counts.values()), counts.get("scheduled", 0))


def _named_in(definition: str) -> Iterator[str]:
    try:
        yield from _references(parse_segment(definition))
    except InvalidRule:
        return


def _chosen_in(text: str | None) -> Iterator[str]:
    try:
        audience = Audience.model_validate_json(text or "{}")
    except ValidationError:
        return
    yield from audience.segment_ids
    yield from _references(audience.segment)


def _references(segment: Segment) -> Iterator[str]:
    return (str(each.value) for each in segment.comparisons() if each.field == SEGMENT_FIELD)
