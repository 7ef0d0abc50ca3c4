"""How a row changes: one transition table for answers, webhooks and leases (rule by rule)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import redis

from engine.live import operation_key
from engine.operations import ledger
from engine.operations.states import ROW_DTYPE
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_desk import MINUTE, SECOND, START_MS, Desk


def test_statuses_in_any_order_come_to_one_result(live: redis.Redis) -> None:
    words = [(0, 1, S.ACCEPTED), (0, 1, S.SENT), (0, 1, S.DELIVERED), (0, 1, S.READ)]
    for number, order in enumerate(itertools.permutations(words)):
        desk = Desk(live, operation_id=f"op-{number}", operation_no=number)
        desk.claim([0])
        for word in order:
            desk.hear(word)
        assert desk.byte(0) == S.READ


@pytest.mark.parametrize("attempt", [1, 2])
def test_delivered_of_any_attempt_ends_the_row(live: redis.Redis, attempt: int) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.tell((0, 1, S.RETRY), due_ms=desk.now)
    desk.claim([0], job="j2")
    desk.hear((0, attempt, S.DELIVERED))
    desk.tell((0, 2, S.ACCEPTED))
    desk.hear((0, 2, S.FAILED), code=131026)
    assert desk.byte(0) == S.DELIVERED


def test_a_failure_of_an_older_attempt_changes_nothing(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.tell((0, 1, S.RETRY), due_ms=desk.now)
    desk.claim([0])
    assert desk.hear((0, 1, S.FAILED)).changed == 0
    assert desk.byte(0) == S.CLAIMED


def test_a_failure_that_overtakes_the_workers_own_accepted_stands(live: redis.Redis) -> None:
    """Else the row is "accepted" for ever: no further word will come."""
    desk = Desk(live)
    desk.claim([0])
    desk.hear((0, 1, S.FAILED), code=131026)
    desk.tell((0, 1, S.ACCEPTED), message_id="wamid.1")
    desk.hear((0, 1, S.SENT))
    assert desk.byte(0) == S.FAILED


def test_accepted_after_a_retryable_failure_is_ignored(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.hear((0, 1, S.RETRY), code=131049)
    desk.tell((0, 1, S.ACCEPTED))
    assert desk.byte(0) == S.RETRY


def test_held_is_above_accepted_and_below_sent(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.tell((0, 1, S.HELD))
    assert desk.tell((0, 1, S.ACCEPTED)).changed == 0
    assert desk.hear((0, 1, S.SENT)).changed == 1
    assert desk.byte(0) == S.SENT


def test_a_word_resolves_an_unknown_row(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0, 1, 2])
    desk.tell((0, 1, S.UNKNOWN), (1, 1, S.UNKNOWN), (2, 1, S.UNKNOWN))
    desk.hear((0, 1, S.SENT), (1, 1, S.FAILED), (2, 1, S.READ))
    assert desk.bytes_()[:3] == [S.SENT, S.FAILED, S.READ]
    assert live.zcard(operation_key("op-1", "unk")) == 0


def test_the_same_failure_again_changes_nothing(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.hear((0, 1, S.RETRY), code=131000)
    due = live.zscore(operation_key("op-1", "due"), 0)
    desk.now += MINUTE
    assert desk.hear((0, 1, S.RETRY), code=131000).changed == 0
    assert live.zscore(operation_key("op-1", "due"), 0) == due
    assert live.getrange(operation_key("op-1", "tries"), 0, 0) == b"\x01"


def test_a_failure_by_webhook_is_retried_after_ten_minutes_at_least(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.hear((0, 1, S.RETRY), due_ms=desk.now + 5 * SECOND)
    desk.now += 10 * MINUTE - 1
    assert desk.attempts([0], job="j2") == []
    desk.now += 1
    assert desk.attempts([0], job="j2") == [2]


def test_the_fifth_retryable_failure_is_final(live: redis.Redis) -> None:
    desk = Desk(live)
    for _ in range(5):
        (attempt,) = desk.attempts([0])
        desk.tell((0, attempt, S.RETRY), due_ms=desk.now, code=131000)
    assert desk.byte(0) == S.FAILED


def test_a_code_may_have_fewer_tries(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.tell((0, 1, S.RETRY), due_ms=desk.now, max_tries=1)
    assert desk.byte(0) == S.FAILED


def test_a_word_about_a_higher_attempt_lifts_a_restored_ledger(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.hear((0, 3, S.SENT), (1, 2, S.FAILED), (2, 4, S.DELIVERED))
    assert desk.bytes_()[:3] == [S.SENT, S.FAILED, S.DELIVERED]
    assert [desk.attempt(r) for r in range(3)] == [3, 2, 4]


def test_a_higher_attempt_is_heard_even_after_a_failure_of_the_lower(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.tell((0, 1, S.FAILED))
    desk.hear((0, 2, S.SENT))
    assert (desk.byte(0), desk.attempt(0)) == (S.SENT, 2)


def test_words_about_attempt_zero_or_nobody_are_ignored(live: redis.Redis) -> None:
    desk = Desk(live, count=2)
    assert desk.hear((0, 0, S.READ), (2, 1, S.READ), (4_000_000, 1, S.SENT)).changed == 0
    assert desk.bytes_() == [S.PENDING, S.PENDING]


def test_a_late_lower_status_is_recorded_and_changes_nothing(live: redis.Redis) -> None:
    """A sent after delivered still brings its time and its price."""
    desk = Desk(live)
    desk.claim([0])
    desk.hear((0, 1, S.DELIVERED))
    assert desk.hear((0, 1, S.SENT), at_ms=START_MS - 5_000, flags=0b10).changed == 0
    entry = desk.events("rows")[-1]
    (row,) = np.frombuffer(entry[b"rows"], ROW_DTYPE)
    assert (row["state"], row["flags"], row["at_s"]) == (S.SENT, 0b11, START_MS // 1000 - 5)
    assert desk.byte(0) == S.DELIVERED


def test_an_exact_repeat_is_not_recorded_again(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.hear((0, 1, S.SENT))
    before = len(desk.events())
    desk.hear((0, 1, S.SENT))
    assert len(desk.events()) == before


def test_message_ids_stay_beside_their_rows(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0, 1, 2])
    changes = [ledger.Change(r, 1, S.ACCEPTED, message_id=f"wamid.{r}") for r in (0, 1, 2)]
    desk.run(ledger.transition("op-1", changes[1:2], source="worker", now_ms=desk.now))
    desk.run(ledger.transition("op-1", changes, source="worker", now_ms=desk.now))
    assert desk.events("rows")[-1][b"ids"] == b"wamid.0\nwamid.2"


def test_several_words_about_one_row_in_one_call_apply_in_order(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    assert desk.hear((0, 1, S.SENT), (0, 1, S.DELIVERED), (0, 1, S.READ), (0, 1, S.SENT)).changed == 3
    assert desk.byte(0) == S.READ
    assert sum(ledger.counters(live, "op-1").values()) == desk.count


def test_rows_far_apart_change_as_neighbours_do(live: redis.Redis) -> None:
    desk = Desk(live, count=200_000)
    desk.claim([5])
    desk.claim([150_000])
    desk.claim([199_999])
    assert desk.hear((199_999, 1, S.SENT), (5, 1, S.DELIVERED), (150_000, 1, S.FAILED)).changed == 3
    states = ledger.read_states(live, "op-1", 0, 200_000)
    assert (states[5], states[150_000], states[199_999]) == (S.DELIVERED, S.FAILED, S.SENT)
    assert states.count(0) == 199_997


def test_a_webhook_without_a_ledger_is_handed_to_the_recorder(live: redis.Redis) -> None:
    desk = Desk(live)
    live.flushall()
    desk.hear((0, 1, S.READ), message_id="wamid.1")
    (entry,) = desk.events("rows")
    assert (entry[b"orphan"], entry[b"op"]) == (b"1", b"op-1")
    assert len(live.keys()) == 1


def test_each_call_writes_one_entry(live: redis.Redis) -> None:
    desk = Desk(live)
    before = len(desk.events())
    desk.claim(range(6))
    desk.tell(*[(r, 1, S.ACCEPTED) for r in range(6)])
    assert len(desk.events()) == before + 2
    assert desk.replayed() == desk.bytes_()
