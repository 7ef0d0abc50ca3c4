"""What a person or the dispatcher decides: creating, pausing, cancelling, sending again, suppressing."""

from __future__ import annotations

import asyncio
import json

import pytest
import redis
import redis.asyncio

from engine.live import OPERATIONS, SUPPRESSED, operation_key
from engine.operations import ledger
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_desk import MINUTE, SECOND, Desk, person


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


def unknown_row(desk: Desk) -> None:
    desk.claim([0])
    desk.now += 16 * SECOND
    desk.expire()


def test_send_again_opens_only_when_nobody_can_be_posting(live: redis.Redis) -> None:
    desk = Desk(live)
    unknown_row(desk)
    desk.now += 35 * SECOND - 1
    assert desk.control("send_again", rows=[(0, 1)]).count == 0
    desk.now += 1
    assert desk.control("send_again", rows=[(0, 1)]).count == 1
    assert desk.control("send_again", rows=[(0, 1)]).count == 0
    assert desk.attempts([0], job="j2") == [2]


def test_send_again_is_fenced_by_the_attempt_the_person_saw(live: redis.Redis) -> None:
    desk = Desk(live)
    unknown_row(desk)
    desk.now += MINUTE
    assert desk.control("send_again", rows=[(0, 2), (1, 1)]).count == 0


def test_a_late_word_still_resolves_a_row_that_waits_to_be_sent_again(live: redis.Redis) -> None:
    desk = Desk(live)
    unknown_row(desk)
    desk.now += MINUTE
    desk.control("send_again", rows=[(0, 1)])
    desk.hear((0, 1, S.SENT))
    assert desk.claim([0], job="j2").taken == [0]


def test_cancel_returns_rows_sent_again_to_unknown(live: redis.Redis) -> None:
    desk = Desk(live)
    unknown_row(desk)
    desk.now += MINUTE
    desk.control("send_again", rows=[(0, 1)])
    desk.control("cancel")
    assert desk.byte(0) == S.UNKNOWN
    assert desk.replayed() == desk.bytes_()


def test_a_row_sent_again_and_given_back_is_unknown_after_a_cancel(live: redis.Redis) -> None:
    """Its first attempt may have arrived: to call it cancelled would say that nobody got it."""
    desk = Desk(live)
    unknown_row(desk)
    desk.now += MINUTE
    desk.control("send_again", rows=[(0, 1)])
    desk.claim([0], job="j2")
    desk.control("cancel")
    desk.close(job="j2")
    assert desk.byte(0) == S.UNKNOWN


@pytest.mark.parametrize("gives_back", [True, False])
def test_the_mark_of_sent_again_survives_an_expired_lease(live: redis.Redis, gives_back: bool) -> None:
    desk = Desk(live)
    unknown_row(desk)
    desk.now += MINUTE
    desk.control("send_again", rows=[(0, 1)])
    desk.claim([0], job="j2")
    desk.now += 16 * SECOND
    desk.expire()
    if gives_back:
        desk.tell((0, 2, S.PENDING))
    desk.control("cancel")
    assert desk.byte(0) == S.UNKNOWN


def test_a_persons_retry_is_not_undone_by_a_late_sent_of_the_failed_attempt(live: redis.Redis) -> None:
    """To pending, the late word would apply, and the row be lost."""
    desk = Desk(live)
    desk.claim([0])
    desk.tell((0, 1, S.FAILED))
    assert desk.control("retry", rows=[(0, 1)]).count == 1
    assert desk.byte(0) == S.RETRY
    desk.hear((0, 1, S.SENT))
    assert desk.attempts([0], job="j2") == [2]


def test_a_persons_retry_counts_tries_anew(live: redis.Redis) -> None:
    desk = Desk(live)
    for _ in range(5):
        (attempt,) = desk.attempts([0])
        desk.tell((0, attempt, S.RETRY), due_ms=desk.now)
    desk.control("retry", rows=[(0, 5)])
    desk.attempts([0])
    desk.tell((0, 6, S.RETRY), due_ms=desk.now)
    assert desk.byte(0) == S.RETRY


def test_retry_opens_a_completed_operation_again_and_leaves_a_cancelled_one(live: redis.Redis) -> None:
    desk = Desk(live, count=1)
    desk.claim([0])
    desk.tell((0, 1, S.FAILED))
    assert desk.state == "completed"
    assert desk.control("retry", rows=[(0, 1)]).state == "running"
    desk.control("cancel")
    assert desk.byte(0) == S.CANCELLED
    other = Desk(live, count=1, operation_id="op-2", shared=True)
    other.claim([0])
    other.control("cancel")
    other.tell((0, 1, S.FAILED))
    assert other.control("retry", rows=[(0, 1)]).count == 0


def test_a_finished_ledger_stays_thirty_one_days_and_a_live_one_for_ever(live: redis.Redis) -> None:
    desk = Desk(live)
    keys = [key for key in live.keys("ulak:op:*")]
    assert {live.ttl(key) for key in keys} == {-1}
    desk.claim([0])
    desk.control("cancel")
    desk.close(posted=[(0, 1)])
    assert desk.byte(0) == S.UNKNOWN
    for part in ("", "led", "att", "who", "unk"):
        assert 30 * 86_400 < live.ttl(operation_key("op-1", part)) <= 31 * 86_400


def test_expiring_a_ledger_that_is_gone_forgets_the_operation(live: redis.Redis) -> None:
    desk = Desk(live)
    live.delete(operation_key("op-1"))
    assert desk.expire() == []
    assert live.smembers(OPERATIONS) == set()


def test_a_suppression_is_said_once_and_lifted_by_its_reason(live: redis.Redis) -> None:
    desk = Desk(live)
    suppress = ledger.suppress(person(1), "marketing", "user_preferences", channel_id="ch")
    assert (desk.run(suppress), desk.run(suppress)) == (True, False)
    assert desk.run(ledger.suppress(person(1), "all", "keyword"))
    assert live.hget(SUPPRESSED, person(1))[:1] == b"a"
    assert desk.run(ledger.lift(person(1), "marketing", ["keyword"])) == 0
    assert desk.run(ledger.lift(person(1), "all", ["keyword"], who="ayse")) == 1
    assert live.hget(SUPPRESSED, person(1)) == b"m;m:user_preferences"
    assert desk.run(ledger.lift(person(1))) == 1
    assert not live.hexists(SUPPRESSED, person(1))
    kinds = [(e[b"k"], json.loads(e[b"j"])["reason"]) for e in desk.events() if b"j" in e]
    assert kinds == [
        (b"suppress", "user_preferences"),
        (b"suppress", "keyword"),
        (b"lift", "keyword"),
        (b"lift", "user_preferences"),
    ]
    assert json.loads(desk.events("suppress")[0][b"j"])["person_key"] == person(1).hex()


def test_a_rebuilt_suppression_has_the_same_shape(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.run(ledger.suppress(person(1), "marketing", "keyword"))
    desk.run(ledger.suppress(person(1), "all", "manual"))
    rebuilt = ledger.suppression_value([("marketing", "keyword"), ("all", "manual")])
    assert live.hget(SUPPRESSED, person(1)) == rebuilt
