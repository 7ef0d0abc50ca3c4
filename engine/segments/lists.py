"""Lists: named, fixed sets of contacts. They don't follow anything; whoever is put in stays until taken out.

Names are unique, changes audited, nothing is deleted: an archived list leaves the choices and stays readable by id.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import narwhals as nw

from engine.clock import from_store, to_store
from engine.errors import InputError, NotFound, StateError, UnknownName
from engine.ids import new_id
from engine.segments.audience import Audience, audience_frame
from engine.segments.context import Context
from engine.segments.names import checked_name, is_same_name, refuse_taken
from engine.segments.rules import LIST_FIELD, FacetChoice, parse_segment
from engine.warehouse import Warehouse, audit
from engine.words import N_

LONGEST_DESCRIPTION = 500


@dataclass(frozen=True, slots=True)
class ContactList:
    """A named, fixed set of contacts."""

    list_id: str
    name: str
    member_count: int
    created_by: str
    created_at: datetime
    archived_at: datetime | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class ListUse:
    """What a list is used in: names of saved segments, and how many operations chose it."""

    segments: tuple[str, ...] = ()
    operation_count: int = 0


def create_list(warehouse: Warehouse, name: str, *, who: str, now: datetime, description: str = "") -> str:
    """Make an empty list.

    Returns: its id.

    Raises:
        InputError: the name is empty, too long or another list's.
    """
    name, words = checked_name(name), _checked_description(description)
    with warehouse.writing() as cursor:
        refuse_taken(cursor, "lists", "list_id", name, None)
        list_id = new_id("lst", now)
        cursor.execute(
            "INSERT INTO lists (list_id, name, created_by, created_at, description) VALUES (?, ?, ?, ?, ?)",
            [list_id, name, who, to_store(now), words],
        )
        audit(cursor, who=who, verb="created", subject=("list", list_id), now=now, name=name)
    return list_id


def change_list(
    warehouse: Warehouse, list_id: str, *, name: str, description: str, who: str, now: datetime
) -> ContactList:
    """Rename and describe a list.

    Raises:
        InputError: the name is empty, too long or another list's.
        NotFound: there is no such list.
    """
    name, words = checked_name(name), _checked_description(description)
    with warehouse.writing() as cursor:
        before = get_list(cursor, list_id)
        refuse_taken(cursor, "lists", "list_id", name, list_id)
        cursor.execute("UPDATE lists SET name = ?, description = ? WHERE list_id = ?", [name, words, list_id])
        subject = ("list", list_id)
        audit(cursor, who=who, verb="changed", subject=subject, now=now, name=name, former_name=before.name)
        return get_list(cursor, list_id)


def archive_list(warehouse: Warehouse, list_id: str, *, who: str, now: datetime) -> None:
    """Take a list off the choices; segments and operations that refer to it still read it.

    Raises:
        NotFound: there is no such list.
    """
    with warehouse.writing() as cursor:
        get_list(cursor, list_id)
        cursor.execute("UPDATE lists SET archived_at = ? WHERE list_id = ?", [to_store(now), list_id])
        audit(cursor, who=who, verb="archived", subject=("list", list_id), now=now)


def restore_list(warehouse: Warehouse, list_id: str, *, who: str, now: datetime) -> None:
    """Bring an archived list back.

    Raises:
        InputError: its name is another list's by now.
        NotFound: there is no such list.
    """
    with warehouse.writing() as cursor:
        refuse_taken(cursor, "lists", "list_id", get_list(cursor, list_id).name, list_id)
        cursor.execute("UPDATE lists SET archived_at = NULL WHERE list_id = ?", [list_id])
        audit(cursor, who=who, verb="restored", subject=("list", list_id), now=now)


def add_to_list(warehouse: Warehouse, list_id: str, audience: Audience, *, who: str, context: Context) -> int:
    """Put everybody of an audience into a list, as they are now; those already in it stay once.

    Returns: how many are new in it.

    Raises:
        NotFound: there is no such list.
        StateError: it is archived.
    """
    with warehouse.writing() as cursor:
        before = _open_list(cursor, list_id).member_count
        present = _members(cursor, list_id)
        members = audience_frame(cursor, audience, context).select("contact_id")
        fresh = members.join(present, on="contact_id", how="anti")
        moment = nw.lit(to_store(context.now), nw.Datetime("us"))
        row = (nw.lit(list_id).alias("list_id"), nw.col("contact_id"), moment.alias("added_at"))
        fresh.select(*row).to_native().insert_into("list_members")
        added = get_list(cursor, list_id).member_count - before
        audit(cursor, who=who, verb="added to", subject=("list", list_id), now=context.now, added=added)
    return added


def remove_from_list(warehouse: Warehouse, list_id: str, audience: Audience, *, who: str, context: Context) -> int:
    """Take everybody of an audience out of a list; who isn't in it stays so.

    Returns: how many were taken out.

    Raises:
        NotFound: there is no such list.
        StateError: it is archived.
    """
    with warehouse.writing() as cursor:
        before = _open_list(cursor, list_id).member_count
        leaving = audience_frame(cursor, audience, context).select("contact_id")
        found = leaving.join(_members(cursor, list_id), on="contact_id", how="semi").to_native().pl()
        cursor.register("leaving", found)
        cursor.execute(
            "DELETE FROM list_members WHERE list_id = ? AND contact_id IN (SELECT contact_id FROM leaving)", [list_id]
        )
        cursor.unregister("leaving")
        removed = before - get_list(cursor, list_id).member_count
        audit(cursor, who=who, verb="removed from", subject=("list", list_id), now=context.now, removed=removed)
    return removed


def list_lists(cursor: duckdb.DuckDBPyConnection, *, archived: bool = False) -> tuple[ContactList, ...]:
    """The lists by name, each with the number of its members; the archived ones instead, if asked."""
    condition = "archived_at IS NOT NULL" if archived else "archived_at IS NULL"
    rows = cursor.execute(f"{_LISTS} WHERE {condition} ORDER BY lower(name), list_id").fetchall()
    return tuple(_contact_list(row) for row in rows)


def get_list(cursor: duckdb.DuckDBPyConnection, list_id: str) -> ContactList:
    """The list of that id.

    Raises:
        NotFound: there is none.
    """
    rows = cursor.execute(f"{_LISTS} WHERE l.list_id = ?", [list_id]).fetchall()
    if not rows:
        raise NotFound(kind="list", id=list_id)
    return _contact_list(rows[0])


def find_list(cursor: duckdb.DuckDBPyConnection, name_or_id: str) -> ContactList:
    """The list of that id, else of that name.

    Raises:
        UnknownName: there is none.
    """
    for each in list_lists(cursor):
        if each.list_id == name_or_id or is_same_name(each.name, name_or_id):
            return each
    raise UnknownName(kind="list", name=name_or_id)


def list_uses(cursor: duckdb.DuckDBPyConnection) -> dict[str, ListUse]:
    """What each list that is used is used in: saved segments that look at it, operations that were sent to it."""
    found: dict[str, list[str]] = {}
    saved = cursor.execute("SELECT name, definition FROM segments WHERE archived_at IS NULL ORDER BY name").fetchall()
    for name, definition in saved:
        for list_id in _lists_in(definition):
            found.setdefault(list_id, []).append(name)
    counts = dict(cursor.execute(_OPERATIONS).fetchall())
    return {each: ListUse(tuple(found.get(each, ())), int(counts.get(each, 0))) for each in {*found, *counts}}


_LISTS = """
SELECT l.list_id, l.name, coalesce(m.count, 0), l.created_by, l.created_at, l.archived_at, l.description
FROM lists AS l LEFT JOIN (
    SELECT list_id, count(DISTINCT contact_id) AS count FROM list_members GROUP BY list_id
) AS m ON m.list_id = l.list_id
"""
_OPERATIONS = """
SELECT l.list_id, count(*) FROM lists AS l JOIN operations AS o ON contains(o.audience, l.list_id) GROUP BY l.list_id
"""


def _lists_in(definition: str) -> set[str]:
    """The lists a saved definition names itself."""
    try:
        segment = parse_segment(definition)
    except InputError:
        return set()
    chosen = segment.facets.get(LIST_FIELD, FacetChoice())
    ruled = {str(each.value) for each in segment.comparisons() if each.field == LIST_FIELD}
    return ruled | {each for each in chosen.include | chosen.exclude if each is not None}


def _open_list(cursor: duckdb.DuckDBPyConnection, list_id: str) -> ContactList:
    found = get_list(cursor, list_id)
    if found.archived_at is not None:
        raise StateError(reason=N_("the list is archived; bring it back first"))
    return found


def _members(cursor: duckdb.DuckDBPyConnection, list_id: str) -> nw.LazyFrame[Any]:
    sql = "SELECT contact_id FROM list_members WHERE list_id = ?"
    members: nw.LazyFrame[Any] = nw.from_native(cursor.sql(sql, params=[list_id]))
    return members


def _contact_list(row: tuple[Any, ...]) -> ContactList:
    list_id, name, count, created_by, created_at, archived_at, description = row
    archived = from_store(archived_at) if archived_at else None
    return ContactList(list_id, name, int(count), created_by, from_store(created_at), archived, description)


def _checked_description(text: str) -> str | None:
    text = text.strip()
    if len(text) > LONGEST_DESCRIPTION:
        raise InputError(reason=N_("a description has at most 500 characters"))
    return text or None
