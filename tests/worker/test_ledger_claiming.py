"""The right to post: tokens, leases, tombstones, slots. Each test is the story of what broke without its rule."""

from __future__ import annotations

import redis

from engine.live import operation_key
from engine.operations import ledger
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_desk import SECOND, Desk, person


def test_a_claim_gives_pending_rows_with_attempt_one_under_a_lease(live: redis.Redis) -> None:
    desk = Desk(live)
    answer = desk.claim([0, 1, 2])
    assert [(row.recipient_no, row.attempt) for row in answer.rows] == [(0, 1), (1, 1), (2, 1)]
    assert desk.bytes_()[:4] == [S.CLAIMED, S.CLAIMED, S.CLAIMED, S.PENDING]
    assert live.zscore(operation_key("op-1", "leases"), "j1") == desk.now + 15_000


def test_rows_of_another_job_are_taken(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0, 1])
    answer = desk.claim([0, 1, 2], job="j2")
    assert [row.recipient_no for row in answer.rows] == [2]
    assert answer.taken == [0, 1]


def test_a_candidate_named_twice_is_claimed_once(live: redis.Redis) -> None:
    desk = Desk(live)
    assert [row.recipient_no for row in desk.claim([3, 3]).rows] == [3]
    assert desk.attempt(3) == 1


def test_candidates_beyond_the_last_recipient_are_taken(live: redis.Redis) -> None:
    desk = Desk(live, count=3)
    answer = desk.claim([2, 3, 900])
    assert [row.recipient_no for row in answer.rows] == [2]
    assert answer.taken == [3, 900]


def test_a_repeated_token_returns_the_rows_whose_answer_was_lost(live: redis.Redis) -> None:
    desk = Desk(live)
    first = desk.claim([0, 1], token="t")
    again = desk.claim([0, 1], token="t")
    assert again.rows == first.rows
    assert desk.attempt(0) == 1


def test_a_repeated_token_does_not_return_a_row_that_was_sent_again_since(live: redis.Redis) -> None:
    """The answer is lost, the lease expires, a person sends again, attempt 2 is accepted: attempt 1 is nobody's."""
    desk = Desk(live)
    desk.claim([0, 1], token="t")
    desk.tell((0, 1, S.UNKNOWN))
    desk.now += 14 * SECOND
    desk.claim()  # renewed: the job lives on
    desk.now += 14 * SECOND
    desk.claim()
    desk.now += 10 * SECOND
    desk.claim()
    assert desk.control("send_again", rows=[(0, 1)]).count == 1
    assert desk.attempts([0], job="j2") == [2]
    assert [row.recipient_no for row in desk.claim([0, 1], token="t").rows] == [1]


def test_a_repeated_token_does_not_return_a_row_that_was_given_back(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0], token="t")
    desk.tell((0, 1, S.PENDING), job="j1")
    assert desk.claim([0], token="t").rows == []


def test_an_expired_job_is_lost_even_before_anyone_swept_it(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0], token="t")
    desk.now += 15 * SECOND
    assert desk.claim([0], token="t").lost
    assert desk.claim([1]).lost


