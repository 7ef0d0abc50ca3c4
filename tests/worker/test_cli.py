"""The command `ulak`: every verb, JSON where it is asked for, exit codes, and which door it goes through."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from engine.clock import utc_now
from engine.segments import load_context, parse_segment, save_segment
from engine.settings import Settings, current_settings
from engine.warehouse import Warehouse
from engine.warehouse.shared import close_shared_warehouse, shared_warehouse
from tests.worker.api_world import IN_ANKARA, prepare, running_sandbox, settings_with_ports, write_csv
from worker.api import Services, create_api
from worker.cli import main

OFFER = "autumn_offer/tr"
VALUES = ("body:first_name=@name", "body:discount=%20", "body:last_day=30 Kasım")


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The JSON on standard output."""
        return json.loads(self.out)


class Terminal:
    """Runs commands as the entry point does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: str) -> Said:
        self._monkeypatch.setattr(sys, "argv", ["ulak", *words])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main()
        heard = self._capsys.readouterr()
        assert "Traceback" not in heard.out + heard.err
        return Said(int(ending.value.code or 0), heard.out, heard.err)

    def json(self, *words: str) -> Any:
        """The JSON of a command that succeeds, and says nothing on standard error."""
        said = self(*words, "--json")
        assert (said.code, said.err) == (0, "")
        return said.value


@pytest.fixture
def settings(live: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return settings_with_ports(monkeypatch)


@pytest.fixture
def ulak(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal on a home of its own, where nothing runs."""
    monkeypatch.setenv("COLUMNS", "400")  # a path isn't broken in two
    return Terminal(monkeypatch, capsys)


