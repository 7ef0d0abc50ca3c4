"""What the tests of API, command line and web's start stand on: a sandbox on a real port, a store beside Redis."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import uvicorn
from httpx import ASGITransport, AsyncClient, Response

from engine.sandbox.credentials import ensure_credentials
from engine.sandbox.server import create_app, server_config
from engine.settings import Settings, current_settings, load_settings
from engine.warehouse import Warehouse
from worker.api import Services, create_api, local_token
from worker.recorder import Recorder
from worker.web import prepare_redis

HEADER = "Ad;Soyad;Telefon;Şehir"
ROWS = (
    "Ayşe;Yılmaz;+90 532 111 11 01;Ankara",
    "Mehmet;Kaya;+90 532 111 11 02;Ankara",
    "Zeynep;Demir;+90 532 111 11 03;İzmir",
    "Nobody;Reachable;12;İzmir",
)
CSV = "\n".join((HEADER, *ROWS)) + "\n"
NOTICE, OFFER = ("service_notice", "tr"), ("autumn_offer", "tr")
OFFER_VALUES = {"body:first_name": "@name", "body:discount": "%20", "body:last_day": "30 Kasım"}
IN_ANKARA = {"facets": {}, "rule": {"kind": "is", "field": "city", "operator": "equals", "value": "Ankara"}}


def free_port() -> int:
    """A port that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_with_ports(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The test's own home, on ports that are free: nothing else on this machine answers there."""
    for name in ("PORT", "RECEIVER_PORT", "SANDBOX_PORT"):
        monkeypatch.setenv(f"ULAK_{name}", str(free_port()))
    current_settings.cache_clear()
    return load_settings()


@contextmanager
def running_sandbox(settings: Settings) -> Iterator[None]:
    """The sandbox on its port, in a thread; its webhooks go nowhere."""
    folder = settings.sandbox_credentials_path.parent
    app = create_app(
        folder, ensure_credentials(settings), f"http://127.0.0.1:{settings.receiver_port}/webhook/sandbox"
    )
    server = uvicorn.Server(server_config(app, settings.sandbox_port))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    give_up_at = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
    yield
    server.should_exit = True
    thread.join(10)
    app.world.close()


class Api:
    """The REST API of one store, called without a port. A fault inside becomes status 500, as on a server."""

    def __init__(self, warehouse: Warehouse, settings: Settings, person: str = "Elif") -> None:
        self._app = create_api(Services(settings, lambda: warehouse))
        self._headers = {"Authorization": f"Bearer {local_token(settings)}", "X-Ulak-As": person}

    def call(
        self, verb: str, path: str, *, headers: Mapping[str, str | bytes] | None = None, **more: Any
    ) -> Response:
        """One request."""
        return asyncio.run(self._call(verb, path, self._headers | dict(headers or {}), more))

    async def _call(self, verb: str, path: str, headers: Mapping[str, str | bytes], more: dict[str, Any]) -> Response:
        raw = [(name.encode(), text if isinstance(text, bytes) else text.encode()) for name, text in headers.items()]
        transport = ASGITransport(self._app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://ulak", timeout=60) as client:
            return await client.request(verb, path, headers=raw, **more)


def prepare(warehouse: Warehouse, live: redis.Redis, settings: Settings) -> Recorder:
    """Do what web does at its start; the recorder is run by hand."""
    recorder = Recorder(warehouse, live)
    prepare_redis(warehouse, live, settings, recorder)
    return recorder


def write_csv(folder: Path) -> Path:
    """Three people and one row that can't be used."""
    path = folder / "people.csv"
    path.write_text(CSV, "utf-8")
    return path
