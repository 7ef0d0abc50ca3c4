"""One delivery when Redis, the lease or the network fails it: nobody is posted twice, nobody is left claimed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
import redis.exceptions

from engine.live import operation_key
from engine.operations import ledger
from engine.operations.delivery_appetite import WindowSize
from engine.operations.delivery_clock import ServerClock
from engine.operations.delivery_ledger import Look, RedisJobLedger
from engine.operations.delivery_outcomes import Ending
from engine.operations.delivery_recorder import OutcomeRecorder
from engine.operations.ledger import Change, ClaimAnswer, Claimed, TransitionAnswer
from engine.operations.states import DeliveryState
from tests.worker.delivery_world import OPERATION, FakeSender, create_operation, deliver, leased_jobs, states_of


class Fragile:
    """A ledger over a line that fails: before a call is done, or after it, when nobody hears the answer."""

    def __init__(self, real: RedisJobLedger) -> None:
        self.real = real
        self.clock = real.clock
        self.is_away = False
        self.absence: Exception = redis.exceptions.ConnectionError("away")
        self.lose_answers = 0
        self.refusal: Exception | None = None
        self.failed = Counter[str]()

    async def _try(self, name: str, *args: Any) -> Any:
        if self.is_away:
            self.failed[name] += 1
            raise self.absence
        answer = await getattr(self.real, name)(*args)
        if name == "record" and self.refusal is not None:
            raise self.refusal
        if self.lose_answers and name in ("claim", "record"):
            self.lose_answers -= 1
            self.failed[name] += 1
            raise redis.exceptions.TimeoutError("the answer was lost")
        return answer

    async def start(self) -> None:
        await self._try("start")

    async def open_rows(self) -> list[int]:
        return await self._try("open_rows")

    async def claim(self, token: str, candidates: Sequence[int], again: Sequence[Claimed]) -> ClaimAnswer:
        return await self._try("claim", token, candidates, again)

    async def record(self, changes: Sequence[Change]) -> TransitionAnswer:
        return await self._try("record", changes)

    async def look(self) -> Look:
        return await self._try("look")

    async def close(self, posted: Sequence[tuple[int, int]]) -> None:
        await self._try("close", posted)


class Line:
    """Makes the fragile ledger of a delivery, and keeps it for the test's hands."""

    ledger: Fragile

    def __call__(self, real: RedisJobLedger) -> Fragile:
        self.ledger = Fragile(real)
        return self.ledger


def test_lost_answers_lose_nobody_and_post_nobody_twice(live, valkey_socket):
    create_operation(live, 200, rate=400)
    sender, line = FakeSender(), Line()

    async def story() -> None:
        running = asyncio.create_task(deliver(valkey_socket, sender, 200, rate=400, wrap=line))
        for count in (20, 60, 100, 140):
            await sender.wait_for(count)
            line.ledger.lose_answers = 2
        await running

    asyncio.run(story())
    assert line.ledger.failed.total() == 8
    assert sorted(sender.posts) == [(number, 1) for number in range(200)]
    assert set(states_of(live, 200)) == {DeliveryState.ACCEPTED}


@pytest.mark.parametrize(
    "absence",
    [redis.exceptions.ConnectionError("away"), redis.exceptions.BusyLoadingError("loading"), TimeoutError()],
    ids=["away", "loading", "silent"],
)
def test_while_redis_is_away_nothing_is_posted_and_outcomes_are_kept(live, valkey_socket, absence):
    create_operation(live, 300, rate=100)
    sender, line = FakeSender(latency=lambda number: 0.05), Line()

    async def story() -> None:
        running = asyncio.create_task(deliver(valkey_socket, sender, 300, size=WindowSize(200, 100), wrap=line))
        await sender.wait_for(20)
        line.ledger.absence = absence
        line.ledger.is_away = True
        while not line.ledger.failed:
            await asyncio.sleep(0.01)
        posted = len(sender.posts)
        await asyncio.sleep(0.6)  # seventy slots were claimed beyond this moment
        assert len(sender.posts) <= posted + 1
        line.ledger.is_away = False
        report = await running
        assert report.ending is Ending.DONE

    asyncio.run(story())
    assert line.ledger.failed["record"] > 0
    assert sorted(sender.posts) == [(number, 1) for number in range(300)]
    assert set(states_of(live, 300)) == {DeliveryState.ACCEPTED}


