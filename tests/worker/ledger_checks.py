"""What must hold after every step: legal changes, honest counters, an honest stream, places as they should be."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.live import EVENTS, operation_key, portfolio_key
from engine.operations.states import FLAG_LATE, OPEN_DELIVERY_STATES, ROW_DTYPE
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_desk import DAY, MINUTE
from tests.worker.ledger_world import BACK, Attempt, World

EDGES = {
    S.PENDING: set(S) - {S.PENDING, S.EXPIRED},
    S.RETRY: {S.CLAIMED, S.SUPPRESSED, S.CANCELLED} | BACK,
    S.CLAIMED: set(S) - {S.CLAIMED, S.EXPIRED},
    S.ACCEPTED: {S.HELD, S.SENT, S.FAILED, S.RETRY} | BACK,
    S.HELD: {S.SENT, S.FAILED, S.RETRY} | BACK,
    S.SENT: {S.FAILED, S.RETRY} | BACK,
    S.DELIVERED: {S.READ},
    S.READ: set(),
    S.FAILED: BACK,  # and to RETRY, when a person says so
    S.UNKNOWN: {S.PENDING, S.ACCEPTED, S.HELD, S.SENT, S.FAILED, S.RETRY, S.CANCELLED} | BACK,
    S.SUPPRESSED: BACK,
    S.CANCELLED: BACK,
    S.EXPIRED: BACK,
}
COUNTER_FIELDS = [f"c:{state.value}" for state in S]
HOLDER_BYTES = 23


def check_world(world: World, may_retry: bool = False) -> None:
    """Read everything in one round trip and judge it."""
    pipeline = world.live.pipeline(transaction=False)
    for desk in world.desks:
        pipeline.get(operation_key(desk.operation_id, "led"))
        pipeline.get(operation_key(desk.operation_id, "att"))
        pipeline.hmget(operation_key(desk.operation_id), ["state", "sweep", *COUNTER_FIELDS])
    pipeline.xrange(EVENTS, min=world.last_id)
    pipeline.hgetall(portfolio_key("pf", "holders"))
    replies = pipeline.execute()
    replay(world, replies[-2])
    for number, desk in enumerate(world.desks):
        led, att, fields = replies[3 * number : 3 * number + 3]
        check_rows(
            world, desk.operation_id, [S(b) for b in led], [int(n) for n in np.frombuffer(att, "<u2")], may_retry
        )
        check_operation(world, desk.operation_id, fields)
    check_places(world, read_holders(world, replies[-1].values()))


def check_rows(world: World, name: str, now: list[S], attempts: list[int], may_retry: bool) -> None:
    """A byte never leaves an end state but as designed; attempt numbers never go back."""
    for recipient_no, (old, new) in enumerate(zip(world.bytes_[name], now, strict=True)):
        by_person = may_retry and (old, new) == (S.FAILED, S.RETRY)
        assert old == new or new in EDGES[old] or by_person, f"{name}:{recipient_no} went {old!r} to {new!r}"
        if new == S.UNKNOWN and old != S.UNKNOWN:
            world.unknown_since[name, recipient_no] = world.server
    assert all(a >= b for a, b in zip(attempts, world.attempts[name], strict=True)), "an attempt number went back"
    world.bytes_[name], world.attempts[name] = now, attempts


def check_operation(world: World, name: str, fields: list[Any]) -> None:
    """Counters and stream say what the bytes say; completed means that nothing is open."""
    now = world.bytes_[name]
    state, sweep, *counters = fields
    assert [int(c or 0) for c in counters] == [now.count(s) for s in S], "counters are not the bytes"
    assert world.replayed[name] == now, "the event stream tells another story than the bytes"
    has_open = any(byte in OPEN_DELIVERY_STATES for byte in now)
    assert state == b"cancelled" or (state == b"completed") == (not has_open), "completed, or not?"
    if state == b"cancelled" and sweep is None:
        assert S.PENDING not in now, "pending in a cancelled operation"
        assert S.RETRY not in now, "to be retried in a cancelled operation"


def check_places(world: World, held: dict[Attempt, int]) -> None:
    """No place leaks, and none is dropped that may be needed."""
    for attempt in held:
        assert attempt not in world.dropped or attempt in world.delivered_told, f"a place leaks: {attempt}"
        if attempt in world.accepted_told and attempt not in world.delivered_told:
            assert held[attempt] <= world.accepted_told[attempt] + DAY, f"a place was prolonged: {attempt}"
    for attempt in (world.placed - world.dropped) | world.placed_by_delivery:
        name, recipient_no, number = attempt
        since = max(world.accepted.get(attempt, 0), world.delivered_told.get(attempt, 0))
        byte = world.bytes_[name][recipient_no]
        if world.attempts[name][recipient_no] == number and byte in (S.CLAIMED, S.UNKNOWN):
            since = max(since, world.claimed_at[attempt])
        if since + DAY - MINUTE > world.server:
            assert attempt in held, f"a place was dropped: {attempt}"


def read_holders(world: World, packed_holders: Any) -> dict[Attempt, int]:
    """Every holder of a place that has not run out: attempt -> expiry."""
    found: dict[Attempt, int] = {}
    for packed in packed_holders:
        for start in range(0, len(packed), HOLDER_BYTES):
            one = packed[start : start + HOLDER_BYTES]
            expiry = int(np.frombuffer(one[15:], "<f8")[0])
            if expiry > world.server:
                numbers = int.from_bytes(one[8:12], "little"), int.from_bytes(one[12:14], "little")
                found[world.tags[one[:8]], *numbers] = expiry
    return found


def replay(world: World, entries: Any) -> None:
    """Follow the stream as a recorder would."""
    for entry_id, entry in entries:
        world.last_id = b"(" + entry_id
        states = world.replayed.get(entry.get(b"op", b"").decode(), [])
        if entry[b"k"] == b"rows":
            for row in np.frombuffer(entry[b"rows"], ROW_DTYPE):
                if not row["flags"] & FLAG_LATE:
                    states[int(row["recipient_no"])] = S(int(row["state"]))
        elif entry[b"k"] == b"control":
            changed = {int(number) for number in entry[b"from"].split(b",")}
            for recipient_no in range(int(entry[b"lo"]), int(entry[b"hi"])):
                if states[recipient_no] in changed:
                    states[recipient_no] = S(int(entry[b"to"]))
