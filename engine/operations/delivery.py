"""Sending one batch: claim ahead, post at the slot, record the outcome, and leave in order.

How a message travels is drawn in `docs/architecture.md`. A delivery holds nothing that it can't lose: killed at any
moment, the ledger knows of each row whether it may have been posted.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Callable, Sequence

from redis.exceptions import RedisError

from engine.channels.provider import Outcome
from engine.operations.delivery_appetite import Appetite, LocalPace, WindowSize, choose_window
from engine.operations.delivery_clock import monotonic
from engine.operations.delivery_ledger import (
    AWAY,
    AWAY_PAUSE_SECONDS,
    LEASE_SECONDS,
    JobLedger,
    Look,
    close_patiently,
)
from engine.operations.delivery_outcomes import AT_ONCE, DeliveryReport, Ending, change_of, never_left
from engine.operations.delivery_recorder import PATIENCE_SECONDS, OutcomeRecorder
from engine.operations.delivery_window import Sender, Window
from engine.operations.ledger import ClaimAnswer, Claimed, TransitionAnswer
from engine.operations.snapshot_reader import Recipient
from engine.operations.states import OperationState

JOB_SECONDS = 20.0
LOOK_SECONDS = 0.4
RENEW_SECONDS = 4.0
LEASE_MARGIN_SECONDS = 0.5
DRAIN_SECONDS = 10.0
STOP_DRAIN_SECONDS = 3.0
STOP_RECORD_SECONDS = 1.5
GATHER_SECONDS = 0.02
SHIFT_SECONDS = 0.012
HOLD_SECONDS = 1.0
UNREACHED_POSTS = 5


class Delivery:
    """One run of one batch: a job makes one and ends with it."""

    def __init__(
        self,
        ledger: JobLedger,
        sender: Sender,
        encode: Callable[[Recipient, Claimed], bytes],
        recipients: Sequence[Recipient],
        rate_per_second: float,
        *,
        size: WindowSize | None = None,
        stop: asyncio.Event,
        job_seconds: float = JOB_SECONDS,
    ) -> None:
        self._ledger = ledger
        self._appetite = Appetite(size or choose_window(rate_per_second))
        self._stop = stop
        self._rate_per_second = rate_per_second
        self._job_seconds = job_seconds
        self._known = {recipient.recipient_no: recipient for recipient in recipients}
        self._recorder = OutcomeRecorder(ledger.record, self._on_recorded)
        self._window = Window(
            sender, encode, self._known, ledger.clock, LocalPace(rate_per_second),
            may_post=self._may_post, on_outcome=self._on_outcome, on_change=self._on_change,
        )  # fmt: skip
        self._report = DeliveryReport()
        self._wake = asyncio.Event()
        self._ending: Ending | None = None
        self._candidates: deque[int] | None = None
        self._unanswered: tuple[str, list[int], list[Claimed]] | None = None
        self._away_since: float | None = None
        self._began_at = self._looked_at = monotonic()
        self._unreached = 0
        self._drain_until = float("inf")
        self._asked_at = self._lease_end = self._ask_again_at = 0.0

    async def run(self) -> DeliveryReport:
        """Send until the batch is done or there is a reason to leave. What Redis or the network does is no error."""
        recording = asyncio.create_task(self._recorder.run())
        recording.add_done_callback(self._on_recording_end)
        waking = asyncio.create_task(self._wake_on_stop())
        try:
            while not self._is_over():
                self._wake.clear()
                await self._step()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._rest_seconds())
            await self._leave(recording)
        finally:
            waking.cancel()
            recording.cancel()
        if self._window.failure is not None:
            raise self._window.failure
        return self._report

    def _on_recording_end(self, recording: asyncio.Task[None]) -> None:
        if not recording.cancelled() and (problem := recording.exception()) is not None:
            self._window.failure = self._window.failure or problem
            self._wake.set()

    async def _wake_on_stop(self) -> None:
        await self._stop.wait()
        self._wake.set()

    # What to do now.

    async def _step(self) -> None:
        now = monotonic()
        self._window.give_up_late_answers(now)
        self._look_for_an_ending(now)
        try:
            await self._talk(now)
        except AWAY:
            self._away_since = self._away_since or now
            await asyncio.sleep(AWAY_PAUSE_SECONDS)
        except RedisError as problem:
            self._window.failure = self._window.failure or problem
            self._end(Ending.FAILURE)
        else:
            self._away_since = None
            self._window.post_due()

    async def _talk(self, now: float) -> None:
        """Say the one thing to Redis that is most needed."""
        if self._candidates is None:
            await self._begin()
        elif self._unanswered is not None:
            await self._claim(*self._unanswered)
        elif self._window.missed and self._ending not in AT_ONCE and now >= self._ask_again_at:
            await self._claim(secrets.token_hex(8), [], list(self._window.missed))
        elif now - self._looked_at > LOOK_SECONDS:
            self._see(await self._ledger.look())
        elif room := self._worthwhile_room(now):
            await self._claim(secrets.token_hex(8), [self._candidates[i] for i in range(room)], [])
        elif now - self._asked_at > RENEW_SECONDS and self._ending is not Ending.LOST:
            await self._claim(secrets.token_hex(8), [], [])

    async def _begin(self) -> None:
        await self._ledger.start()
        self._candidates = deque(row for row in await self._ledger.open_rows() if row in self._known)

    async def _claim(self, token: str, candidates: list[int], again: list[Claimed]) -> None:
        self._unanswered = (token, candidates, again)
        sent_at = monotonic()
        answer = await self._ledger.claim(token, candidates, again)
        self._unanswered = None
        self._asked_at = sent_at
        if answer.lost:
            self._end(Ending.LOST)
            return
        self._lease_end = sent_at + LEASE_SECONDS
        self._away_since = None
        self._take(answer, candidates, again)
        self._see_state(answer.state)

    def _take(self, answer: ClaimAnswer, candidates: list[int], again: list[Claimed]) -> None:
        assert self._candidates is not None
        for _ in candidates:
            self._candidates.popleft()
        done = {row.recipient_no for row in answer.rows}.union(answer.suppressed, answer.taken)
        self._candidates.extendleft(row for row in reversed(candidates) if row not in done)
        self._window.forget_missed(row.recipient_no for row in again if row.recipient_no in done)
        clock = self._ledger.clock
        self._appetite.learn(len(again))
        if answer.no_slot_until_ms:
            self._ask_again_at = clock.moment_of(answer.no_slot_until_ms)
        elif answer.no_place_until_ms:
            self._report.no_place_until_ms = answer.no_place_until_ms
            self._end(Ending.NO_PLACE)
        elif not done and (candidates or again):
            self._ask_again_at = monotonic() + HOLD_SECONDS  # held: the store or the channel isn't ready
        # A slow answer shifts its slots. Past what the bucket's slack bears they are exchanged, but once only:
        # on a machine that is always slow the rows must go out all the same.
        self._window.add(answer.rows, clock.latest_shift if again else min(clock.latest_shift, SHIFT_SECONDS))

    # How much to ask for, and when.

    def _room(self) -> int:
        if self._ending is not None or not self._candidates:
            return 0
        window = self._window
        room = self._appetite.room(
            ahead=window.ahead_count, in_flight=window.in_flight_count, unrecorded=self._recorder.waiting_count
        )
        return min(room, len(self._candidates))

    def _worthwhile_room(self, now: float) -> int:
        room = self._room()
        if room <= 0 or now < self._ask_again_at:
            return 0
        is_starved = self._window.ahead_count == 0 and now - self._asked_at >= GATHER_SECONDS
        is_last = room == len(self._candidates or ())
        return room if is_starved or is_last or self._appetite.is_worth_a_call(room) else 0

    def _rest_seconds(self) -> float:
        now = monotonic()
        moments = [now + LOOK_SECONDS, self._drain_until]
        if self._room() > 0:
            moments.append(max(now + GATHER_SECONDS, self._ask_again_at))
        return max(0.001, min(moments) - now)

    def _on_change(self) -> None:
        window = self._window
        is_calm = window.in_flight_count and not window.missed and not window.failure
        if not is_calm or self._appetite.is_worth_a_call(self._room()):
            self._wake.set()

    def _may_post(self) -> bool:
        return (
            self._ending not in AT_ONCE
            and self._away_since is None
            and self._recorder.away_since is None
            and monotonic() < self._lease_end - LEASE_MARGIN_SECONDS
        )

    # Outcomes.

    def _on_outcome(self, row: Claimed, outcome: Outcome) -> None:
        self._report.outcomes[outcome.kind] += 1
        self._unreached = self._unreached + 1 if never_left(outcome) else 0
        if self._unreached >= UNREACHED_POSTS:
            self._end(Ending.UNREACHABLE)
            self._wake.set()
        server_ms = self._ledger.clock.server_ms(monotonic())
        self._recorder.add(change_of(row, outcome, server_ms))

    def _on_recorded(self, answer: TransitionAnswer) -> None:
        if answer.halted or answer.completed:
            self._looked_at = 0.0
            self._wake.set()
        self._window.post_due()

    # The end.

    def _look_for_an_ending(self, now: float) -> None:
        if self._window.failure is not None:
            self._end(Ending.FAILURE)
        elif self._stop.is_set():
            self._end(Ending.STOPPED)
        elif self._recorder.has_given_up or (
            self._away_since is not None and now - self._away_since > PATIENCE_SECONDS
        ):
            self._end(Ending.AWAY)
        elif now - self._began_at > self._job_seconds:
            self._end(Ending.TIME)
        elif self._candidates is not None and not self._candidates and self._unanswered is None:
            self._end(Ending.DONE)
        if self._ending in AT_ONCE:
            self._report.left_count += len(self._window.take_back())
        if self._ending is not None and not self._window.ahead_count and self._drain_until == float("inf"):
            self._drain_until = now + (STOP_DRAIN_SECONDS if self._stop.is_set() else DRAIN_SECONDS)
        if self._stop.is_set():
            self._drain_until = min(self._drain_until, now + STOP_DRAIN_SECONDS)

    def _see(self, look: Look) -> None:
        self._looked_at = monotonic()
        self._see_state(look.state)
        if look.rate_per_second > 0 and look.rate_per_second != self._rate_per_second:
            self._rate_per_second = look.rate_per_second
            self._window.pace = LocalPace(look.rate_per_second)

    def _see_state(self, state: str) -> None:
        self._report.state = state
        if state != OperationState.RUNNING:
            self._end(Ending.STATE)

    def _end(self, ending: Ending) -> None:
        if self._ending is None or (ending in AT_ONCE and self._ending not in AT_ONCE):
            self._ending = self._report.ending = ending

    def _is_over(self) -> bool:
        if self._ending is None or self._window.ahead_count:
            return False
        if self._candidates is None or self._ending is Ending.AWAY:
            return True
        return not self._window.in_flight_count or monotonic() >= self._drain_until

    async def _leave(self, recording: asyncio.Task[None]) -> None:
        """Record what is known, give back what was not posted."""
        await self._window.abandon()
        self._recorder.close()
        is_hurried = self._stop.is_set()
        await asyncio.wait({recording}, timeout=STOP_RECORD_SECONDS if is_hurried else PATIENCE_SECONDS)
        self._report.left_count += len(self._candidates or ())
        posted = self._window.posted | {(row.recipient_no, row.attempt) for row in self._recorder.waiting}
        if self._candidates is not None:
            await close_patiently(self._ledger, sorted(posted), STOP_RECORD_SECONDS if is_hurried else DRAIN_SECONDS)
