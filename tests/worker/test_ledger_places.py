"""Places in the messaging limit: a person holds one as long as any of their holders does."""

from __future__ import annotations

import redis

from engine.live import portfolio_key
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_desk import DAY, HOUR, MINUTE, SECOND, Desk


def test_a_full_limit_gives_no_place_and_says_until_when(live: redis.Redis) -> None:
    desk = Desk(live, limit=2)
    answer = desk.claim([0, 1, 2])
    assert [row.recipient_no for row in answer.rows] == [0, 1]
    assert answer.taken == []
    desk.tell((0, 1, S.ACCEPTED), (1, 1, S.ACCEPTED))
    assert desk.claim([2]).no_place_until_ms == desk.now + DAY


def test_one_person_takes_one_place_however_many_messages(live: redis.Redis) -> None:
    first = Desk(live, limit=1)
    second = Desk(live, limit=1, operation_id="op-2", operation_no=2, shared=True)
    first.claim([0])
    assert [row.recipient_no for row in second.claim([0, 1]).rows] == [0]
    assert first.places == 1
    first.tell((0, 1, S.FAILED))
    assert first.places == 1
    second.tell((0, 1, S.FAILED))
    assert first.places == 0


def test_two_recipients_who_are_one_person_take_one_place(live: redis.Redis) -> None:
    desk = Desk(live, people=[7] * 10, limit=1)
    assert len(desk.claim([0, 1]).rows) == 2
    assert desk.places == 1


def test_a_place_is_held_for_a_day_after_acceptance(live: redis.Redis) -> None:
    desk = Desk(live, limit=1)
    desk.claim([0])
    desk.now += 10 * SECOND
    desk.tell((0, 1, S.ACCEPTED))
    desk.now += DAY - 1
    assert desk.claim([1]).rows == []
    desk.now += 1
    assert len(desk.claim([1], job="j2").rows) == 1


def test_a_place_is_held_for_a_day_after_delivery(live: redis.Redis) -> None:
    desk = Desk(live, limit=1)
    desk.claim([0])
    desk.tell((0, 1, S.ACCEPTED))
    desk.now += 20 * HOUR
    desk.hear((0, 1, S.DELIVERED), at_ms=desk.now)
    desk.now += DAY - 1
    assert desk.claim([1]).rows == []
    desk.now += 1
    assert len(desk.claim([1], job="j2").rows) == 1


def test_a_repeated_delivery_does_not_prolong_the_place(live: redis.Redis) -> None:
    desk = Desk(live, limit=1)
    desk.claim([0])
    desk.hear((0, 1, S.DELIVERED))
    desk.now += 12 * HOUR
    desk.hear((0, 1, S.DELIVERED), (0, 1, S.READ))
    desk.now += 12 * HOUR
    assert desk.places == 0


def test_sent_does_not_prolong_the_place(live: redis.Redis) -> None:
    desk = Desk(live, limit=1)
    desk.claim([0])
    desk.tell((0, 1, S.ACCEPTED))
    desk.now += 12 * HOUR
    desk.hear((0, 1, S.SENT))
    desk.now += 12 * HOUR
    assert desk.places == 0


def test_a_delivery_that_comes_later_takes_a_place_anew_even_above_the_limit(live: redis.Redis) -> None:
    desk = Desk(live, limit=1)
    desk.claim([0])
    desk.tell((0, 1, S.ACCEPTED))
    desk.now += DAY
    desk.claim([1], job="j2")
    desk.tell((1, 1, S.ACCEPTED))
    assert desk.places == 1
    desk.hear((0, 1, S.DELIVERED))
    assert desk.places == 2


def test_an_unknown_row_keeps_its_place(live: redis.Redis) -> None:
    """It may have been sent: whoever drops it goes above the limit."""
    desk = Desk(live, limit=1)
    desk.claim([0])
    desk.tell((0, 1, S.UNKNOWN))
    assert desk.claim([1]).rows == []
    desk.now += DAY
    assert desk.claim([1], job="j2").rows == []
    desk.now += MINUTE
    assert len(desk.claim([1], job="j3").rows) == 1


def test_an_expired_lease_keeps_the_place(live: redis.Redis) -> None:
    desk = Desk(live, limit=1)
    desk.claim([0])
    desk.now += 16 * SECOND
    desk.expire()
    assert desk.places == 1


def test_failure_give_back_and_cancel_free_the_place(live: redis.Redis) -> None:
    desk = Desk(live, limit=3)
    desk.claim([0, 1, 2])
    desk.tell((0, 1, S.FAILED), (1, 1, S.PENDING))
    assert desk.places == 1
    desk.control("cancel")
    desk.close()
    assert desk.byte(2) == S.CANCELLED
    assert desk.places == 0


def test_a_failure_drops_its_own_holder_only(live: redis.Redis) -> None:
    desk = Desk(live, limit=3)
    desk.claim([0])
    desk.tell((0, 1, S.UNKNOWN))
    desk.now += 40 * SECOND
    desk.control("send_again", rows=[(0, 1)])
    desk.claim([0], job="j2")
    desk.tell((0, 2, S.FAILED))
    assert desk.places == 1
    desk.hear((0, 1, S.FAILED))
    assert desk.places == 0


