"""REST verbs: count contacts. Imports are in `api_imports`."""

from __future__ import annotations

from fastapi import APIRouter

from engine.contacts.importing import count_contacts
from worker.api import Doors, Person

router = APIRouter()


@router.get("/contacts/count")
def count(doors: Doors, person: Person) -> dict[str, int]:
    """How many contacts there are."""
    return {"count": count_contacts(doors.warehouse().cursor())}
