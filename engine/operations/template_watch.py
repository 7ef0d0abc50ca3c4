"""Holds the operations whose template is no longer what they were frozen with: other blanks, not approved, or gone.

The provider tells most of it by webhook; this is for what was missed, and for blanks, which no webhook tells.
"""

from __future__ import annotations

from datetime import datetime

import redis

from engine.errors import NotFound
from engine.live import reaching_redis
from engine.operations import ledger
from engine.operations.causes import TEMPLATE_CHANGED
from engine.operations.hearing_notices import MISSING_TEMPLATE_CODE, STOPPED_TEMPLATE_CODES
from engine.operations.states import OperationState
from engine.templates import Template, get_template
from engine.warehouse import Warehouse, audit

_HELD = (OperationState.RUNNING, OperationState.WAITING, OperationState.PAUSED)


def hold_changed(warehouse: Warehouse, client: redis.Redis, channel_id: str, *, now: datetime) -> list[str]:
    """Halt a channel's operations that would be refused, or say something else than what was seen.

    Returns: the ids of those halted now.

    Raises:
        QueueUnavailable: Redis is away; nothing was changed.
    """
    open_states = (*_HELD, OperationState.LAUNCHING)  # the store follows Redis, which is asked for the state
    marks = ", ".join("?" for _ in open_states)
    rows = (
        warehouse.cursor()
        .execute(
            f"SELECT operation_id, template FROM operations WHERE channel_id = ? AND state IN ({marks})"
            " AND template IS NOT NULL",
            [channel_id, *open_states],
        )
        .fetchall()
    )
    held = []
    for operation_id, frozen in rows:
        cause = _cause(warehouse, Template.model_validate_json(frozen))
        if cause and _halt(client, operation_id, cause):
            held.append(str(operation_id))
            with warehouse.writing(is_about_people=False) as cursor:
                subject = ("operation", operation_id)
                audit(cursor, who="ulak", verb="halted", subject=subject, now=now, reason=cause)
    return held


def _cause(warehouse: Warehouse, frozen: Template) -> str:
    """Why the frozen template can't be sent any more; empty while it can."""
    try:
        found = get_template(warehouse.cursor(), frozen.channel_id, frozen.name, frozen.language)
    except NotFound:
        return f"template:{MISSING_TEMPLATE_CODE}"
    if found.is_gone or found.status != "APPROVED":
        return f"template:{STOPPED_TEMPLATE_CODES.get(found.status, MISSING_TEMPLATE_CODE)}"
    if [slot.key for slot in found.slots] != [slot.key for slot in frozen.slots]:
        return TEMPLATE_CHANGED
    return ""


def _halt(client: redis.Redis, operation_id: str, cause: str) -> bool:
    with reaching_redis():
        before = ledger.operation_state(client, operation_id)
        if before not in _HELD:
            return False
        return ledger.run(client, ledger.control(operation_id, "halt", who="ulak", cause=cause)).applied
