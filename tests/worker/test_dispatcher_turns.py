"""The dispatcher at work: what it rings, wakes, expires and halts, on a real server."""

from __future__ import annotations

import time

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.live import HEARTBEATS, OPERATIONS, STORE, operation_key, portfolio_key
from engine.operations import ledger
from engine.operations.ledger import Change
from engine.operations.live_operations import read_operations, server_now_ms
from engine.operations.states import DeliveryState, OperationState
from tests.worker.delivery_world import OPERATION, create_operation, leased_jobs, states_of
from worker import heartbeat
from worker.dispatcher import LOCK, Dispatcher, Process
from worker.queue import queued_doorbells

SECOND = "op-20261124-120001-bbbbbb"
THIRD = "op-20261124-120002-cccccc"


def claim(live: redis.Redis, rows: list[int], job: str = "0.aa", operation_id: str = OPERATION) -> None:
    call = ledger.claim(
        operation_id,
        job=job,
        token=f"t-{job}",
        channel_id="sandbox",
        portfolio_id="pf",
        candidates=rows,
        not_after_ms=0,
    )
    assert len(ledger.run(live, call).rows) == len(rows)


def let_lease_run_out(live: redis.Redis, job: str = "0.aa") -> None:
    live.zadd(operation_key(OPERATION, "leases"), {job: 1})


def rung(live: redis.Redis) -> list[tuple[str, int]]:
    return [tuple(bell) for bell in queued_doorbells(live)]


def state_and_cause(live: redis.Redis, operation_id: str = OPERATION) -> tuple[str, str]:
    operation = read_operations(live, [operation_id])[0]
    return operation.state, operation.cause


def wait_for(live: redis.Redis, cause: str, until_ms: int = 0) -> None:
    ledger.run(live, ledger.control(OPERATION, "wait", who="", cause=cause, until_ms=until_ms))


def test_it_rings_two_doorbells_a_worker_and_no_more(live):
    create_operation(live, 30, batch_size=5, rate=1_000)
    for number in (1, 2):
        heartbeat.beat(live, f"worker.host.{number}")
    dispatcher = Dispatcher(live)
    for _ in range(3):
        dispatcher.tick()
    assert rung(live) == [(OPERATION, 0), (OPERATION, 1), (OPERATION, 2), (OPERATION, 3)]


def test_each_channel_gets_a_doorbell_before_any_gets_a_second(live):
    create_operation(live, 30, batch_size=5, rate=1_000)
    create_operation(live, 30, batch_size=5, rate=1_000, operation_id=SECOND, channel_id="other")
    Dispatcher(live).tick()
    assert rung(live) == [(OPERATION, 0), (SECOND, 0)]


def test_the_higher_priority_of_a_channel_goes_first(live):
    create_operation(live, 30, batch_size=5)
    create_operation(live, 30, batch_size=5, operation_id=SECOND, priority=5)
    create_operation(live, 30, batch_size=5, operation_id=THIRD, channel_id="other")
    Dispatcher(live).tick()
    assert rung(live) == [(SECOND, 0), (THIRD, 0)]


def test_a_slow_channel_is_worth_one_job(live):
    create_operation(live, 30, batch_size=5, rate=80)
    Dispatcher(live).tick()
    assert rung(live) == [(OPERATION, 0)]


def test_a_batch_that_is_worked_on_is_not_rung_again_but_a_silent_jobs_is(live):
    create_operation(live, 10, batch_size=5, rate=80)
    claim(live, [0, 1])
    Dispatcher(live).tick()
    assert rung(live) == []
    live.zadd(operation_key(OPERATION, "leases"), {"0.aa": server_now_ms(live) + 5_000})
    Dispatcher(live).tick()
    assert rung(live) == [(OPERATION, 0)]


def test_a_retry_is_rung_for_when_it_is_due_and_not_before(live):
    create_operation(live, 10, batch_size=5)
    claim(live, list(range(10)))
    now_ms = server_now_ms(live)
    changes = [Change(row, 1, DeliveryState.ACCEPTED) for row in range(10) if row != 7]
    retry = Change(7, 1, DeliveryState.RETRY, due_ms=now_ms + 60_000)
    ledger.run(live, ledger.transition(OPERATION, [*changes, retry], source="worker", job="0.aa"))
    ledger.run(live, ledger.close_job(OPERATION, "0.aa", []))
    Dispatcher(live).tick()
    assert rung(live) == []
    live.zadd(operation_key(OPERATION, "due"), {"7": now_ms - 1})
    Dispatcher(live).tick()
    assert rung(live) == [(OPERATION, 1)]


@pytest.mark.parametrize("verb", ["pause", "halt", "cancel"])
def test_nothing_is_rung_for_an_operation_that_does_not_run(live, verb):
    create_operation(live, 10)
    ledger.run(live, ledger.control(OPERATION, verb, who="ayse"))
    Dispatcher(live).tick()
    assert rung(live) == []


