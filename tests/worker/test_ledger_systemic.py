"""What is more than one row: the error budget, template errors, halts, and the channel's pace."""

from __future__ import annotations

import pytest
import redis

from engine.live import SUPPRESSED, channel_key
from engine.operations.ledger import Change, transition
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_desk import HOUR, SECOND, Desk, person


def test_more_than_thirty_percent_of_the_first_two_hundred_halt(live: redis.Redis) -> None:
    desk = Desk(live, count=300)
    desk.claim(range(300))
    desk.tell(*[(r, 1, S.ACCEPTED) for r in range(140)])
    assert not desk.tell(*[(r, 1, S.FAILED) for r in range(140, 200)]).halted
    assert desk.hear((0, 1, S.FAILED), code=131026).halted
    assert (desk.state, desk.cause) == ("halted", "error_budget")


def test_only_the_first_two_hundred_posted_count_whenever_their_failures_come(live: redis.Redis) -> None:
    desk = Desk(live, count=500)
    desk.claim(range(500))
    desk.tell(*[(r, 1, S.ACCEPTED) for r in range(300, 500)])
    assert not desk.tell(*[(r, 1, S.FAILED) for r in range(200)]).halted
    desk.hear(*[(r, 1, S.FAILED) for r in range(300, 360)])
    desk.hear(*[(r, 1, S.FAILED) for r in range(300, 360)])
    assert desk.state == "running"
    assert desk.hear((360, 1, S.FAILED)).halted


def test_a_row_that_fails_twice_counts_once(live: redis.Redis) -> None:
    desk = Desk(live, count=300)
    desk.claim(range(40))
    desk.tell(*[(r, 1, S.FAILED) for r in range(40)])
    desk.control("retry", rows=[(r, 1) for r in range(40)])
    desk.claim(range(40))
    assert not desk.tell(*[(r, 2, S.FAILED) for r in range(40)]).halted
    assert desk.state == "running"


def test_a_budget_that_breaks_on_the_last_row_completes(live: redis.Redis) -> None:
    desk = Desk(live, count=100)
    desk.claim(range(100))
    answer = desk.tell(*[(r, 1, S.FAILED) for r in range(100)])
    assert (answer.completed, answer.halted) == (True, False)


def test_a_resume_after_the_budget_starts_a_new_cohort(live: redis.Redis) -> None:
    desk = Desk(live, count=300)
    desk.claim(range(300))
    desk.tell(*[(r, 1, S.FAILED) for r in range(61)])
    assert desk.state == "halted"
    desk.control("resume")
    assert not desk.tell((61, 1, S.FAILED)).halted


