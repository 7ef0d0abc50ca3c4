"""What a saved segment was: each save is a version, with who and when; an older one can be taken up again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from engine.clock import from_store, to_store
from engine.errors import NotFound
from engine.segments.rules import Segment, parse_segment


@dataclass(frozen=True, slots=True)
class SegmentVersion:
    """One of them; the first is 1."""

    version: int
    name: str
    segment: Segment
    by_whom: str
    happened_at: datetime


def add_version(cursor: duckdb.DuckDBPyConnection, segment_id: str, *, who: str, now: datetime) -> None:
    """Write down what the segment is now, inside the transaction that changed it; nothing if that is the last one."""
    cursor.execute(
        """INSERT INTO segment_versions
        SELECT s.segment_id, coalesce(max(v.version), 0) + 1, s.name, s.definition, $who, $moment
        FROM segments AS s LEFT JOIN segment_versions AS v USING (segment_id) WHERE s.segment_id = $id
        GROUP BY ALL HAVING arg_max((v.name, v.definition), v.version) IS DISTINCT FROM (s.name, s.definition)""",
        {"who": who, "moment": to_store(now), "id": segment_id},
    )


def list_versions(cursor: duckdb.DuckDBPyConnection, segment_id: str) -> tuple[SegmentVersion, ...]:
    """All versions, the newest first."""
    rows = cursor.execute(
        "SELECT version, name, definition, by_whom, happened_at FROM segment_versions WHERE segment_id = ?"
        " ORDER BY version DESC",
        [segment_id],
    ).fetchall()
    return tuple(
        SegmentVersion(version, name, parse_segment(definition), who, from_store(moment))
        for version, name, definition, who, moment in rows
    )


def get_version(cursor: duckdb.DuckDBPyConnection, segment_id: str, version: int) -> SegmentVersion:
    """That version. (To take it up again, save its segment under the id: one more version.)

    Raises:
        NotFound: there is none.
    """
    for each in list_versions(cursor, segment_id):
        if each.version == version:
            return each
    raise NotFound(kind="version", id=f"{segment_id}/{version}")
