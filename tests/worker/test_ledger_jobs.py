"""What becomes of the rows of a job that ends, dies or comes back; and when an operation is completed."""

from __future__ import annotations

import pytest
import redis

from engine.live import operation_key
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_desk import MINUTE, SECOND, Desk


def test_an_expired_lease_makes_rows_unknown(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0, 1])
    desk.tell((0, 1, S.ACCEPTED), job="j1")
    desk.now += 15 * SECOND
    desk.expire()
    assert desk.bytes_()[:3] == [S.ACCEPTED, S.UNKNOWN, S.PENDING]


def test_a_renewal_that_won_keeps_its_rows(live: redis.Redis) -> None:
    """Whoever swept had seen the old deadline: it is checked again inside the script."""
    desk = Desk(live)
    desk.claim([0])
    desk.now += 14_999
    desk.claim()
    desk.now += 1
    assert desk.expire() == []
    assert desk.byte(0) == S.CLAIMED


def test_closing_a_job_gives_back_what_it_never_posted(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0, 1, 2])
    desk.tell((0, 1, S.ACCEPTED), job="j1")
    answer = desk.close(posted=[(0, 1), (1, 1)])
    assert (answer.given_back, answer.unknown) == (1, 1)
    assert desk.bytes_()[:3] == [S.ACCEPTED, S.UNKNOWN, S.PENDING]


def test_closing_gives_back_rows_of_a_claim_whose_answer_never_came(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0, 1])
    assert desk.close().given_back == 2
    assert desk.close().given_back == 0


def test_a_live_worker_gives_back_what_became_unknown_and_was_never_posted(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0, 1, 2])
    desk.now += 16 * SECOND
    desk.expire()
    desk.tell((0, 1, S.PENDING))
    answer = desk.close(posted=[(1, 1)])
    assert answer.given_back == 1
    assert desk.bytes_()[:3] == [S.PENDING, S.UNKNOWN, S.PENDING]


def test_a_late_close_leaves_a_row_alone_that_was_claimed_anew(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.now += 16 * SECOND
    desk.expire()
    desk.now += MINUTE
    desk.control("send_again", rows=[(0, 1)])
    desk.claim([0], job="j2")
    desk.close()
    assert (desk.byte(0), desk.attempt(0)) == (S.CLAIMED, 2)


@pytest.mark.parametrize("word", [S.ACCEPTED, S.UNKNOWN, S.FAILED, S.SUPPRESSED])
def test_the_last_open_row_completes_the_operation(live: redis.Redis, word: S) -> None:
    desk = Desk(live, count=1)
    desk.claim([0])
    answer = desk.tell((0, 1, word))
    assert answer.completed
    assert desk.state == "completed"
    assert 0 < live.ttl(operation_key("op-1", "led")) <= 31 * 86_400


def test_a_retry_opens_a_completed_operation_again(live: redis.Redis) -> None:
    desk = Desk(live, count=1)
    desk.claim([0])
    desk.tell((0, 1, S.ACCEPTED))
    assert not desk.hear((0, 1, S.RETRY), code=131049).completed
    assert desk.state == "running"
    assert live.ttl(operation_key("op-1", "led")) == -1
    desk.now += 10 * MINUTE
    desk.claim([0])
    assert desk.tell((0, 2, S.ACCEPTED)).completed


def test_a_retry_after_completion_finds_a_persons_pause_again(live: redis.Redis) -> None:
    desk = Desk(live, count=1)
    desk.claim([0])
    desk.control("pause")
    desk.tell((0, 1, S.ACCEPTED))
    assert desk.state == "completed"
    desk.hear((0, 1, S.RETRY))
    assert desk.state == "paused"


def test_a_give_back_after_completion_opens_the_operation_again(live: redis.Redis) -> None:
    desk = Desk(live, count=1)
    desk.claim([0])
    desk.now += 16 * SECOND
    desk.expire()
    assert desk.state == "completed"
    desk.tell((0, 1, S.PENDING))
    assert (desk.state, desk.byte(0)) == ("running", S.PENDING)
