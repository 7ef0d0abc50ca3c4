"""What keeps a claim from giving anything: opting out, a missing copy, another epoch, a full server."""

from __future__ import annotations

import pytest
import redis

from engine.live import STORE, SUPPRESSED, channel_key
from engine.operations import ledger
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_desk import MINUTE, Desk, person


def test_suppressed_rows_end_in_the_claim_and_the_operation_completes(live: redis.Redis) -> None:
    desk = Desk(live, count=2)
    desk.run(ledger.suppress(person(0), "marketing", "keyword"))
    desk.run(ledger.suppress(person(1), "all", "manual"))
    answer = desk.claim([0, 1])
    assert answer.suppressed == [0, 1]
    assert answer.state == desk.state == "completed"
    assert desk.event_rows() == [(0, 0, S.SUPPRESSED, False), (1, 0, S.SUPPRESSED, False)]
    assert ledger.counters(live, "op-1")[S.SUPPRESSED] == 2


@pytest.mark.parametrize(
    ("category", "scope", "is_stopped"),
    [
        ("MARKETING", "marketing", True),
        ("MARKETING", "all", True),
        ("UTILITY", "marketing", False),
        ("UTILITY", "all", True),
    ],
)
def test_suppression_honours_its_scope(live: redis.Redis, category: str, scope: str, is_stopped: bool) -> None:
    desk = Desk(live, category=category)
    desk.run(ledger.suppress(person(0), scope, "keyword"))
    assert bool(desk.claim([0]).suppressed) is is_stopped


@pytest.mark.parametrize(("value", "is_stopped"), [(b"m", True), (b"a", True)])
def test_a_rebuilt_copy_of_the_suppressions_counts(live: redis.Redis, value: bytes, is_stopped: bool) -> None:
    desk = Desk(live)
    live.hset(SUPPRESSED, person(0), value)
    assert bool(desk.claim([0]).suppressed) is is_stopped


def test_without_the_suppressions_nothing_is_sent(live: redis.Redis) -> None:
    desk = Desk(live)
    live.hdel(STORE, "suppressions")
    answer = desk.claim([0])
    assert (answer.rows, answer.cause, desk.state) == ([], "suppressions_missing", "running")


def test_senders_wait_while_the_store_says_hold(live: redis.Redis) -> None:
    desk = Desk(live)
    live.hset(STORE, "hold", "stream")
    assert desk.claim([0]).cause == "stream"
    live.hdel(STORE, "hold")
    assert len(desk.claim([0]).rows) == 1


def test_another_epoch_halts_the_operation(live: redis.Redis) -> None:
    desk = Desk(live)
    live.hset(STORE, "epoch", "e2")
    answer = desk.claim([0])
    assert (answer.state, answer.cause, answer.rows) == ("halted", "epoch", [])
    desk.control("resume")
    assert desk.claim([0]).cause == "epoch"


def test_a_claim_for_a_ledger_that_is_gone_is_lost(live: redis.Redis) -> None:
    desk = Desk(live)
    live.flushall()
    answer = desk.claim([0])
    assert answer.lost
    assert answer.cause == "missing"
    assert live.keys() == []


def test_a_channel_without_a_rate_gives_nothing(live: redis.Redis) -> None:
    desk = Desk(live)
    live.delete(channel_key("ch"))
    assert desk.claim([0]).cause == "channel_missing"


def test_a_retry_is_claimed_when_it_is_due_and_not_before(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.tell((0, 1, S.RETRY), due_ms=desk.now + MINUTE)
    assert desk.claim([0]).taken == [0]
    desk.now += MINUTE
    assert desk.attempts([0], job="j2") == [2]


def test_a_full_server_refuses_claims_and_takes_outcomes(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    before = live.config_get("maxmemory")["maxmemory"]
    live.config_set("maxmemory", 1)
    try:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            desk.claim([1])
        assert desk.tell((0, 1, S.ACCEPTED)).changed == 1
        assert desk.control("pause").state == "paused"
    finally:
        live.config_set("maxmemory", before)


def test_more_than_two_thousand_rows_a_call_are_refused_before_they_are_sent(live: redis.Redis) -> None:
    desk = Desk(live, count=2_001)
    with pytest.raises(ValueError, match="at most 2000"):
        desk.claim(range(2_001))


def test_two_thousand_rows_fit_one_call(live: redis.Redis) -> None:
    desk = Desk(live, count=2_000, limit=10_000)
    rows = desk.claim(range(2_000)).rows
    assert len(rows) == 2_000
    assert desk.tell(*[(r.recipient_no, 1, S.ACCEPTED) for r in rows], job="j1").completed
