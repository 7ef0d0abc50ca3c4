"""What an answer of the provider means for the ledger, and what one delivery reports when it leaves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from engine.channels.errors_table import classify
from engine.channels.provider import Outcome
from engine.operations.ledger import Action, Change, Claimed
from engine.operations.states import DeliveryState


class Ending(StrEnum):
    """Why a delivery claimed no more."""

    DONE = "done"  # nothing of the batch is left that may be sent now
    TIME = "time"  # its time was up
    STOPPED = "stopped"  # the worker is to stop
    STATE = "state"  # the operation doesn't run
    NO_PLACE = "no_place"  # the messaging limit is used up
    UNREACHABLE = "unreachable"  # no connection to the provider comes about
    LOST = "lost"  # its lease expired, or somebody else ended it
    AWAY = "away"  # Redis stayed away
    FAILURE = "failure"  # a fault of ours


AT_ONCE = frozenset({Ending.STOPPED, Ending.STATE, Ending.UNREACHABLE, Ending.LOST, Ending.AWAY, Ending.FAILURE})
"""Endings after which not even claimed rows are posted."""

STATES = {
    "accepted": DeliveryState.ACCEPTED,
    "held": DeliveryState.HELD,
    "retry": DeliveryState.RETRY,
    "skip": DeliveryState.FAILED,
    "suppress": DeliveryState.FAILED,
    "halt_operation": DeliveryState.PENDING,
    "halt_channel": DeliveryState.PENDING,
    "unknown": DeliveryState.UNKNOWN,
}
"""An answer that halts gives its row back: the row is not at fault."""


@dataclass
class DeliveryReport:
    """What one delivery did."""

    ending: Ending = Ending.DONE
    state: str = ""
    outcomes: Counter[str] = field(default_factory=Counter)
    left_count: int = 0
    no_place_until_ms: int = 0

    @property
    def posted_count(self) -> int:
        """How many messages were posted."""
        return self.outcomes.total()


THROUGHPUT_CODE = 130429
MAX_TRIES = 5
LARGEST_CODE = 2**31 - 1
ACTIONS = {
    "suppress": Action.SUPPRESS,
    "halt_operation": Action.HALT_OPERATION,
    "halt_channel": Action.HALT_CHANNEL,
}
TEMPLATE_RETRY_MS = 30_000


def never_left(outcome: Outcome) -> bool:
    """Whether no connection to the provider came about: nothing was said, and nothing was refused."""
    return outcome.kind == "retry" and outcome.code == 0


def change_of(row: Claimed, outcome: Outcome, server_ms: int) -> Change:
    """What the ledger is told of one answer.

    Args:
        server_ms: the server's time now; a retry falls due so much later as the rule of its code says.
    """
    what, action, delay_ms, max_tries = STATES[outcome.kind], ACTIONS.get(outcome.kind, Action.NONE), 0, MAX_TRIES
    rule = classify(outcome.code) if outcome.code else None
    if never_left(outcome):
        what = DeliveryState.PENDING
    elif rule is not None and rule.action == "template_error" and what is DeliveryState.FAILED:
        what, action, delay_ms = DeliveryState.RETRY, Action.TEMPLATE_ERROR, TEMPLATE_RETRY_MS
    elif rule is not None and what is DeliveryState.RETRY:
        action = Action.SLOW_DOWN if outcome.code == THROUGHPUT_CODE else action
        delay_ms, max_tries = max(outcome.retry_after_ms, rule.delay_ms(row.attempt)), max(rule.max_tries, 2)
    return Change(
        row.recipient_no,
        row.attempt,
        what,
        code=min(max(outcome.code, 0), LARGEST_CODE),
        due_ms=server_ms + delay_ms if what is DeliveryState.RETRY else 0,
        message_id=outcome.message_id,
        action=action,
        max_tries=max_tries,
    )
