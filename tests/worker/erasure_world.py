"""What the tests of erasure stand on: a real home with its own Valkey, sandbox, receiver, people and operations."""

from __future__ import annotations

import base64
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
import redis

from engine import live
from engine.clock import utc_now
from engine.contacts.importing import import_contacts
from engine.operations import ledger
from engine.operations.drafts import Draft, create_draft
from engine.operations.launch import launch
from engine.operations.states import DeliveryState
from engine.operations.store import stored_counts
from engine.segments import Audience, Comparison, Segment
from engine.settings import Settings
from engine.templates import Binding
from engine.warehouse import Warehouse, open_warehouse
from tests.worker.api_world import prepare, running_sandbox, settings_with_ports
from tests.worker.worker_world import Process, wait_until
from worker.jobs import send_batch
from worker.parts import leave_redis_address
from worker.recorder import Recorder
from worker.redis_server import server_arguments, socket_path

PHONE, NAME, SURNAME, EMAIL = "+905321117788", "Gülperi", "Zorluoğlu", "gulperi.z@example.org"
NATIONAL = PHONE[3:]
ROWS = (
    f"{NAME};{SURNAME};0532 111 77 88;{EMAIL};Ankara",
    "Mehmet;Kaya;+90 532 111 11 02;m@example.org;Ankara",
    "Zeynep;Demir;+90 532 111 11 03;z@example.org;Ankara",
    f"{NAME};{SURNAME};12;{EMAIL};Ankara",
)
HEADER = "Ad;Soyad;Telefon;E-posta;Şehir"


@dataclass
class Home:
    """A home in which everything runs but the workers and web's threads: those are run by hand."""

    settings: Settings
    client: redis.Redis
    warehouse: Warehouse
    recorder: Recorder
    operations: list[str] = field(default_factory=list)

    def upload(self, folder: Path, rows: tuple[str, ...] = ROWS) -> None:
        """Import people."""
        path = folder / "people.csv"
        path.write_text("\n".join((HEADER, *rows)) + "\n", "utf-8")
        import_contacts(self.warehouse, self.settings, path, who="Elif", now=utc_now())

    def launch(self, *, is_paused: bool = False) -> str:
        """Launch an operation to everybody in Ankara."""
        template = self.row("SELECT content_hash FROM templates WHERE name = 'autumn_offer' AND language = 'tr'")[0]
        audience = Audience(segment=Segment(rule=Comparison(field="city", operator="equals", value="Ankara")))
        values = {"body:first_name": "@name", "body:discount": "%20", "body:last_day": "@surname"}
        draft = Draft(
            name="Autumn",
            channel_id="sandbox",
            template_name="autumn_offer",
            template_language="tr",
            template_hash=template,
            bindings={slot: Binding.of(value) for slot, value in values.items()},
            audience=audience,
        )
        operation_id = create_draft(self.warehouse, who="Elif", now=utc_now(), draft=draft)
        launch(
            self.warehouse,
            self.client,
            self.settings,
            operation_id,
            who="Elif",
            now=utc_now(),
            enqueue=lambda operation, batch: None,
        )
        if is_paused:
            ledger.run(self.client, ledger.control(operation_id, "pause", who="Elif"))
        self.operations.append(operation_id)
        if not is_paused:
            send_batch(operation_id, 0)
        return operation_id

    def row(self, sql: str, *bound: object) -> tuple[Any, ...]:
        """One row of the store."""
        return self.warehouse.cursor().execute(sql, list(bound)).fetchall()[0]

    def contact_id(self, phone: str = PHONE) -> int:
        """The contact of a number."""
        return int(self.row("SELECT contact_id FROM contacts WHERE phone = ?", phone)[0])

    def counts(self) -> dict[int, dict[DeliveryState, int]]:
        """Recipients by state, of every operation."""
        self.recorder.drain()
        return stored_counts(self.warehouse.cursor(), [1, 2, 3])

    def write_to_us(self, text: str) -> None:
        """Let the person write, and wait until it is in the store."""
        before = self.row("SELECT count(*) FROM contact_facts")[0]
        url = f"http://127.0.0.1:{self.settings.sandbox_port}/sandbox/inbound"
        httpx.post(url, json={"phone": PHONE, "text": text}, trust_env=False).raise_for_status()

        def is_recorded() -> bool:
            self.recorder.drain()
            return self.row("SELECT count(*) FROM contact_facts")[0] > before

        wait_until(is_recorded)

    def wait_for_webhooks(self) -> None:
        """Wait until the sandbox has told all it had to tell."""
        url = f"http://127.0.0.1:{self.settings.sandbox_port}/sandbox/health"
        wait_until(lambda: httpx.get(url, trust_env=False).json()["webhooks_pending"] == 0)
        self.recorder.drain()

    def reopen(self) -> None:
        """What a killed web leaves, started anew: the same file, the same Redis."""
        self.warehouse.close()
        self.warehouse = open_warehouse(self.settings.database_path)
        self.recorder = prepare(self.warehouse, self.client, self.settings)


