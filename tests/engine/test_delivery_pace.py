"""How much a delivery takes on, and that one process keeps to the rate whatever delays its slots met."""

from __future__ import annotations

import random

import pytest

from engine.operations.delivery_appetite import Appetite, LocalPace, WindowSize, choose_window


@pytest.mark.parametrize("rate", [1, 10, 80, 250, 1_000])
@pytest.mark.parametrize("delay_seconds", [0.0, 0.02, 0.3])
def test_no_second_has_more_than_the_rate_even_when_slots_come_late_in_heaps(rate, delay_seconds):
    chance, pace = random.Random(rate), LocalPace(rate)
    leaving, now = [], 0.0
    for number in range(6 * rate):
        slot = number / (0.975 * rate) + (chance.random() < 0.1) * delay_seconds
        now = max(now, slot, pace.ready_at)
        pace.spend(now)
        leaving.append(now)
    first = 0
    for last, moment in enumerate(leaving):
        while leaving[first] <= moment - 1.0:
            first += 1
        assert last - first + 1 <= rate


@pytest.mark.parametrize("rate", [10, 80, 1_000])
def test_slots_that_come_in_time_are_not_held_up(rate):
    pace = LocalPace(rate)
    for number in range(10 * rate):
        slot = number / (0.975 * rate)
        assert pace.ready_at <= slot
        pace.spend(slot)


@pytest.mark.parametrize(
    ("rate", "size"),
    [(0.5, WindowSize(16, 1)), (10, WindowSize(16, 3)), (80, WindowSize(80, 20)), (1_000, WindowSize(256, 128))],
)
def test_the_window_follows_the_rate(rate, size):
    assert choose_window(rate) == size


def test_a_process_that_misses_slots_awaits_fewer_answers_before_it_asks_for_more():
    appetite = Appetite(WindowSize(100, 40))
    assert appetite.room(ahead=0, in_flight=50, unrecorded=0) == 40
    for _ in range(4):
        appetite.learn(missed_count=5)
    assert appetite.room(ahead=0, in_flight=50, unrecorded=0) == 0
    assert appetite.room(ahead=0, in_flight=20, unrecorded=0) == 40
    for _ in range(40):
        appetite.learn(missed_count=0)
    assert appetite.room(ahead=0, in_flight=50, unrecorded=0) == 40


def test_what_is_claimed_and_not_settled_never_exceeds_twice_the_concurrency():
    appetite = Appetite(WindowSize(100, 40))
    assert appetite.room(ahead=10, in_flight=60, unrecorded=125) == 5
    assert appetite.room(ahead=10, in_flight=60, unrecorded=130) == 0
