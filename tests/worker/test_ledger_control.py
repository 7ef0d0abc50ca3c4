"""What a person or the dispatcher decides: creating, pausing, cancelling, sending again, suppressing."""

from __future__ import annotations

import asyncio

import pytest
import redis
import redis.asyncio

from engine.live import OPERATIONS, operation_key
from engine.operations import ledger
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_desk import MINUTE, Desk, person


def test_a_ledger_is_created_once(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    again = Desk(live, shared=True)
    assert (desk.was_created, again.was_created) == (True, False)
    assert desk.byte(0) == S.CLAIMED
    assert len(desk.events("created")) == 1
    assert live.smembers(OPERATIONS) == {b"op-1"}


def test_a_ledger_may_start_paused(live: redis.Redis) -> None:
    spec = ledger.LedgerSpec("op-9", 9, "e1", 1, 5_000, "ch", "pf", "UTILITY", paused=True)
    ledger.run(live, ledger.create(spec, person(0)))
    assert ledger.operation_state(live, "op-9") == "paused"


def test_as_many_persons_as_recipients_are_wanted(live: redis.Redis) -> None:
    spec = ledger.LedgerSpec("op-9", 9, "e1", 2, 5_000, "ch", "pf", "UTILITY")
    with pytest.raises(ValueError, match="8 bytes of persons for 2"):
        ledger.create(spec, person(0))


def test_there_are_no_counters_without_a_ledger(live: redis.Redis) -> None:
    assert ledger.counters(live, "op-none") == {}
    assert ledger.operation_state(live, "op-none") is None
    answer = ledger.run(live, ledger.control("op-none", "pause", who="ayse"))
    assert (answer.state, answer.applied) == ("", False)


def test_the_same_calls_run_under_asyncio(live: redis.Redis, valkey_socket: str) -> None:
    desk = Desk(live)
    desk.claim([0])
    live.script_flush()

    async def tell() -> ledger.TransitionAnswer:
        client = redis.asyncio.Redis(unix_socket_path=valkey_socket)
        call = ledger.transition("op-1", [ledger.Change(0, 1, S.SENT)], source="webhook")
        try:
            await ledger.run_async(client, call)
            return await ledger.run_async(client, call)
        finally:
            await client.aclose()

    assert asyncio.run(tell()).changed == 0
    assert desk.byte(0) == S.SENT


def test_pause_and_resume_twice_is_once(live: redis.Redis) -> None:
    desk = Desk(live)
    for verb in ("pause", "pause", "resume", "resume"):
        assert desk.control(verb).applied
    states = [entry[b"state"] for entry in desk.events("state")]
    assert states == [b"running", b"paused", b"running"]
    assert desk.events("state")[1][b"who"] == b"ayse"


@pytest.mark.parametrize(
    ("state", "verb", "is_applied"),
    [
        ("paused", "wake", False),
        ("paused", "wait", False),
        ("waiting", "pause", True),
        ("halted", "pause", False),
        ("cancelled", "resume", False),
        ("cancelled", "pause", False),
        ("completed", "cancel", False),
        ("completed", "halt", False),
    ],
)
def test_verbs_apply_in_their_states_only(live: redis.Redis, state: str, verb: str, is_applied: bool) -> None:
    desk = Desk(live)
    {
        "paused": lambda: desk.control("pause"),
        "waiting": lambda: desk.control("wait", cause="limit"),
        "halted": lambda: desk.control("halt", cause="operation:1"),
        "cancelled": lambda: desk.control("cancel"),
        "completed": lambda: (desk.claim(range(10)), desk.tell(*[(r, 1, S.ACCEPTED) for r in range(10)])),
    }[state]()
    assert desk.state == state
    assert desk.control(verb).applied is is_applied


def test_a_full_limit_lets_an_operation_wait_and_wake(live: redis.Redis) -> None:
    desk = Desk(live, limit=1)
    until = desk.claim([0, 1]).no_place_until_ms
    desk.control("wait", cause="messaging_limit", until_ms=until)
    desk.control("wait", cause="messaging_limit", until_ms=until)
    assert (desk.state, desk.cause) == ("waiting", "messaging_limit")
    assert len(desk.events("state")) == 2
    assert desk.claim([1]).rows == []
    desk.tell((0, 1, S.FAILED))
    desk.control("wake")
    assert [row.recipient_no for row in desk.claim([1]).rows] == [1]


def test_an_unknown_verb_is_refused(live: redis.Redis) -> None:
    with pytest.raises(ValueError, match="no such verb"):
        ledger.control("op-1", "explode", who="ayse")


def test_cancelling_writes_one_event_a_slice(live: redis.Redis) -> None:
    desk = Desk(live, count=25)
    desk.claim([3])
    desk.claim([4])
    desk.tell((4, 1, S.RETRY), due_ms=desk.now + MINUTE)
    calls = 1
    while not desk.control("cancel", slice_rows=10).done:
        calls += 1
    assert calls == 3
    slices = [(int(e[b"lo"]), int(e[b"hi"])) for e in desk.events("control")]
    assert slices == [(0, 10), (10, 20), (20, 25)]
    assert desk.bytes_() == [S.CANCELLED] * 3 + [S.CLAIMED] + [S.CANCELLED] * 21
    assert ledger.counters(live, "op-1")[S.CANCELLED] == 24
    assert desk.replayed() == desk.bytes_()
    assert desk.control("cancel").done
    assert len(desk.events("control")) == 3


def test_give_back_in_a_cancelled_operation_is_cancelled(live: redis.Redis) -> None:
    """Else it stays pending for ever."""
    desk = Desk(live)
    desk.claim([0, 1])
    desk.control("cancel")
    desk.tell((0, 1, S.PENDING))
    desk.close()
    assert desk.bytes_() == [S.CANCELLED] * 10


def test_a_retryable_failure_in_a_cancelled_operation_is_final(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.control("cancel")
    desk.tell((0, 1, S.RETRY), due_ms=desk.now, code=131000)
    assert (desk.byte(0), desk.state) == (S.FAILED, "cancelled")


def test_outcomes_of_what_was_under_way_still_count_after_a_cancel(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.control("cancel")
    desk.tell((0, 1, S.ACCEPTED))
    desk.hear((0, 1, S.READ))
    assert desk.byte(0) == S.READ


def test_expiring_a_ledger_that_is_gone_forgets_the_operation(live: redis.Redis) -> None:
    desk = Desk(live)
    live.delete(operation_key("op-1"))
    assert desk.expire() == []
    assert live.smembers(OPERATIONS) == set()