def test_a_delivered_place_is_never_dropped(live: redis.Redis) -> None:
    desk = Desk(live, limit=3)
    desk.claim([0])
    desk.hear((0, 1, S.DELIVERED))
    desk.hear((0, 1, S.FAILED), code=131026)
    assert desk.places == 1


def test_a_give_back_after_another_attempts_delivery_still_frees_its_own_place(live: redis.Redis) -> None:
    """delivered(1) while attempt 2 is claimed and then given back: holder 2 would leak for a day."""
    desk = Desk(live, limit=3)
    desk.claim([0])
    desk.tell((0, 1, S.RETRY), due_ms=desk.now)
    desk.claim([0])
    desk.hear((0, 1, S.DELIVERED), at_ms=desk.now - 12 * HOUR)
    desk.tell((0, 2, S.PENDING), job="j1")
    desk.now += 12 * HOUR + SECOND
    assert desk.byte(0) == S.DELIVERED
    assert desk.places == 0


def test_closing_a_job_frees_the_place_of_an_attempt_whose_row_moved_on(live: redis.Redis) -> None:
    desk = Desk(live, limit=3)
    desk.claim([0])
    desk.tell((0, 1, S.RETRY), due_ms=desk.now)
    desk.claim([0])
    desk.hear((0, 1, S.DELIVERED), at_ms=desk.now - 12 * HOUR)
    desk.close(posted=[(0, 1)])
    desk.now += 12 * HOUR + SECOND
    assert desk.places == 0


def test_accepted_after_its_failure_takes_no_place(live: redis.Redis) -> None:
    desk = Desk(live, limit=3)
    desk.claim([0])
    desk.hear((0, 1, S.FAILED))
    desk.tell((0, 1, S.ACCEPTED))
    assert desk.places == 0


def test_people_in_an_open_window_take_no_place(live: redis.Redis) -> None:
    desk = Desk(live, limit=1)
    desk.open_window(0, desk.now + HOUR)
    desk.open_window(1, desk.now + HOUR)
    assert len(desk.claim([0, 1, 2]).rows) == 3
    assert desk.places == 1
    desk.hear((0, 1, S.DELIVERED))
    assert desk.places == 1


def test_a_window_that_closes_within_two_minutes_does_not_count(live: redis.Redis) -> None:
    desk = Desk(live, limit=0)
    desk.open_window(0, desk.now + 2 * MINUTE - 1)
    assert desk.claim([0]).rows == []
    desk.open_window(0, desk.now + 2 * MINUTE)
    assert len(desk.claim([0]).rows) == 1


def test_a_window_that_closes_before_delivery_takes_a_place_then(live: redis.Redis) -> None:
    desk = Desk(live, limit=1)
    desk.open_window(0, desk.now + HOUR)
    desk.claim([0])
    desk.tell((0, 1, S.ACCEPTED))
    assert desk.places == 0
    desk.now += 2 * HOUR
    desk.hear((0, 1, S.DELIVERED))
    assert desk.places == 1


def test_read_after_a_delivery_in_a_window_takes_no_place(live: redis.Redis) -> None:
    desk = Desk(live, limit=1)
    desk.open_window(0, desk.now + HOUR)
    desk.claim([0])
    desk.hear((0, 1, S.DELIVERED), at_ms=desk.now)
    at_ms = desk.now
    desk.now += 2 * HOUR
    desk.hear((0, 1, S.READ), at_ms=desk.now)
    desk.hear((0, 1, S.DELIVERED), at_ms=at_ms)
    assert desk.places == 0


def test_an_unlimited_portfolio_takes_no_places(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0, 1])
    desk.hear((0, 1, S.DELIVERED))
    assert not live.exists(portfolio_key("pf", "places"), portfolio_key("pf", "holders"))


def test_a_limit_lifted_while_running_still_frees_the_places_taken(live: redis.Redis) -> None:
    desk = Desk(live, limit=2)
    desk.claim([0, 1])
    desk.set_limit(-1)
    desk.tell((0, 1, S.FAILED))
    desk.set_limit(2)
    assert desk.places == 1


def test_a_limit_lowered_while_running_gives_nothing_more(live: redis.Redis) -> None:
    desk = Desk(live, limit=3)
    desk.claim([0, 1, 2])
    desk.set_limit(2)
    desk.tell((0, 1, S.FAILED))
    assert desk.claim([3]).rows == []
    desk.tell((1, 1, S.FAILED))
    assert len(desk.claim([3]).rows) == 1


def test_portfolios_do_not_share_places(live: redis.Redis) -> None:
    first = Desk(live, limit=1)
    second = Desk(live, limit=1, operation_id="op-2", operation_no=2, channel_id="ch2", portfolio_id="pf2")
    assert len(first.claim([0]).rows) == len(second.claim([1]).rows) == 1


def test_expired_people_are_forgotten(live: redis.Redis) -> None:
    desk = Desk(live, limit=5)
    desk.claim([0, 1])
    desk.tell((0, 1, S.ACCEPTED), (1, 1, S.ACCEPTED))
    desk.now += DAY + HOUR
    desk.claim([2], job="j2")
    assert live.zcard(portfolio_key("pf", "places")) == live.hlen(portfolio_key("pf", "holders")) == 1
