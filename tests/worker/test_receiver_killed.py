"""A real receiver, killed -9 while webhooks come: what it answered 200 is in the ledger, nothing counts twice."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import redis

from engine.live import EVENTS
from engine.operations import ledger
from engine.operations.states import DeliveryState as S
from engine.settings import current_settings
from tests.worker.webhook_writing import CHANNEL, OPERATION, make_operation, messages, publish_store, signed, status

COUNT, KILLS = 900, 3
CHILD = "from engine.settings import current_settings; from worker.receiver import run; run(current_settings())"


def start(port: int, valkey_socket: str) -> subprocess.Popen[bytes]:
    environ = os.environ | {"ULAK_RECEIVER_PORT": str(port), "ULAK_REDIS_URL": f"unix://{valkey_socket}"}
    return subprocess.Popen([sys.executable, "-c", CHILD], env=environ, cwd=Path.cwd())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def wait_until_ready(client: httpx.AsyncClient) -> None:
    while True:
        try:
            if (await client.get("/health")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.02)


async def deliver(client: httpx.AsyncClient, numbers: Sequence[int], answered: set[int]) -> None:
    """As the provider does: again until it is answered 200."""
    for number in numbers:
        raw, headers = signed(messages(statuses=[status(number, "delivered")]))
        while True:
            try:
                answer = await client.post(f"/webhook/{CHANNEL}", content=raw, headers=headers)
                if answer.status_code == 200:
                    answered.add(number)
                    break
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)


async def story(live: redis.Redis, port: int, valkey_socket: str) -> None:
    child = start(port, valkey_socket)
    answered: set[int] = set()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as client:
            await wait_until_ready(client)
            senders = [asyncio.create_task(deliver(client, range(part, COUNT, 8), answered)) for part in range(8)]
            for kill in range(1, KILLS + 1):
                while len(answered) < kill * COUNT // (KILLS + 1):
                    await asyncio.sleep(0.005)
                os.kill(child.pid, signal.SIGKILL)
                child.wait()
                promised = set(answered)
                states = ledger.read_states(live, OPERATION, 0, COUNT)
                assert all(states[number] == S.DELIVERED for number in promised)
                child = start(port, valkey_socket)
            await asyncio.gather(*senders)
        child.terminate()
        assert child.wait(10) in (0, -signal.SIGTERM)
    finally:
        child.kill()
        child.wait()


def test_killed_while_webhooks_come_it_has_applied_what_it_answered_and_nothing_twice(
    live: redis.Redis, valkey_socket: str
) -> None:
    publish_store(live, current_settings())
    make_operation(live, COUNT)
    asyncio.run(story(live, free_port(), valkey_socket))
    assert ledger.counters(live, OPERATION)[S.DELIVERED] == COUNT
    heard = [entry[b"rows"] for _, entry in live.xrange(EVENTS) if entry.get(b"src") == b"webhook"]
    numbers = [int.from_bytes(rows[at : at + 4], "little") for rows in heard for at in range(0, len(rows), 16)]
    assert sorted(numbers) == list(range(COUNT))
