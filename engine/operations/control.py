"""What a person may do to a running operation: pause it, let it go on, end it. Each says who, and is audited."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Literal

import redis

from engine.errors import InvalidTransition, NotFound, StateError
from engine.live import reaching_redis
from engine.operations import ledger
from engine.operations.states import OperationState
from engine.warehouse import Warehouse, audit
from engine.words import N_

Verb = Literal["pause", "resume", "cancel"]
PAST_TENSE: dict[str, str] = {"pause": "paused", "resume": "resumed", "cancel": "cancelled"}
ALLOWED: dict[str, frozenset[OperationState]] = {
    "pause": frozenset({OperationState.RUNNING, OperationState.WAITING}),
    "resume": frozenset({OperationState.PAUSED, OperationState.HALTED}),
    "cancel": frozenset(
        {
            OperationState.RUNNING,
            OperationState.WAITING,
            OperationState.PAUSED,
            OperationState.HALTED,
            OperationState.SCHEDULED,
        }
    ),
}
"""From which states each verb leads on, as control.lua has it; pages offer exactly these."""


def control_operation(
    warehouse: Warehouse, client: redis.Redis, operation_id: str, verb: Verb, *, who: str, now: datetime
) -> OperationState:
    """Pause, resume or cancel; doing it twice is no error.

    Returns: the state the operation is in now.

    Raises:
        NotFound: there is no such operation, or it was never launched.
        InvalidTransition: it is in a state from which that can't be done.
        StateError: its ledger is lost (Redis was emptied, the store restored): it is over for good.
        QueueUnavailable: Redis is away; nothing was changed.
    """
    with reaching_redis():
        before = ledger.operation_state(client, operation_id)
        answer = ledger.run(client, ledger.control(operation_id, verb, who=who))
        while answer.applied and not answer.done:
            answer = ledger.run(client, ledger.control(operation_id, verb, who=who))
    if not answer.state:
        _refuse_lost(warehouse, operation_id)
        raise NotFound(kind="operation", id=operation_id)
    if not answer.applied:
        raise InvalidTransition(state=answer.state, verb=verb)
    if before == answer.state:
        return OperationState(answer.state)
    with warehouse.writing(is_about_people=False) as cursor:
        audit(cursor, who=who, verb=PAST_TENSE[verb], subject=("operation", operation_id), now=now)
    return OperationState(answer.state)


def _refuse_lost(warehouse: Warehouse, operation_id: str) -> None:
    with contextlib.closing(warehouse.cursor()) as cursor:
        rows = cursor.execute(
            "SELECT 1 FROM operations WHERE operation_id = ? AND state = 'halted'", [operation_id]
        ).fetchall()
    if rows:
        raise StateError(reason=N_("the ledger of this operation is lost, so nothing more of it is sent"))
