"""The recorder records each entry exactly once: poison, a full stop at any moment, a stream that begins anew."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
import redis

from engine.live import EVENTS
from engine.operations import recording
from engine.operations.states import DeliveryState as S
from engine.settings import Settings
from engine.warehouse import Warehouse, open_warehouse
from tests.worker.stream_writing import AT_S, rows_fields, write_created, write_fact, write_rows
from worker.recorder import Recorder

CHILD = """
import sys, redis
from pathlib import Path
from engine.warehouse import open_warehouse
from worker import recorder
recorder.ROWS_A_PASS = 300
warehouse = open_warehouse(Path(sys.argv[1]))
running = recorder.Recorder(warehouse, redis.Redis(unix_socket_path=sys.argv[2]))
print("up", flush=True)
while True:
    running.run_once()
"""


def ask(warehouse: Warehouse, query: str, *bound: Any) -> list[tuple[Any, ...]]:
    return warehouse.cursor().execute(query, list(bound)).fetchall()


def test_killed_at_any_moment_it_records_each_event_exactly_once(
    live: redis.Redis, valkey_socket: str, tmp_path: Path
) -> None:
    path, dice = tmp_path / "ulak.duckdb", random.Random(7)
    write_created(live, 1000)
    written = 0
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path), valkey_socket], stdout=subprocess.PIPE, cwd=Path.cwd()
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        deadline = time.monotonic() + dice.uniform(0.0, 0.5)
        while time.monotonic() < deadline:
            pipe = live.pipeline(transaction=False)
            for _ in range(40):
                numbers = [written % 1000, (written + 1) % 1000, (written + 2) % 1000]
                pipe.xadd(EVENTS, rows_fields([(number, 1, S.SENT, 0, 0, AT_S) for number in numbers]))
                written += 3
            pipe.execute()
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    warehouse = open_warehouse(path)
    Recorder(warehouse, live).drain()
    assert ask(warehouse, "SELECT count(*) FROM events") == [(written,)]
    assert ask(warehouse, "SELECT recorded_count FROM ingest_offset") == [(written // 3 + 1,)]
    assert ask(warehouse, "SELECT count(*) FROM deliveries WHERE state = 5") == [(min(written, 1000),)]
    assert ask(warehouse, "SELECT count(*) FROM rejected_events") == [(0,)]
    assert live.xlen(EVENTS) == 0
    warehouse.close()


def test_entries_that_cannot_be_recorded_go_aside_alone_and_the_rest_goes_on(
    warehouse: Warehouse, live: redis.Redis
) -> None:
    write_created(live, 3)
    write_rows(live, (0, 1, S.SENT, 0, 0, AT_S))
    live.xadd(EVENTS, {"v": 1, "k": "rows", "op": "op-1", "no": 1, "rows": b"seventeen bytes.."})
    write_rows(live, (1, 1, 99, 0, 0, AT_S))
    live.xadd(EVENTS, {"v": 9, "k": "rows"})
    live.xadd(EVENTS, {"v": 1, "k": "dance"})
    write_fact(live, "suppress", person_key="zz", scope="marketing", reason="keyword")
    write_rows(live, (1, 1, S.SENT, 0, 0, AT_S), op="op-gone", orphan=True)
    live.xadd(EVENTS, {"v": 1, "k": "control", "op": "op-1", "no": 1, "verb": "cancel", "from": "0", "to": "x"})
    write_rows(live, (2, 1, S.SENT, 0, 0, AT_S))
    Recorder(warehouse, live).drain()
    states = [state for (state,) in ask(warehouse, "SELECT state FROM deliveries ORDER BY recipient_no")]
    assert states == [S.SENT, S.PENDING, S.SENT]
    reasons = [reason for (reason,) in ask(warehouse, "SELECT reason FROM rejected_events ORDER BY stream_id")]
    assert reasons[:4] == [
        "malformed rows: ValueError",
        "malformed rows: unknown state",
        "unknown version",
        "unknown kind",
    ]
    assert len(reasons) == 7
    assert ask(warehouse, "SELECT recorded_count FROM ingest_offset") == [(10,)]
    assert live.xlen(EVENTS) == 0


def test_a_store_that_takes_nothing_loses_nothing_and_rejects_nothing(
    warehouse: Warehouse, live: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_created(live, 1)
    recorder = Recorder(warehouse, live)

    def full(*_: Any) -> int:
        raise duckdb.IOException("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(recording, "record_deliveries", full)
        with pytest.raises(duckdb.IOException):
            recorder.run_once()
    assert live.xlen(EVENTS) == 1
    assert recorder.run_once() == 1
    assert ask(warehouse, "SELECT count(*) FROM deliveries") == [(1,)]
    assert ask(warehouse, "SELECT count(*) FROM rejected_events") == [(0,)]


def test_a_stream_that_begins_anew_is_numbered_after_the_record(warehouse: Warehouse, live: redis.Redis) -> None:
    live.xadd(EVENTS, rows_fields([(0, 1, S.SENT, 0, 0, AT_S)]), id="99999999999999-0")
    Recorder(warehouse, live).drain()
    live.delete(EVENTS)
    Recorder(warehouse, live).drain()
    write_rows(live, (1, 1, S.SENT, 0, 0, AT_S))
    Recorder(warehouse, live).drain()
    assert ask(warehouse, "SELECT count(*) FROM events") == [(2,)]


def test_when_it_cannot_go_on_the_process_is_told_to_end(
    settings: Settings, live: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    warehouse = open_warehouse(None)
    recorder = Recorder(warehouse, live, on_failure=ended.set)
    monkeypatch.setattr("worker.recorder.PASS_SECONDS", 0.001)

    def broken(*_: Any) -> None:
        raise duckdb.IOException("the disk is gone")

    monkeypatch.setattr("worker.recorder.record", broken)
    write_created(live, 1)
    recorder.start()
    assert ended.wait(10)
    recorder.stop()
    assert live.xlen(EVENTS) == 1
    warehouse.close()


def test_the_running_recorder_beats_and_says_how_far_behind_it_is(warehouse: Warehouse, live: redis.Redis) -> None:
    write_created(live, 5)
    recorder = Recorder(warehouse, live)
    recorder.start()
    deadline = time.monotonic() + 10
    while not live.hexists("ulak:heartbeats", "recorder") and time.monotonic() < deadline:
        time.sleep(0.01)
    recorder.stop()
    beat = json.loads(live.hget("ulak:heartbeats", "recorder") or b"{}")
    assert beat["lag_entries"] == 0
    assert beat["recorded"] == 1
