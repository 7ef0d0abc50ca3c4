"""What a person may do to a running operation: pause it, let it go on, end it. Each says who, and is audited."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import redis

from engine.errors import InvalidTransition, NotFound
from engine.live import reaching_redis
from engine.operations import ledger
from engine.operations.states import OperationState
from engine.warehouse import Warehouse, audit

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
        QueueUnavailable: Redis is away; nothing was changed.
    """
    with reaching_redis():
        before = ledger.operation_state(client, operation_id)
        answer = ledger.run(client, ledger.control(operation_id, verb, who=who))
        while answer.applied and not answer.done:
            answer = ledger.run(client, ledger.control(operation_id, verb, who=who))
    if not answer.state:
        raise NotFound(kind="operation", id=operation_id)
    if not answer.applied:
        raise InvalidTransition(state=answer.state, verb=verb)
    if before == answer.state:
        return OperationState(answer.state)
    with warehouse.writing(is_about_people=False) as cursor:
        audit(cursor, who=who, verb=PAST_TENSE[verb], subject=("operation", operation_id), now=now)
    return OperationState(answer.state)
