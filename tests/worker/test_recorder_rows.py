"""What the recorder makes of rows, creations and controls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import redis

from engine.live import EVENTS
from engine.operations.states import FLAG_LATE, DeliveryState, pack_pricing
from engine.warehouse import Warehouse
from tests.worker.stream_writing import AT_MS, AT_S, write_created, write_rows
from worker.recorder import Recorder, recorder_lag

S = DeliveryState
AT = datetime(1970, 1, 1) + timedelta(seconds=AT_S)


@pytest.fixture
def recorder(warehouse: Warehouse, live: redis.Redis) -> Recorder:
    return Recorder(warehouse, live)


def ask(warehouse: Warehouse, query: str, *bound: Any) -> list[tuple[Any, ...]]:
    return warehouse.cursor().execute(query, list(bound)).fetchall()


def later(seconds: int) -> datetime:
    return AT + timedelta(seconds=seconds)


def test_a_created_operation_has_one_pending_delivery_for_each_recipient(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    write_created(live, 3)
    assert recorder.run_once() == 1
    found = ask(warehouse, "SELECT recipient_no, state FROM deliveries ORDER BY 1")
    assert found == [(0, S.PENDING), (1, S.PENDING), (2, S.PENDING)]


def test_the_last_row_in_stream_order_wins_and_every_row_is_an_event(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    write_created(live, 2)
    write_rows(live, (0, 1, S.CLAIMED, 0, 0, AT_S), (1, 1, S.CLAIMED, 0, 0, AT_S))
    write_rows(
        live, (0, 1, S.ACCEPTED, 0, 0, AT_S + 1), (1, 1, S.ACCEPTED, 0, 0, AT_S + 1), ids=["wamid.a", "wamid.b"]
    )
    write_rows(live, (1, 1, S.FAILED, 0, 131026, AT_S + 2))
    recorder.drain()
    assert ask(warehouse, "SELECT count(*) FROM events") == [(5,)]
    found = ask(
        warehouse,
        "SELECT recipient_no, state, code, message_id, accepted_at, failed_at FROM deliveries ORDER BY 1",
    )
    assert found == [
        (0, S.ACCEPTED, 0, "wamid.a", later(1), None),
        (1, S.FAILED, 131026, "wamid.b", later(1), later(2)),
    ]


def test_a_late_row_brings_its_time_and_price_and_changes_no_state(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    price = pack_pricing(1, 1)
    write_created(live, 1)
    write_rows(live, (0, 1, S.DELIVERED, 0, 0, AT_S + 5))
    recorder.run_once()
    write_rows(live, (0, 1, S.SENT, FLAG_LATE | price, 0, AT_S + 3))
    recorder.run_once()
    found = ask(warehouse, "SELECT state, sent_at, delivered_at, pricing FROM deliveries")
    assert found == [(S.DELIVERED, later(3), later(5), price)]


def test_a_repeated_word_keeps_the_earliest_time(recorder: Recorder, warehouse: Warehouse, live: redis.Redis) -> None:
    write_created(live, 1)
    write_rows(live, (0, 1, S.SENT, 0, 0, AT_S + 3))
    recorder.run_once()
    write_rows(live, (0, 1, S.SENT, FLAG_LATE, 0, AT_S + 9), (0, 1, S.SENT, FLAG_LATE, 0, AT_S + 2))
    recorder.run_once()
    assert ask(warehouse, "SELECT sent_at FROM deliveries") == [(later(2),)]


def test_read_without_delivered_counts_as_delivered_at_that_time(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    write_created(live, 1)
    write_rows(live, (0, 1, S.READ, 0, 0, AT_S + 7))
    recorder.run_once()
    write_rows(live, (0, 1, S.DELIVERED, FLAG_LATE, 0, AT_S + 4))
    recorder.run_once()
    assert ask(warehouse, "SELECT state, delivered_at, read_at FROM deliveries") == [(S.READ, later(4), later(7))]


def test_one_control_entry_changes_its_slice_as_a_set_and_in_order(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    write_created(live, 6)
    write_rows(live, (1, 1, S.ACCEPTED, 0, 0, AT_S), (2, 1, S.CLAIMED, 0, 0, AT_S))
    control = {"v": 1, "k": "control", "op": "op-1", "no": 1, "at": AT_MS, "verb": "cancel", "who": "Ada"}
    live.xadd(EVENTS, control | {"lo": 0, "hi": 5, "from": "0,1", "to": int(S.CANCELLED)})
    write_rows(live, (2, 1, S.CANCELLED, 0, 0, AT_S + 1))
    recorder.run_once()
    states = [state for _, state in ask(warehouse, "SELECT recipient_no, state FROM deliveries ORDER BY 1")]
    assert states == [S.CANCELLED, S.ACCEPTED, S.CANCELLED, S.CANCELLED, S.CANCELLED, S.PENDING]
    assert ask(warehouse, "SELECT count(*) FROM operation_events WHERE kind = 'control'") == [(1,)]


@pytest.mark.parametrize(
    ("stands", "word", "ends"),
    [
        ((S.SENT, 1), (S.DELIVERED, 1), S.DELIVERED),
        ((S.READ, 1), (S.DELIVERED, 1), S.READ),
        ((S.UNKNOWN, 1), (S.SENT, 1), S.SENT),
        ((S.FAILED, 1), (S.ACCEPTED, 1), S.FAILED),
        ((S.ACCEPTED, 2), (S.FAILED, 1), S.ACCEPTED),
        ((S.FAILED, 2), (S.DELIVERED, 1), S.DELIVERED),
        ((S.SENT, 1), (S.FAILED, 1), S.FAILED),
    ],
)
def test_words_for_an_operation_without_a_ledger_follow_the_rule_of_progress(
    recorder: Recorder,
    warehouse: Warehouse,
    live: redis.Redis,
    stands: tuple[int, int],
    word: tuple[int, int],
    ends: int,
) -> None:
    warehouse.cursor().execute(
        "INSERT INTO operations (operation_id, operation_no, name, state, created_by, created_at, updated_at) "
        "VALUES ('op-1', 1, 'x', 'completed', 'Ada', now()::TIMESTAMP, now()::TIMESTAMP)"
    )
    write_created(live, 1)
    write_rows(live, (0, stands[1], stands[0], 0, 0, AT_S))
    write_rows(live, (0, word[1], word[0], 0, 0, AT_S + 1), orphan=True)
    recorder.run_once()
    assert ask(warehouse, "SELECT state FROM deliveries") == [(ends,)]
    assert ask(warehouse, "SELECT count(*) FROM events") == [(2,)]


def test_state_entries_move_the_operation_and_completion_has_its_time(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    warehouse.cursor().execute(
        "INSERT INTO operations (operation_id, operation_no, name, state, created_by, created_at, updated_at) "
        "VALUES ('op-1', 1, 'x', 'launching', 'Ada', now()::TIMESTAMP, now()::TIMESTAMP)"
    )
    write_created(live, 1)
    recorder.run_once()
    assert ask(warehouse, "SELECT state FROM operations") == [("running",)]
    entry = {"v": 1, "k": "state", "op": "op-1", "no": 1, "at": AT_MS, "who": "", "until_ms": 0}
    live.xadd(EVENTS, entry | {"state": "halted", "cause": "error_budget"})
    recorder.run_once()
    assert ask(warehouse, "SELECT state, cause FROM operations") == [("halted", "error_budget")]
    live.xadd(EVENTS, entry | {"state": "completed", "cause": ""})
    recorder.run_once()
    assert ask(warehouse, "SELECT state, cause, completed_at FROM operations") == [("completed", None, AT)]
    live.xadd(EVENTS, entry | {"state": "running", "cause": "reopened"})
    recorder.run_once()
    assert ask(warehouse, "SELECT state, completed_at FROM operations") == [("running", None)]


def test_what_is_recorded_is_trimmed_and_the_lag_is_what_is_left(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    assert recorder_lag(live, warehouse) == (0, 0.0)
    write_created(live, 1)
    write_rows(live, (0, 1, S.CLAIMED, 0, 0, AT_S))
    entries, seconds = recorder_lag(live, warehouse)
    assert entries == 2
    assert 0 <= seconds < 60
    assert recorder.run_once() == 2
    assert live.xlen(EVENTS) == 0
    assert recorder_lag(live, warehouse) == (0, 0.0)
