"""The sliding window: rows claimed ahead, each posted at its slot, each answer freeing a place.

A row has its place in the window from the claim on, so no slot is missed for want of a place. A slot missed all the
same (a busy machine) is handed back for an exchange. What may be posted now is decided by the delivery, twice: when
the slot falls due, and again in the breath before the POST.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from engine.channels.provider import Outcome
from engine.errors import UlakError
from engine.operations.delivery_appetite import LocalPace
from engine.operations.delivery_clock import ServerClock, monotonic
from engine.operations.ledger import HTTP_TIMEOUT_MS, Claimed
from engine.operations.snapshot_reader import Recipient

MISSED_SECONDS = 0.010
SOON_SECONDS = 0.0005
ANSWER_SECONDS = HTTP_TIMEOUT_MS / 1000 - 2.0


class Sender(Protocol):
    """The part of a provider that a delivery needs."""

    async def send(self, payload: bytes) -> Outcome: ...


class Window:
    """Posts claimed rows at their slots; knows which were posted and which were not."""

    def __init__(
        self,
        sender: Sender,
        encode: Callable[[Recipient, Claimed], bytes],
        recipients: Mapping[int, Recipient],
        clock: ServerClock,
        pace: LocalPace,
        *,
        may_post: Callable[[], bool],
        on_outcome: Callable[[Claimed, Outcome], None],
        on_change: Callable[[], None],
    ) -> None:
        self._sender = sender
        self._encode = encode
        self._recipients = recipients
        self._clock = clock
        self._may_post = may_post
        self._on_outcome = on_outcome
        self._on_change = on_change
        self._ahead: deque[tuple[float, Claimed]] = deque()
        self._missed: list[Claimed] = []
        self._in_flight: dict[asyncio.Task[None], float] = {}
        self.pace = pace
        self._timer: asyncio.TimerHandle | None = None
        self.posted: set[tuple[int, int]] = set()
        self.failure: BaseException | None = None

    @property
    def ahead_count(self) -> int:
        """Rows claimed and not posted."""
        return len(self._ahead) + len(self._missed)

    @property
    def in_flight_count(self) -> int:
        """Rows whose answer is awaited."""
        return len(self._in_flight)

    @property
    def missed(self) -> list[Claimed]:
        """Rows whose slot passed unused."""
        return self._missed

    def add(self, rows: Iterable[Claimed], shift_seconds: float) -> None:
        """Take rows that were just claimed, or whose slot was exchanged; each is posted so much after its slot."""
        self._ahead.extend((self._clock.moment_of(row.slot_ms) + shift_seconds, row) for row in rows)
        self.post_due()

    def forget_missed(self, recipient_nos: Iterable[int]) -> None:
        """Drop missed rows: they have a new slot, or are no longer ours."""
        if gone := set(recipient_nos):
            self._missed = [row for row in self._missed if row.recipient_no not in gone]

    def post_due(self) -> None:
        """Post what is due, and come back for the next slot."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._may_post():
            return
        now = monotonic()
        while self._ahead:
            due = self._ahead[0][0]
            wait = max(due, self.pace.ready_at) - now
            if wait > SOON_SECONDS:
                self._timer = asyncio.get_running_loop().call_later(wait, self.post_due)
                break
            _, row = self._ahead.popleft()
            if now - due > MISSED_SECONDS:
                self._missed.append(row)
            else:
                self.pace.spend(now)
                self._post(row)
        if self._missed or not self._ahead:
            self._on_change()

    def take_back(self) -> list[Claimed]:
        """Stop: the rows that were claimed and will not be posted."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows = [*self._missed, *(row for _, row in self._ahead)]
        self._missed.clear()
        self._ahead.clear()
        return rows

    def give_up_late_answers(self, now: float) -> None:
        """Wait no longer for an answer than the ledger's times allow; it becomes unknown."""
        for task, began_at in self._in_flight.items():  # oldest first
            if now - began_at < ANSWER_SECONDS:
                break
            task.cancel()

    async def abandon(self) -> None:
        """Wait for no more answers: what was posted and not answered becomes unknown."""
        tasks = list(self._in_flight)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _post(self, row: Claimed) -> None:
        task = asyncio.get_running_loop().create_task(self._send(row))
        self._in_flight[task] = monotonic()
        task.add_done_callback(self._landed)

    async def _send(self, row: Claimed) -> None:
        try:
            payload = self._encode(self._recipients[row.recipient_no], row)
        except UlakError:  # a value or a file is missing: no other worker could build it either
            self._on_outcome(row, Outcome(kind="halt_operation"))
            return
        if not self._may_post():
            self._missed.append(row)
            return
        key = (row.recipient_no, row.attempt)
        self.posted.add(key)
        try:
            outcome = await self._sender.send(payload)
        except asyncio.CancelledError:
            outcome = Outcome(kind="unknown")
        self._on_outcome(row, outcome)
        self.posted.discard(key)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.pop(task, None)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self.failure = self.failure or failure
        self._on_change()
