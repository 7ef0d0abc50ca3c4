"""REST verbs about one person: find, show, edit, consent, lists, and all that is held about them as a file."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.clock import utc_now
from engine.contacts.editing import edit_contact, put_in_list, take_out_of_list
from engine.contacts.profile import find_contact, load_profile
from engine.errors import InputError
from engine.operations.consenting import give_consent, tell_senders, withdraw_consent
from engine.operations.person_export import export_person, facts_of
from engine.segments import find_list
from engine.words import N_
from worker.api import Doors, Person, Services

router = APIRouter()


class Body(BaseModel):
    """A body whose misspelt names are refused."""

    model_config = ConfigDict(extra="forbid")


class FindBody(Body):
    """Whom to find."""

    contact: Annotated[str, Field(max_length=60, description="a contact id, or a phone number")]


class EditBody(Body):
    """What to change."""

    fields: dict[str, Any] = Field(description="field -> value; null empties it. Consent has a verb of its own")


class ListsBody(Body):
    """Lists by name or id."""

    add: list[str] = Field([], description="lists to put them into")
    remove: list[str] = Field([], description="lists to take them out of")


class ConsentBody(Body):
    """What the person said."""

    consent: Literal["opted_in", "opted_out"]
    source: str = Field(max_length=200, description="where it comes from: phone_call, in_person, web, … or a text")
    note: Annotated[str, Field(max_length=500)] = ""
    said_at: datetime | None = Field(None, description="when they said so, with a zone; now if not given")
    scope: Literal["marketing", "all"] = Field("marketing", description="how far a withdrawal reaches")
    confirmed: bool = Field(False, description="needed to opt in again somebody who opted out")


@router.post("/contacts/find")
def find(body: FindBody, doors: Doors, person: Person) -> dict[str, int]:
    """The id of a contact, by id or phone number."""
    with contextlib.closing(doors.warehouse().cursor()) as cursor:
        return {"contact_id": find_contact(cursor, body.contact, region=doors.settings.default_region)}


@router.get("/contacts/{contact_id:int}")
def show(contact_id: int, doors: Doors, person: Person) -> dict[str, Any]:
    """All that is known of one contact: fields, consent, lists, imports, messages and what became of them."""
    return _facts(doors, contact_id)


@router.patch("/contacts/{contact_id:int}")
def edit(contact_id: int, body: EditBody, doors: Doors, person: Person) -> dict[str, Any]:
    """Change fields, all of them or none; a phone number is normalised, and refused if another contact has it."""
    region = doors.settings.default_region
    changed = edit_contact(
        doors.warehouse(), contact_id, body.fields, who=person, now=utc_now(), region=region
    )  # fmt: skip
    with doors.live_or_none() as client:
        tell_senders(doors.warehouse(), client)
    return {"contact_id": contact_id, "changed": list(changed)}


@router.post("/contacts/{contact_id:int}/consent")
def consent(contact_id: int, body: ConsentBody, doors: Doors, person: Person) -> dict[str, Any]:
    """Note what a person said; a withdrawal stops what is queued for them."""
    if body.said_at is not None and body.said_at.tzinfo is None:
        raise InputError(reason=N_("a time needs its zone, such as 2026-11-24T09:00:00+03:00"))
    warehouse = doors.warehouse()
    said = {"source": body.source, "note": body.note, "said_at": body.said_at, "who": person, "now": utc_now()}
    with doors.live_or_none() as client:
        if body.consent == "opted_out":
            told = withdraw_consent(warehouse, client, contact_id, scope=body.scope, **said)  # type: ignore[arg-type]
            return {"contact_id": contact_id, "consent": body.consent, "senders_know": told}
        lifted = give_consent(warehouse, client, contact_id, confirmed=body.confirmed, **said)  # type: ignore[arg-type]
        return {"contact_id": contact_id, "consent": body.consent, "lifted": lifted}


@router.post("/contacts/{contact_id:int}/lists")
def lists(contact_id: int, body: ListsBody, doors: Doors, person: Person) -> dict[str, Any]:
    """Put a contact into lists, and take them out of others."""
    warehouse, now = doors.warehouse(), utc_now()
    with contextlib.closing(warehouse.cursor()) as cursor:
        added = [find_list(cursor, name).list_id for name in body.add]
        removed = [find_list(cursor, name).list_id for name in body.remove]
    for list_id in added:
        put_in_list(warehouse, contact_id, list_id, who=person, now=now)
    for list_id in removed:
        take_out_of_list(warehouse, contact_id, list_id, who=person, now=now)
    with contextlib.closing(warehouse.cursor()) as cursor:
        return {"contact_id": contact_id, "lists": [each.name for each in load_profile(cursor, contact_id).lists]}


@router.get("/contacts/{contact_id:int}/export")
def export(contact_id: int, doors: Doors, person: Person) -> Response:
    """All that is held about one person, as a zip: a page to read and JSON. That it was made is audited."""
    content = export_person(doors.warehouse(), contact_id, who=person, now=utc_now())
    name = f"ulak-contact-{contact_id}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="application/zip", headers=headers)


def _facts(doors: Services, contact_id: int) -> dict[str, Any]:
    with contextlib.closing(doors.warehouse().cursor()) as cursor:
        return facts_of(cursor, contact_id, now=utc_now())
