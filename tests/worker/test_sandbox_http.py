"""The sandbox as a process of its own: real connections, real webhooks, and a kill −9."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Thread
from typing import Any

import httpx
import pytest

from engine.sandbox import Credentials, ensure_credentials
from engine.settings import Settings, load_settings
from tests.engine.sandbox_desk import EVERYBODY_IS_FINE, QUICK, template_message

START = "from engine.sandbox.server import serve; from engine.settings import load_settings; serve(load_settings())"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Hook:
    """A receiver on a real port."""

    def __init__(self, port: int) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.paths: set[str] = set()
        self.changed = Condition()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()
                with hook.changed:
                    hook.paths.add(self.path)
                    hook.bodies.append(body)
                    hook.changed.notify_all()

            def do_GET(self) -> None:
                answer = self.path.partition("hub.challenge=")[2].partition("&")[0].encode()
                self.send_response(200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def statuses(self) -> list[dict[str, Any]]:
        changes = [change for body in self.bodies for entry in body["entry"] for change in entry["changes"]]
        return [status for change in changes for status in change["value"].get("statuses", [])]

    def wait_for(self, callbacks: set[str]) -> None:
        """Wait until each of these messages was read."""
        with self.changed:
            assert self.changed.wait_for(lambda: callbacks <= self.read(), timeout=20), callbacks - self.read()

    def read(self) -> set[str]:
        return {one["biz_opaque_callback_data"] for one in self.statuses() if one["status"] == "read"}


class Running:
    """The process and a client."""

    def __init__(self, settings: Settings, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.keys: Credentials = ensure_credentials(settings)
        self.url = f"http://127.0.0.1:{settings.sandbox_port}"
        self.path = f"/v25.0/{self.keys.phone_number_id}/messages"
        headers = {"Authorization": f"Bearer {self.keys.access_token}"}
        self.client = httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=10)

    def put(self, what: str, value: dict[str, Any]) -> None:
        self.client.put(f"/sandbox/{what}", json=value).raise_for_status()

    def send(self, callback: str, number: int = 1) -> httpx.Response:
        return self.client.post(self.path, json=template_message(f"+90532{number:07d}", callback))

    def ledger(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get("/sandbox/ledger").json()
        return answer

    def callbacks(self) -> list[str]:
        return [one["biz_opaque_callback_data"] for some in self.ledger()["messages"].values() for one in some]


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ULAK_SANDBOX_PORT", str(free_port()))
    monkeypatch.setenv("ULAK_RECEIVER_PORT", str(free_port()))
    return load_settings()


@contextmanager
def running(settings: Settings) -> Iterator[Running]:
    process = subprocess.Popen([sys.executable, "-c", START], cwd=Path(__file__).parents[2], env=dict(os.environ))
    one = Running(settings, process)
    try:
        _wait_until_ready(one)
        yield one
    finally:
        one.client.close()
        process.terminate()
        process.wait(10)


def _wait_until_ready(one: Running) -> None:
    for _ in range(200):
        try:
            one.client.get("/sandbox/health").raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the sandbox did not start")


def test_a_message_travels_to_a_real_receiver_and_back(ports: Settings) -> None:
    hook = Hook(ports.receiver_port)
    with running(ports) as sandbox:
        sandbox.put("people", {**QUICK, **EVERYBODY_IS_FINE})
        for number in range(20):
            assert sandbox.send(f"op-x:{number}:1", number).status_code == 200
        hook.wait_for({f"op-x:{number}:1" for number in range(20)})
    assert hook.paths == {"/webhook/sandbox"}


def test_webhooks_wait_for_a_receiver_that_comes_later(ports: Settings) -> None:
    with running(ports) as sandbox:
        sandbox.put("people", {**QUICK, **EVERYBODY_IS_FINE})
        sandbox.send("op-x:1:1")
        while sandbox.ledger()["webhooks"]["retries"] < 1:
            time.sleep(0.02)
        Hook(ports.receiver_port).wait_for({"op-x:1:1"})


def test_a_cut_line_is_a_cut_line(ports: Settings) -> None:
    with running(ports) as sandbox:
        sandbox.put("people", {"enabled": False})
        sandbox.put("faults", {"accept_then_cut": {"count": 1}})
        with pytest.raises(httpx.TransportError):
            sandbox.send("accepted and cut")
        sandbox.put("faults", {"cut_before": {"count": 1}})
        with pytest.raises(httpx.TransportError):
            sandbox.send("cut before")
        assert sandbox.send("plain").status_code == 200
        assert sandbox.callbacks() == ["accepted and cut", "plain"]


def test_a_hang_lasts_longer_than_the_senders_patience_and_the_message_is_accepted(ports: Settings) -> None:
    with running(ports) as sandbox:
        sandbox.put("people", {"enabled": False})
        sandbox.put("faults", {"accept_then_hang": {"count": 1, "seconds": 30}})
        with pytest.raises(httpx.ReadTimeout):
            sandbox.client.post(sandbox.path, json=template_message(callback="hung"), timeout=0.2)
        assert sandbox.callbacks() == ["hung"]


def test_nothing_that_was_answered_is_lost_by_a_kill(ports: Settings) -> None:
    with running(ports) as sandbox:
        sandbox.put("people", {"enabled": False})
        sandbox.put("account", {"throughput": 100_000})
        answered = asyncio.run(_send_until_killed(sandbox))
    with running(ports) as sandbox:
        kept = sandbox.callbacks()
        assert len(answered) > 100
        assert set(answered) <= set(kept)
        assert len(kept) == len(set(kept))
        # What was written and not answered: at most one for each connection.
        assert len(kept) - len(answered) <= 16


async def _send_until_killed(sandbox: Running) -> list[str]:
    answered: list[str] = []

    async def keep_sending(client: httpx.AsyncClient, sender: int) -> None:
        for number in range(10_000):
            callback = f"op-x:{sender * 10_000 + number}:1"
            message = template_message(f"+9053{sender:02d}{number:06d}", callback)
            try:
                answer = await client.post(sandbox.url + sandbox.path, json=message)
            except httpx.TransportError:
                return
            assert answer.status_code == 200
            answered.append(callback)
            if len(answered) == 150:
                os.kill(sandbox.process.pid, signal.SIGKILL)

    headers = {"Authorization": f"Bearer {sandbox.keys.access_token}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        await asyncio.gather(*(keep_sending(client, sender) for sender in range(16)))
    return answered


def test_webhooks_that_were_on_their_way_come_after_a_kill(ports: Settings) -> None:
    with running(ports) as sandbox:
        sandbox.put("people", {**QUICK, **EVERYBODY_IS_FINE})
        for number in range(5):
            sandbox.send(f"op-x:{number}:1", number)
        sandbox.process.kill()
        sandbox.process.wait()
    hook = Hook(ports.receiver_port)
    with running(ports):
        hook.wait_for({f"op-x:{number}:1" for number in range(5)})


def test_another_address_is_subscribed_only_if_it_proves_itself(ports: Settings) -> None:
    hook = Hook(ports.receiver_port)
    with running(ports) as sandbox:
        path = f"/v25.0/{sandbox.keys.waba_id}/subscribed_apps"
        silent = {"override_callback_uri": f"http://127.0.0.1:{free_port()}/hook", "verify_token": "x"}
        refused = sandbox.client.post(path, json=silent)
        assert refused.json()["error"]["code"] == 100
        proven = {"override_callback_uri": f"http://127.0.0.1:{ports.receiver_port}/other", "verify_token": "x"}
        assert sandbox.client.post(path, json=proven).json()["success"] is True
        sandbox.put("people", {**QUICK, **EVERYBODY_IS_FINE})
        sandbox.send("op-x:1:1")
        hook.wait_for({"op-x:1:1"})
    assert hook.paths == {"/other"}
