"""The recorder: a thread of the web process that drains the event stream into DuckDB, exactly once.

It records only: it never touches ledger or limits. Redis being away is waited for; a store that can't be written, or
anything nobody thought of, ends the process through `on_failure`, and the supervisor starts it anew.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable

import duckdb
import redis

from engine.live import EVENTS
from engine.operations.recording import Recorded, ingest_offset, record
from engine.operations.stream import next_id, publish_pressure, read_raw, stream_lag
from engine.warehouse import Warehouse
from worker.heartbeat import PERIOD_SECONDS, beat

log = logging.getLogger("ulak.recorder")

ROWS_A_PASS = 50_000
PASS_SECONDS = 1.0
CHECKPOINT_SECONDS = 30.0
STORE_PATIENCE = 5
"""So many failures of the store one after another, a second and more apart, end the process."""


def recorder_lag(client: redis.Redis, warehouse: Warehouse) -> tuple[int, float]:
    """How far behind the record is: (entries, seconds); seconds is the age of the oldest entry not yet recorded."""
    return stream_lag(client, ingest_offset(warehouse))


def end_process() -> None:
    """What happens when the recorder can't go on: this process stops, in order, and is started anew."""
    os.kill(os.getpid(), signal.SIGTERM)


_running: list[Recorder] = []


def drain_here(warehouse: Warehouse, client: redis.Redis) -> int:
    """Record the stream to its end: by the recorder that runs in this process, else by one made for it.

    Returns: how many entries were recorded.
    """
    recorder = _running[-1] if _running else Recorder(warehouse, client)
    return recorder.drain()


class Recorder:
    """Records the stream from `start` to `stop`; `run_once` is one pass, for tests and for a rebuild."""

    def __init__(
        self, warehouse: Warehouse, client: redis.Redis, on_failure: Callable[[], None] = end_process
    ) -> None:
        self._warehouse = warehouse
        self._client = client
        self._on_failure = on_failure
        self._stop = threading.Event()
        self._pass = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_aligned = False
        self._total = Recorded()
        self._uncheckpointed = 0
        self._checkpointed_at = time.monotonic()
        self._beaten_at = 0.0

    def start(self) -> None:
        """Start the thread."""
        self._stop.clear()
        _running.append(self)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the pass that is under way."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=30)
            self._thread = None
            _running.remove(self)

    def run_once(self) -> int:
        """Record up to `ROWS_A_PASS` rows and trim them from the stream.

        Returns: how many entries were recorded.
        """
        return self._run_pass()[0].entries

    def drain(self) -> int:
        """Record until nothing is left.

        Returns: how many entries were recorded.
        """
        count = 0
        while passed := self.run_once():
            count += passed
        return count

    def _run_pass(self) -> tuple[Recorded, bool]:
        """(what was recorded, whether more waits)."""
        with self._pass:
            offset = ingest_offset(self._warehouse)
            if not self._is_aligned:
                self._align(offset)
            raws = read_raw(self._client, offset, ROWS_A_PASS)
            if not raws:
                return Recorded(), False
            recorded = record(self._warehouse, raws)
            self._client.xtrim(EVENTS, minid=next_id(raws[-1][0].decode()), approximate=False)
            self._total += recorded
            self._uncheckpointed += recorded.entries
            if recorded.rejected:
                log.error("%d entries could not be recorded; see rejected_events", recorded.rejected)
            rows = sum(max(1, len(fields.get(b"rows", b"")) // 16) for _, fields in raws)
            return recorded, rows >= ROWS_A_PASS

    def _align(self, offset: str) -> None:
        """Trim what is recorded; make sure that new entries come after the offset.

        A stream that begins anew (an empty server, an older copy, a clock set back) could number its entries below
        the offset, and they would never be read.
        """
        self._client.xtrim(EVENTS, minid=next_id(offset), approximate=False)
        newest = str(self._client.xinfo_stream(EVENTS)["last-generated-id"].decode()) if self._has_stream() else "0-0"
        if _order(newest) < _order(offset):
            log.warning("the event stream is older than the record; new entries are numbered after it")
            self._client.xadd(EVENTS, {"v": 1, "k": "mark"}, id=next_id(offset))
        self._is_aligned = True

    def _has_stream(self) -> bool:
        return bool(self._client.exists(EVENTS))

    def _run(self) -> None:
        failures = 0
        try:
            while not self._stop.is_set():
                try:
                    is_behind = self._tick()
                    failures = 0
                except redis.RedisError as problem:
                    self._is_aligned, is_behind = False, False
                    log.warning("waiting for redis: %s", type(problem).__name__)
                except duckdb.OperationalError as problem:
                    failures, is_behind = failures + 1, False
                    log.error("the store refused (%d): %s", failures, type(problem).__name__)
                    if failures >= STORE_PATIENCE:
                        raise
                if not is_behind:
                    self._stop.wait(PASS_SECONDS * (1 + failures))
        except Exception as problem:
            frames = "".join(traceback.format_tb(problem.__traceback__))
            log.critical("the recorder can't go on; this process ends: %s\n%s", type(problem).__name__, frames)
            self._on_failure()

    def _tick(self) -> bool:
        recorded, is_behind = self._run_pass()
        if not recorded.entries:
            self._checkpoint_when_quiet()
        if time.monotonic() - self._beaten_at >= PERIOD_SECONDS:
            entries, seconds = recorder_lag(self._client, self._warehouse)
            pressure = publish_pressure(self._client)
            figures = {"lag_entries": entries, "lag_seconds": round(seconds, 1), "pressure": round(pressure, 4)}
            beat(self._client, "recorder", recorded=self._total.entries, rejected=self._total.rejected, **figures)
            self._beaten_at = time.monotonic()
        return is_behind

    def _checkpoint_when_quiet(self) -> None:
        if not self._uncheckpointed or time.monotonic() - self._checkpointed_at < CHECKPOINT_SECONDS:
            return
        self._checkpointed_at = time.monotonic()
        try:
            with self._warehouse.exclusive() as cursor:
                cursor.execute("CHECKPOINT")
        except duckdb.OperationalError:
            return  # another transaction is open: at the next quiet moment
        self._uncheckpointed = 0


def _order(stream_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = stream_id.partition("-")
    return int(milliseconds), int(sequence or 0)
