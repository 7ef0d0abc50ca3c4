"""The receiver: takes the provider's webhooks, checks them, applies them to the ledgers, and only then answers 200.

A small ASGI app that works with web down. What it refuses or can't apply is answered 401, 413 or 503, and the
provider repeats it; no phone number, text or token reaches a log line.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import redis.asyncio

from engine.channels.webhooks import is_signed, parse_webhook
from engine.errors import InputError, UlakError
from engine.live import connect, connect_async
from engine.operations.hearing_types import Body
from engine.settings import Settings
from worker.heartbeat import PERIOD_SECONDS, beat
from worker.receiver_commit import GroupCommit, NotTaken
from worker.receiver_surroundings import KnownChannel, Surroundings

log = logging.getLogger("ulak.receiver")

MOST_BYTES = 4 * 1024 * 1024
"""The provider sends up to 3 MB."""
PULSE_SECONDS = 1.0
_PATH = "/webhook/"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, bytes]


class Receiver:
    """The ASGI app."""

    def __init__(self, settings: Settings, surroundings: Surroundings, commit: GroupCommit) -> None:
        self._settings = settings
        self._around = surroundings
        self._commit = commit
        self._pulse: asyncio.Task[None] | None = None
        self._reloading = asyncio.Lock()
        self.counts = dict.fromkeys(("taken", "refused", "busy", "skipped"), 0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the app."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            return
        status, text = await self._answer(scope, receive)
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def start(self) -> None:
        """Start the flusher and the pulse."""
        self._commit.start()
        await self._refresh()
        self._pulse = asyncio.create_task(self._beat_for_ever(), name="pulse")

    async def stop(self) -> None:
        """Apply what waits, then end."""
        await self._commit.stop()
        if self._pulse is not None:
            self._pulse.cancel()

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path, method = scope["path"], scope["method"]
        if path == "/health":
            return (200, b"ok") if self._around.context is not None else (503, b"not ready")
        if not path.startswith(_PATH) or "/" in (channel_id := path[len(_PATH) :]):
            return 404, b"not found"
        if method == "GET":
            return await self._verify(channel_id, scope.get("query_string", b""))
        if method != "POST":
            return 405, b"GET or POST"
        return await self._take(channel_id, scope, receive)

    async def _verify(self, channel_id: str, query: bytes) -> Answer:
        """The provider asks whether the address is ours."""
        asked = {name: values[-1] for name, values in parse_qs(query.decode("latin-1")).items()}
        token = asked.get("hub.verify_token", "").encode()
        for is_last in (False, True):
            known = self._around.channels.get(channel_id)
            wanted = known.secrets.verify_token.get_secret_value().encode() if known else b""
            is_ours = hmac.compare_digest(token, wanted) and bool(wanted)
            if is_ours and asked.get("hub.mode") == "subscribe":
                return 200, asked.get("hub.challenge", "").encode()
            if is_last or not await self._reload():
                break
        return 403, b"forbidden"

    async def _take(self, channel_id: str, scope: Scope, receive: Receive) -> Answer:
        if self._around.is_full or self._around.context is None:
            self.counts["busy"] += 1
            return 503, b"busy"
        body = await _read(scope, receive)
        if body is None:
            return 413, b"too large"
        known = await self._signer(channel_id, body, _header(scope, b"x-hub-signature-256"))
        if known is None:
            self.counts["refused"] += 1
            return 401, b"unknown signature"
        try:
            webhook = parse_webhook(body)
        except InputError:
            self.counts["refused"] += 1
            return 400, b"no webhook"
        self.counts["skipped"] += webhook.skipped
        try:
            await self._commit.apply(Body(known.address, webhook))
        except NotTaken:
            self.counts["busy"] += 1
            return 503, b"busy"
        self.counts["taken"] += 1
        return 200, b"ok"

    async def _signer(self, channel_id: str, body: bytes, header: str | None) -> KnownChannel | None:
        """The channel whose secret signed the body; secrets are read again before a signature is refused."""
        for is_last in (False, True):
            known = self._around.channels.get(channel_id)
            if known is not None and is_signed(body, header, known.secrets.app_secret.get_secret_value()):
                return known
            if is_last or not await self._reload():
                break
        return None

    async def _reload(self) -> bool:
        """Read the channels again; False when Redis is away."""
        async with self._reloading:
            try:
                await asyncio.to_thread(self._around.reload)
            except (redis.RedisError, UlakError):
                return False
        return True

    async def _refresh(self) -> None:
        async with self._reloading:
            try:
                await asyncio.to_thread(self._around.refresh)
            except redis.RedisError as problem:
                log.warning("waiting for redis: %s", type(problem).__name__)
            except UlakError as problem:
                log.error("the store can't be read: %s", problem)

    async def _beat_for_ever(self) -> None:
        beaten_at = float("-inf")
        while True:
            await self._refresh()
            if time.monotonic() - beaten_at >= PERIOD_SECONDS:
                beaten_at = time.monotonic()
                figures = {"memory": round(self._around.memory_ratio, 3), "pressure": round(self._around.pressure, 4)}
                try:
                    await asyncio.to_thread(beat, self._around.client, "receiver", **self.counts, **figures)
                except redis.RedisError as problem:
                    log.warning("no heartbeat: %s", type(problem).__name__)
            await asyncio.sleep(PULSE_SECONDS)


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return None


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """The raw body, or None when it is larger than any webhook."""
    announced = _header(scope, b"content-length") or "0"
    if announced.isdigit() and int(announced) > MOST_BYTES:
        return None
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > MOST_BYTES:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def create_app(settings: Settings) -> Receiver:
    """The app with its own connections to Redis."""
    surroundings = Surroundings(settings, connect(settings))
    commit = GroupCommit(connect_async(settings, max_connections=4), lambda: surroundings.context)
    return Receiver(settings, surroundings, commit)


def run(settings: Settings) -> None:
    """Serve until told to stop."""
    import uvicorn

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    uvicorn.run(
        create_app(settings),
        host=settings.receiver_host,
        port=settings.receiver_port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=8,
        server_header=False,
        date_header=False,
    )
