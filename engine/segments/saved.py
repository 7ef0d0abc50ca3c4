"""A saved segment as it is kept, and how one is found. Who changes them is in `store`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from engine.clock import from_store
from engine.errors import ChangedMeanwhile, NotFound, UnknownName
from engine.segments.names import is_same_name
from engine.segments.rules import Segment, parse_segment

_SELECT = """SELECT segment_id, name, definition, created_by, created_at, updated_by, updated_at, archived_at,
    description, (SELECT max(version) FROM segment_versions AS v WHERE v.segment_id = s.segment_id)
    FROM segments AS s"""


@dataclass(frozen=True, slots=True)
class SavedSegment:
    """A segment as it is kept."""

    segment_id: str
    name: str
    segment: Segment
    created_by: str
    created_at: datetime
    updated_by: str
    updated_at: datetime
    archived_at: datetime | None = None
    description: str = ""
    version: int = 1

    @property
    def edition(self) -> str:
        """A short mark of all that a person can change of it: who saves hands back the one they saw."""
        seen = [self.version, self.name, self.description, self.segment.fingerprint, self.archived_at is not None]
        return hashlib.blake2b(json.dumps(seen).encode(), digest_size=6).hexdigest()


def list_segments(cursor: duckdb.DuckDBPyConnection, *, archived: bool = False) -> tuple[SavedSegment, ...]:
    """The saved segments by name; the archived ones instead, if asked."""
    condition = "archived_at IS NOT NULL" if archived else "archived_at IS NULL"
    rows = cursor.execute(f"{_SELECT} WHERE {condition} ORDER BY lower(name), segment_id").fetchall()
    return tuple(_saved(row) for row in rows)


def get_segment(cursor: duckdb.DuckDBPyConnection, segment_id: str) -> SavedSegment:
    """The segment of that id.

    Raises:
        NotFound: there is none.
    """
    rows = cursor.execute(f"{_SELECT} WHERE segment_id = ?", [segment_id]).fetchall()
    if not rows:
        raise NotFound(kind="segment", id=segment_id)
    return _saved(rows[0])


def find_segment(cursor: duckdb.DuckDBPyConnection, name_or_id: str) -> SavedSegment:
    """The segment of that id, else the one of that name (case doesn't count, archived ones don't either).

    Raises:
        UnknownName: there is none.
    """
    for each in list_segments(cursor):
        if each.segment_id == name_or_id or is_same_name(each.name, name_or_id):
            return each
    raise UnknownName(kind="segment", name=name_or_id)


def refuse_changed(found: SavedSegment, edition: str | None) -> None:
    """Two people may change a segment at once: the second is told, and nothing of the first one's is lost.

    Args:
        found: the segment, read inside the transaction that is about to change it.
        edition: of the segment that the person saw; None: they didn't look.

    Raises:
        ChangedMeanwhile: it isn't what they saw any more.
    """
    if edition is not None and edition != found.edition:
        raise ChangedMeanwhile(kind="segment", name=found.name, who=found.updated_by, version=found.version)


def _saved(row: tuple[Any, ...]) -> SavedSegment:
    segment_id, name, definition, created_by, created_at, updated_by, updated_at, archived_at, words, version = row
    return SavedSegment(
        segment_id, name, parse_segment(definition), created_by, from_store(created_at), updated_by,
        from_store(updated_at), from_store(archived_at) if archived_at else None, words or "", version or 1,
    )  # fmt: skip
