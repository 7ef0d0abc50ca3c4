"""One delivery when Redis, the lease or the network fails it: nobody is posted twice, nobody is left claimed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import redis.exceptions

from engine.live import operation_key
from engine.operations import ledger
from engine.operations.delivery_clock import ServerClock, monotonic
from engine.operations.delivery_ledger import RedisJobLedger
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
        self.lose_answers = 0
        self.failed = Counter[str]()

    async def _try(self, name: str, *args: Any) -> Any:
        if self.is_away:
            self.failed[name] += 1
            raise redis.exceptions.ConnectionError("away")
        answer = await getattr(self.real, name)(*args)
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

    async def state(self) -> str:
        return await self._try("state")

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


def test_while_redis_is_away_nothing_is_posted_and_outcomes_are_kept(live, valkey_socket):
    create_operation(live, 200, rate=200)
    sender, line = FakeSender(latency=lambda number: 0.1), Line()

    async def story() -> None:
        running = asyncio.create_task(deliver(valkey_socket, sender, 200, rate=200, wrap=line))
        await sender.wait_for(50)
        line.ledger.is_away = True
        await asyncio.sleep(0.6)
        posted = len(sender.posts)
        await asyncio.sleep(0.8)
        assert len(sender.posts) == posted
        line.ledger.is_away = False
        report = await running
        assert report.ending is Ending.DONE

    asyncio.run(story())
    assert line.ledger.failed["record"] > 1
    assert sorted(sender.posts) == [(number, 1) for number in range(200)]
    assert set(states_of(live, 200)) == {DeliveryState.ACCEPTED}


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
    monkeypatch.setattr("engine.operations.delivery.LEASE_SECONDS", 0.9)
    monkeypatch.setattr("engine.operations.delivery.LEASE_MARGIN_SECONDS", 0.3)
    monkeypatch.setattr("engine.operations.delivery.PATIENCE_SECONDS", 1.5)
    create_operation(live, 400, rate=100)
    sender, line = FakeSender(), Line()

    async def story() -> float:
        running = asyncio.create_task(deliver(valkey_socket, sender, 400, rate=100, wrap=line))
        await sender.wait_for(30)
        real, line.ledger.claim = line.ledger.claim, _hang  # type: ignore[method-assign]
        hung_at = monotonic()
        await asyncio.sleep(1.2)
        line.ledger.claim = real  # type: ignore[method-assign]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return hung_at

    hung_at = asyncio.run(story())
    assert max(sender.moments) < hung_at + 0.7


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