def traces_in_files(home: Path) -> dict[str, list[str]]:
    """Every file of the home in which the person can be found, with what was found there."""
    return {
        str(path.relative_to(home)): found
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.is_socket() and (found := traces_in(content_of(path)))
    }


def content_of(path: Path) -> bytes:
    """The bytes of a file, and those behind its compression: of a Parquet file all its values too."""
    raw = path.read_bytes()
    if path.suffix == ".parquet":
        rows = duckdb.connect().execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
        raw += repr(rows).encode()
    return raw


def traces_in(content: bytes) -> list[str]:
    """What of the person is in some bytes: the number in any usual form, also inside a message id, name, e-mail."""
    digits = PHONE[1:]
    wanted = [digits, NATIONAL, "0532 111 77 88", "532 111 77 88", NAME, SURNAME, EMAIL]
    found = [text for text in wanted if text.encode() in content]
    inside = [base64.b64encode(b"\x1c\x18" + bytes([len(digits)]) + digits.encode())[:16]]
    return found + [text.decode() for text in inside if text in content]


def traces_in_redis(client: redis.Redis) -> list[str]:
    """Every key of Redis that holds something of the person."""
    return [repr(key) for key in client.scan_iter() if traces_in(repr((key, value_of(client, key))).encode())]


def value_of(client: redis.Redis, key: bytes) -> Any:
    """All that a key holds."""
    readers = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda name: client.zrange(name, 0, -1, withscores=True),
        b"list": lambda name: client.lrange(name, 0, -1),
        b"stream": client.xrange,
    }
    return readers[client.type(key)](key)


@contextmanager
def own_valkey(settings: Settings) -> Iterator[redis.Redis]:
    """The server of this home, as `ulak up` starts it."""
    leave_redis_address(settings)
    process = subprocess.Popen(server_arguments(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = redis.Redis(unix_socket_path=str(socket_path(settings)))
    until = time.monotonic() + 20
    while True:
        try:
            client.ping()
            break
        except redis.RedisError:
            assert time.monotonic() < until
            time.sleep(0.02)
    try:
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(20)


@contextmanager
def running_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home with everything running, its channel published, its templates synced, nobody in it."""
    settings = settings_with_ports(monkeypatch)
    with own_valkey(settings), running_sandbox(settings):
        url = f"http://127.0.0.1:{settings.sandbox_port}/sandbox/people"
        calm = {"not_on_whatsapp": 0, "stopped_marketing": 0, "held_back": 0, "in_experiment": 0, "unreachable": 0}
        calm |= {"presses": 0, "answers": 0, "opts_out": 0, "stops": 0, "read_delay": [0.1, 0.3]}
        calm |= {"delivered_delay": [0.1, 0.2], "slow": 0, "reads": 1, "chat_open": 0}
        httpx.put(url, json=calm, trust_env=False).raise_for_status()
        client = live.connect(settings)
        warehouse = open_warehouse(settings.database_path)
        home = Home(settings, client, warehouse, prepare(warehouse, client, settings))
        receiver = Process("receiver")
        try:
            health = f"http://127.0.0.1:{settings.receiver_port}/health"
            wait_until(lambda: _answers(health))
            yield home
        finally:
            receiver.stop()
            home.warehouse.close()
            client.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code < 500
    except httpx.TransportError:
        return False
