"""Calls of `claim` and `transition`: who may post what now, and what became of it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any

from engine.live import (
    EVENTS,
    OPERATIONS,
    STORE,
    SUPPRESSED,
    channel_key,
    operation_key,
    portfolio_key,
    windows_key,
)
from engine.operations.ledger_types import (
    MAX_ROWS,
    SEND_AGAIN_AFTER_MS,
    Action,
    Call,
    Change,
    ClaimAnswer,
    Claimed,
    CloseAnswer,
    TransitionAnswer,
)
from engine.operations.states import ROW_STRUCT

PARTS = ("", "led", "att", "who", "tries", "due", "leases", "unk")
ACTION_CODES = {action: code for code, action in enumerate(Action)}
SLOT = struct.Struct("<IHd")
PAIR = struct.Struct("<IH")
NUMBER = struct.Struct("<I")
ROW = struct.Struct(ROW_STRUCT)


def operation_keys(operation_id: str) -> tuple[str, ...]:
    """The first twelve keys of each script."""
    return (STORE, EVENTS, SUPPRESSED, OPERATIONS, *(operation_key(operation_id, part) for part in PARTS))


def pack_pairs(rows: Iterable[tuple[int, int]]) -> bytes:
    """(recipient, attempt) pairs as the scripts read them."""
    return b"".join(PAIR.pack(recipient_no, attempt) for recipient_no, attempt in rows)


def _check_count(rows: Sequence[Any]) -> None:
    if len(rows) > MAX_ROWS:
        raise ValueError(f"{len(rows)} rows in one call; at most {MAX_ROWS}")


def _decode_claim(reply: list[Any]) -> ClaimAnswer:
    server_ms, lost, state, cause, rows, suppressed, taken, no_place, no_slot = reply
    return ClaimAnswer(
        server_ms=int(server_ms),
        lost=bool(lost),
        state=state.decode(),
        cause=cause.decode(),
        rows=[Claimed(*row) for row in SLOT.iter_unpack(rows)],
        suppressed=[number for (number,) in NUMBER.iter_unpack(suppressed)],
        taken=[number for (number,) in NUMBER.iter_unpack(taken)],
        no_place_until_ms=int(no_place),
        no_slot_until_ms=int(no_slot),
    )


def claim(
    operation_id: str,
    *,
    job: str,
    token: str,
    channel_id: str,
    portfolio_id: str,
    candidates: Sequence[int],
    not_after_ms: int,
    now_ms: int = 0,
    horizon_ms: int = 1000,
    again: Sequence[tuple[int, int]] = (),
) -> Call[ClaimAnswer]:
    """Ask for the right to post; without candidates it renews the job's lease.

    Args:
        candidates: recipients of one batch; at most 2,000.
        again: (recipient, attempt) held by this job whose slot was missed: a new slot, the same attempt.
        not_after_ms: the server's time after which the call is refused; 0: never.
        horizon_ms: no slot is given further ahead than this.
    """
    _check_count(candidates)
    _check_count(again)
    keys = (
        *operation_keys(operation_id),
        channel_key(channel_id),
        windows_key(channel_id),
        portfolio_key(portfolio_id),
        portfolio_key(portfolio_id, "places"),
        portfolio_key(portfolio_id, "holders"),
        operation_key(operation_id, f"held:{job}"),
        operation_key(operation_id, f"closed:{job}"),
        operation_key(operation_id, f"tok:{token}"),
    )
    wanted = struct.pack(f"<{len(candidates)}I", *candidates)
    return Call("claim", keys, (now_ms, job, not_after_ms, horizon_ms, wanted, pack_pairs(again)), _decode_claim)


def _decode_transition(reply: list[Any]) -> TransitionAnswer:
    return TransitionAnswer(int(reply[0]), bool(reply[1]), bool(reply[2]), reply[3].decode())


def _job_keys(operation_id: str, job: str) -> tuple[str, str]:
    return operation_key(operation_id, f"held:{job}"), operation_key(operation_id, f"closed:{job}")


def transition(
    operation_id: str, rows: Sequence[Change], *, source: str, job: str = "", now_ms: int = 0
) -> Call[TransitionAnswer]:
    """Tell the ledger what became of attempts.

    Args:
        rows: at most 2,000; applied in order, several about one recipient are fine.
        source: worker, webhook or person. A webhook's RETRY waits ten minutes at least.
        job: the job that claimed the rows, when it is the one that speaks.
    """
    _check_count(rows)
    packed = b"".join(ROW.pack(c.recipient_no, c.attempt, c.what, c.flags, c.code, c.at_ms // 1000) for c in rows)
    dues = struct.pack(f"<{len(rows)}d", *(c.due_ms for c in rows)) if any(c.due_ms for c in rows) else b""
    actions = b""
    if any(c.action or c.max_tries != 5 for c in rows):
        actions = b"".join(bytes((ACTION_CODES[Action(c.action)], c.max_tries)) for c in rows)
    ids = "\n".join(c.message_id.replace("\n", " ") for c in rows) if any(c.message_id for c in rows) else ""
    args = (now_ms, "rows", source, job, packed, dues, actions, ids, SEND_AGAIN_AFTER_MS)
    return Call(
        "transition", (*operation_keys(operation_id), *_job_keys(operation_id, job)), args, _decode_transition
    )


def _decode_close(reply: list[Any]) -> CloseAnswer:
    return CloseAnswer(int(reply[4]), int(reply[5]), bool(reply[1]))


def close_job(
    operation_id: str, job: str, posted: Sequence[tuple[int, int]], *, now_ms: int = 0
) -> Call[CloseAnswer]:
    """End a job: what it posted without a recorded outcome is unknown, all else it held is given back.

    It may be called late, after the lease ran out: rows it never posted are then given back from unknown.
    """
    args = (now_ms, "close", "worker", job, pack_pairs(posted), "", "", "", SEND_AGAIN_AFTER_MS)
    return Call("transition", (*operation_keys(operation_id), *_job_keys(operation_id, job)), args, _decode_close)


def expire_jobs(operation_id: str, *, now_ms: int = 0) -> Call[list[str]]:
    """Turn what jobs with an expired lease held into unknown; at most 20 jobs a call. Returns their names."""
    args = (now_ms, "expire", "lease", "", "", "", "", "", SEND_AGAIN_AFTER_MS)
    return Call(
        "transition",
        (*operation_keys(operation_id), *_job_keys(operation_id, "")),
        args,
        lambda reply: [name.decode() for name in reply[6]],
    )