@pytest.fixture
def home(live: redis.Redis, settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """A home where web has been: channel, templates and Redis are ready, and the database is free again."""
    with running_sandbox(settings):
        prepare(shared_warehouse(), live, settings)
        close_shared_warehouse()
        yield write_csv(tmp_path)


@contextmanager
def running_web(settings: Settings, warehouse: Warehouse) -> Iterator[None]:
    """The REST API on web's port, over a store of its own."""
    app = Starlette(routes=[Mount("/api/v1", app=create_api(Services(settings, lambda: warehouse)))])
    server = uvicorn.Server(uvicorn.Config(app, host=settings.host, port=settings.port, log_level="warning"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    give_up_at = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
    yield
    server.should_exit = True
    thread.join(10)


# The marketer's way by command, without web.


def test_the_whole_way_by_command(ulak: Terminal, home: Path) -> None:
    (imported,) = ulak.json("contacts", "import", str(home), "--as", "Ayşe Gül")
    assert (imported["rows"], imported["new"], imported["rejected"]) == (4, 3, 1)
    assert ulak.json("contacts", "count") == {"count": 3}
    (synced,) = ulak.json("templates", "sync")
    assert (synced["channel"], synced["new"]) == ("sandbox", 0)
    assert len(ulak.json("templates", "list")) == synced["total"]
    assert ulak.json("templates", "bind", OFFER, *VALUES) == {"bound": 3, "slots": 3}
    planned = ulak.json("send", "--template", OFFER, "--everyone", "3", "--dry-run")
    cost = planned.pop("cost")
    assert planned == {"audience": 3, "recipients": 3, "left_out": {}}
    assert (cost["category"], [row["country"] for row in cost["countries"]]) == ("MARKETING", ["TR"])
    sent = ulak.json("send", "--template", OFFER, "--everyone", "3", "--name", "Güz", "--as", "Ayşe Gül")
    shown = ulak.json("operations", "show", sent["operation_id"])
    assert (shown["name"], shown["launched_by"], shown["recipients"]) == ("Güz", "Ayşe Gül", 3)
    assert [row["operation_id"] for row in ulak.json("operations", "list")] == [sent["operation_id"]]
    for verb, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert ulak.json("operations", verb, sent["operation_id"])["state"] == state


def test_segments_are_listed_and_counted_by_name_and_by_file(ulak: Terminal, home: Path, tmp_path: Path) -> None:
    ulak("contacts", "import", str(home))
    warehouse, now = shared_warehouse(), utc_now()
    context = load_context(warehouse.cursor(), now=now, zone=current_settings().zone)
    save_segment(warehouse, "Ankara", parse_segment(IN_ANKARA), who="Elif", context=context)
    close_shared_warehouse()
    file = tmp_path / "ankara.json"
    file.write_text(json.dumps(IN_ANKARA))
    assert [row["name"] for row in ulak.json("segments", "list")] == ["Ankara"]
    assert ulak.json("segments", "count", "Ankara")["count"] == 2
    assert ulak.json("segments", "count", str(file))["count"] == 2
    assert ulak.json("send", "--template", "service_notice/tr", "--segment", str(file), "--dry-run")["audience"] == 2
    sent = ulak.json("send", "--template", "service_notice/tr", "--segment", "Ankara")
    assert sent["recipients"] == 2


def test_people_read_lines_where_scripts_read_json(ulak: Terminal, home: Path) -> None:
    assert (
        "4 rows: 3 new, 0 updated, 0 unchanged, 0 duplicates, 1 rejected" in ulak("contacts", "import", str(home)).out
    )
    assert ulak("contacts", "count").out == "3\n"
    assert "{ } sandbox  autumn_offer/tr  APPROVED  MARKETING" in ulak("templates", "list").out
    sent = ulak("send", "--template", "service_notice/tr", "--everyone", "3").out
    assert "3 of 3 recipients" in sent
    assert "running" in ulak("operations", "show", sent.split(":")[0]).out


def test_the_same_key_sends_once(ulak: Terminal, home: Path) -> None:
    ulak("contacts", "import", str(home))
    words = ("send", "--template", "service_notice/tr", "--everyone", "3", "--idempotency-key", "bülten 24")
    first, second = ulak.json(*words), ulak.json(*words)
    assert second == first | {"repeated": True}


def test_a_dry_import_writes_nothing(ulak: Terminal, home: Path) -> None:
    (row,) = ulak.json("contacts", "import", str(home), "--dry-run")
    assert row["new"] == 3
    assert ulak.json("contacts", "count") == {"count": 0}


# Exit codes.


@pytest.mark.parametrize(
    "words",
    [
        ("contacts", "import", "nowhere.csv"),
        ("contacts", "import"),
        ("templates", "bind", "autumn_offer", "body:1=x"),
        ("templates", "bind", OFFER, "body:1"),
        ("send", "--template", OFFER),
        ("send", "--everyone", "3"),
        ("send", "--template", OFFER, "--everyone", "many"),
        ("segments", "count", "nowhere.json"),
        ("operations", "show"),
        ("operations", "explode", "op-1"),
        ("doctor", "--loud"),
        ("fly",),
    ],
    ids=lambda words: " ".join(words),
)
def test_a_wrong_call_ends_with_2_and_says_how(ulak: Terminal, words: tuple[str, ...]) -> None:
    said = ulak(*words)
    assert (said.code, said.out) == (2, "")
    assert "Usage" in said.err or "Error" in said.err


@pytest.mark.parametrize("text", ["{", "[1, 2]", "no json at all", "\x80"])
def test_a_segment_file_that_holds_none_is_refused(ulak: Terminal, tmp_path: Path, text: str) -> None:
    file = tmp_path / "segment.json"
    file.write_bytes(text.encode("latin-1"))
    said = ulak("segments", "count", str(file))
    assert (said.code, said.out) == (2, "")
    assert "segment.json" in said.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("send", "--template", "service_notice/tr", "--everyone", "4"), "confirm it by giving exactly that number"),
        (("send", "--template", "nothing/tr", "--everyone", "3"), "nothing"),
        (("send", "--template", "new_year_special/tr", "--everyone", "3"), "new_year_special"),
        (("send", "--template", OFFER, "--everyone", "3"), "the slot"),
        (("segments", "count", "Nobody"), "no segment named Nobody"),
        (("operations", "show", "op-1"), "no operation op-1"),
        (("operations", "pause", "op-1"), "no operation op-1"),
        (("templates", "sync", "--channel", "nobody"), "no channel nobody"),
        (("templates", "bind", OFFER, "body:9=x"), "no such slot"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_refusal_ends_with_1_and_one_sentence(
    ulak: Terminal, home: Path, words: tuple[str, ...], sentence: str
) -> None:
    ulak("contacts", "import", str(home))
    for more in ((), ("--json",)):
        said = ulak(*words, *more)
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith("ulak: ")
        assert len(said.err.splitlines()) == 1
        assert sentence.lower() in said.err.lower()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ULAK_PROT", "1", "did you mean ULAK_PORT?"),
        ("ULAK_PORT", "many", "ULAK_PORT"),
        ("ULAK_HOST", "0.0.0.0", "there is no sign-in yet"),
    ],
)
def test_a_setting_that_is_none_stops_the_start(
    ulak: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    current_settings.cache_clear()
    said = ulak("contacts", "count")
    assert (said.code, said.out) == (1, "")
    assert sentence in said.err


def test_without_redis_a_send_is_refused(ulak: Terminal, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ulak("contacts", "import", str(home))
    sent = ulak.json("send", "--template", "service_notice/tr", "--everyone", "3")
    monkeypatch.setenv("ULAK_REDIS_URL", "unix:///nowhere/redis.sock")
    current_settings.cache_clear()
    for words in (
        ("send", "--template", "service_notice/tr", "--everyone", "3"),
        ("operations", "pause", sent["operation_id"]),
    ):
        said = ulak(*words)
        assert said.code == 1
        assert "Redis can't be used" in said.err
    assert ulak.json("operations", "show", sent["operation_id"])["recipients"] == 3


def test_who_acts_is_the_user_of_the_system_unless_said(
    ulak: Terminal, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "elif")
    ulak("templates", "bind", OFFER, *VALUES)
    rows = shared_warehouse().cursor().execute("SELECT who FROM audit WHERE verb = 'bound'").fetchall()
    assert rows == [("elif",)]


# Which door.


def test_with_web_running_it_asks_web_and_leaves_the_file_alone(
    ulak: Terminal, settings: Settings, warehouse: Warehouse, tmp_path: Path
) -> None:
    with running_web(settings, warehouse):
        (imported,) = ulak.json("contacts", "import", str(write_csv(tmp_path)))
        assert imported["new"] == 3
        assert ulak.json("contacts", "count") == {"count": 3}
        said = ulak("segments", "count", "Nobody")
        assert (said.code, said.err) == (1, "ulak: There is no segment named Nobody.\n")
    assert not settings.database_path.exists()
    assert warehouse.cursor().execute("SELECT count(*) FROM contacts").fetchall() == [(3,)]


def test_a_stranger_on_webs_port_is_not_taken_for_web(
    ulak: Terminal, settings: Settings, warehouse: Warehouse, tmp_path: Path
) -> None:
    other = settings.model_copy(update={"home": tmp_path / "other"})
    with running_web(other, warehouse):
        assert ulak.json("contacts", "count") == {"count": 0}
        ulak("contacts", "import", str(write_csv(tmp_path)))
    assert warehouse.cursor().execute("SELECT count(*) FROM contacts").fetchall() == [(0,)]


def test_a_database_that_somebody_holds_is_said_to_be(
    ulak: Terminal, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    code = (
        "import sys, time; from pathlib import Path; from engine.warehouse import open_warehouse\n"
        "held = open_warehouse(Path(sys.argv[1])); print('open', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(settings.database_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "open\n"
        try:
            said = ulak("contacts", "count")
        finally:
            holder.kill()
            holder.wait()
    assert said.code == 1
    assert "another process has the database open" in said.err


# The doctor.


def test_the_doctor_ends_with_1_when_parts_are_missing_and_names_them(ulak: Terminal, home: Path) -> None:
    said = ulak("doctor", "--json")
    assert said.code == 1
    found = {row["part"]: row for row in said.value["findings"]}
    assert said.value["ok"] is False
    for part in ("receiver", "dispatcher", "recorder", "workers", "web"):
        assert found[part]["state"] == "bad", part
    for part in ("versions", "settings", "redis", "sandbox", "store", "channel sandbox"):
        assert found[part]["state"] == "ok", part


def test_the_doctor_speaks_in_lines_too(ulak: Terminal, home: Path) -> None:
    said = ulak("doctor")
    assert said.code == 1
    assert "BAD  dispatcher" in said.out
    assert "ok   redis" in said.out


def test_the_doctor_says_that_redis_is_away(ulak: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ULAK_REDIS_URL", "redis://:sesame@127.0.0.1:1/0")
    current_settings.cache_clear()
    said = ulak("doctor", "--json")
    assert said.code == 1
    assert {row["part"]: row["state"] for row in said.value["findings"]}["redis"] == "bad"


def test_the_doctor_masks_every_secret(
    ulak: Terminal, home: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, live: redis.Redis
) -> None:
    secrets = json.loads(settings.sandbox_credentials_path.read_text())
    key = (settings.home / "secret.key").read_text()
    monkeypatch.setenv("ULAK_SECRET_KEY", key)
    current_settings.cache_clear()
    hidden = [key, (settings.home / "api.token").read_text() if (settings.home / "api.token").exists() else key]
    hidden += [secrets[name] for name in ("access_token", "app_secret", "verify_token")]
    for words in (("doctor",), ("doctor", "--json")):
        said = ulak(*words)
        assert not [text for text in hidden if text in said.out + said.err]
        assert "••••" in said.out
        assert f"unix://{live.connection_pool.connection_kwargs['path']}" not in said.out
    monkeypatch.setenv("ULAK_REDIS_URL", "redis://elif:sesame@127.0.0.1:1/0")
    current_settings.cache_clear()
    assert "sesame" not in ulak("doctor").out


def test_the_doctor_counts_the_unknown(ulak: Terminal, home: Path, live: redis.Redis) -> None:
    ulak("contacts", "import", str(home))
    sent = ulak.json("send", "--template", "service_notice/tr", "--everyone", "3")
    live.hset(f"ulak:op:{sent['operation_id']}", mapping={"c:0": 1, "c:9": 2})
    rows = ulak("doctor", "--json").value["findings"]
    said = [row["text"] for row in rows if row["part"] in (f"operation {sent['operation_id']}", "ledger")]
    assert said[0].startswith("2 recipients unknown")
    assert said[1] == "1 live operations, 2 unknowns"
