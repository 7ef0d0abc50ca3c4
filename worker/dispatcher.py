"""The dispatcher: each second it looks at all live operations and does what is due.

Leases that ran out become `unknown`, operations that wait are woken, doorbells are rung. It keeps nothing that
Redis doesn't have; one leads, any number stand by.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

import redis
from redis.exceptions import LockError
from redis.lock import Lock

from engine import live
from engine.errors import QueueUnavailable
from engine.operations import ledger
from engine.operations.causes import EPOCH, LEDGER_MISSING, MESSAGING_LIMIT
from engine.operations.delivery_ledger import AWAY
from engine.operations.live_operations import (
    LiveOperation,
    has_ledger,
    leased_batches,
    open_batches,
    operation_ids_of,
    read_operations,
    server_now_ms,
)
from engine.operations.states import FINAL_OPERATION_STATES, OperationState
from engine.operations.stream import HOLD_CAUSE, publish_pressure
from engine.settings import Settings
from worker import heartbeat, stopping
from worker.doorbells import QUEUED_PER_WORKER, choose_doorbells
from worker.process import process_name, start_logging, wait_for_redis
from worker.queue import Doorbell, enqueue_batch, queued_doorbells

logger = logging.getLogger("ulak.dispatcher")

LOCK = "ulak:dispatcher"
LOCK_SECONDS = 5.0
TICK_SECONDS = 1.0
RING_AGAIN_SECONDS = 2.0
PLACES_TO_WAKE = 50
WAKE_ANYWAY_SECONDS = 60.0


def run(settings: Settings) -> int:
    """Dispatch until asked to stop. Returns the exit code."""
    start_logging()
    stopped = stopping.Flag()
    with stopped.on_signals():
        client = wait_for_redis(settings, stopped)
        if client is None:
            return 0
        logger.info("dispatcher is ready")
        process = Process(client)
        while not stopped.is_set():
            began_at = time.monotonic()
            process.turn()
            stopped.wait(max(0.05, TICK_SECONDS - (time.monotonic() - began_at)))
        process.leave()
    logger.info("dispatcher has stopped")
    return 0


class Process:
    """One dispatcher process: the lock, the heartbeat, and patience with Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._lock = Lock(client, LOCK, timeout=LOCK_SECONDS, blocking=False, thread_local=False)
        self._dispatcher = Dispatcher(client)
        self._is_away = False
        self._beaten_at = 0.0
        self.is_leading = False

    def turn(self) -> None:
        """Lead if nobody else does, and do what is due; never raises for a Redis that is away."""
        try:
            self._lead_or_follow()
            self._beat()
            if self.is_leading:
                self._dispatcher.tick()
        except (*AWAY, QueueUnavailable) as problem:
            if not self._is_away:
                logger.warning("Redis is away (%s); waiting for it", type(problem).__name__)
            self._is_away = True
            self.is_leading = False
        else:
            if self._is_away:
                logger.info("Redis is back")
            self._is_away = False

    def leave(self) -> None:
        """Let another one lead at once."""
        try:
            if self.is_leading:
                self._client.hdel(live.HEARTBEATS, self._name())
                self._lock.release()
        except (*AWAY, LockError):
            logger.info("Redis is away; the lock runs out by itself")

    def _lead_or_follow(self) -> None:
        if self.is_leading:
            try:
                self._lock.reacquire()
                return
            except LockError:
                self.is_leading = False
        if self._lock.acquire():
            self.is_leading = True
            self._beaten_at = 0.0
            self._client.hdel(live.HEARTBEATS, process_name("dispatcher"))

    def _beat(self) -> None:
        if time.monotonic() - self._beaten_at >= heartbeat.PERIOD_SECONDS - TICK_SECONDS / 2:
            heartbeat.beat(self._client, self._name(), leading=int(self.is_leading))
            self._beaten_at = time.monotonic()

    def _name(self) -> str:
        return "dispatcher" if self.is_leading else process_name("dispatcher")


