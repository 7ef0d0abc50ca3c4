"""REST verbs: lists, who is in them, and what they are used in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from engine.clock import utc_now
from engine.errors import InputError
from engine.segments import (
    Audience,
    ContactList,
    add_to_list,
    archive_list,
    change_list,
    create_list,
    find_list,
    list_lists,
    list_uses,
    remove_from_list,
    restore_list,
)
from engine.segments.lists import ListUse
from engine.warehouse import Warehouse
from engine.words import N_
from worker.api import Doors, Person
from worker.api_messages import SegmentName, audience_of, context_of

router = APIRouter()


class AudienceBody(SegmentName):
    """Whom it is about: a segment, a definition, a list, or everyone; what is given intersects."""

    list: str = Field("", description="name or id of a list")
    everyone: bool = Field(False, description="everybody, when nothing else is given")


class ListBody(BaseModel):
    """A new list."""

    name: str
    description: str = ""


class ListChange(BaseModel):
    """What changes; what isn't given stays."""

    name: str | None = None
    description: str | None = None


def audience_named(warehouse: Warehouse, body: AudienceBody) -> Audience:
    """The audience that a body names.

    Raises:
        UnknownName: a segment or list that isn't there.
        InputError: nothing is named.
    """
    audience = Audience()
    if body.segment or body.definition is not None:
        audience = audience_of(warehouse, body)
    if body.list:
        found = find_list(warehouse.cursor(), body.list)
        audience = audience.model_copy(update={"list_ids": (found.list_id,)})
    if audience == Audience() and not body.everyone:
        raise InputError(reason=N_("say whom: a segment, a list, or everyone"))
    return audience


@router.get("/lists")
def lists(doors: Doors, person: Person, archived: bool = False) -> list[dict[str, Any]]:
    """The lists by name, with the number of their members and what they are used in."""
    cursor = doors.warehouse().cursor()
    uses = list_uses(cursor)
    return [_row(found, uses.get(found.list_id)) for found in list_lists(cursor, archived=archived)]


@router.post("/lists")
def create(body: ListBody, doors: Doors, person: Person) -> dict[str, Any]:
    """Make an empty list."""
    warehouse = doors.warehouse()
    list_id = create_list(warehouse, body.name, who=person, now=utc_now(), description=body.description)
    return _found(warehouse, list_id)


@router.patch("/lists/{name}")
def change(name: str, body: ListChange, doors: Doors, person: Person) -> dict[str, Any]:
    """Rename or describe a list, named by its name or id."""
    warehouse = doors.warehouse()
    found = find_list(warehouse.cursor(), name)
    new_name = found.name if body.name is None else body.name
    words = (found.description or "") if body.description is None else body.description
    return _row(
        change_list(warehouse, found.list_id, name=new_name, description=words, who=person, now=utc_now()), None
    )


@router.post("/lists/{name}/add")
def add(name: str, body: AudienceBody, doors: Doors, person: Person) -> dict[str, Any]:
    """Put an audience into a list, as it is now."""
    warehouse = doors.warehouse()
    list_id = find_list(warehouse.cursor(), name).list_id
    audience, context = audience_named(warehouse, body), context_of(doors, warehouse)
    added = add_to_list(warehouse, list_id, audience, who=person, context=context)
    return _found(warehouse, list_id) | {"added": added}


@router.post("/lists/{name}/remove")
def remove(name: str, body: AudienceBody, doors: Doors, person: Person) -> dict[str, Any]:
    """Take an audience out of a list."""
    warehouse = doors.warehouse()
    list_id = find_list(warehouse.cursor(), name).list_id
    audience, context = audience_named(warehouse, body), context_of(doors, warehouse)
    removed = remove_from_list(warehouse, list_id, audience, who=person, context=context)
    return _found(warehouse, list_id) | {"removed": removed}


@router.post("/lists/{name}/archive")
def archive(name: str, doors: Doors, person: Person) -> dict[str, Any]:
    """Take a list off the choices."""
    warehouse = doors.warehouse()
    list_id = find_list(warehouse.cursor(), name).list_id
    archive_list(warehouse, list_id, who=person, now=utc_now())
    return {"list_id": list_id, "archived": True}


@router.post("/lists/{list_id}/restore")
def restore(list_id: str, doors: Doors, person: Person) -> dict[str, Any]:
    """Bring an archived list back, by its id."""
    warehouse = doors.warehouse()
    restore_list(warehouse, list_id, who=person, now=utc_now())
    return _found(warehouse, list_id)


def _found(warehouse: Warehouse, list_id: str) -> dict[str, Any]:
    return _row(find_list(warehouse.cursor(), list_id), None)


def _row(found: ContactList, use: ListUse | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "list_id": found.list_id,
        "name": found.name,
        "description": found.description,
        "count": found.member_count,
        "created_by": found.created_by,
        "created_at": found.created_at.isoformat(),
        "archived_at": found.archived_at.isoformat() if found.archived_at else None,
    }
    if use is not None:
        row |= {"segments": list(use.segments), "operations": use.operation_count}
    return row
