"""REST verbs: send, list, show, pause, resume, cancel.

`Idempotency-Key` on send: the key's first use fixes the operation's id; a repeat finds it and answers the same.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from pydantic import Field

from engine.clock import to_store, utc_now
from engine.errors import InputError, StateError
from engine.operations.control import Verb, control_operation
from engine.operations.drafts import Draft, create_draft, discard_draft
from engine.operations.launch import launch
from engine.operations.launch_checks import check_message
from engine.operations.preflight import preflight
from engine.operations.recipients import left_out_reasons
from engine.operations.states import DeliveryState
from engine.operations.store import Operation, get_operation, list_operations
from engine.segments import Audience, find_list
from engine.templates.store import get_template, load_bindings
from engine.warehouse import Warehouse
from engine.words import N_
from worker.api import Doors, Person, Services
from worker.api_costs import cost_row
from worker.api_messages import SegmentName, audience_of, context_of
from worker.queue import enqueue_batch

router = APIRouter()


class SendBody(SegmentName):
    """What to send to whom. One of segment, definition, list and everyone is needed; they intersect."""

    channel: str = Field("sandbox", description="channel id")
    template: str = Field(description="template name")
    language: str = Field(description="template language")
    list: str = Field("", description="name or id of a list")
    everyone: int | None = Field(
        None, description="how many people it reaches, exactly: the confirmation for everyone"
    )
    name: str = Field("", description="the operation's name")
    dry_run: bool = Field(False, description="preflight only")


@router.post("/operations")
def send(
    body: SendBody,
    doors: Doors,
    person: Person,
    idempotency_key: Annotated[str, Header(description="the same key twice sends once")] = "",
) -> dict[str, Any]:
    """Send a bulk message now, with the template's saved bindings; `dry_run` says who would get it."""
    warehouse = doors.warehouse()
    draft = _draft_of(warehouse, body)
    if body.dry_run:
        return _rehearse(doors, warehouse, draft)
    operation_id, is_repeat = _operation_for(warehouse, draft, body, person, idempotency_key)
    try:
        with doors.live() as client:

            def ring(operation: str, batch_no: int) -> None:
                enqueue_batch(client, operation, batch_no)

            done = launch(
                warehouse,
                client,
                doors.settings,
                operation_id,
                who=person,
                now=utc_now(),
                enqueue=ring,
                confirmed_count=body.everyone,
            )
    except (InputError, StateError):
        if not idempotency_key:
            discard_draft(warehouse, operation_id, who=person, now=utc_now())
        raise
    operation = get_operation(warehouse.cursor(), None, operation_id)
    return {
        "operation_id": operation_id,
        "audience": operation.audience_count,
        "recipients": done.recipient_count,
        "left_out": left_out_reasons(warehouse.cursor(), operation.operation_no),
        "repeated": is_repeat,
    }


@router.get("/operations")
def operations(
    doors: Doors,
    person: Person,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> list[dict[str, Any]]:
    """The operations, newest first, with their figures of this moment."""
    with doors.live_or_none() as client:
        found = list_operations(doors.warehouse().cursor(), client, limit=limit, offset=offset)
        return [_row(operation) for operation in found]


@router.get("/operations/{operation_id}")
def operation(operation_id: str, doors: Doors, person: Person) -> dict[str, Any]:
    """One operation with its counts and who was left out."""
    cursor = doors.warehouse().cursor()
    with doors.live_or_none() as client:
        found = get_operation(cursor, client, operation_id)
    return _row(found) | {"left_out": left_out_reasons(cursor, found.operation_no)}


@router.post("/operations/{operation_id}/{verb}")
def control(operation_id: str, verb: Verb, doors: Doors, person: Person) -> dict[str, Any]:
    """Pause, resume or cancel an operation; doing it twice is no error."""
    warehouse = doors.warehouse()
    with doors.live() as client:
        control_operation(warehouse, client, operation_id, verb, who=person, now=utc_now())
        return _row(get_operation(warehouse.cursor(), client, operation_id))


def _draft_of(warehouse: Warehouse, body: SendBody) -> Draft:
    cursor = warehouse.cursor()
    if not (body.segment or body.definition is not None or body.list or body.everyone is not None):
        raise InputError(reason=N_("say who gets it: a segment, a list, or everyone with the number of people"))
    audience = Audience()
    if body.segment or body.definition is not None:
        audience = audience_of(warehouse, body)
    if body.list:
        audience = audience.model_copy(update={"list_ids": (find_list(cursor, body.list).list_id,)})
    template = get_template(cursor, body.channel, body.template, body.language)
    kept = load_bindings(cursor, template)
    return Draft(
        name=body.name or f"{template.name} / {template.language}",
        channel_id=body.channel,
        template_name=template.name,
        template_language=template.language,
        template_hash=template.content_hash if kept.is_current else None,
        bindings=kept.bindings,
        audience=audience,
    )


def _rehearse(doors: Services, warehouse: Warehouse, draft: Draft) -> dict[str, Any]:
    cursor = warehouse.cursor()
    _, template = check_message(cursor, draft)
    found = preflight(cursor, draft.audience, template, draft.bindings, context_of(doors, warehouse))
    counts = {"audience": found.audience_count, "recipients": found.recipient_count, "left_out": found.reasons}
    return counts | {"cost": cost_row(found.regions, template.category, utc_now().astimezone(doors.settings.zone))}


def _operation_for(warehouse: Warehouse, draft: Draft, body: SendBody, who: str, key: str) -> tuple[str, bool]:
    """The id of the operation this request is about: a new draft, or the one its key began; and whether it repeats.

    Raises:
        StateError: the key was used for something else.
    """
    if not key:
        return create_draft(warehouse, who=who, now=utc_now(), draft=draft), False
    digest = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
    with warehouse.writing() as cursor:
        rows = cursor.execute(
            "SELECT body_hash, subject_id FROM requests WHERE idempotency_key = ? AND verb = 'send'", [key]
        ).fetchall()
        if rows:
            if rows[0][0] != digest:
                raise StateError(reason=N_("this idempotency key was used for another request"))
            return str(rows[0][1]), True
        operation_id = create_draft(warehouse, who=who, now=utc_now(), draft=draft)
        cursor.execute(
            "INSERT INTO requests VALUES (?, 'send', ?, ?, ?, ?)",
            [key, digest, operation_id, who, to_store(utc_now())],
        )
    return operation_id, False


def _row(found: Operation) -> dict[str, Any]:
    return {
        "operation_id": found.operation_id,
        "name": found.name,
        "state": found.state.value,
        "cause": found.cause,
        "channel": found.channel_id,
        "template": f"{found.template_name}/{found.template_language}",
        "audience": found.audience_count,
        "recipients": found.recipient_count,
        "counts": {DeliveryState(state).name.lower(): count for state, count in found.counts.items()},
        "progress": found.progress_ratio,
        "launched_by": found.launched_by,
        "launched_at": found.launched_at.isoformat() if found.launched_at else None,
        "completed_at": found.completed_at.isoformat() if found.completed_at else None,
    }
