"""Keeps templates as the provider has them: read at the start, every fifteen minutes, and soon after a webhook spoke
of one. What can't be read is tried again; operations whose template changed under them are held."""

from __future__ import annotations

import logging
import threading
import traceback
from datetime import datetime

import redis

from engine import live
from engine.channels.store import list_channels
from engine.channels.sync import sync_templates
from engine.clock import from_store, utc_now
from engine.errors import ProviderError, UlakError
from engine.operations.template_watch import hold_changed
from engine.settings import Settings
from engine.warehouse import Warehouse

log = logging.getLogger("ulak.templates")

LOOK_SECONDS = 5.0
SYNC_SECONDS = 15 * 60.0
GENTLE_SECONDS = 30.0
"""However much a provider's webhooks speak of templates, they are read no more often."""
_NEWS = (
    "SELECT max(happened_at) FROM account_events"
    " WHERE channel_id = ? AND (kind LIKE 'message_template%' OR kind = 'template_category_update')"
)


class TemplateWatch:
    """The thread that reads templates; `start` it when Redis is prepared."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self._warehouse = warehouse
        self._settings = settings
        self._tried: dict[str, datetime] = {}
        self._heard: dict[str, datetime] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="templates", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after what is under way."""
        self._stop.set()
        self._thread.join(timeout=30)

    def look(self, client: redis.Redis, now: datetime) -> list[str]:
        """Read what is due, and hold the operations whose template changed, whoever read it.

        Returns: the channels that were read.
        """
        read = []
        for channel in list_channels(self._warehouse.cursor()):
            if self._is_due(channel.channel_id, now):
                self._tried[channel.channel_id] = now
                if self._read(client, channel.channel_id, now):
                    read.append(channel.channel_id)
            for operation_id in hold_changed(self._warehouse, client, channel.channel_id, now=now):
                log.warning("%s: its template changed; halted", operation_id)
        return read

    def _read(self, client: redis.Redis, channel_id: str, now: datetime) -> bool:
        try:
            found = sync_templates(self._warehouse, client, self._settings, channel_id, who="ulak", now=now)
        except ProviderError as problem:
            log.info("%s: its templates can't be read now: %s", channel_id, problem.message)
            return False
        if not found.is_unchanged:
            counts = (len(found.new), len(found.changed), len(found.gone))
            log.info("%s: %d templates new, %d changed, %d gone", channel_id, *counts)
        return True

    def _is_due(self, channel_id: str, now: datetime) -> bool:
        tried = self._tried.get(channel_id)
        if tried is None or (now - tried).total_seconds() >= SYNC_SECONDS:
            return True
        ((heard,),) = self._warehouse.cursor().execute(_NEWS, [channel_id]).fetchall()
        last = from_store(heard) if heard else None
        is_news = last is not None and last != self._heard.get(channel_id)
        if not is_news or (now - tried).total_seconds() < GENTLE_SECONDS:
            return False
        self._heard[channel_id] = last  # type: ignore[assignment]
        return True

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                with live.connect(self._settings) as client:
                    self.look(client, utc_now())
            except (UlakError, redis.RedisError, OSError) as problem:
                log.info("templates wait (%s)", type(problem).__name__)
            except Exception as problem:
                # Not the error's text: it may quote what is in the store.
                frames = "".join(traceback.format_tb(problem.__traceback__))
                log.error("templates can't be read: %s\n%s", type(problem).__name__, frames)
