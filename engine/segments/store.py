"""Saved segments: by name, audited, never deleted (archived ones stay readable by id), each change a new version."""

from __future__ import annotations

from datetime import datetime, tzinfo

import duckdb
import narwhals as nw

from engine.clock import from_store, to_store
from engine.contacts.fields import load_registry
from engine.errors import InputError
from engine.ids import new_id
from engine.segments.compile import compile_rule
from engine.segments.context import Context, ImportedFile, Named, SentOperation
from engine.segments.names import checked_name, refuse_taken
from engine.segments.rules import Segment, parse_segment
from engine.segments.saved import SavedSegment, get_segment, refuse_changed
from engine.segments.versions import add_version
from engine.warehouse import Warehouse, audit
from engine.words import N_

LONGEST_DESCRIPTION = 500


def load_context(cursor: duckdb.DuckDBPyConnection, *, now: datetime, zone: tzinfo) -> Context:
    """What segments are read against now: fields, saved segments and lists."""
    saved = cursor.execute("SELECT segment_id, name, definition FROM segments").fetchall()
    lists = cursor.execute("SELECT list_id, name FROM lists").fetchall()
    files = cursor.execute("SELECT import_id, file_name, happened_at FROM imports").fetchall()
    operations = cursor.execute(
        "SELECT operation_id, name, operation_no, snapshot_path FROM operations"
        " WHERE operation_no IS NOT NULL AND snapshot_path IS NOT NULL"
    ).fetchall()
    recorded = cursor.execute("SELECT max(recorded_count) FROM ingest_offset").fetchall()[0][0]
    return Context(
        registry=load_registry(cursor), now=now, zone=zone,
        segments={each[0]: Named(each[1], parse_segment(each[2])) for each in saved},
        lists={each[0]: each[1] for each in lists},
        imports={each[0]: ImportedFile(each[1], from_store(each[2])) for each in files},
        operations={each[0]: SentOperation(*each[1:]) for each in operations},
        recorded_count=int(recorded or 0),
    )  # fmt: skip


def save_segment(
    warehouse: Warehouse,
    name: str,
    segment: Segment,
    *,
    who: str,
    context: Context,
    segment_id: str | None = None,
    description: str | None = None,
    edition: str | None = None,
) -> SavedSegment:
    """Keep a segment: a new one, or a new version of an existing one.

    Args:
        segment_id: the one to change; without it, a new one is made ("save as").
        description: None leaves the one there is.
        edition: of the segment that the person saw when they began to change it; None: whatever it is now.

    Raises:
        InputError: the name is empty, too long or another segment's; the description is too long.
        InvalidRule: the definition can't be compiled, or refers to itself.
        NotFound: there is no segment of that id.
        ChangedMeanwhile: it isn't the one they saw any more.
    """
    name = checked_name(name)
    with warehouse.writing() as cursor:
        _refuse_unfit(cursor, segment, context, segment_id)
        verb = "saved" if segment_id is None else "changed"
        if segment_id is not None:
            found = get_segment(cursor, segment_id)
            refuse_changed(found, edition)
            description = found.description if description is None else description
        refuse_taken(cursor, "segments", "segment_id", name, segment_id)
        if segment_id is None:
            segment_id = new_id("seg", context.now)
            _insert(cursor, segment_id, who, context.now)
        cursor.execute(
            "UPDATE segments SET name = ?, definition = ?, description = ?, updated_by = ?, updated_at = ?,"
            " archived_at = NULL WHERE segment_id = ?",
            [
                name,
                segment.model_dump_json(),
                _checked_description(description),
                who,
                to_store(context.now),
                segment_id,
            ],
        )
        add_version(cursor, segment_id, who=who, now=context.now)
        subject = ("segment", segment_id)
        audit(cursor, who=who, verb=verb, subject=subject, now=context.now, name=name, hash=segment.fingerprint)
        return get_segment(cursor, segment_id)


def name_segment(
    warehouse: Warehouse,
    segment_id: str,
    name: str,
    description: str,
    *,
    who: str,
    now: datetime,
    edition: str | None = None,
) -> SavedSegment:
    """Give a segment another name and description; whom it holds stays as it is.

    Raises:
        InputError: the name is empty, too long or another segment's; the description is too long.
        NotFound: there is no such segment.
        ChangedMeanwhile: it isn't the one of that edition any more.
    """
    name = checked_name(name)
    with warehouse.writing() as cursor:
        refuse_changed(get_segment(cursor, segment_id), edition)
        refuse_taken(cursor, "segments", "segment_id", name, segment_id)
        cursor.execute(
            "UPDATE segments SET name = ?, description = ?, updated_by = ?, updated_at = ? WHERE segment_id = ?",
            [name, _checked_description(description), who, to_store(now), segment_id],
        )
        add_version(cursor, segment_id, who=who, now=now)
        audit(cursor, who=who, verb="renamed", subject=("segment", segment_id), now=now, name=name)
        return get_segment(cursor, segment_id)


def duplicate_segment(
    warehouse: Warehouse, segment_id: str, name: str, *, who: str, context: Context
) -> SavedSegment:
    """A new segment with the definition and description of another.

    Raises:
        InputError: the name is empty, too long or another segment's.
        NotFound: there is no such segment.
    """
    found = get_segment(warehouse.cursor(), segment_id)
    return save_segment(warehouse, name, found.segment, who=who, context=context, description=found.description)


def archive_segment(warehouse: Warehouse, segment_id: str, *, who: str, now: datetime) -> None:
    """Take a segment off the lists; what refers to it still reads it.

    Raises:
        NotFound: there is no such segment.
    """
    with warehouse.writing() as cursor:
        get_segment(cursor, segment_id)
        cursor.execute("UPDATE segments SET archived_at = ? WHERE segment_id = ?", [to_store(now), segment_id])
        audit(cursor, who=who, verb="archived", subject=("segment", segment_id), now=now)


def bring_back_segment(warehouse: Warehouse, segment_id: str, *, who: str, now: datetime) -> SavedSegment:
    """Put an archived segment back on the lists.

    Raises:
        InputError: another segment has its name by now.
        NotFound: there is no such segment.
    """
    with warehouse.writing() as cursor:
        found = get_segment(cursor, segment_id)
        refuse_taken(cursor, "segments", "segment_id", found.name, segment_id)
        cursor.execute("UPDATE segments SET archived_at = NULL WHERE segment_id = ?", [segment_id])
        audit(cursor, who=who, verb="brought back", subject=("segment", segment_id), now=now)
        return get_segment(cursor, segment_id)


def _refuse_unfit(
    cursor: duckdb.DuckDBPyConnection, segment: Segment, context: Context, segment_id: str | None
) -> None:
    """Read it against what is saved at this moment: two people may make two segments refer to each other."""
    fresh = load_context(cursor, now=context.now, zone=context.zone)
    compile_rule(segment, nw, fresh, (segment_id,) if segment_id else ())


def _insert(cursor: duckdb.DuckDBPyConnection, segment_id: str, who: str, now: datetime) -> None:
    cursor.execute(
        "INSERT INTO segments (segment_id, name, definition, created_by, created_at, updated_by, updated_at)"
        " VALUES (?, '', '', ?, ?, ?, ?)",
        [segment_id, who, to_store(now), who, to_store(now)],
    )


def _checked_description(text: str | None) -> str | None:
    text = (text or "").strip()
    if len(text) > LONGEST_DESCRIPTION:
        raise InputError(reason=N_("a description has at most 500 characters"))
    return text or None
