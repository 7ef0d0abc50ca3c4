"""Webhooks a second through the receiver into a real server, beside an endpoint that only answers 200.

    python -m bench.receiver [POSTS]

One status a POST, signed; the ledger's script applies each. Prints POST/s as fast as it goes, latencies at a steady
3,000/s, the ratio to the bare endpoint under the same uvicorn, and whether every status is in the ledger once.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import redis

from engine.operations import ledger
from engine.operations.states import DeliveryState
from engine.settings import Settings, load_settings
from tests.worker.webhook_writing import CHANNEL, OPERATION, make_operation, messages, publish_store, signed, status
from worker.redis_server import server_arguments, socket_path

CONNECTIONS, STEADY_RATE = 64, 3_000
BARE = """
import sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="none", lifespan="off", access_log=False,
            log_level="warning")
"""
OURS = "from engine.settings import current_settings; from worker.receiver import run; run(current_settings())"


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(arguments: Sequence[str], environ: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A child process for the time of the block."""
    child = subprocess.Popen(arguments, env=os.environ | (environ or {}), stdout=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.terminate()
        child.wait(10)


@contextlib.contextmanager
def own_server(settings: Settings) -> Iterator[redis.Redis]:
    """Our own server, set as `ulak up` sets it (AOF, fsync always)."""
    settings.run_folder.mkdir(parents=True, exist_ok=True)
    with running(server_arguments(settings)):
        path = socket_path(settings)
        while not path.exists():
            time.sleep(0.02)
        yield redis.Redis(unix_socket_path=str(path))


def wait_for_port(port: int) -> None:
    """Until something listens."""
    for _ in range(400):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit(f"nothing listens on port {port}")


def requests_of(numbers: Sequence[int], word: str) -> bytes:
    """The input of the load generator: a POST for each recipient."""
    parts = []
    for number in numbers:
        raw, headers = signed(messages(statuses=[status(number, word)]))
        seal = headers["x-hub-signature-256"]
        head = (
            f"POST /webhook/{CHANNEL} HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: {seal}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
        ).encode()
        parts.append(struct.pack("<I", len(head) + len(raw)) + head + raw)
    return b"".join(parts)


def load(port: int, rate: float, requests: bytes) -> dict[str, Any]:
    """Run the load generator."""
    command = [sys.executable, "-m", "bench.webhook_load", str(port), str(CONNECTIONS), str(rate)]
    found: dict[str, Any] = json.loads(
        subprocess.run(command, input=requests, stdout=subprocess.PIPE, check=True).stdout
    )
    return found


def cpu_seconds(pid: int) -> float:
    """What a process has used so far (Linux; elsewhere 0): says more than the clock on a busy machine."""
    path = Path(f"/proc/{pid}/stat")
    if not path.exists():
        return 0.0
    fields = path.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    posts = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    dice = random.Random(3)
    numbers = dice.sample(range(posts), posts)
    fast, steady = requests_of(numbers, "delivered"), requests_of(numbers[: min(posts, 4 * STEADY_RATE)], "read")
    with tempfile.TemporaryDirectory(prefix="ulb") as folder:
        bare_port, port = free_port(), free_port()
        environ = {"ULAK_HOME": folder, "ULAK_RECEIVER_PORT": str(port)}
        settings = load_settings(os.environ | environ)
        with own_server(settings) as client, running([sys.executable, "-c", BARE, str(bare_port)]):
            environ["ULAK_REDIS_URL"] = f"unix://{socket_path(settings)}"
            publish_store(client, settings)
            make_operation(client, posts)
            with running([sys.executable, "-c", OURS], environ) as child:
                wait_for_port(bare_port)
                wait_for_port(port)
                time.sleep(1)
                bare = posts / load(bare_port, 0, fast)["seconds"]
                used = cpu_seconds(child.pid)
                quick = load(port, 0, fast)
                used = (cpu_seconds(child.pid) - used) / posts * 1e6
                ours = posts / quick["seconds"]
                calm = load(port, STEADY_RATE, steady)
                counters = ledger.counters(client, OPERATION)
    whole = counters[DeliveryState.READ] + counters[DeliveryState.DELIVERED] == posts
    print(f"receiver: {ours:,.0f} POST/s (bare {bare:,.0f}/s, ratio {ours / bare:.2f}); {quick['codes']}")
    print(f"          {used:.0f} µs of processor time a POST, at most {1e6 / max(used, 1):,.0f}/s on a free core")
    times = ", ".join(f"{name} {calm[name]} ms" for name in ("p50", "p95", "p99", "max"))
    print(f"          at {STEADY_RATE:,}/s: {times}; {calm['codes']}")
    print(f"          every status in the ledger once: {'yes' if whole else 'NO'}")


if __name__ == "__main__":
    main()
