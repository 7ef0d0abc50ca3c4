"""Who holds a cursor, and a moment in which nobody does.

DuckDB's file can be exchanged only while no cursor is in use. The gate knows every cursor that was given out and
still lives; while somebody wants quiet, whoever holds none waits for the next one, so those under way come to an end.
"""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from engine.errors import StateError
from engine.words import N_

PATIENCE_SECONDS = 20.0
_LOOK_SECONDS = 0.02
BUSY = N_("the store is in use; try again when less goes on")


class Gate:
    """Gives out nothing itself: it is told of each cursor, and asked before the next."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._living: dict[int, tuple[weakref.ref[duckdb.DuckDBPyConnection], threading.Thread]] = {}
        self._quiet_wanted_by: threading.Thread | None = None

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Make a cursor in here and tell `note` of it; waits while somebody wants quiet."""
        with self._lock:
            self._lock.wait_for(self._may_pass, PATIENCE_SECONDS * 2)
            yield

    def wait(self) -> None:
        """Wait while somebody wants quiet: before taking a lock that those under way may need to come to an end."""
        with self.passing():
            pass

    def note(self, cursor: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """Remember a cursor as long as it lives."""
        key, living = id(cursor), self._living
        living[key] = (weakref.ref(cursor, lambda _: living.pop(key, None)), threading.current_thread())
        return cursor

    def close(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Close a cursor; whoever still has its name holds nothing any more."""
        cursor.close()
        self._living.pop(id(cursor), None)

    @contextmanager
    def quiet(self, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
        """Run the body while nobody else has a cursor, and nobody gets one.

        Cursors of threads that have ended, and the caller's own, don't count: nobody uses them.

        Raises:
            StateError: somebody held one for longer than the patience.
        """
        with self._lock:
            if self._quiet_wanted_by is not None:
                raise StateError(reason=BUSY)
            self._quiet_wanted_by = threading.current_thread()
        try:
            self._wait_for_quiet(time.monotonic() + patience_seconds)
            with self._lock:
                yield
        finally:
            with self._lock:
                self._quiet_wanted_by = None
                self._lock.notify_all()

    def _wait_for_quiet(self, until: float) -> None:
        gc.collect()
        while self._holders() - {threading.current_thread()}:
            if time.monotonic() > until:
                raise StateError(reason=BUSY)
            time.sleep(_LOOK_SECONDS)

    def _may_pass(self) -> bool:
        wanted_by, own = self._quiet_wanted_by, threading.current_thread()
        return wanted_by is None or wanted_by is own or own in self._holders()

    def _holders(self) -> set[threading.Thread]:
        return {thread for _, thread in list(self._living.values()) if thread.is_alive()}
