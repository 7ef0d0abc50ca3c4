"""Saved segments and lists: by name, audited, never deleted (archived ones stay readable by id)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import duckdb
import narwhals as nw

from engine.clock import from_store, to_store
from engine.contacts.fields import load_registry
from engine.errors import InputError, NotFound, UnknownName
from engine.ids import new_id
from engine.segments.audience import Audience, audience_frame
from engine.segments.compile import compile_rule
from engine.segments.context import Context, Named
from engine.segments.folding import fold
from engine.segments.rules import Segment, parse_segment
from engine.warehouse import Warehouse, audit
from engine.words import N_

LONGEST_NAME = 80
SEGMENT_COLUMNS = "segment_id, name, definition, created_by, created_at, updated_by, updated_at, archived_at"


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


@dataclass(frozen=True, slots=True)
class ContactList:
    """A named, fixed set of contacts."""

    list_id: str
    name: str
    member_count: int
    created_by: str
    created_at: datetime
    archived_at: datetime | None = None


def load_context(cursor: duckdb.DuckDBPyConnection, *, now: datetime, zone: tzinfo) -> Context:
    """What segments are read against now: fields, saved segments and lists."""
    saved = cursor.execute("SELECT segment_id, name, definition FROM segments").fetchall()
    lists = cursor.execute("SELECT list_id, name FROM lists").fetchall()
    return Context(
        registry=load_registry(cursor), now=now, zone=zone,
        segments={each[0]: Named(each[1], parse_segment(each[2])) for each in saved},
        lists={each[0]: each[1] for each in lists},
    )  # fmt: skip


def save_segment(
    warehouse: Warehouse, name: str, segment: Segment, *, who: str, context: Context, segment_id: str | None = None
) -> SavedSegment:
    """Keep a segment: a new one, or a new definition (and name) of an existing one.

    Raises:
        InputError: the name is empty, too long or another segment's.
        InvalidRule: the definition can't be compiled, or refers to itself.
        NotFound: there is no segment of that id.
    """
    name = _checked_name(name)
    compile_rule(segment, nw, context, (segment_id,) if segment_id else ())
    with warehouse.writing() as cursor:
        _refuse_taken(cursor, "segments", "segment_id", name, segment_id)
        moment, definition = to_store(context.now), segment.model_dump_json()
        if segment_id is None:
            segment_id = new_id("seg", context.now)
            cursor.execute(
                "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                [segment_id, name, definition, who, moment, who, moment],
            )
            verb = "saved"
        else:
            get_segment(cursor, segment_id)
            cursor.execute(
                "UPDATE segments SET name = ?, definition = ?, updated_by = ?, updated_at = ?, archived_at = NULL"
                " WHERE segment_id = ?",
                [name, definition, who, moment, segment_id],
            )
            verb = "changed"
        subject = ("segment", segment_id)
        audit(cursor, who=who, verb=verb, subject=subject, now=context.now, name=name, hash=segment.fingerprint)
        return get_segment(cursor, segment_id)


def archive_segment(warehouse: Warehouse, segment_id: str, *, who: str, now: datetime) -> None:
    """Take a segment off the lists; what refers to it still reads it.

    Raises:
        NotFound: there is no such segment.
    """
    with warehouse.writing() as cursor:
        get_segment(cursor, segment_id)
        cursor.execute("UPDATE segments SET archived_at = ? WHERE segment_id = ?", [to_store(now), segment_id])
        audit(cursor, who=who, verb="archived", subject=("segment", segment_id), now=now)


def list_segments(cursor: duckdb.DuckDBPyConnection, *, archived: bool = False) -> tuple[SavedSegment, ...]:
    """The saved segments by name; the archived ones instead, if asked."""
    condition = "archived_at IS NOT NULL" if archived else "archived_at IS NULL"
    sql = f"SELECT {SEGMENT_COLUMNS} FROM segments WHERE {condition} ORDER BY lower(name), segment_id"
    return tuple(_saved(row) for row in cursor.execute(sql).fetchall())


def get_segment(cursor: duckdb.DuckDBPyConnection, segment_id: str) -> SavedSegment:
    """The segment of that id.

    Raises:
        NotFound: there is none.
    """
    rows = cursor.execute(f"SELECT {SEGMENT_COLUMNS} FROM segments WHERE segment_id = ?", [segment_id]).fetchall()
    if not rows:
        raise NotFound(kind="segment", id=segment_id)
    return _saved(rows[0])


def find_segment(cursor: duckdb.DuckDBPyConnection, name_or_id: str) -> SavedSegment:
    """The segment of that id, else the one of that name (case doesn't count, archived ones don't either).

    Raises:
        UnknownName: there is none.
    """
    for each in list_segments(cursor):
        if each.segment_id == name_or_id or _same(each.name, name_or_id):
            return each
    raise UnknownName(kind="segment", name=name_or_id)


def create_list(warehouse: Warehouse, name: str, *, who: str, now: datetime) -> str:
    """Make an empty list.

    Returns: its id.

    Raises:
        InputError: the name is empty, too long or another list's.
    """
    name = _checked_name(name)
    with warehouse.writing() as cursor:
        _refuse_taken(cursor, "lists", "list_id", name, None)
        list_id = new_id("lst", now)
        cursor.execute("INSERT INTO lists VALUES (?, ?, ?, ?, NULL)", [list_id, name, who, to_store(now)])
        audit(cursor, who=who, verb="created", subject=("list", list_id), now=now, name=name)
    return list_id


def add_to_list(warehouse: Warehouse, list_id: str, audience: Audience, *, who: str, context: Context) -> int:
    """Put everybody of an audience into a list, as they are now; those already in it stay once.

    Returns: how many are new in it.

    Raises:
        NotFound: there is no such list.
    """
    with warehouse.writing() as cursor:
        before = get_list(cursor, list_id).member_count
        present = nw.from_native(
            cursor.sql("SELECT contact_id FROM list_members WHERE list_id = ?", params=[list_id])
        )
        fresh = (
            audience_frame(cursor, audience, context).select("contact_id").join(present, on="contact_id", how="anti")
        )
        moment = nw.lit(to_store(context.now), nw.Datetime("us"))
        row = (nw.lit(list_id).alias("list_id"), nw.col("contact_id"), moment.alias("added_at"))
        fresh.select(*row).to_native().insert_into("list_members")
        added = get_list(cursor, list_id).member_count - before
        audit(cursor, who=who, verb="added to", subject=("list", list_id), now=context.now, added=added)
    return added


def list_lists(cursor: duckdb.DuckDBPyConnection) -> tuple[ContactList, ...]:
    """The lists by name, each with the number of its members."""
    rows = cursor.execute(_LISTS + "WHERE archived_at IS NULL ORDER BY lower(name), list_id").fetchall()
    return tuple(_contact_list(row) for row in rows)


def get_list(cursor: duckdb.DuckDBPyConnection, list_id: str) -> ContactList:
    """The list of that id.

    Raises:
        NotFound: there is none.
    """
    rows = cursor.execute(_LISTS + "WHERE list_id = ?", [list_id]).fetchall()
    if not rows:
        raise NotFound(kind="list", id=list_id)
    return _contact_list(rows[0])


def find_list(cursor: duckdb.DuckDBPyConnection, name_or_id: str) -> ContactList:
    """The list of that id, else of that name.

    Raises:
        UnknownName: there is none.
    """
    for each in list_lists(cursor):
        if each.list_id == name_or_id or _same(each.name, name_or_id):
            return each
    raise UnknownName(kind="list", name=name_or_id)


_LISTS = """
SELECT list_id, name, (SELECT count(*) FROM list_members m WHERE m.list_id = l.list_id), created_by, created_at,
       archived_at
