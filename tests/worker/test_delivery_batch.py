"""One delivery on a real ledger: who is posted, when it leaves, and what it leaves behind."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
import redis

from engine.channels.provider import Outcome
from engine.errors import MissingParameter
from engine.operations import ledger
from engine.operations.delivery_appetite import WindowSize
from engine.operations.delivery_clock import monotonic
from engine.operations.delivery_outcomes import Ending
from engine.operations.ledger import Claimed
from engine.operations.snapshot_reader import Recipient
from engine.operations.states import DeliveryState, OperationState
from tests.worker.delivery_world import (
    OPERATION,
    FakeSender,
    accept,
    create_operation,
    deliver,
    encode,
    leased_jobs,
    states_of,
)


def busiest_second(moments: list[float]) -> int:
    """The most posts in any window of one second."""
    first, most = 0, 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def control(live: redis.Redis, verb: str) -> None:
    ledger.run(live, ledger.control(OPERATION, verb, who="ayse"))


def test_each_recipient_is_posted_once_and_the_operation_completes(live, valkey_socket):
    create_operation(live, 400)
    sender = FakeSender()
    report = asyncio.run(deliver(valkey_socket, sender, 400))
    assert Counter(sender.posts) == {(number, 1): 1 for number in range(400)}
    assert set(states_of(live, 400)) == {DeliveryState.ACCEPTED}
    assert report.ending is Ending.DONE
    assert report.posted_count == 400
    assert ledger.operation_state(live, OPERATION) == OperationState.COMPLETED
    assert leased_jobs(live) == []


def test_a_batch_that_was_begun_is_taken_up_where_it_was_left(live, valkey_socket):
    create_operation(live, 100)
    first, second = FakeSender(), FakeSender()
    asyncio.run(deliver(valkey_socket, first, 40, job="0.aa"))
    asyncio.run(deliver(valkey_socket, second, 100, job="0.bb"))
    assert sorted(first.posts + second.posts) == [(number, 1) for number in range(100)]


def test_no_second_sees_more_posts_than_the_rate(live, valkey_socket):
    create_operation(live, 260, rate=100)
    sender = FakeSender(latency=lambda number: 0.05)
    asyncio.run(deliver(valkey_socket, sender, 260, rate=100))
    assert busiest_second(sender.moments) <= 100
    assert len(sender.posts) == 260


def test_slots_that_a_busy_machine_missed_are_exchanged_without_a_burst(live, valkey_socket):
    create_operation(live, 200, rate=100)

    def stall(number: int) -> float:
        if number in (40, 90):
            time.sleep(0.12)
        return 0.01

    sender = FakeSender(latency=stall)
    asyncio.run(deliver(valkey_socket, sender, 200, rate=100))
    gaps = Counter(round(moment, 1) for moment in sender.moments)
    assert busiest_second(sender.moments) <= 100
    assert max(gaps.values()) <= 13
    assert sorted(sender.posts) == [(number, 1) for number in range(200)]


def test_a_slow_answer_stalls_nobody_else(live, valkey_socket):
    create_operation(live, 300)
    sender = FakeSender(latency=lambda number: 0.6 if number == 5 else 0.005)
    began_at = time.monotonic()
    asyncio.run(deliver(valkey_socket, sender, 300, size=WindowSize(16, 8)))
    assert time.monotonic() - began_at < 3
    assert set(states_of(live, 300)) == {DeliveryState.ACCEPTED}


@pytest.mark.parametrize(
    ("verb", "state"),
    [("pause", DeliveryState.PENDING), ("cancel", DeliveryState.CANCELLED), ("halt", DeliveryState.PENDING)],
    ids=["pause", "cancel", "halt"],
)
def test_a_persons_word_stops_the_posting_within_a_second(live, valkey_socket, verb, state):
    create_operation(live, 400, rate=100)
    sender = FakeSender()

    async def story() -> None:
        running = asyncio.create_task(deliver(valkey_socket, sender, 400, size=WindowSize(200, 100)))
        await sender.wait_for(30)
        control(live, verb)
        said_at = monotonic()
        report = await running
        assert max(sender.moments) - said_at < 1.0
        assert report.ending is Ending.STATE

    asyncio.run(story())
    states = Counter(states_of(live, 400))
    assert states == {DeliveryState.ACCEPTED: len(sender.posts), state: 400 - len(sender.posts)}
    assert len(sender.posts) < 180


def test_a_worker_that_is_to_stop_finishes_what_is_under_way_and_gives_the_rest_back(live, valkey_socket):
    create_operation(live, 400, rate=100)
    sender = FakeSender(latency=lambda number: 0.3)

    async def story() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(deliver(valkey_socket, sender, 400, rate=100, stop=stop))
        await sender.wait_for(50)
        stop.set()
        report = await running
        assert report.ending is Ending.STOPPED

    asyncio.run(story())
    states = Counter(states_of(live, 400))
    assert states == {DeliveryState.ACCEPTED: len(sender.posts), DeliveryState.PENDING: 400 - len(sender.posts)}
    assert len(sender.posts) < 60
    assert leased_jobs(live) == []


def test_an_answer_that_does_not_come_is_not_waited_for_when_the_worker_stops(live, valkey_socket):
    create_operation(live, 20)
    sender = FakeSender(latency=lambda number: 60 if number == 3 else 0.005)

    async def story() -> float:
        stop = asyncio.Event()
        running = asyncio.create_task(deliver(valkey_socket, sender, 20, stop=stop))
        await sender.wait_for(20)
        stop.set()
        asked_at = time.monotonic()
        await running
        return time.monotonic() - asked_at

    assert asyncio.run(story()) < 5
    states = states_of(live, 20)
    assert states[3] is DeliveryState.UNKNOWN
    assert set(states[:3] + states[4:]) == {DeliveryState.ACCEPTED}


def test_a_job_ends_by_itself_and_leaves_the_rest_for_the_next(live, valkey_socket):
    create_operation(live, 400, rate=100)
    sender = FakeSender()
    report = asyncio.run(deliver(valkey_socket, sender, 400, rate=100, job_seconds=0.5))
    assert report.ending is Ending.TIME
    assert 0 < len(sender.posts) < 120
    states = Counter(states_of(live, 400))
    assert states == {DeliveryState.ACCEPTED: len(sender.posts), DeliveryState.PENDING: report.left_count}


def test_a_full_messaging_limit_ends_the_job_and_says_until_when(live, valkey_socket):
    create_operation(live, 10, limit=4)
    sender = FakeSender()
    report = asyncio.run(deliver(valkey_socket, sender, 10))
    assert report.ending is Ending.NO_PLACE
    assert len(sender.posts) == 4
    assert report.no_place_until_ms > time.time() * 1000
    assert Counter(states_of(live, 10)) == {DeliveryState.ACCEPTED: 4, DeliveryState.PENDING: 6}


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome(kind="held", message_id="m"), DeliveryState.HELD),
        (Outcome(kind="retry", code=131000, retry_after_ms=60_000), DeliveryState.RETRY),
        (Outcome(kind="retry", retry_after_ms=2_000), DeliveryState.PENDING),
        (Outcome(kind="skip", code=131026), DeliveryState.FAILED),
        (Outcome(kind="skip", code=132000), DeliveryState.RETRY),
        (Outcome(kind="suppress", code=131050), DeliveryState.FAILED),
        (Outcome(kind="unknown"), DeliveryState.UNKNOWN),
    ],
    ids=["held", "retry", "never left", "skip", "template error", "suppress", "unknown"],
)
def test_each_outcome_becomes_the_state_it_means(live, valkey_socket, outcome, state):
    create_operation(live, 2)
    answer = lambda number, attempt: outcome if number == 1 else accept(number, attempt)  # noqa: E731
    asyncio.run(deliver(valkey_socket, FakeSender(answer), 2))
    assert states_of(live, 2) == [DeliveryState.ACCEPTED, state]


def test_an_answer_that_halts_gives_its_row_back_and_stops_the_rest(live, valkey_socket):
    create_operation(live, 300, rate=200)
    answer = lambda number, attempt: Outcome(kind="halt_operation", code=132001)  # noqa: E731
    sender = FakeSender(answer)
    report = asyncio.run(deliver(valkey_socket, sender, 300, rate=200))
    assert report.ending is Ending.STATE
    assert ledger.operation_state(live, OPERATION) == OperationState.HALTED
    assert set(states_of(live, 300)) == {DeliveryState.PENDING}
    assert len(sender.posts) < 100


def test_three_template_errors_in_a_row_halt_the_operation(live, valkey_socket):
    create_operation(live, 300, rate=200)
    sender = FakeSender(lambda number, attempt: Outcome(kind="skip", code=132000))
    asyncio.run(deliver(valkey_socket, sender, 300, rate=200))
    assert ledger.operation_state(live, OPERATION) == OperationState.HALTED
    assert DeliveryState.FAILED not in states_of(live, 300)


def test_a_provider_that_cannot_be_reached_ends_the_job_and_burns_no_try(live, valkey_socket):
    create_operation(live, 300, rate=200)
    sender = FakeSender(lambda number, attempt: Outcome(kind="retry", retry_after_ms=2_000))
    report = asyncio.run(deliver(valkey_socket, sender, 300, rate=200))
    assert report.ending is Ending.UNREACHABLE
    assert set(states_of(live, 300)) == {DeliveryState.PENDING}
    assert len(sender.posts) < 60


def test_throughput_reached_slows_the_channel_down(live, valkey_socket):
    create_operation(live, 2, rate=100)
    answer = lambda number, attempt: Outcome(kind="retry", code=130429, retry_after_ms=5_000)  # noqa: E731
    asyncio.run(deliver(valkey_socket, FakeSender(answer), 2, rate=100))
    assert float(live.hget("ulak:channel:sandbox", "pace")) == pytest.approx(50, abs=1)


def test_a_payload_that_lacks_a_value_halts_the_operation(live, valkey_socket):
    create_operation(live, 300, rate=200)
    sender = FakeSender()

    def build(recipient: Recipient, row: Claimed) -> bytes:
        if recipient.recipient_no == 7:
            raise MissingParameter(slot="header.image")
        return encode(recipient, row)

    report = asyncio.run(deliver(valkey_socket, sender, 300, rate=200, build=build))
    assert report.ending is Ending.STATE
    assert ledger.operation_state(live, OPERATION) == OperationState.HALTED
    assert states_of(live, 300)[7] is DeliveryState.PENDING
    assert 7 not in {number for number, _ in sender.posts}


def test_a_fault_of_ours_ends_the_job_and_the_row_is_given_back(live, valkey_socket):
    create_operation(live, 300, rate=200)
    sender = FakeSender()

    def build(recipient: Recipient, row: Claimed) -> bytes:
        if recipient.recipient_no == 7:
            raise KeyError("body:1")
        return encode(recipient, row)

    with pytest.raises(KeyError):
        asyncio.run(deliver(valkey_socket, sender, 300, rate=200, build=build))
    states = states_of(live, 300)
    assert states[7] is DeliveryState.PENDING
    assert Counter(states) == {
        DeliveryState.ACCEPTED: len(sender.posts),
        DeliveryState.PENDING: 300 - len(sender.posts),
    }
    assert leased_jobs(live) == []


@pytest.mark.parametrize(("before", "after"), [(20, 400), (400, 20)], ids=["raised", "lowered"])
def test_a_changed_rate_acts_within_a_second(live, valkey_socket, before, after):
    create_operation(live, 900, rate=before)
    sender = FakeSender()

    async def story() -> tuple[int, int]:
        stop = asyncio.Event()
        running = asyncio.create_task(
            deliver(valkey_socket, sender, 900, rate=before, stop=stop, size=WindowSize(200, 50))
        )
        await sender.wait_for(20)
        live.hset("ulak:channel:sandbox", "rate", after)
        await asyncio.sleep(1.0)
        settled = len(sender.posts)
        await asyncio.sleep(1.0)
        stop.set()
        await running
        return settled, len(sender.posts)

    settled, end = asyncio.run(story())
    if after > before:
        assert end - settled > 3 * before
    else:
        assert end - settled <= after
