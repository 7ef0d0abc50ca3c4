"""The web process: what happens when it starts and stops, and the routes beside the pages.

The pages come up at once. What needs Redis waits for it in a thread: the store's name in Redis, the channels, the
suppressions, unfinished launches, and then the recorder.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import duckdb
import redis
from starlette.routing import BaseRoute, Mount

from engine import live
from engine.channels.sandbox_channel import ensure_sandbox_channel
from engine.channels.store import publish_channels
from engine.clock import utc_now
from engine.errors import ProviderError, QueueUnavailable, SettingsError, StoreError, UlakError
from engine.operations.erasure import resume_erasures
from engine.operations.launch import finish_launches, is_emptied
from engine.operations.lost import halt_lost
from engine.operations.pending import apply_pending
from engine.operations.suppressions import is_copy_present, publish_stop_words, rebuild_copy
from engine.secrets import secret_box
from engine.segments.export_jobs import forget_old_exports
from engine.settings import Settings, current_settings
from engine.warehouse import Warehouse
from engine.warehouse.shared import close_shared_warehouse, shared_warehouse
from worker.api import Services, create_api, local_token
from worker.api_exports import download_routes
from worker.night import Night
from worker.queue import enqueue_batch
from worker.recorder import Recorder, end_process
from worker.template_watch import TemplateWatch

log = logging.getLogger("ulak.web")
PAUSE_SECONDS = 1.0
PENDING_SECONDS = 2.0


class Backstage:
    """The thread behind the pages: prepares Redis once it answers, then runs the recorder."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self._warehouse = warehouse
        self._settings = settings
        self._stop = threading.Event()
        self._recorder: Recorder | None = None
        self._night: Night | None = None
        self._templates: TemplateWatch | None = None
        self._thread = threading.Thread(target=self._run, name="backstage", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the recorder after its pass, and the thread."""
        self._stop.set()
        self._thread.join(timeout=30)
        for thread in (self._night, self._templates):
            if thread is not None:
                thread.stop()
        if self._recorder is not None:
            self._recorder.stop()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                client = live.connect(self._settings)
                recorder = Recorder(self._warehouse, client)
                prepare_redis(self._warehouse, client, self._settings, recorder)
            except (QueueUnavailable, redis.RedisError, OSError) as problem:
                log.info("waiting for Redis (%s)", type(problem).__name__)
                self._stop.wait(PAUSE_SECONDS)
                continue
            except BaseException as problem:
                # Not the error's text: it may quote what is in the store.
                frames = "".join(traceback.format_tb(problem.__traceback__))
                log.critical("the web process can't go on: %s\n%s", type(problem).__name__, frames)
                end_process()
                return
            self._recorder = recorder
            recorder.start()
            self._night = Night(self._warehouse, self._settings, recorder.drain)
            self._night.start()
            self._templates = TemplateWatch(self._warehouse, self._settings)
            self._templates.start()
            self._look_after(client, recorder)
            return

    def _look_after(self, client: redis.Redis, recorder: Recorder) -> None:
        """Until the end, every two seconds: suppressions decided in the store are told to Redis; should Redis have
        lost what it held, it gets all of it again, and nothing is sent meanwhile. Exports that are a day old go."""
        while not self._stop.wait(PENDING_SECONDS):
            forget_old_exports(self._settings, utc_now())
            try:
                if not is_copy_present(client):
                    log.warning("Redis has lost the copy of the suppressions; it is made anew")
                    prepare_redis(self._warehouse, client, self._settings, recorder)
                apply_pending(self._warehouse, client)
            except (redis.RedisError, QueueUnavailable, OSError) as problem:
                log.warning("suppressions wait for Redis (%s)", type(problem).__name__)
            except duckdb.OperationalError as problem:
                log.warning("suppressions wait for the store (%s)", type(problem).__name__)


def prepare_redis(warehouse: Warehouse, client: redis.Redis, settings: Settings, recorder: Recorder) -> None:
    """Bring into Redis what the other processes need, in an order that never lets a message out too early.

    The copy of the suppressions comes last but for the launches: without it nothing is sent.
    """
    now = utc_now()
    sealed = secret_box(settings).encrypt(warehouse.salt.hex().encode())
    if client.hget(live.STORE, "epoch") != warehouse.epoch.encode():
        client.hdel(live.STORE, "suppressions")
        # Kept in Redis, not here: should this start fail half-way, the next one finds the epoch in its place.
        client.hset(live.STORE, mapping={"epoch": warehouse.epoch, "salt": sealed, "emptied": 1})
    elif not client.hexists(live.STORE, "salt"):
        client.hset(live.STORE, "salt", sealed)
    if not ensure_sandbox_channel(warehouse, client, settings, now):
        publish_channels(warehouse, client, settings)
    publish_stop_words(warehouse, client)
    recorder.drain()
    for operation_id in halt_lost(warehouse, client, now=now):
        log.warning("%s: its ledger is lost; halted", operation_id)
    rebuild_copy(warehouse, client, recorder.drain, now)

    def ring(operation_id: str, batch_no: int) -> None:
        enqueue_batch(client, operation_id, batch_no)

    _resume_erasures(warehouse, client, settings)
    was_emptied = is_emptied(client)
    for settled in finish_launches(warehouse, client, settings, now=now, enqueue=ring, was_emptied=was_emptied):
        log.warning("%s: its launch was interrupted; now %s", settled.operation_id, settled.state)
    client.hdel(live.STORE, "emptied")
    _first_templates(warehouse, client, settings)


def _resume_erasures(warehouse: Warehouse, client: redis.Redis, settings: Settings) -> None:
    """Before the launches: an erasure may have given a frozen audience a new hash. One that can't go on now is tried
    again each minute."""
    try:
        for done in resume_erasures(warehouse, client, settings, now=utc_now()):
            log.warning("%s: it was interrupted; now it is done", done.erasure_id)
    except StoreError as problem:
        log.error("an erasure can't be finished now: %s", problem.message)


def _first_templates(warehouse: Warehouse, client: redis.Redis, settings: Settings) -> None:
    """A channel that was never synced is synced at the start, so that a newcomer finds templates."""
    from engine.channels.sync import sync_templates

    cursor = warehouse.cursor()
    rows = cursor.execute(
        "SELECT channel_id FROM channels WHERE archived_at IS NULL AND synced_at IS NULL"
    ).fetchall()
    for (channel_id,) in rows:
        with contextlib.suppress(ProviderError, SettingsError):  # its secrets may be of another key, after a restore
            sync_templates(warehouse, client, settings, channel_id, who="ulak", now=utc_now())


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Open the store before the first page; stop the recorder and close the store after the last."""
    settings = current_settings()
    try:
        warehouse = shared_warehouse()
    except UlakError as problem:
        log.critical("%s", problem.message)
        raise
    local_token(settings)
    backstage = Backstage(warehouse, settings)
    backstage.start()
    try:
        yield
    finally:
        backstage.stop()
        close_shared_warehouse()


def routes() -> list[BaseRoute]:
    """The REST API, and the files of exports for a browser."""
    return [*download_routes(), Mount("/api/v1", app=create_api(Services(current_settings(), shared_warehouse)))]
