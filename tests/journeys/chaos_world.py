"""A send under fire: invented people, an operation to everyone, and a hand that kills processes meanwhile."""

from __future__ import annotations

import csv
import os
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import redis

from engine.channels import ensure_sandbox_channel
from engine.clock import utc_now
from engine.live import EVENTS, operation_key
from engine.operations import ledger
from engine.operations.states import OperationState
from engine.sandbox.credentials import ensure_credentials
from engine.settings import load_settings
from engine.warehouse import open_warehouse
from tests.journeys.conftest import Running, wait_until

TEMPLATE = "autumn_offer/tr"
PEOPLE = {
    # 131049 is tried again after a day: no test waits for it.
    "held_back": 0,
    "sent_delay": (0.05, 0.3),
    "delivered_delay": (0.3, 2.0),
    "read_delay": (0.5, 5.0),
    "answer_delay": (0.5, 5.0),
    "slow_factor": 2.0,
}
KILLED = ("worker", "worker", "worker", "dispatcher", "receiver", "web", "redis")
MARKS = {
    "redis": "-server",
    "web": "streamlit",
    "worker": "worker.cli\0worker\0",
    "dispatcher": "worker.cli\0dispatcher\0",
    "receiver": "worker.cli\0receiver\0",
}


@dataclass(frozen=True)
class Kill:
    """One part that was killed, and how many messages the sandbox had accepted by then."""

    part: str
    pid: int
    accepted_count: int


@dataclass
class Send:
    """One operation to everyone, under way."""

    ulak: Running
    names: dict[str, tuple[str, str]]
    rate: int
    operation_id: str = ""
    kills: list[Kill] = field(default_factory=list)

    @property
    def concurrency(self) -> int:
        """How many rows one worker holds at most."""
        return min(max(self.rate, 16), 256)

    def accepted_count(self) -> int:
        """What the sandbox has accepted so far."""
        return int(self.ulak.sandbox("GET", "health")["accepted"])


def write_people(path: Path, count: int, chance: random.Random) -> dict[str, tuple[str, str]]:
    """A CSV of people with valid Turkish mobile numbers, in no order; digits -> (name, surname), all different."""
    numbers = chance.sample(range(10_000_000), count)
    names = {f"90532{number:07d}": (f"Kişi{no}", f"Soyad{number}") for no, number in enumerate(numbers)}
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Ad", "Soyad", "Telefon"])
        rows.writerows([name, surname, f"+{digits}"] for digits, (name, surname) in names.items())
    return names


def set_rate(ulak: Running, rate: int) -> None:
    """Make the sandbox channel in a home that doesn't run yet, with this rate."""
    names = {name: value for name, value in ulak.environment.items() if name.startswith("ULAK_")}
    settings = load_settings(names)
    ensure_credentials(settings)
    warehouse = open_warehouse(settings.database_path)
    try:
        ensure_sandbox_channel(warehouse, None, settings, utc_now())
        with warehouse.writing() as cursor:
            cursor.execute("UPDATE channels SET rate_per_second = ?", [rate])
    finally:
        warehouse.close()


def begin(ulak: Running, folder: Path, count: int, rate: int, chance: random.Random) -> Send:
    """Import, sync, bind, and send to everyone."""
    send = Send(ulak, write_people(folder / "people.csv", count, chance), rate)
    (imported,) = ulak.ulak("contacts", "import", str(folder / "people.csv"))
    assert (imported["new"], imported["rejected"]) == (count, 0)
    ulak.ulak("templates", "sync", "--channel", "sandbox")
    values = ("body:first_name=@name", "body:discount=@surname", "body:last_day=30 Kasım")
    ulak.ulak("templates", "bind", TEMPLATE, *values)
    ulak.sandbox("PUT", "people", PEOPLE)
    # Above the rate: what is measured is our own pace, not the sandbox's refusals.
    ulak.sandbox("PUT", "account", {"throughput": 10 * rate})
    sent = ulak.ulak("send", "--template", TEMPLATE, "--everyone", str(count))
    assert sent["recipients"] == count
    send.operation_id = sent["operation_id"]
    return send


def kill_parts(send: Send, chance: random.Random) -> None:
    """Kill each part in its turn, when the sandbox has accepted so many messages; they are started again."""
    parts = list(KILLED)
    chance.shuffle(parts)
    count = len(send.names)
    moments = sorted(chance.uniform(0.04, 0.92) for _ in parts)
    for part, moment in zip(parts, moments, strict=True):
        wait_until(lambda moment=moment: send.accepted_count() >= moment * count, 90, send.ulak.tail)  # type: ignore[misc]
        wait_until(lambda part=part: _victim(send.ulak, part) is not None, 60, send.ulak.tail)  # type: ignore[misc]
        pid = _victim(send.ulak, part)
        assert pid is not None
        send.kills.append(Kill(part, pid, send.accepted_count()))
        os.kill(pid, signal.SIGKILL)


def wait_for_the_end(send: Send) -> None:
    """Until the operation is completed, every webhook has come in, and everything is recorded."""
    wait_until(lambda: _is_over(send), 120, lambda: f"{_where(send)}\n{send.ulak.tail()}")


def _is_over(send: Send) -> bool:
    try:
        client = send.ulak.redis()
        state = ledger.operation_state(client, send.operation_id)
        waiting = send.ulak.sandbox("GET", "health")["webhooks_pending"]
        return state == OperationState.COMPLETED and not waiting and not client.xlen(EVENTS)
    except (redis.RedisError, OSError):
        return False


def _where(send: Send) -> str:
    client = send.ulak.redis()
    counts = {state.name: count for state, count in ledger.counters(client, send.operation_id).items() if count}
    facts = client.hmget(operation_key(send.operation_id), "state", "cause")
    return f"{facts} {counts} {send.ulak.sandbox('GET', 'health')} stream {client.xlen('ulak:events')}"


def _victim(ulak: Running, part: str) -> int | None:
    """The process of a part that lives; of the workers one that is sending."""
    assert ulak.process is not None
    for pid in children_of(ulak.process.pid):
        if MARKS[part] in command_of(pid) and (part != "worker" or any(children_of(pid))):
            return pid
    return None


def children_of(pid: int) -> Iterator[int]:
    """The children of a process, by any of its threads."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            yield from (int(child) for child in task.read_text().split())
        except OSError:
            continue


def command_of(pid: int) -> str:
    """A process's command line, its words ended by NUL; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