FROM lists l
"""


def _saved(row: tuple[Any, ...]) -> SavedSegment:
    segment_id, name, definition, created_by, created_at, updated_by, updated_at, archived_at = row
    return SavedSegment(
        segment_id, name, parse_segment(definition), created_by, from_store(created_at), updated_by,
        from_store(updated_at), from_store(archived_at) if archived_at else None,
    )  # fmt: skip


def _contact_list(row: tuple[Any, ...]) -> ContactList:
    list_id, name, count, created_by, created_at, archived_at = row
    return ContactList(
        list_id,
        name,
        int(count),
        created_by,
        from_store(created_at),
        from_store(archived_at) if archived_at else None,
    )


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise InputError(reason=N_("a name of 1 to 80 characters is needed"))
    return name


def _refuse_taken(cursor: duckdb.DuckDBPyConnection, table: str, key: str, name: str, own_id: str | None) -> None:
    """Names tell segments (or lists) apart for people, so two can't share one."""
    rows = cursor.execute(f"SELECT {key}, name FROM {table} WHERE archived_at IS NULL").fetchall()
    if any(_same(taken, name) and taken_id != own_id for taken_id, taken in rows):
        raise InputError(reason=N_("the name is taken"))


def _same(one: str, other: str) -> bool:
    return fold(" ".join(one.split())) == fold(" ".join(other.split()))