@pytest.mark.parametrize("state", ["running", "paused", "halted", "cancelled"])
def test_what_a_dead_job_held_becomes_unknown_whatever_the_operations_state(live, state):
    create_operation(live, 10)
    claim(live, [0, 1, 2])
    verb = {"paused": "pause", "halted": "halt", "cancelled": "cancel"}.get(state)
    if verb:
        ledger.run(live, ledger.control(OPERATION, verb, who="ayse"))
    Dispatcher(live).tick()
    assert states_of(live, 3) == [DeliveryState.CLAIMED] * 3
    let_lease_run_out(live)
    Dispatcher(live).tick()
    assert states_of(live, 3) == [DeliveryState.UNKNOWN] * 3
    assert leased_jobs(live) == []


def test_the_last_dead_job_completes_the_operation(live):
    create_operation(live, 2)
    claim(live, [0, 1])
    let_lease_run_out(live)
    Dispatcher(live).tick()
    assert state_and_cause(live)[0] == OperationState.COMPLETED
    assert rung(live) == []


def test_an_operation_that_waits_until_a_time_is_woken_then(live):
    create_operation(live, 10)
    wait_for(live, "unreachable", server_now_ms(live) + 60_000)
    dispatcher = Dispatcher(live)
    dispatcher.tick()
    assert state_and_cause(live)[0] == OperationState.WAITING
    wait_for(live, "unreachable", server_now_ms(live) - 1)
    dispatcher.tick()
    assert state_and_cause(live)[0] == OperationState.RUNNING
    assert rung(live) == [(OPERATION, 0)]


def test_the_messaging_limit_wakes_an_operation_at_fifty_free_places_or_after_a_minute(live, monkeypatch):
    create_operation(live, 10, limit=49)
    wait_for(live, "messaging_limit", server_now_ms(live) + 3_600_000)
    dispatcher = Dispatcher(live)
    dispatcher.tick()
    assert state_and_cause(live)[0] == OperationState.WAITING
    later = time.monotonic() + 61
    monkeypatch.setattr("worker.dispatcher.time.monotonic", lambda: later)
    dispatcher.tick()
    assert state_and_cause(live)[0] == OperationState.RUNNING
    wait_for(live, "messaging_limit", server_now_ms(live) + 3_600_000)
    live.hset(portfolio_key("pf"), "limit", 60)
    dispatcher.tick()
    assert state_and_cause(live)[0] == OperationState.RUNNING


def test_a_full_stream_makes_everything_wait_and_says_why(live, monkeypatch):
    create_operation(live, 10)
    pressure = 0.3
    monkeypatch.setattr("engine.operations.stream.stream_pressure", lambda client: pressure)
    dispatcher = Dispatcher(live)
    dispatcher.tick()
    assert state_and_cause(live) == (OperationState.WAITING, "stream")
    assert live.hget(STORE, "hold") == b"stream"
    assert rung(live) == []
    pressure = 0.1
    dispatcher.tick()
    assert state_and_cause(live)[0] == OperationState.RUNNING
    assert live.hget(STORE, "hold") is None
    assert rung(live) == [(OPERATION, 0)]


def test_an_operation_of_another_store_is_halted(live):
    create_operation(live, 10)
    live.hset(STORE, "epoch", "e2")
    Dispatcher(live).tick()
    assert state_and_cause(live) == (OperationState.HALTED, "epoch")
    assert rung(live) == []


def test_an_operation_whose_ledger_is_gone_is_halted(live):
    create_operation(live, 10)
    live.delete(operation_key(OPERATION, "led"))
    Dispatcher(live).tick()
    assert state_and_cause(live) == (OperationState.HALTED, "ledger_missing")


def test_an_operation_that_was_forgotten_is_struck_off_the_list(live):
    live.sadd(OPERATIONS, OPERATION)
    Dispatcher(live).tick()
    assert live.smembers(OPERATIONS) == set()


def test_a_cancel_that_died_between_two_slices_is_finished(live):
    create_operation(live, 10)
    answer = ledger.run(live, ledger.control(OPERATION, "cancel", who="ayse", slice_rows=4))
    assert not answer.done
    Dispatcher(live).tick()
    assert set(states_of(live, 10)) == {DeliveryState.CANCELLED}


def test_one_leads_and_another_takes_over_when_it_leaves(live):
    create_operation(live, 10)
    first, second = Process(live), Process(live)
    first.turn()
    second.turn()
    assert (first.is_leading, second.is_leading) == (True, False)
    first.leave()
    second.turn()
    assert second.is_leading
    assert b"dispatcher" in live.hkeys(HEARTBEATS)


def test_one_that_lost_the_lock_leads_no_more(live):
    first, second = Process(live), Process(live)
    first.turn()
    live.delete(LOCK)
    second.turn()
    first.turn()
    assert (first.is_leading, second.is_leading) == (False, True)


def test_a_redis_that_is_away_is_waited_for_with_one_line(live, valkey_socket, caplog):
    away = redis.Redis(unix_socket_path=valkey_socket + ".gone", retry=Retry(NoBackoff(), 0))
    process = Process(away)
    with caplog.at_level("INFO"):
        for _ in range(3):
            process.turn()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
