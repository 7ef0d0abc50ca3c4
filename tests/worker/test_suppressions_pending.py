"""Suppressions decided in the store: they reach Redis, stop what is queued, and outlive whatever dies in between."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from engine.clock import to_store
from engine.contacts.person import key_to_int
from engine.live import STORE, SUPPRESSED
from engine.operations import ledger
from engine.operations.pending import apply_pending, count_pending
from engine.operations.states import DeliveryState as S
from engine.operations.suppressions import lift_suppressions, rebuild_copy
from engine.warehouse import Warehouse
from tests.worker.ledger_desk import Desk, person
from worker.recorder import Recorder

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)


@pytest.fixture
def recorder(warehouse: Warehouse, live: redis.Redis) -> Recorder:
    return Recorder(warehouse, live)


def decide(warehouse: Warehouse, *people: bytes, scope: str = "marketing", reason: str = "import") -> None:
    """What an import or an edit writes in its own transaction."""
    with warehouse.writing() as cursor:
        for each in people:
            row = [key_to_int(each), scope, reason, "Can", to_store(NOW)]
            cursor.execute("INSERT INTO pending_suppressions VALUES (?, ?, ?, ?, ?)", row)


def standing(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    sql = "SELECT person_key, scope, reason, by_whom FROM suppressions WHERE lifted_at IS NULL ORDER BY ALL"
    return warehouse.cursor().execute(sql).fetchall()


def test_what_an_import_decided_stops_what_is_queued_in_a_running_operation(
    warehouse: Warehouse, live: redis.Redis
) -> None:
    desk = Desk(live, count=4)
    assert len(desk.claim([0]).rows) == 1
    decide(warehouse, person(1), person(2))
    assert apply_pending(warehouse, live) == 2
    answer = desk.claim([1, 2, 3], job="j2")
    assert [row.recipient_no for row in answer.rows] == [3]
    assert answer.suppressed == [1, 2]
    assert desk.bytes_() == [S.CLAIMED, S.SUPPRESSED, S.SUPPRESSED, S.CLAIMED]


def test_marketing_alone_lets_other_messages_through_and_everything_does_not(
    warehouse: Warehouse, live: redis.Redis
) -> None:
    desk = Desk(live, count=2, category="UTILITY")
    decide(warehouse, person(0))
    decide(warehouse, person(1), scope="all")
    apply_pending(warehouse, live)
    answer = desk.claim([0, 1])
    assert ([row.recipient_no for row in answer.rows], answer.suppressed) == ([0], [1])


def test_what_was_told_is_recorded_with_who_decided_and_is_pending_no_more(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    decide(warehouse, person(1))
    apply_pending(warehouse, live)
    assert count_pending(warehouse.cursor()) == 0
    recorder.drain()
    assert standing(warehouse) == [(key_to_int(person(1)), "marketing", "import", "Can")]


def test_telling_twice_changes_nothing(recorder: Recorder, warehouse: Warehouse, live: redis.Redis) -> None:
    decide(warehouse, person(1))
    apply_pending(warehouse, live)
    decide(warehouse, person(1))  # as if the process had died before it took the row away
    assert apply_pending(warehouse, live) == 0
    assert count_pending(warehouse.cursor()) == 0
    recorder.drain()
    assert len(standing(warehouse)) == 1


def test_while_redis_is_away_nothing_decided_is_lost(warehouse: Warehouse, live: redis.Redis) -> None:
    decide(warehouse, person(1))
    nobody = redis.Redis(unix_socket_path="/nowhere/at/all")
    with pytest.raises(redis.ConnectionError):
        apply_pending(warehouse, nobody)
    assert count_pending(warehouse.cursor()) == 1
    assert apply_pending(warehouse, live) == 1


def test_a_lost_redis_sends_nothing_until_also_what_was_pending_is_back(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    ledger.run(live, ledger.suppress(person(0), "marketing", "keyword"))
    recorder.drain()
    decide(warehouse, person(1))
    live.flushall()
    desk = Desk(live, count=3)
    live.hdel(STORE, "suppressions")
    refused = desk.claim([0, 1, 2])
    assert (refused.rows, refused.cause) == ([], "suppressions_missing")
    rebuild_copy(warehouse, live, recorder.drain, NOW)
    answer = desk.claim([0, 1, 2])
    assert ([row.recipient_no for row in answer.rows], answer.suppressed) == ([2], [0, 1])


def test_who_is_lifted_before_redis_was_told_stays_lifted(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    decide(warehouse, person(1))
    assert lift_suppressions(warehouse, live, person(1), who="Deniz", now=NOW) == 1
    assert apply_pending(warehouse, live) == 0
    recorder.drain()
    assert (live.hgetall(SUPPRESSED), standing(warehouse)) == ({}, [])


def test_suppressed_lifted_and_suppressed_again_in_one_pass_is_recorded_in_order(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    for who in ("Can", "Deniz"):
        ledger.run(live, ledger.suppress(person(1), "all", "manual", who=who))
        ledger.run(live, ledger.suppress(person(1), "marketing", "manual", who=who))
        ledger.run(live, ledger.lift(person(1), "all", who=who))
        ledger.run(live, ledger.lift(person(1), who=who))
    ledger.run(live, ledger.suppress(person(1), "all", "asked", who="Ece"))
    recorder.drain()
    assert standing(warehouse) == [(key_to_int(person(1)), "all", "asked", "Ece")]
    rows = warehouse.cursor().execute("SELECT count(*), count(lifted_at) FROM suppressions").fetchall()
    assert rows == [(5, 4)]


def test_thousands_at_once_are_told_and_recorded_as_sets(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    with warehouse.writing() as cursor:
        cursor.execute(
            "INSERT INTO pending_suppressions SELECT range, 'marketing', 'import', 'Can', ? FROM range(1, 12001)",
            [to_store(NOW)],
        )
    assert apply_pending(warehouse, live) == 12_000
    assert live.hlen(SUPPRESSED) == 12_000
    recorder.drain()
    assert len(standing(warehouse)) == 12_000
