"""Whole worker processes, killed and stopped: what they send, what they leave, what becomes of their child."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from engine.live import HEARTBEATS, operation_key
from engine.operations import ledger
from engine.operations.delivery_appetite import choose_window
from engine.operations.states import DeliveryState, OperationState
from tests.worker.delivery_world import OPERATION, leased_jobs, states_of
from tests.worker.worker_world import Process, Sink, is_alive, launch, wait_until
from worker.dispatcher import Dispatcher
from worker.queue import enqueue_batch, queue

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def sink() -> Iterator[Sink]:
    opened = Sink()
    yield opened
    opened.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Starts processes, and leaves none behind."""
    started: list[Process] = []

    def start_one(kind: str = "worker") -> Process:
        started.append(Process(kind))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()


def is_completed(live) -> bool:
    return ledger.operation_state(live, OPERATION) == OperationState.COMPLETED


def test_a_worker_sends_an_operation_batch_after_batch_and_leaves_when_asked(live, settings, sink, start):
    launch(live, settings, sink, 600, batch_size=200, rate=2_000)
    worker = start()
    enqueue_batch(live, OPERATION, 0)
    wait_until(lambda: is_completed(live))
    assert sink.counts() == Counter(range(600))
    assert set(states_of(live, 600)) == {DeliveryState.ACCEPTED}
    assert any(name.startswith(b"worker.") for name in live.hkeys(HEARTBEATS))
    began_at = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - began_at < 8
    assert "Traceback" not in worker.output
    assert queue(live).failed_job_registry.count == 0
    assert live.hkeys(HEARTBEATS) == []


@linux_only
def test_a_killed_worker_takes_its_child_along_and_another_one_goes_on(live, settings, sink, start):
    launch(live, settings, sink, 1_200, batch_size=1_200, rate=200)
    first = start()
    enqueue_batch(live, OPERATION, 0)
    wait_until(lambda: len(sink.posts) > 100)
    (child,) = first.children()
    first.kill()
    wait_until(lambda: not is_alive(child), 5)
    killed_at, posted = time.monotonic(), len(sink.posts)
    start()
    dispatcher = Dispatcher(live)
    seen_after = None
    while not is_completed(live):
        dispatcher.tick()
        if seen_after is None and DeliveryState.UNKNOWN in states_of(live, 1_200):
            seen_after = time.monotonic() - killed_at
        time.sleep(0.5)
        assert time.monotonic() - killed_at < 60
    assert seen_after is not None
    assert seen_after < 20
    states = Counter(states_of(live, 1_200))
    assert set(states) == {DeliveryState.ACCEPTED, DeliveryState.UNKNOWN}
    assert states[DeliveryState.UNKNOWN] <= 2 * choose_window(200).concurrency
    assert max(sink.counts().values()) == 1
    accepted = {no for no, state in enumerate(states_of(live, 1_200)) if state is DeliveryState.ACCEPTED}
    assert accepted <= set(sink.counts())
    assert len(sink.posts) > posted


def test_a_stopped_worker_finishes_what_is_under_way_and_gives_the_rest_back(live, settings, sink, start):
    launch(live, settings, sink, 2_000, rate=200)
    worker = start()
    enqueue_batch(live, OPERATION, 0)
    wait_until(lambda: len(sink.posts) > 60)
    asked_at = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - asked_at < 8
    states = Counter(states_of(live, 2_000))
    assert states == {DeliveryState.ACCEPTED: len(sink.posts), DeliveryState.PENDING: 2_000 - len(sink.posts)}
    assert leased_jobs(live) == []
    assert "Traceback" not in worker.output


def test_being_asked_twice_does_not_kill_the_child(live, settings, sink, start):
    launch(live, settings, sink, 2_000, rate=200)
    worker = start()
    enqueue_batch(live, OPERATION, 0)
    wait_until(lambda: len(sink.posts) > 20)
    worker.nudge(signal.SIGINT)
    time.sleep(0.2)
    worker.stop()
    assert DeliveryState.CLAIMED not in states_of(live, 2_000)
    assert leased_jobs(live) == []


