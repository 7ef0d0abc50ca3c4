"""What the tests of whole worker processes stand on: a sink that counts posts, a published channel, a snapshot."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import redis

from engine.channels.provider import Channel
from engine.live import channel_key
from engine.operations.snapshot_reader import snapshot_path
from engine.secrets import secret_box
from engine.settings import Settings
from tests.worker.delivery_world import OPERATION, create_operation

PROJECT = Path(__file__).resolve().parents[2]
WORK = "from engine.settings import load_settings; from worker.{0} import run; raise SystemExit(run(load_settings()))"
TEMPLATE = {
    "channel_id": "sandbox",
    "name": "notice",
    "language": "tr",
    "template_id": "1",
    "status": "APPROVED",
    "category": "MARKETING",
    "components": [{"kind": "BODY", "text": "Merhaba {{1}}, nasılsın?"}],
}


class Sink:
    """A provider on a port of its own, in a thread: answers every POST and remembers its callback data."""

    def __init__(self, latency_seconds: float = 0.02) -> None:
        self._latency_seconds = latency_seconds
        self.posts: list[str] = []
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def close(self) -> None:
        """Stop answering."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)

    def counts(self) -> Counter[int]:
        """Posts by recipient."""
        return Counter(int(mark.split(":")[1]) for mark in self.posts)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        lines = asyncio.all_tasks(self._loop)
        for line in lines:
            line.cancel()
        self._loop.run_until_complete(asyncio.gather(*lines, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length:")[2].split("\r\n")[0])
                payload = json.loads(await reader.readexactly(length))
                self.posts.append(payload["biz_opaque_callback_data"])
                answer = json.dumps({"messages": [{"id": f"wamid.{len(self.posts)}", "message_status": "accepted"}]})
                await asyncio.sleep(self._latency_seconds)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer.encode()))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def write_snapshot(settings: Settings, count: int, *, batch_size: int, operation_id: str = OPERATION) -> None:
    """A frozen audience of invented people."""
    table = pa.table(
        {
            "recipient_no": pa.array(range(count), pa.uint32()),
            "phone": [f"+90532{number:07}" for number in range(count)],
            "user_id": pa.array([None] * count, pa.string()),
            "p_0": [f"Ayşe {number}" for number in range(count)],
        }
    )
    facts = {"operation_id": operation_id, "operation_no": 1, "template": TEMPLATE, "batch_size": batch_size}
    path = snapshot_path(settings.operations_folder, operation_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table.replace_schema_metadata({"ulak": json.dumps(facts)}), path, row_group_size=batch_size, store_schema=True
    )


def publish_channel(live: redis.Redis, settings: Settings, port: int) -> None:
    """The channel's record and secrets, as web publishes them."""
    channel = Channel(
        channel_id="sandbox",
        name="Sandbox",
        provider="cloud_api",
        portfolio_id="pf",
        waba_id="1",
        phone_number_id="2",
        graph_url=f"http://127.0.0.1:{port}",
        graph_version="v25.0",
        rate_per_second=80,
    )
    plain = json.dumps({"access_token": "t", "app_secret": "s", "verify_token": "v"})
    sealed = secret_box(settings).encrypt(plain.encode())
    live.hset(channel_key("sandbox"), mapping={"record": channel.model_dump_json(), "secrets": sealed})


def launch(
    live: redis.Redis, settings: Settings, sink: Sink, count: int, *, batch_size: int = 5_000, rate: float = 200
) -> None:
    """Everything that a worker needs for one operation."""
    write_snapshot(settings, count, batch_size=batch_size)
    create_operation(live, count, batch_size=batch_size, rate=rate)
    publish_channel(live, settings, sink.port)


class Process:
    """One real process of ours; `kind` is worker or dispatcher."""

    def __init__(self, kind: str = "worker") -> None:
        self.lines: list[str] = []
        self._popen = subprocess.Popen(
            [sys.executable, "-u", "-c", WORK.format(kind)],
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._popen.stdout
        with self._popen.stdout as lines:
            self.lines.extend(iter(lines.readline, ""))

    @property
    def pid(self) -> int:
        """The parent's pid."""
        return self._popen.pid

    @property
    def output(self) -> str:
        """All it has said."""
        return "".join(self.lines)

    def children(self) -> list[int]:
        """Its children's pids (Linux)."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def wait_until_it_says(self, words: str) -> None:
        """Wait for words in its output."""
        wait_until(lambda: words in self.output or self._popen.poll() is not None, 30)
        assert words in self.output, self.output

    def stop(self, number: int = signal.SIGTERM, seconds: float = 20) -> int:
        """Send a signal and return the exit code."""
        if self._popen.poll() is None:
            self._popen.send_signal(number)
        code = self._popen.wait(seconds)
        self._reader.join(5)
        return code

    def nudge(self, number: int) -> None:
        """Send a signal and go on."""
        self._popen.send_signal(number)

    def kill(self) -> None:
        """Kill it, if it still lives."""
        if self._popen.poll() is None:
            self.stop(signal.SIGKILL)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie doesn't)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something to become so."""
    give_up_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < give_up_at, "it did not happen in time"
        time.sleep(0.02)
