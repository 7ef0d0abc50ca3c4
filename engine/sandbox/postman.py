"""Delivers webhooks: batches what is due, signs it, and repeats what wasn't answered with 200.

Nothing is lost while the sandbox lives: a POST that fails comes again, after longer and longer pauses, for 36 hours.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import NamedTuple

import httpx
from httpx_aiohttp import AiohttpTransport

from engine.sandbox.journal import Accepted, Happening
from engine.sandbox.updates import signature, webhook_body
from engine.sandbox.world import Update, World

CONCURRENCY = 8
LINGER_SECONDS = 0.02
TIMEOUT_SECONDS = 10.0
FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 200, 5_000
GIVE_UP_MS = 36 * 3_600_000


class Parcel(NamedTuple):
    """Some updates in one POST, and the tries so far."""

    body: bytes
    updates: list[Update]
    generation: int
    first_ms: int
    tries: int = 0


class Postman:
    """The one task that empties the world's schedule into the business's callback address."""

    def __init__(self, world: World, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.world = world
        self._transport = transport
        self._wake = asyncio.Event()
        self._sleeps_until = 0
        self._again: list[tuple[int, int, Parcel]] = []
        self._under_way: dict[asyncio.Task[None], Parcel] = {}
        self._parcel_no = 0
        self._travelling = 0
        self.forget()
        world.on_schedule = self._on_schedule

    def forget(self) -> None:
        """Drop what waits to be repeated, and count anew."""
        self._again.clear()
        self.posts = self.delivered = self.retries = self.dropped = 0

    def waiting_subjects(self) -> list[Accepted | Happening]:
        """What the updates are about that left the schedule and didn't arrive yet."""
        parcels = [*(parcel for _, _, parcel in self._again), *self._under_way.values()]
        return [update.subject for parcel in parcels for update in parcel.updates]

    @property
    def pending_count(self) -> int:
        """Updates that the receiver doesn't have yet."""
        return self.world.waiting_count + sum(len(parcel.updates) for _, _, parcel in self._again) + self._travelling

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with self._client() as client:
            try:
                while True:
                    await self._sleep()
                    while len(self._under_way) < CONCURRENCY and (parcel := self._next_parcel()) is not None:
                        self._send(client, parcel)
            finally:
                await self._stop()

    def _client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
        transport = self._transport or AiohttpTransport(limits=limits)
        return httpx.AsyncClient(transport=transport, timeout=TIMEOUT_SECONDS, trust_env=False)

    def _on_schedule(self, due_ms: int) -> None:
        if due_ms < self._sleeps_until:
            self._wake.set()

    async def _sleep(self) -> None:
        """Wait until something is due, and a little longer so that it doesn't travel alone."""
        self._wake.clear()
        moments = [
            moment for moment in (self.world.next_due_ms, self._again[0][0] if self._again else None) if moment
        ]
        is_stuck = len(self._under_way) >= CONCURRENCY or not self.world.callback.is_subscribed
        self._sleeps_until = 0 if is_stuck else min(moments, default=2**62)
        pause = 1.0 if is_stuck else max(0.0, (self._sleeps_until - self.world.clock()) / 1000)
        try:
            async with asyncio.timeout(min(pause, 3600.0)):
                await self._wake.wait()
        except TimeoutError:
            pass
        await asyncio.sleep(LINGER_SECONDS)

    def _next_parcel(self) -> Parcel | None:
        world = self.world
        if not world.callback.is_subscribed:
            return None
        while self._again and self._again[0][0] <= world.clock():
            parcel = self._without_forgotten(heapq.heappop(self._again)[2])
            if parcel.updates and parcel.generation == world.generation:
                self.retries += 1
                return parcel
        updates = world.take_due(world.box.faults.webhooks.batch)
        if not updates:
            return None
        body = webhook_body(updates, world.credentials, world.seed)
        return Parcel(body, updates, world.generation, world.clock())

    def _without_forgotten(self, parcel: Parcel) -> Parcel:
        updates = [update for update in parcel.updates if not update.subject.is_forgotten]
        if not updates or len(updates) == len(parcel.updates):
            return parcel._replace(updates=updates)
        return parcel._replace(updates=updates, body=webhook_body(updates, self.world.credentials, self.world.seed))

    def _send(self, client: httpx.AsyncClient, parcel: Parcel) -> None:
        self._travelling += len(parcel.updates)
        task = asyncio.create_task(self._deliver(client, parcel))
        self._under_way[task] = parcel
        task.add_done_callback(self._under_way.pop)

    async def _deliver(self, client: httpx.AsyncClient, parcel: Parcel) -> None:
        world = self.world
        headers = {
            "content-type": "application/json",
            "x-hub-signature-256": signature(parcel.body, world.credentials.app_secret),
            "user-agent": "facebookexternalua",
        }
        self.posts += 1
        try:
            answer = await client.post(world.callback.url, content=parcel.body, headers=headers)
            has_arrived = answer.status_code == 200
        except (httpx.HTTPError, httpx.InvalidURL):
            has_arrived = False
        except asyncio.CancelledError:
            self._put_back(parcel)
            raise
        finally:
            self._travelling -= len(parcel.updates)
        if parcel.generation == world.generation:
            if has_arrived:
                self.delivered += len(parcel.updates)
                world.acknowledge(parcel.updates)
            else:
                self._put_back(parcel)
        self._wake.set()

    def _put_back(self, parcel: Parcel) -> None:
        now = self.world.clock()
        if now - parcel.first_ms > GIVE_UP_MS:
            self.dropped += len(parcel.updates)
            return
        pause = min(FIRST_PAUSE_MS * 2**parcel.tries, LONGEST_PAUSE_MS)
        self._parcel_no += 1
        again = parcel._replace(tries=min(parcel.tries + 1, 16))
        heapq.heappush(self._again, (now + pause, self._parcel_no, again))

    async def _stop(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