def test_an_expired_job_leaves_a_tombstone(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.now += 16 * SECOND
    assert desk.expire() == ["j1"]
    answer = desk.claim([1])
    assert answer.lost
    assert answer.rows == []
    assert desk.bytes_()[:2] == [S.UNKNOWN, S.PENDING]


def test_a_claim_stuck_in_an_old_socket_finds_its_job_closed(live: redis.Redis) -> None:
    """The job gave everything back; the claim that arrives now would leave rows without an owner."""
    desk = Desk(live)
    desk.claim([0])
    desk.close()
    assert desk.claim([0, 1]).lost
    assert desk.bytes_()[:2] == [S.PENDING, S.PENDING]


def test_a_claim_after_its_own_not_after_is_refused(live: redis.Redis) -> None:
    """Also for a job that never had a lease: the worker died before its first claim arrived."""
    desk = Desk(live)
    assert desk.claim([0], not_after=desk.now - 1).lost
    assert desk.byte(0) == S.PENDING
    assert not live.exists(operation_key("op-1", "leases"))


def test_a_claim_without_candidates_renews_the_lease(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.now += 10 * SECOND
    assert not desk.claim().lost
    desk.now += 10 * SECOND
    assert desk.expire() == []
    assert desk.byte(0) == S.CLAIMED


def test_a_paused_operation_still_renews_leases_but_gives_nothing(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.control("pause")
    desk.now += 10 * SECOND
    answer = desk.claim([1])
    assert (answer.state, answer.rows, answer.lost) == ("paused", [], False)
    desk.now += 10 * SECOND
    assert desk.expire() == []


def test_a_doubled_give_back_does_not_free_another_workers_claim(live: redis.Redis) -> None:
    """If give-back returned the attempt number, its double would fit the next claim: posted twice."""
    desk = Desk(live)
    desk.claim([0])
    desk.tell((0, 1, S.PENDING))
    assert desk.attempts([0], job="j2") == [2]
    assert desk.tell((0, 1, S.PENDING)).changed == 0
    assert desk.byte(0) == S.CLAIMED


def test_give_backs_burn_no_try(live: redis.Redis) -> None:
    desk = Desk(live)
    for _ in range(8):
        (attempt,) = desk.attempts([0])
        desk.tell((0, attempt, S.PENDING))
    (attempt,) = desk.attempts([0])
    desk.tell((0, attempt, S.RETRY), due_ms=desk.now, code=131000)
    assert desk.byte(0) == S.RETRY


def test_a_missed_slot_is_exchanged_under_the_same_attempt(live: redis.Redis) -> None:
    desk = Desk(live, rate=10)
    (first,) = desk.claim([0]).rows
    desk.now += SECOND
    answer = desk.claim(again=[(0, 1)])
    assert [(row.recipient_no, row.attempt) for row in answer.rows] == [(0, 1)]
    assert answer.rows[0].slot_ms > first.slot_ms
    assert desk.byte(0) == S.CLAIMED


def test_a_slot_is_exchanged_for_the_job_that_holds_the_row_alone(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    answer = desk.claim(job="j2", again=[(0, 1)])
    assert answer.rows == []
    assert answer.taken == [0]


def test_a_paused_operation_exchanges_no_slot(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.control("pause")
    assert desk.claim(again=[(0, 1)]).rows == []
    assert desk.close().given_back == 1


def test_a_person_who_opted_out_since_gets_no_exchanged_slot(live: redis.Redis) -> None:
    desk = Desk(live, limit=5)
    desk.claim([0])
    desk.run(ledger.suppress(person(0), "all", "keyword"))
    answer = desk.claim(again=[(0, 1)])
    assert (answer.rows, answer.suppressed) == ([], [0])
    assert (desk.byte(0), desk.places) == (S.SUPPRESSED, 0)


def test_no_slot_lies_further_ahead_than_the_horizon(live: redis.Redis) -> None:
    """Forty workers at 80 a second got slots 20 seconds ahead, beyond their lease."""
    desk = Desk(live, count=200, rate=80)
    answer = desk.claim(range(200))
    assert max(row.slot_ms for row in answer.rows) <= desk.now + 1000
    assert len(answer.rows) == 79
    assert desk.now < answer.no_slot_until_ms <= desk.now + 20
    assert desk.byte(150) == S.PENDING


def test_the_servers_own_clock_is_used_when_no_time_is_given(live: redis.Redis) -> None:
    desk = Desk(live)
    call = ledger.claim(
        "op-1", job="j", token="t", channel_id="ch", portfolio_id="pf", candidates=[0], not_after_ms=0
    )
    seconds, _ = live.time()
    assert abs(desk.run(call).server_ms - seconds * 1000) < 5_000
