"""REST verbs: erase a person, purge what was erased."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import Annotated, Any

import duckdb
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from engine.clock import utc_now
from engine.contacts.phones import parse_phone
from engine.errors import InvalidPhone, NotConfirmed, NotFound
from engine.operations.erasure import erase_contact
from engine.operations.purge import purge, purge_due
from engine.settings import Settings
from worker.api import Doors, Person
from worker.recorder import drain_here

router = APIRouter()

LONGEST_ID = 6
"""More digits than these are a phone number."""


class Erase(BaseModel):
    """The body of `POST /contacts/erase`."""

    model_config = ConfigDict(extra="forbid")

    contact: Annotated[str, Field(max_length=60, description="a contact id, or a phone number")]
    confirmed_id: Annotated[int | None, Field(description="the contact's id; without it nothing is done")] = None
    reason: Annotated[str, Field(max_length=500, description="why; no personal data")] = ""


@router.post("/contacts/erase")
def erase(doors: Doors, person: Person, body: Erase) -> dict[str, Any]:
    """Erase a person from everything but what keeps messages from them. Without `confirmed_id` it says who it is."""
    warehouse, settings = doors.warehouse(), doors.settings
    with contextlib.closing(warehouse.cursor()) as cursor:
        found = find_contact(cursor, settings, body.contact)
    if body.confirmed_id is None:
        return {"erased": False, **found}
    if body.confirmed_id != found["contact_id"]:
        raise NotConfirmed(count=1)
    with doors.live() as client:
        done = erase_contact(
            warehouse, client, settings, found["contact_id"], who=person, now=utc_now(), reason=body.reason
        )
    return {"erased": True, **asdict(done)}


@router.get("/purge")
def due(doors: Doors, person: Person) -> dict[str, Any]:
    """How many erasures are still in free blocks of the store and in Redis's log, and since when."""
    with contextlib.closing(doors.warehouse().cursor()) as cursor:
        found = purge_due(cursor)
    return {"count": found.count, "since": found.since.isoformat() if found.since else None}


@router.post("/purge")
def purge_now(doors: Doors, person: Person) -> dict[str, Any]:
    """Write the store's file and Redis's log anew, so that nothing of what was erased or deleted is left in them."""
    warehouse = doors.warehouse()
    with doors.live() as client:
        done = purge(
            warehouse, client, doors.settings, who=person, now=utc_now(), drain=lambda: drain_here(warehouse, client)
        )
    return asdict(done)


def find_contact(cursor: duckdb.DuckDBPyConnection, settings: Settings, text: str) -> dict[str, Any]:
    """The contact of an id or a number: contact_id and name.

    Raises:
        NotFound: there is none.
    """
    sql, plain = "SELECT contact_id, trim(concat_ws(' ', name, surname)) FROM contacts WHERE ", text.strip()
    if plain.isascii() and plain.isdigit() and len(plain) <= LONGEST_ID:
        rows = cursor.execute(f"{sql} contact_id = ?", [int(plain)]).fetchall()
    else:
        try:
            key = parse_phone(plain, settings.default_region).match_key
        except InvalidPhone:
            raise NotFound(kind="contact", id="with this number") from None
        rows = cursor.execute(f"{sql} match_key = ?", [key]).fetchall()
    if not rows:
        raise NotFound(kind="contact", id=plain if len(plain) <= LONGEST_ID else "with this number")
    return {"contact_id": rows[0][0], "name": rows[0][1]}