def test_a_paused_operation_is_left_within_a_second_and_the_worker_goes_on(live, settings, sink, start):
    launch(live, settings, sink, 2_000, rate=200)
    start()
    enqueue_batch(live, OPERATION, 0)
    wait_until(lambda: len(sink.posts) > 60)
    ledger.run(live, ledger.control(OPERATION, "pause", who="ayse"))
    wait_until(lambda: not leased_jobs(live), 5)
    posted = len(sink.posts)
    assert Counter(states_of(live, 2_000))[DeliveryState.ACCEPTED] == posted
    ledger.run(live, ledger.control(OPERATION, "resume", who="ayse"))
    enqueue_batch(live, OPERATION, 0)
    wait_until(lambda: len(sink.posts) > posted + 20)


def test_a_sending_job_works_after_every_other_kind_of_job_in_the_same_worker(live, settings, sink, start):
    launch(live, settings, sink, 200, rate=2_000)
    worker = start()
    for kind in ("use_polars", "use_duckdb", "use_arrow_threads", "use_asyncio", "fail", "leave_by_signal"):
        queue(live).enqueue(f"tests.worker.other_jobs.{kind}", result_ttl=60, job_timeout=30)
    enqueue_batch(live, OPERATION, 0)
    wait_until(lambda: is_completed(live))
    assert sink.counts() == Counter(range(200))
    assert worker.stop() == 0


def test_a_job_without_its_snapshot_halts_the_operation_and_says_so(live, settings, sink, start):
    launch(live, settings, sink, 10)
    for file in settings.operations_folder.rglob("*.parquet"):
        file.unlink()
    worker = start()
    enqueue_batch(live, OPERATION, 0)
    wait_until(lambda: ledger.operation_state(live, OPERATION) == OperationState.HALTED)
    assert live.hget(operation_key(OPERATION), "cause") == b"snapshot"
    worker.stop()
    assert "Traceback" not in worker.output


def test_a_full_messaging_limit_makes_the_operation_wait(live, settings, sink, start):
    launch(live, settings, sink, 10)
    live.hset("ulak:portfolio:pf", "limit", 4)
    start()
    enqueue_batch(live, OPERATION, 0)
    wait_until(lambda: ledger.operation_state(live, OPERATION) == OperationState.WAITING)
    assert live.hget(operation_key(OPERATION), "cause") == b"messaging_limit"
    assert int(live.hget(operation_key(OPERATION), "until_ms")) > time.time() * 1000
    assert len(sink.posts) == 4


def test_a_provider_that_is_down_makes_the_operation_wait_and_loses_nobody(live, settings, sink, start):
    launch(live, settings, sink, 50)
    sink.close()
    live.hset("ulak:channel:sandbox", "record", live.hget("ulak:channel:sandbox", "record").replace(
        b":%d" % sink.port, b":1"))  # fmt: skip
    start()
    enqueue_batch(live, OPERATION, 0)
    wait_until(lambda: ledger.operation_state(live, OPERATION) == OperationState.WAITING)
    assert live.hget(operation_key(OPERATION), "cause") == b"unreachable"
    wait_until(lambda: not leased_jobs(live))
    assert set(states_of(live, 50)) == {DeliveryState.PENDING}


def test_a_dispatcher_process_and_a_worker_process_send_an_operation(live, settings, sink, start):
    launch(live, settings, sink, 300, batch_size=100, rate=1_000)
    dispatcher, worker = start("dispatcher"), start("worker")
    wait_until(lambda: is_completed(live))
    assert sink.counts() == Counter(range(300))
    assert b"dispatcher" in live.hkeys(HEARTBEATS)
    assert (dispatcher.stop(), worker.stop()) == (0, 0)
    assert "Traceback" not in dispatcher.output + worker.output
