"""A load generator for webhooks: keep-alive connections, requests prepared beforehand, latencies counted.

    python -m bench.webhook_load PORT CONNECTIONS RATE < requests

Requests come from stdin, each with its length (4 bytes, little endian) in front. RATE 0: as fast as the answers come.
Prints one JSON line: answers by status, seconds, latencies in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import cast


def read_requests(raw: bytes) -> Iterator[bytes]:
    """The requests of the input."""
    position = 0
    while position < len(raw):
        (size,) = struct.unpack_from("<I", raw, position)
        yield raw[position + 4 : position + 4 + size]
        position += 4 + size


class Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.began = 0.0
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.load.is_free(self)

    def send(self, request: bytes, due: float) -> None:
        self.began = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0)
        if len(rest) < length:
            return
        self.buffer = b""
        self.load.answered(int(head[9:12]), time.perf_counter() - self.began)
        self.load.is_free(self)

    def connection_lost(self, problem: Exception | None) -> None:
        self.load.lost += 1
        self.load.done.set()


class Load:
    """Hands requests to free connections, at a rate or as fast as it goes. A latency counts from when it was due."""

    def __init__(self, requests: list[bytes], rate: float) -> None:
        self.requests, self.rate = requests, rate
        self.next = self.lost = 0
        self.latencies: list[float] = []
        self.codes: Counter[int] = Counter()
        self.free: list[Connection] = []
        self.done = asyncio.Event()
        self.began = time.perf_counter()

    def is_free(self, connection: Connection) -> None:
        self.free.append(connection)
        self.dispatch()

    def dispatch(self) -> None:
        while self.free and self.next < len(self.requests):
            due = self.began + self.next / self.rate if self.rate else time.perf_counter()
            if due > time.perf_counter():
                return
            self.free.pop().send(self.requests[self.next], due)
            self.next += 1

    def answered(self, code: int, seconds: float) -> None:
        self.codes[code] += 1
        self.latencies.append(seconds)
        if len(self.latencies) == len(self.requests):
            self.done.set()

    async def pace(self) -> None:
        while not self.done.is_set():
            self.dispatch()
            await asyncio.sleep(0.001)


async def run(port: int, connections: int, rate: float, requests: list[bytes]) -> dict[str, object]:
    """Send everything; what came of it."""
    loop = asyncio.get_running_loop()
    load = Load(requests, rate)
    for _ in range(connections):
        await loop.create_connection(lambda: Connection(load), "127.0.0.1", port)
    pacing = loop.create_task(load.pace())
    await load.done.wait()
    seconds = time.perf_counter() - load.began
    pacing.cancel()
    order = sorted(load.latencies)
    at = {
        f"p{share}": round(order[min(len(order) - 1, len(order) * share // 100)] * 1000, 2) for share in (50, 95, 99)
    }
    codes = {str(code): count for code, count in load.codes.items()}
    return {"codes": codes, "seconds": round(seconds, 3), "lost": load.lost, "max": round(order[-1] * 1000, 1)} | at


if __name__ == "__main__":
    import uvloop

    found = list(read_requests(sys.stdin.buffer.read()))
    print(json.dumps(uvloop.run(run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), found))))
