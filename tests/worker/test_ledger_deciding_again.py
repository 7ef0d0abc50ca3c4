"""Sending again and retrying, by a person; suppressions; how long a ledger stays."""

from __future__ import annotations

import json

import pytest
import redis
import redis.asyncio

from engine.live import SUPPRESSED, operation_key
from engine.operations import ledger
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_desk import MINUTE, SECOND, Desk, person


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