def test_three_template_errors_in_a_row_halt_and_give_the_rows_back(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim(range(3))
    words = [(r, 1, S.RETRY) for r in range(3)]
    answer = desk.tell(*words, code=132000, action="template_error", due_ms=desk.now)
    assert answer.halted
    assert desk.cause == "template:132000"
    assert desk.bytes_()[:3] == [S.RETRY] * 3


def test_a_success_between_breaks_the_row_of_template_errors(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim(range(6))
    for start in (0, 3):
        words = [(start, 1, S.RETRY), (start + 1, 1, S.RETRY)]
        desk.tell(*words, code=132000, action="template_error", due_ms=desk.now)
        desk.tell((start + 2, 1, S.ACCEPTED))
    assert desk.state == "running"


def test_a_repeated_answer_is_not_a_second_template_error(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    for _ in range(5):
        desk.tell((0, 1, S.RETRY), code=132000, action="template_error", due_ms=desk.now)
    assert desk.state == "running"


def test_template_errors_by_webhook_are_not_broken_by_new_acceptances(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim(range(8))
    for r in range(3):
        desk.tell((r, 1, S.ACCEPTED), (r + 3, 1, S.ACCEPTED))
        desk.hear((r, 1, S.RETRY), code=132015, action="template_error")
    assert (desk.state, desk.cause) == ("halted", "template:132015")


def test_an_answer_that_halts_gives_its_row_back(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0, 1])
    assert desk.tell((0, 1, S.PENDING), code=131008, action="halt_operation").halted
    assert (desk.byte(0), desk.cause) == (S.PENDING, "operation:131008")
    assert desk.claim([2]).state == "halted"
    desk.control("resume")
    assert desk.attempts([0], job="j2") == [2]


def test_a_webhook_that_halts_gives_its_row_back_for_later_and_burns_no_try(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.tell((0, 1, S.ACCEPTED))
    assert desk.hear((0, 1, S.RETRY), code=131042, action="halt_operation", max_tries=1).halted
    assert desk.byte(0) == S.RETRY


def test_a_halted_channel_stops_every_operation_of_it_until_resumed(live: redis.Redis) -> None:
    first = Desk(live)
    second = Desk(live, operation_id="op-2", operation_no=2, shared=True)
    elsewhere = Desk(live, operation_id="op-3", operation_no=3, channel_id="ch2")
    first.claim([0])
    assert first.tell((0, 1, S.PENDING), code=190, action="halt_channel").halted
    answer = second.claim([1])
    assert (answer.state, answer.cause, answer.rows) == ("halted", "channel:190", [])
    assert len(elsewhere.claim([1]).rows) == 1
    second.control("resume")
    assert len(second.claim([1]).rows) == 1


def test_a_repeated_halting_answer_does_not_halt_what_a_person_resumed(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    for _ in range(2):
        desk.tell((0, 1, S.PENDING), code=190, action="halt_channel")
        desk.control("resume")
    assert desk.state == "running"


def test_131050_suppresses_the_person_for_marketing(live: redis.Redis) -> None:
    desk = Desk(live)
    desk.claim([0])
    desk.hear((0, 1, S.FAILED), code=131050, action="suppress")
    assert live.hget(SUPPRESSED, person(0)) == b"m;m:provider_131050"
    assert len(desk.events("suppress")) == 1
    later = Desk(live, operation_id="op-2", operation_no=2, shared=True)
    assert later.claim([0]).suppressed == [0]


def slots(desk: Desk, seconds: int) -> int:
    """Rows claimed in that time by a job that asks every tenth of a second."""
    count, next_row = 0, 0
    for _ in range(seconds * 10):
        answer = desk.claim(range(next_row, min(next_row + 60, desk.count)), job=f"j{desk.now}", horizon_ms=100)
        count += len(answer.rows)
        next_row += len(answer.rows)
        desk.now += 100
    return count


@pytest.mark.parametrize("rate", [10, 80, 300])
def test_slots_never_exceed_the_rate_and_use_it(live: redis.Redis, rate: int) -> None:
    desk = Desk(live, count=1_000, rate=rate)
    assert 0.95 * rate * 3 <= slots(desk, 3) <= rate * 3 + 0.1 * rate


def test_a_bucket_left_alone_saves_up_no_burst(live: redis.Redis) -> None:
    desk = Desk(live, count=1_000, rate=80)
    desk.claim([0])
    desk.now += HOUR
    assert len(desk.claim(range(1, 500), job="j2").rows) == 79


def slow(desk: Desk, recipient_no: int) -> None:
    desk.claim([recipient_no], job=f"slow{recipient_no}")
    words = [Change(recipient_no, 1, S.RETRY, code=130429, due_ms=desk.now + HOUR, action="slow_down")]
    desk.run(transition(desk.operation_id, words, source="worker", now_ms=desk.now))


def test_130429_halves_the_pace_once_and_it_climbs_back(live: redis.Redis) -> None:
    desk = Desk(live, count=3_000, rate=80)
    for recipient_no in (2_990, 2_991, 2_992):
        slow(desk, recipient_no)
    pace = float(live.hget(channel_key("ch"), "pace"))
    assert pace == 40
    desk.now += 2 * SECOND
    first = len(desk.claim(range(200), job="a").rows)
    assert 40 <= first <= 48
    desk.now += 20 * SECOND
    assert len(desk.claim(range(200, 400), job="b").rows) == 79


def test_repeated_slow_downs_go_on_halving_but_never_to_nothing(live: redis.Redis) -> None:
    desk = Desk(live, count=3_000, rate=4)
    for number in range(6):
        slow(desk, number)
        desk.now += SECOND
    assert float(live.hget(channel_key("ch"), "pace")) >= 1


def test_a_rate_changed_while_running_counts_at_once(live: redis.Redis) -> None:
    desk = Desk(live, count=3_000, rate=80)
    live.hset(channel_key("ch"), "rate", 10)
    assert len(desk.claim(range(100)).rows) == 10
    live.hset(channel_key("ch"), "rate", 200)
    desk.now += 2 * SECOND
    assert len(desk.claim(range(100, 400)).rows) in (195, 196)


def test_a_server_clock_that_steps_back_does_not_stop_the_channel(live: redis.Redis) -> None:
    desk = Desk(live, count=1_000, rate=80)
    desk.claim(range(50))
    desk.now -= HOUR
    answer = desk.claim(range(100, 150), job="j2")
    slots_ms = [row.slot_ms for row in answer.rows] or [answer.no_slot_until_ms]
    assert desk.now <= slots_ms[0] <= desk.now + SECOND
    desk.now += SECOND
    assert len(desk.claim(range(200, 300), job="j3").rows) >= 70
