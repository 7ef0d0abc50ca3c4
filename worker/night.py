"""What web does by itself when nobody asks: finishes interrupted erasures, purges in the night when one is due, and
counts the saved segments once a day."""

from __future__ import annotations

import contextlib
import logging
import threading
import traceback
from collections.abc import Callable
from datetime import datetime

import redis

from engine import live
from engine.clock import utc_now
from engine.errors import UlakError
from engine.operations.erasure import resume_erasures
from engine.operations.purge import PurgeResult, is_time_for, purge, purge_due
from engine.segments import load_context
from engine.segments.sizes import record_daily_sizes
from engine.settings import Settings
from engine.warehouse import Warehouse

log = logging.getLogger("ulak.night")

LOOK_SECONDS = 60.0


def do_what_is_due(
    warehouse: Warehouse, client: redis.Redis, settings: Settings, now: datetime, drain: Callable[[], object]
) -> PurgeResult | None:
    """Finish what was begun, and purge if it is time.

    Returns: what the purge did, if there was one.

    Raises:
        UlakError: it can't be done now; the next look tries again.
    """
    resume_erasures(warehouse, client, settings, now=now)
    with contextlib.closing(warehouse.cursor()) as cursor:
        context = load_context(cursor, now=now, zone=settings.zone)
        due = purge_due(cursor)
    record_daily_sizes(warehouse, context, now)
    if not is_time_for(due, now, settings.zone):
        return None
    return purge(warehouse, client, settings, who="ulak", now=now, drain=drain)


class Night:
    """The thread that looks every minute; `start` it when Redis is prepared."""

    def __init__(self, warehouse: Warehouse, settings: Settings, drain: Callable[[], object]) -> None:
        self._warehouse = warehouse
        self._settings = settings
        self._drain = drain
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="night", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after what is under way."""
        self._stop.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                with live.connect(self._settings) as client:
                    done = do_what_is_due(self._warehouse, client, self._settings, utc_now(), self._drain)
                if done is not None:
                    log.info("purged %d erasures in %.1f s", done.erasure_count, done.seconds)
            except (UlakError, redis.RedisError, OSError) as problem:
                log.info("not purged or finished now (%s); again in a minute", type(problem).__name__)
            except Exception as problem:
                # Not the error's text: it may quote what is in the store.
                frames = "".join(traceback.format_tb(problem.__traceback__))
                log.error("an erasure or purge failed: %s\n%s", type(problem).__name__, frames)