def test_a_refused_outcome_is_a_fault_of_ours_and_ends_the_job(live, valkey_socket):
    create_operation(live, 400, rate=100)
    sender, line = FakeSender(), Line()

    async def story() -> None:
        running = asyncio.create_task(deliver(valkey_socket, sender, 400, rate=100, wrap=line))
        await sender.wait_for(20)
        line.ledger.refusal = redis.exceptions.ResponseError("a fault in a script")
        with pytest.raises(redis.exceptions.ResponseError):
            await running

    asyncio.run(story())
    assert len(sender.posts) < 120
    states = Counter(states_of(live, 400))
    assert DeliveryState.CLAIMED not in states
    assert states[DeliveryState.ACCEPTED] + states[DeliveryState.UNKNOWN] == len(sender.posts)


def test_a_lease_that_ran_out_stops_the_job_and_what_it_never_posted_comes_back(live, valkey_socket):
    create_operation(live, 300, rate=100)
    sender = FakeSender(latency=lambda number: 0.1)

    async def story() -> None:
        running = asyncio.create_task(deliver(valkey_socket, sender, 300, rate=100))
        await sender.wait_for(40)
        live.zadd(operation_key(OPERATION, "leases"), {"0.aa": 1})
        assert ledger.run(live, ledger.expire_jobs(OPERATION)) == ["0.aa"]
        assert DeliveryState.UNKNOWN in states_of(live, 300)
        report = await running
        assert report.ending is Ending.LOST

    asyncio.run(story())
    states = Counter(states_of(live, 300))
    assert states == {DeliveryState.ACCEPTED: len(sender.posts), DeliveryState.PENDING: 300 - len(sender.posts)}
    assert leased_jobs(live) == []


def test_no_post_begins_without_a_valid_lease(live, valkey_socket, monkeypatch):
    monkeypatch.setattr("engine.operations.delivery.LEASE_SECONDS", 0.6)
    monkeypatch.setattr("engine.operations.delivery.LEASE_MARGIN_SECONDS", 0.2)
    create_operation(live, 400, rate=50)
    sender, line = FakeSender(), Line()

    async def story() -> None:
        size = WindowSize(100, 50)
        running = asyncio.create_task(deliver(valkey_socket, sender, 400, size=size, wrap=line))
        await sender.wait_for(1)
        line.ledger.claim = _hang  # type: ignore[method-assign]
        await asyncio.sleep(1.5)  # the first claim gave slots for a whole second
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())
    assert len(sender.posts) > 5
    assert max(sender.moments) - min(sender.moments) < 0.45


async def _hang(*_: Any) -> Any:
    await asyncio.sleep(60)


def test_outcomes_are_repeated_until_patience_ends_and_then_still_known():
    async def story() -> tuple[OutcomeRecorder, int]:
        calls = 0

        async def record(changes: Sequence[Change]) -> TransitionAnswer:
            nonlocal calls
            calls += 1
            raise redis.exceptions.ConnectionError("away")

        recorder = OutcomeRecorder(record, lambda answer: None, patience_seconds=0.4)
        recorder.add(Change(1, 1, DeliveryState.ACCEPTED))
        await recorder.run()
        return recorder, calls

    recorder, calls = asyncio.run(story())
    assert calls > 1
    assert recorder.has_given_up
    assert [change.recipient_no for change in recorder.waiting] == [1]


def test_outcomes_of_a_moment_go_in_one_call():
    async def story() -> list[int]:
        sizes: list[int] = []

        async def record(changes: Sequence[Change]) -> TransitionAnswer:
            sizes.append(len(changes))
            return TransitionAnswer(len(changes), False, False)

        recorder = OutcomeRecorder(record, lambda answer: None)
        running = asyncio.create_task(recorder.run())
        for number in range(100):
            recorder.add(Change(number, 1, DeliveryState.ACCEPTED))
            if number % 50 == 0:
                await asyncio.sleep(0)
        recorder.close()
        await running
        return sizes

    assert asyncio.run(story()) == [100]


def test_a_slot_is_never_taken_before_the_server_has_reached_it():
    clock = ServerClock()
    clock.observe(sent_at=10.0, answered_at=10.004, server_ms=1_000_002)  # the server is at 999.998 + t, at least
    assert abs(clock.moment_of(1_000_100) - 10.102) < 1e-6
    clock.observe(sent_at=11.0, answered_at=11.200, server_ms=1_001_002)  # a slow answer says less, and moves nothing
    assert abs(clock.moment_of(1_001_100) - 11.102) < 1e-6


def test_a_clock_of_the_server_that_steps_back_is_followed():
    clock = ServerClock()
    clock.observe(10.0, 10.001, 1_000_000)
    clock.observe(11.0, 11.001, 996_000)  # five seconds back
    assert clock.moment_of(996_100) >= 11.099
