"""Outcomes on their way into the ledger: kept until Redis took them, many to a call.

While Redis is away they are repeated for a minute; a transition changes nothing the second time, so a lost answer
is asked for again without harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from engine.operations.delivery_clock import monotonic
from engine.operations.delivery_ledger import AWAY
from engine.operations.ledger import Change, TransitionAnswer

GROUP_SECONDS = 0.02
GROUP_ROWS = 512
PATIENCE_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0


class OutcomeRecorder:
    """Takes outcomes one by one and records them in groups; one call is under way at a time."""

    def __init__(
        self,
        record: Callable[[Sequence[Change]], Awaitable[TransitionAnswer]],
        on_answer: Callable[[TransitionAnswer], None],
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._record = record
        self._on_answer = on_answer
        self._patience_seconds = patience_seconds
        self._changes: list[Change] = []
        self._under_way: list[Change] = []
        self._news = asyncio.Event()
        self._hurry = asyncio.Event()
        self.away_since: float | None = None
        self.recorded_count = 0

    @property
    def waiting(self) -> list[Change]:
        """Outcomes that Redis has not confirmed."""
        return self._under_way + self._changes

    @property
    def waiting_count(self) -> int:
        """How many outcomes Redis has not confirmed."""
        return len(self._under_way) + len(self._changes)

    @property
    def has_given_up(self) -> bool:
        """Whether Redis has been away for longer than outcomes are repeated."""
        return self.away_since is not None and monotonic() - self.away_since > self._patience_seconds

    def add(self, change: Change) -> None:
        """Keep one outcome for the next group."""
        self._changes.append(change)
        self._news.set()
        if len(self._changes) >= GROUP_ROWS:
            self._hurry.set()

    def close(self) -> None:
        """Record what comes from now on without waiting for company; `run` ends when all is recorded."""
        self._hurry.set()
        self._news.set()
        self._closing = True

    _closing = False

    async def run(self) -> None:
        """Record until closed and empty, or until Redis stays away for too long. What Redis refuses is raised."""
        while not (self._closing and not self._changes):
            await self._news.wait()
            self._news.clear()
            await self._gather_company()
            while self._changes and not self.has_given_up:
                self._under_way, self._changes = self._changes[:GROUP_ROWS], self._changes[GROUP_ROWS:]
                await self._persist()
            if self.has_given_up:
                return

    async def _gather_company(self) -> None:
        if self._closing:
            return
        try:
            await asyncio.wait_for(self._hurry.wait(), GROUP_SECONDS)
        except TimeoutError:
            return
        if not self._closing:
            self._hurry.clear()

    async def _persist(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self.has_given_up:
            try:
                answer = await self._record(self._under_way)
            except AWAY:
                self.away_since = self.away_since or monotonic()
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            self.away_since = None
            self.recorded_count += len(self._under_way)
            self._under_way = []
            self._on_answer(answer)
            return
