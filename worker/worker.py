"""The worker process: RQ's forking worker, made safe for sending.

Its child dies with it (RQ's lives on as an orphan and sends), learns at once that the worker is to stop, and is not
abandoned when Redis is away. The parent imports what is heavy and uses none of it: threads and connections made
before a fork are no use after it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import aiohttp  # noqa: F401
import cryptography.fernet  # noqa: F401
import httpx  # noqa: F401
import pyarrow.parquet  # noqa: F401
import redis
from rq import Queue, Worker
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from engine import live
from engine.operations.delivery_ledger import AWAY
from engine.settings import Settings
from worker import heartbeat, jobs, stopping
from worker.process import PAUSE_SECONDS, process_name, start_logging, wait_for_redis
from worker.queue import queue

logger = logging.getLogger("ulak.worker")

DEQUEUE_MARGIN_SECONDS = 15  # RQ waits for a job this much shorter than its worker_ttl
COLD_STOP_AFTER_SECONDS = 15.0
MAINTENANCE_SECONDS = 60
SIGNALS = {signal.SIGTERM, signal.SIGINT}
PR_SET_PDEATHSIG = 1


class SafeWorker(Worker):
    """An RQ worker whose child can't outlive it, and who outlives a restart of Redis."""

    log_result_lifespan = False

    def __init__(self, queue: Queue, name: str, connection: redis.Redis, stopped: stopping.Flag) -> None:
        super().__init__(
            [queue],
            name=name,
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=DEQUEUE_MARGIN_SECONDS + round(heartbeat.PERIOD_SECONDS),
            job_monitoring_interval=round(heartbeat.PERIOD_SECONDS),
            maintenance_interval=MAINTENANCE_SECONDS,
            log_job_description=False,
        )
        self._stopped = stopped
        self._job_count = 0
        self._is_away = False

    @property
    def was_asked_to_stop(self) -> bool:
        """Whether a signal ended the work, and not a fault."""
        return self._stopped.is_set() or self._shutdown_requested_date is not None

    # The child.

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Fork with signals held back, so that none falls between the fork and the child's own handlers."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            super().fork_work_horse(job, queue)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        if self._stop_requested:
            self._tell_horse_to_stop()

    def setup_work_horse_signals(self) -> None:
        """In the child: die with the parent, and take a request to stop as a request."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGTERM, stopping.request)
        die_with_parent(self.pid or os.getppid())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run one job in a child; what Redis does meanwhile never ends the worker."""
        self._job_count += 1
        with self._patience("after a job"):
            super().execute_job(job, queue)
        self._horse_pid = 0

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """While the child works: say that we live. Redis away is the child's business."""
        with self._patience("while a job runs"):
            super().maintain_heartbeats(job, execution)
            self._beat(busy=1)

    # Stopping.

    def _install_signal_handlers(self) -> None:
        """Take over from `stopping.Flag`, and mind a signal that came until now."""
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        self._stop_requested = self._stopped.is_set()
        logger.info("%s is ready", self.name)

    def handle_warm_shutdown_request(self) -> None:
        """Asked to stop: the child is told, finishes what is under way and gives the rest back.

        No log line: this runs inside a signal handler, maybe amid another line.
        """
        self._tell_horse_to_stop()

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """Asked again: patience first, since a killed child leaves rows of which nobody knows."""
        asked_at = self._shutdown_requested_date
        if asked_at is None or time.time() - asked_at.timestamp() < COLD_STOP_AFTER_SECONDS:
            return
        super().request_force_stop(signum, frame)

    def set_shutdown_requested_date(self) -> None:
        """Not told to Redis: this runs inside a signal handler, maybe amid another call."""

    def _tell_horse_to_stop(self) -> None:
        if self._horse_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._horse_pid, signal.SIGTERM)

    # Redis away.

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Say that we live; in a pipeline as RQ does it, else until Redis hears."""
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
            return
        self._until_heard(lambda: super(SafeWorker, self).heartbeat(timeout))
        self._until_heard(lambda: self._beat(busy=0))

    def set_state(self, state: str, pipeline: Any = None) -> None:
        """Keep the state, and tell Redis when it is there."""
        if pipeline is not None:
            super().set_state(state, pipeline)
            return
        self._until_heard(lambda: super(SafeWorker, self).set_state(state))

    def run_maintenance_tasks(self) -> None:
        """Clean RQ's registries when Redis lets us."""
        with self._patience("cleaning up"):
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]

    def check_for_suspension(self, burst: bool) -> None:
        """RQ's suspension isn't used: operations are paused one by one."""

    def subscribe(self) -> None:
        """No commands by pubsub: a thread and a connection that would be forked along."""

    def teardown(self) -> None:
        """Leave the registry of workers, if Redis hears it."""
        with self._patience("leaving"):
            super().teardown()  # type: ignore[no-untyped-call]
            self.connection.hdel(live.HEARTBEATS, self.name)

    def _beat(self, busy: int) -> None:
        heartbeat.beat(self.connection, self.name, jobs=self._job_count, busy=busy)

    @contextlib.contextmanager
    def _patience(self, when: str) -> Iterator[None]:
        try:
            yield
        except AWAY as problem:
            self._note_away(f"{when}: {type(problem).__name__}")

    def _until_heard(self, call: Callable[[], object]) -> None:
        while True:
            try:
                call()
            except AWAY as problem:
                self._note_away(type(problem).__name__)
                time.sleep(PAUSE_SECONDS)
                continue
            if self._is_away:
                self._is_away = False
                logger.info("Redis is back")
            return

    def _note_away(self, reason: str) -> None:
        if not self._is_away:
            self._is_away = True
            logger.warning("Redis is away (%s); waiting for it", reason)


def die_with_parent(parent_pid: int) -> None:
    """Let this process be killed when its parent dies, whatever way."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:
            os._exit(1)
    else:
        threading.Thread(target=_watch_parent, args=(parent_pid,), daemon=True).start()


def _watch_parent(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(0.5)
    os._exit(1)


def run(settings: Settings) -> int:
    """Work until asked to stop. Returns the exit code."""
    start_logging()
    jobs.prepare()
    gc.collect()
    gc.freeze()
    stopped = stopping.Flag()
    while True:
        with stopped.on_signals():
            connection = wait_for_redis(settings, stopped)
            if connection is None or not _work_once(connection, stopped):
                return 0


def _work_once(connection: redis.Redis, stopped: stopping.Flag) -> bool:
    """Work until asked to stop or until RQ gives up; whether to go on."""
    name = process_name("worker")
    try:
        connection.delete(SafeWorker.redis_worker_namespace_prefix + name)
        worker = SafeWorker(queue(connection), name, connection, stopped)
        worker.work(logging_level="WARNING")
    except AWAY as problem:
        logger.warning("Redis is away (%s)", type(problem).__name__)
        return True
    if worker.was_asked_to_stop:
        logger.info("%s has stopped", name)
    return not worker.was_asked_to_stop