class Dispatcher:
    """What is done each second."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._is_held = False
        self._rung_at: dict[Doorbell, float] = {}
        self._waiting_since: dict[str, float] = {}

    def tick(self) -> None:
        """Look at everything once."""
        now_ms = server_now_ms(self._client)
        is_held = self._watch_stream()
        self._expire(now_ms)
        operations = read_operations(self._client)
        self._halt_strangers(operations)
        for operation in operations:
            if operation.state == OperationState.WAITING and self._is_due(operation, now_ms, is_held):
                self._control(operation, "wake")
            elif operation.is_running and is_held:
                self._control(operation, "wait", cause=HOLD_CAUSE)
            elif operation.state == OperationState.CANCELLED:
                self._finish_cancel(operation)
        if not is_held:
            self._ring(now_ms)

    def _expire(self, now_ms: int) -> None:
        """Turn what dead jobs held into unknown, and strike off operations whose ledger has gone by age."""
        ids = operation_ids_of(self._client)
        pipe = self._client.pipeline(transaction=False)
        for operation_id in ids:
            pipe.exists(live.operation_key(operation_id))
            pipe.zcount(live.operation_key(operation_id, "leases"), "-inf", now_ms)
        found = pipe.execute()
        for operation_id, is_there, dead_count in zip(ids, found[::2], found[1::2], strict=True):
            jobs = [""]
            while (dead_count or not is_there) and jobs:
                jobs = ledger.run(self._client, ledger.expire_jobs(operation_id))
                for job in jobs:
                    logger.warning("%s: job %s is gone; what it held is unknown", operation_id, job)

    def _watch_stream(self) -> bool:
        """Whether senders must wait, for the recorder to catch up or for whoever else holds the store."""
        publish_pressure(self._client)
        is_held = bool(self._client.hget(live.STORE, "hold"))
        if is_held != self._is_held:
            logger.warning("sending is held: the store says so" if is_held else "sending goes on")
            self._is_held = is_held
        return is_held

    def _halt_strangers(self, operations: Iterable[LiveOperation]) -> None:
        """Halt what doesn't belong to this store: another epoch, or a ledger that was lost."""
        raw = self._client.hget(live.STORE, "epoch")
        epoch = raw.decode() if isinstance(raw, bytes) else None
        stopped = {*FINAL_OPERATION_STATES, OperationState.HALTED}
        for operation in operations:
            if operation.state in stopped:
                continue
            if epoch is not None and operation.epoch != epoch:
                self._control(operation, "halt", cause=EPOCH)
            elif not has_ledger(self._client, operation):
                self._control(operation, "halt", cause=LEDGER_MISSING)

    def _finish_cancel(self, operation: LiveOperation) -> None:
        """Go on with a cancel whose caller died between two slices."""
        key = live.operation_key(operation.operation_id)
        while self._client.hexists(key, "sweep"):
            ledger.run(self._client, ledger.control(operation.operation_id, "cancel", who="", cause=operation.cause))

    def _is_due(self, operation: LiveOperation, now_ms: int, is_held: bool) -> bool:
        since = self._waiting_since.setdefault(operation.operation_id, time.monotonic())
        if is_held:
            return False
        is_due = operation.cause == HOLD_CAUSE or 0 < operation.until_ms <= now_ms
        if not is_due and operation.cause == MESSAGING_LIMIT:
            free = self._free_places(operation.portfolio_id, now_ms)
            is_due = free >= PLACES_TO_WAKE or (free > 0 and time.monotonic() - since >= WAKE_ANYWAY_SECONDS)
        return is_due

    def _free_places(self, portfolio_id: str, now_ms: int) -> int:
        limit = int(self._client.hget(live.portfolio_key(portfolio_id), "limit") or -1)
        return PLACES_TO_WAKE if limit < 0 else limit - ledger.places_used(self._client, portfolio_id, now_ms)

    def _control(self, operation: LiveOperation, verb: str, *, cause: str = "") -> None:
        logger.info("%s: %s %s", operation.operation_id, verb, cause)
        ledger.run(self._client, ledger.control(operation.operation_id, verb, who="", cause=cause))
        self._waiting_since.pop(operation.operation_id, None)

    def _ring(self, now_ms: int) -> None:
        queued = queued_doorbells(self._client)
        room = QUEUED_PER_WORKER * self._worker_count() - len(queued)
        running = [one for one in read_operations(self._client) if one.is_running]
        if room <= 0 or not running:
            return
        busy = {one.operation_id: self._busy(one, queued, now_ms) for one in running}
        rates = {channel_id: self._rate(channel_id) for channel_id in {one.channel_id for one in running}}
        for doorbell in choose_doorbells(
            running, lambda one: open_batches(self._client, one, now_ms), busy, rates, room
        ):
            enqueue_batch(self._client, *doorbell)
            self._rung_at[doorbell] = time.monotonic()

    def _busy(self, operation: LiveOperation, queued: list[Doorbell], now_ms: int) -> set[int]:
        """Batches queued, worked on, or rung so lately that a worker may be about to begin."""
        lately = time.monotonic() - RING_AGAIN_SECONDS
        self._rung_at = {bell: rung_at for bell, rung_at in self._rung_at.items() if rung_at > lately}
        bells = [bell.batch_no for bell in (*queued, *self._rung_at) if bell.operation_id == operation.operation_id]
        return leased_batches(self._client, operation.operation_id, now_ms).union(bells)

    def _rate(self, channel_id: str) -> float:
        return float(self._client.hget(live.channel_key(channel_id), "rate") or 0)

    def _worker_count(self) -> int:
        beats = heartbeat.read_beats(self._client)
        alive = [
            name
            for name, row in beats.items()
            if name.startswith("worker.") and row["age_seconds"] < heartbeat.DEAD_AFTER_SECONDS
        ]
        return max(1, len(alive))
