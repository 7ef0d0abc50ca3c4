"""The ledger as one running job sees it: one operation, one job, one channel, and no call without end.

A call that Redis did not answer may have been done: the scripts take it again without harm, and a claim that
arrives after its own `not_after` is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

import redis.asyncio
from redis import exceptions

from engine.live import channel_key, operation_key
from engine.operations import ledger
from engine.operations.delivery_clock import ServerClock, monotonic
from engine.operations.ledger import Change, ClaimAnswer, Claimed, TransitionAnswer
from engine.operations.states import DeliveryState

T = TypeVar("T")

CALL_SECONDS = 2.5
AWAY_PAUSE_SECONDS = 0.2
LEASE_SECONDS = ledger.LEASE_MS / 1000
AWAY = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    TimeoutError,
    ConnectionError,
)
"""What a Redis that is away, full, loading or failing over raises; anything else is a fault of ours."""


@dataclass(frozen=True)
class Work:
    """What one job works on."""

    operation_id: str
    batch_no: int
    batch_size: int
    job: str
    channel_id: str
    portfolio_id: str


@dataclass(frozen=True)
class Look:
    """The operation's state (empty when its ledger is gone) and its channel's rate."""

    state: str
    rate_per_second: float


class JobLedger(Protocol):
    """What a delivery needs of the ledger."""

    clock: ServerClock

    async def start(self) -> None: ...
    async def open_rows(self) -> list[int]: ...
    async def claim(self, token: str, candidates: Sequence[int], again: Sequence[Claimed]) -> ClaimAnswer: ...
    async def record(self, changes: Sequence[Change]) -> TransitionAnswer: ...
    async def look(self) -> Look: ...
    async def close(self, posted: Sequence[tuple[int, int]]) -> None: ...


class RedisJobLedger:
    """The real one."""

    def __init__(self, client: redis.asyncio.Redis, work: Work) -> None:
        self._client = client
        self._work = work
        self.clock = ServerClock()

    async def start(self) -> None:
        """Learn the server's clock."""
        sent_at = monotonic()
        seconds, microseconds = await _bounded(self._client.time())
        self.clock.observe(sent_at, monotonic(), seconds * 1000 + microseconds // 1000)

    async def open_rows(self) -> list[int]:
        """The batch's recipients that are pending or to be tried again, in order."""
        first = self._work.batch_no * self._work.batch_size
        key = operation_key(self._work.operation_id, "led")
        found = await _bounded(self._client.getrange(key, first, first + self._work.batch_size - 1))
        states = cast("bytes", found)
        wanted = (DeliveryState.PENDING, DeliveryState.RETRY)
        return [first + position for position, state in enumerate(states) if state in wanted]

    async def claim(self, token: str, candidates: Sequence[int], again: Sequence[Claimed]) -> ClaimAnswer:
        """Ask for rows, for new slots of rows already ours, or with neither renew the lease."""
        sent_at = monotonic()
        call = ledger.claim(
            self._work.operation_id,
            job=self._work.job,
            token=token,
            channel_id=self._work.channel_id,
            portfolio_id=self._work.portfolio_id,
            candidates=candidates,
            again=[(row.recipient_no, row.attempt) for row in again],
            not_after_ms=self.clock.server_ms(sent_at) + ledger.NOT_AFTER_MS,
        )
        answer = await _bounded(ledger.run_async(self._client, call))
        self.clock.observe(sent_at, monotonic(), answer.server_ms)
        return answer

    async def record(self, changes: Sequence[Change]) -> TransitionAnswer:
        """Record outcomes."""
        call = ledger.transition(self._work.operation_id, changes, source="worker", job=self._work.job)
        return await _bounded(ledger.run_async(self._client, call))

    async def look(self) -> Look:
        """Where the operation and its channel stand, cheaply."""
        pipe = self._client.pipeline(transaction=False)
        pipe.hget(operation_key(self._work.operation_id), "state")
        pipe.hget(channel_key(self._work.channel_id), "rate")
        state, rate = await _bounded(pipe.execute())
        return Look((state or b"").decode(), float(rate or 0))

    async def close(self, posted: Sequence[tuple[int, int]]) -> None:
        """Give back what was claimed and not posted, and leave."""
        call = ledger.close_job(self._work.operation_id, self._work.job, posted)
        await _bounded(ledger.run_async(self._client, call))


async def close_patiently(job_ledger: JobLedger, posted: Sequence[tuple[int, int]], patience_seconds: float) -> None:
    """Close a job, trying again while Redis is away; if it stays away the lease runs out, and all is unknown."""
    give_up_at = monotonic() + patience_seconds
    while monotonic() < give_up_at:
        try:
            await job_ledger.close(posted)
            return
        except AWAY:
            await asyncio.sleep(AWAY_PAUSE_SECONDS)


async def _bounded(answer: Awaitable[T]) -> T:
    async with asyncio.timeout(CALL_SECONDS):
        return await answer
