"""The records of the ledger: what its callers say and what its scripts answer.

A `Call` is a script with its arguments, not yet run: the same call serves sync and async callers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from engine.operations.states import DeliveryState

T = TypeVar("T")

LEASE_MS = 15_000
"""How long a job's lease holds unless renewed, from the server's receipt of the claim."""
HTTP_TIMEOUT_MS = 30_000
"""The longest a POST may take; senders set their client's total time-out to at most this."""
SEND_AGAIN_AFTER_MS = HTTP_TIMEOUT_MS + 5_000
"""When "send again" opens, counted from the moment a row became unknown."""
NOT_AFTER_MS = 2_000
"""A claim that reaches the server later than this after it was sent is refused (server clock)."""
MAX_ROWS = 2_000
"""Rows a call."""
SWEEP_ROWS = 250_000
"""Rows a call of a cancel; one event each."""


class Action(StrEnum):
    """What a changed row means beyond itself; takes effect only if the row changes by this call."""

    NONE = ""
    TEMPLATE_ERROR = "template_error"  # 3 in a row halt the operation; say it with what=RETRY
    SLOW_DOWN = "slow_down"  # 130429: halve the channel's pace (what=RETRY)
    SUPPRESS = "suppress"  # 131050: suppress the person for marketing (what=FAILED)
    HALT_OPERATION = "halt_operation"  # what=PENDING in an answer, what=RETRY by webhook: the row is given back
    HALT_CHANNEL = "halt_channel"  # likewise, and every operation of the channel halts at its next claim


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One run of a script; `decode` makes the answer of the raw reply."""

    script: str
    keys: tuple[bytes | str, ...]
    args: tuple[bytes | str | int, ...]
    decode: Callable[[Any], T]


@dataclass(frozen=True, slots=True)
class LedgerSpec:
    """What a ledger is made of. `category` is the template's, upper case; `template` is "name/language"; `paused`
    starts it so."""

    operation_id: str
    operation_no: int
    epoch: str
    recipient_count: int
    batch_size: int
    channel_id: str
    portfolio_id: str
    category: str
    priority: int = 0
    paused: bool = False
    template: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row to post at `slot_ms` (server time, ms with a fraction) under `attempt`."""

    recipient_no: int
    attempt: int
    slot_ms: float


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """What a claim brought.

    `lost`: the job is closed or expired, the call came too late, or the ledger is gone: post nothing more.
    `state` is the operation's; `cause` says why nothing came although it runs (suppressions_missing,
    channel_missing, or what `ulak:store` field `hold` says), or why it doesn't run.
    `taken`: not free (claimed by another, not due, ended). Times are server ms; 0: no such limit was met.
    """

    server_ms: int
    lost: bool
    state: str
    cause: str
    rows: list[Claimed]
    suppressed: list[int]
    taken: list[int]
    no_place_until_ms: int
    no_slot_until_ms: int


@dataclass(frozen=True, slots=True)
class Change:
    """One word about one attempt.

    Args:
        what: RETRY needs `due_ms`; PENDING is a give-back of a row that was not posted (or halted).
        at_ms: the event's own time; 0: now, by the server's clock.
        flags: pricing bits (`states.pack_pricing`).
        max_tries: with RETRY: the try that fails with this number is FAILED instead.
    """

    recipient_no: int
    attempt: int
    what: DeliveryState
    code: int = 0
    due_ms: int = 0
    at_ms: int = 0
    flags: int = 0
    message_id: str = ""
    action: str = ""
    max_tries: int = 5


@dataclass(frozen=True, slots=True)
class TransitionAnswer:
    """Rows whose byte changed, and whether the operation now is completed or halted."""

    changed: int
    completed: bool
    halted: bool
    state: str = ""


@dataclass(frozen=True, slots=True)
class CloseAnswer:
    """What a job still held when it ended."""

    given_back: int
    unknown: int
    completed: bool


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """`state`: the operation's now ("" when there is no ledger) · `applied`: the verb was allowed, now or before ·
    `done`: False while a cancel has slices left: call again · `count`: rows changed by send_again or retry."""

    state: str
    done: bool
    applied: bool = True
    count: int = 0
