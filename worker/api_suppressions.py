"""REST verbs: who is suppressed, suppressing and lifting, many at once, and the list as a file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from engine.clock import utc_now
from engine.live import reaching_redis
from engine.operations.pending import apply_pending
from engine.operations.suppression_export import csv_lines
from engine.operations.suppression_import import plan_suppressions, read_lines, reject_reason, suppress_many
from engine.operations.suppression_people import Standing, Suppression, identity_of, people_of
from engine.operations.suppressions import lift_suppressions, suppress_person
from engine.warehouse import audit
from worker.api import Doors, Person, Services
from worker.api_messages import context_of

router = APIRouter()
Scope = Literal["marketing", "all"]
Reason = Literal["asked", "complaint", "wrong_person", "legal", "manual", "import"]


class SuppressBody(BaseModel):
    """Whom, how far and why."""

    who: str = Field(description="a phone number or a user id; it needn't be a contact's")
    scope: Scope = Field("marketing", description="marketing, or all: everything")
    reason: Reason = "manual"
    region: str = Field("", description="of a number without a country code")


class LiftBody(BaseModel):
    """Whom."""

    who: str = Field(description="a phone number or a user id")
    region: str = ""


@router.get("/suppressions")
def suppressions(
    doors: Doors,
    person: Person,
    search: Annotated[str, Query(description="a name, part of a contact's number, or anybody's whole number")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Who is suppressed, newest first."""
    found = _standing(doors)
    counts = found.counts(search)
    rows = [_row(each) for each in found.page(search, limit=limit, offset=offset)]
    return {"people": counts.people, "entries": counts.entries, "rows": rows}


@router.post("/suppressions")
def suppress(body: SuppressBody, doors: Doors, person: Person) -> dict[str, Any]:
    """Keep messages from somebody from now on."""
    warehouse, now = doors.warehouse(), utc_now()
    with doors.live() as client, reaching_redis():
        new = [
            suppress_person(warehouse, client, each, scope=body.scope, who=person, now=now, reason=body.reason)
            for each in _meant(doors, body.who, body.region)
        ]
    return {"new": any(new)}


@router.post("/suppressions/lift")
def lift(body: LiftBody, doors: Doors, person: Person) -> dict[str, Any]:
    """Let messages reach somebody again."""
    warehouse, now = doors.warehouse(), utc_now()
    with doors.live() as client, reaching_redis():
        people = _meant(doors, body.who, body.region)
        return {"lifted": sum(lift_suppressions(warehouse, client, each, who=person, now=now) for each in people)}


@router.post("/suppressions/import")
def import_file(
    doors: Doors,
    person: Person,
    file: Annotated[UploadFile, File(description="a CSV or a text with a number or user id a line")],
    scope: Annotated[Scope, Form()] = "marketing",
    reason: Annotated[Reason, Form()] = "import",
    region: Annotated[str, Form(description="of numbers without a country code")] = "",
    dry_run: Annotated[bool, Form(description="say what would happen; write nothing")] = False,
) -> dict[str, Any]:
    """Suppress everybody in a file. Every line that can't be used is told with its reason."""
    warehouse = doors.warehouse()
    with tempfile.TemporaryDirectory(prefix="ulak-suppress-") as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as target:
            shutil.copyfileobj(file.file, target)
        lines = read_lines(path, Path(folder))
    chosen = region or doors.settings.default_region
    plan = plan_suppressions(warehouse.cursor(), warehouse.salt, lines, region=chosen, scope=scope)
    row: dict[str, Any] = {
        "lines": plan.line_count, "people": plan.usable_count, "duplicates": plan.duplicate_count,
        "contacts": plan.contact_count, "standing": plan.standing_count, "new": plan.new_count,
        "rejected": [{"line": line, "reason": reject_reason(code)} for line, _, code in plan.rejects.iter_rows()],
    }  # fmt: skip
    if dry_run:
        return row | {"in_force": False}
    suppress_many(warehouse, plan.people, scope=scope, reason=reason, who=person, now=utc_now())
    with doors.live_or_none() as client:
        if client is not None:
            apply_pending(warehouse, client)
    return row | {"in_force": client is not None}


@router.get("/suppressions/export", response_class=StreamingResponse)
def export(doors: Doors, person: Person) -> StreamingResponse:
    """The whole list as CSV; of who is no contact, the key alone is known."""
    warehouse = doors.warehouse()
    with warehouse.writing() as cursor:
        audit(cursor, who=person, verb="exported", subject=("suppressions", "all"), now=utc_now())

    def lines() -> Iterator[bytes]:
        yield from csv_lines(_standing(doors))

    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8")


def _standing(doors: Services) -> Standing:
    warehouse = doors.warehouse()
    return Standing(
        warehouse.cursor(), context_of(doors, warehouse), warehouse.salt, doors.settings.default_region
    )  # fmt: skip


def _meant(doors: Services, who: str, region: str) -> tuple[bytes, ...]:
    warehouse = doors.warehouse()
    identity = identity_of(who, region or doors.settings.default_region)
    return people_of(warehouse.cursor(), warehouse.salt, identity)


def _row(each: Suppression) -> dict[str, Any]:
    return {
        "person": each.person.hex(),
        "scope": each.scope,
        "reason": each.reason,
        "by_whom": each.by_whom,
        "since": each.happened_at.isoformat(),
        "contact_id": each.contact_id,
        "name": each.full_name or None,
        "phone": each.phone,
        "user_id": each.user_id,
        "in_force": not each.is_pending,
    }
