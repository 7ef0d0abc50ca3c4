"""Calls of `control`: creating a ledger, what a person or the dispatcher decides, suppressions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from engine.live import EVENTS, OPERATIONS, STORE, SUPPRESSED
from engine.operations.ledger_calls import NUMBER, operation_keys, pack_pairs
from engine.operations.ledger_types import SWEEP_ROWS, Call, ControlAnswer, LedgerSpec

STATE_VERBS = frozenset({"pause", "resume", "cancel", "halt", "wait", "wake"})
ROW_VERBS = frozenset({"send_again", "retry"})
SCOPE_MARKS = {"marketing": "m", "all": "a"}


def create(spec: LedgerSpec, who_keys: bytes, *, who: str = "", now_ms: int = 0) -> Call[bool]:
    """Make the ledger if it is absent; True when this call made it.

    Args:
        who_keys: the persons, 8 bytes each, in recipient order.
    """
    if len(who_keys) != 8 * spec.recipient_count:
        raise ValueError(f"{len(who_keys)} bytes of persons for {spec.recipient_count} recipients")
    fields = {
        "no": spec.operation_no,
        "n": spec.recipient_count,
        "batch": spec.batch_size,
        "epoch": spec.epoch,
        "channel": spec.channel_id,
        "portfolio": spec.portfolio_id,
        "category": spec.category,
        "priority": spec.priority,
        "template": spec.template,
        "tag": hashlib.blake2b(spec.operation_id.encode(), digest_size=4).hexdigest(),
    }
    flat = json.dumps([str(item) for pair in fields.items() for item in pair])
    state = "paused" if spec.paused else "running"
    args = (now_ms, "create", who, flat, who_keys, state)
    return Call("control", operation_keys(spec.operation_id), args, lambda reply: bool(reply[0]))


def control(
    operation_id: str,
    verb: str,
    *,
    who: str,
    cause: str = "",
    until_ms: int = 0,
    rows: Sequence[tuple[int, int]] = (),
    slice_rows: int = SWEEP_ROWS,
    now_ms: int = 0,
) -> Call[ControlAnswer]:
    """Decide about an operation.

    Args:
        verb: pause, resume, cancel, halt, wait, wake; or send_again, retry for `rows`.
        rows: (recipient, attempt) as the person saw them; a row that moved on since is left alone.
        slice_rows: rows a call of a cancel; call again until the answer is `done`.

    Raises:
        ValueError: an unknown verb.
    """
    if verb in ROW_VERBS:
        args: tuple[bytes | str | int, ...] = (now_ms, verb, who, pack_pairs(rows))
    elif verb == "cancel":
        args = (now_ms, verb, who, cause, slice_rows)
    elif verb in STATE_VERBS:
        args = (now_ms, verb, who, cause, until_ms)
    else:
        raise ValueError(f"no such verb: {verb}")
    return Call(
        "control",
        operation_keys(operation_id),
        args,
        lambda reply: ControlAnswer(reply[0].decode(), bool(reply[2]), bool(reply[1]), int(reply[3])),
    )


def erase(operation_id: str, rows: Sequence[int], pseudonym: bytes, *, who: str, now_ms: int = 0) -> Call[int]:
    """Let rows stand for a pseudonym from now on, and end those that wait; the number of rows ended.

    Args:
        rows: the recipients of one operation that are the erased person.
    """
    args = (now_ms, "erase", who, b"".join(NUMBER.pack(row) for row in rows), pseudonym)
    return Call("control", operation_keys(operation_id), args, lambda reply: int(reply[3]))


def suppress(
    person_key: bytes, scope: str, reason: str, *, channel_id: str = "", who: str = "", now_ms: int = 0
) -> Call[bool]:
    """Keep messages from a person from now on; True when this entry is new.

    Args:
        scope: marketing (stops operations of category MARKETING) or all.
        reason: keyword, button, user_preferences, provider_131050, manual, import.
    """
    args = (now_ms, "suppress", who, person_key, SCOPE_MARKS[scope], reason, channel_id)
    return Call("control", (STORE, EVENTS, SUPPRESSED, OPERATIONS), args, lambda reply: bool(reply[0]))


def lift(
    person_key: bytes,
    scope: str = "",
    reasons: Iterable[str] = (),
    *,
    channel_id: str = "",
    who: str = "",
    now_ms: int = 0,
) -> Call[int]:
    """Lift suppressions of a person; the number of entries lifted.

    Args:
        scope: marketing or all; empty: both.
        reasons: only entries with one of these; empty: any.
    """
    mark = SCOPE_MARKS[scope] if scope else "*"
    args = (now_ms, "lift", who, person_key, mark, ";".join(reasons), channel_id)
    return Call("control", (STORE, EVENTS, SUPPRESSED, OPERATIONS), args, lambda reply: int(reply[0]))


def suppression_value(entries: Iterable[tuple[str, str]]) -> bytes:
    """What `ulak:suppressed` holds for a person with these (scope, reason) entries; for rebuilding the copy."""
    marks = [f"{SCOPE_MARKS[scope]}:{reason}" for scope, reason in entries]
    strongest = "a" if any(mark.startswith("a") for mark in marks) else "m"
    return ";".join([strongest, *marks]).encode()
