"""`ulak backup` and `ulak restore`: which door they go through, what they say, and what they refuse."""

from __future__ import annotations

import fcntl
import http.server
import json
import threading
from pathlib import Path

import pytest
import redis

from engine.settings import Settings, current_settings
from engine.warehouse.shared import close_shared_warehouse, shared_warehouse
from tests.worker.api_world import settings_with_ports
from tests.worker.backup_world import make_home
from tests.worker.test_cli import Terminal, running_web
from worker.heartbeat import beat


@pytest.fixture
def settings(live: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return settings_with_ports(monkeypatch)


@pytest.fixture
def ulak(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.setenv("COLUMNS", "400")
    return Terminal(monkeypatch, capsys)


@pytest.fixture
def file(live: redis.Redis, settings: Settings, ulak: Terminal, tmp_path: Path) -> Path:
    """A backup of a home with twelve contacts, made while nothing runs."""
    make_home(shared_warehouse(), live, settings)
    close_shared_warehouse()
    made = ulak.json("backup", str(tmp_path / "b.tar.zst"), "--as", "Elif")
    assert (made["counts"]["contacts"], made["with_key"]) == (12, False)
    return Path(made["file"])


@pytest.fixture
def empty(settings: Settings, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """From here on, the home is one that isn't there."""
    monkeypatch.setenv("ULAK_HOME", str(tmp_path / "second"))
    current_settings.cache_clear()
    return tmp_path / "second"


def test_a_backup_goes_through_the_running_web_and_comes_back(
    live: redis.Redis, settings: Settings, ulak: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = shared_warehouse()
    make_home(warehouse, live, settings)
    with running_web(settings, warehouse):
        said = ulak("backup", str(tmp_path / "b.tar.gz"), "--as", "Ayşe Gül")
    assert (said.code, said.err) == (0, "")
    assert "12 contacts" in said.out
    assert "The secret key is not in it" in said.out
    audited = warehouse.cursor().execute("SELECT who, detail FROM audit WHERE verb = 'backed up'").fetchall()
    assert [(who, json.loads(detail)["with_key"]) for who, detail in audited] == [("Ayşe Gül", False)]
    assert list((settings.home / "backup").iterdir()) == []
    close_shared_warehouse()
    monkeypatch.setenv("ULAK_HOME", str(tmp_path / "second"))
    current_settings.cache_clear()
    said = ulak("restore", str(tmp_path / "b.tar.gz"), "--as", "Elif")
    assert (said.code, said.err) == (0, "")
    assert "by Ayşe Gül: 12 contacts" in said.out
    assert "can't be opened" in said.out
    assert ulak.json("contacts", "count") == {"count": 12}
    again = ulak("restore", str(tmp_path / "b.tar.gz"))
    assert (again.code, "ulak.duckdb" in again.err) == (1, True), "what is there is named, and stays"
    assert ulak.json("contacts", "count") == {"count": 12}


def test_what_can_not_be_written_is_refused_before_anything_is_done(ulak: Terminal, tmp_path: Path) -> None:
    (tmp_path / "there.tar").write_text("x")
    for name in ("b.zip", "there.tar", "nowhere/b.tar"):
        said = ulak("backup", str(tmp_path / name))
        assert (said.code, said.out) == (2, "")
    assert not current_settings().home.exists()


def test_a_damaged_backup_is_one_sentence_and_leaves_no_home(file: Path, empty: Path, ulak: Terminal) -> None:
    packed = bytearray(file.read_bytes())
    file.write_bytes(packed[: len(packed) // 2])
    said = ulak("restore", str(file))
    assert (said.code, said.out) == (1, "")
    assert "can't be read" in said.err
    assert "damaged" in said.err
    assert not empty.exists()
    assert ulak("restore", str(file.with_name("gone.tar"))).code == 1


def test_a_restore_beside_a_running_ulak_is_refused(
    file: Path, empty: Path, ulak: Terminal, live: redis.Redis
) -> None:
    beat(live, "worker.here.1")
    assert "worker.here.1" in ulak("restore", str(file)).err
    live.flushall()
    server = http.server.HTTPServer(("127.0.0.1", current_settings().port), _Healthy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        assert "stop it first" in ulak("restore", str(file)).err
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert not empty.exists()
    (empty / "run").mkdir(parents=True)
    with (empty / "run" / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = ulak("restore", str(file))
        assert (said.code, "already runs" in said.err) == (1, True)
        assert (empty / "run" / "up.lock").exists()
    assert ulak("restore", str(file)).code == 0


class _Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return
