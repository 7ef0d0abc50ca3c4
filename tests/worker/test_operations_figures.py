"""The figures of operations: live from Redis, afterwards from the store; people, failures, pace, places."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

from engine.clock import to_ms, to_store
from engine.errors import InvalidTransition, NotFound
from engine.live import portfolio_key
from engine.operations import ledger
from engine.operations.control import control_operation
from engine.operations.limit import pace_now, places_freeing, read_limit
from engine.operations.progress import answered_count, failures, fitting_step, pace, timeline
from engine.operations.recipients import left_out_page, left_out_reasons, recipients_page
from engine.operations.states import DeliveryState, OperationState
from engine.operations.store import Operation, count_operations, get_operation, list_operations
from engine.settings import load_settings
from engine.warehouse import Warehouse
from tests.engine.operations_world import NOW, PORTFOLIO, World, add_contacts, make_world

AWAY = redis.Redis(unix_socket_path="/nowhere.sock")


@pytest.fixture
def world(warehouse: Warehouse, live: redis.Redis) -> World:
    """Sixty contacts with names of three kinds; one without a name, one opted out."""
    made = make_world(warehouse, live, load_settings())
    rows: list[dict[str, object]] = [{"name": f"İpek {number}"} for number in range(58)]
    add_contacts(warehouse, [*rows, {"name": None}, {"consent": "opted_out"}])
    return made


@pytest.fixture
def operation(world: World) -> Operation:
    """An operation to 58 people, launched."""
    operation_id = world.draft()
    world.launch(operation_id)
    return get_operation(world.warehouse.cursor(), world.client, operation_id)


def record(world: World, rows: list[tuple[int, DeliveryState, int, float]]) -> None:
    """Deliveries of operation 1: (recipient, state, code, seconds after the launch)."""
    with world.warehouse.writing() as cursor:
        for recipient_no, state, code, seconds in rows:
            moment = to_store(NOW + timedelta(seconds=seconds))
            failed = state is DeliveryState.FAILED
            read = moment if state is DeliveryState.READ else None
            cursor.execute(
                "INSERT INTO deliveries (operation_no, recipient_no, state, attempt, code, pricing, accepted_at,"
                " delivered_at, read_at, failed_at, answered_at, updated_at)"
                " VALUES (1, ?, ?, 1, ?, 0, ?, ?, ?, ?, ?, ?)",
                [recipient_no, int(state), code, None if failed else moment, read, read, moment if failed else None,
                 read, moment],
            )  # fmt: skip


def test_live_figures_come_from_the_ledger(world: World, operation: Operation) -> None:
    assert operation.is_live
    assert (operation.state, operation.recipient_count, operation.audience_count) == (OperationState.RUNNING, 58, 60)
    assert (operation.open_count, operation.done_count, operation.progress_ratio) == (58, 0, 0.0)
    assert operation.left_out_count == 2


@pytest.mark.parametrize("client", [None, AWAY], ids=["no Redis", "Redis away"])
def test_without_redis_the_store_speaks(world: World, operation: Operation, client: redis.Redis | None) -> None:
    states = [DeliveryState.READ] * 50 + [DeliveryState.FAILED] * 8
    record(world, [(number, state, 0, 1) for number, state in enumerate(states)])
    found = get_operation(world.warehouse.cursor(), client, operation.operation_id)
    assert not found.is_live
    assert (found.accepted_count, found.delivered_count, found.read_count, found.failed_count) == (50, 50, 50, 8)
    assert found.progress_ratio == 1.0


def test_the_list_has_the_newest_first_and_no_drafts(world: World, operation: Operation) -> None:
    second = world.draft()
    world.launch(second)
    world.draft()
    cursor = world.warehouse.cursor()
    assert [each.operation_id for each in list_operations(cursor, world.client)] == [second, operation.operation_id]
    assert [each.operation_id for each in list_operations(cursor, world.client, limit=1, offset=1)] == [
        operation.operation_id
    ]
    assert count_operations(cursor) == 2


def test_a_draft_is_no_operation(world: World) -> None:
    with pytest.raises(NotFound):
        get_operation(world.warehouse.cursor(), world.client, world.draft())


def test_pages_of_recipients_are_fifty_in_order(world: World, operation: Operation) -> None:
    cursor = world.warehouse.cursor()
    first, second = (recipients_page(cursor, operation, offset=offset) for offset in (0, 50))
    assert (first.total, second.total) == (58, 58)
    assert [*first.rows["recipient_no"], *second.rows["recipient_no"]] == list(range(58))
    assert set(first.rows["state"]) == {DeliveryState.PENDING}


@pytest.mark.parametrize(
    ("search", "found"),
    [("ipek 7", 1), ("İPEK 7", 1), ("ıpek 7", 1), ("0532 000 00 03", 1), ("+90 532", 58), ("kimse", 0)],
)
def test_recipients_are_found_whatever_the_case_or_the_spaces(
    world: World, operation: Operation, search: str, found: int
) -> None:
    assert recipients_page(world.warehouse.cursor(), operation, search=search).total == found


def test_recipients_are_filtered_by_state_and_code(world: World, operation: Operation) -> None:
    record(
        world,
        [(0, DeliveryState.FAILED, 131026, 1), (1, DeliveryState.FAILED, 131050, 1), (2, DeliveryState.READ, 0, 1)],
    )
    cursor = world.warehouse.cursor()
    failed = recipients_page(cursor, operation, states=[DeliveryState.FAILED])
    assert failed.rows["recipient_no"].to_list() == [0, 1]
    assert recipients_page(cursor, operation, codes=[131050]).rows["recipient_no"].to_list() == [1]
    assert recipients_page(cursor, operation, states=[DeliveryState.PENDING]).total == 55


def test_a_frozen_audience_that_is_gone_is_said_to_be_gone(world: World, operation: Operation) -> None:
    world.snapshot(operation.operation_id).unlink()
    with pytest.raises(NotFound):
        recipients_page(world.warehouse.cursor(), operation)


def test_those_left_out_are_counted_and_named(world: World, operation: Operation) -> None:
    cursor = world.warehouse.cursor()
    assert left_out_reasons(cursor, 1) == {"opted_out": 1, "missing:body:1": 1}
    assert left_out_page(cursor, 1)["contact_id"].to_list() == [59, 60]
    assert left_out_page(cursor, 1, reason="opted_out")["contact_id"].to_list() == [60]


def test_failures_are_grouped_by_code_the_most_frequent_first(world: World, operation: Operation) -> None:
    rows = [(number, DeliveryState.FAILED, 131026, 1.0) for number in range(3)]
    record(world, [*rows, (3, DeliveryState.FAILED, 131050, 1), (4, DeliveryState.READ, 0, 1)])
    found = [(failure.code, failure.count) for failure in failures(world.warehouse.cursor(), 1)]
    assert found == [(131026, 3), (131050, 1)]


def test_the_timeline_counts_each_step(world: World, operation: Operation) -> None:
    record(world, [(0, DeliveryState.READ, 0, 1), (1, DeliveryState.SENT, 0, 2), (2, DeliveryState.FAILED, 1, 61)])
    steps = timeline(world.warehouse.cursor(), 1)
    assert [(step.begins_at - NOW).total_seconds() for step in steps] == [0, 60]
    assert [(step.accepted, step.delivered, step.read, step.failed) for step in steps] == [(2, 1, 1, 0), (0, 0, 0, 1)]
    assert answered_count(world.warehouse.cursor(), 1) == 1


def test_pace_is_of_the_last_seconds(world: World, operation: Operation) -> None:
    record(world, [(number, DeliveryState.SENT, 0, number) for number in range(58)])
    assert pace(world.warehouse.cursor(), operation, NOW + timedelta(seconds=57)) == pytest.approx(21 / 20)


@pytest.mark.parametrize(("minutes", "step"), [(1, 10), (20, 10), (21, 60), (121, 300), (60 * 24 * 365, 86_400)])
def test_a_timeline_has_a_fitting_step(minutes: int, step: int) -> None:
    assert fitting_step(NOW, NOW + timedelta(minutes=minutes)) == step


def test_places_become_free_by_the_hour(world: World) -> None:
    now = to_ms(NOW)
    world.client.hset(portfolio_key(PORTFOLIO), "limit", 100)
    for number, minutes in enumerate((-1, 0, 1, 59, 61, 600)):
        score = now + minutes * 60_000
        world.client.zadd(portfolio_key(PORTFOLIO, "places"), {number.to_bytes(8, "big"): score})
    assert [(freed.from_ms - now, freed.count) for freed in places_freeing(world.client, PORTFOLIO, now)] == [
        (0, 2), (3_600_000, 1), (36_000_000, 1)
    ]  # fmt: skip
    limit = read_limit(world.client, PORTFOLIO, now)
    assert (limit.limit, limit.used, limit.left) == (100, 4, 96)


def test_a_limit_below_what_is_used_leaves_nothing(world: World) -> None:
    world.client.hset(portfolio_key(PORTFOLIO), "limit", 1)
    for number in range(3):
        world.client.zadd(portfolio_key(PORTFOLIO, "places"), {number.to_bytes(8, "big"): to_ms(NOW) + 1})
    assert read_limit(world.client, PORTFOLIO, to_ms(NOW)).left == 0


def test_doing_a_thing_twice_is_audited_once(world: World, operation: Operation) -> None:
    for verb in ("pause", "pause", "resume", "resume", "cancel", "cancel"):
        control_operation(world.warehouse, world.client, operation.operation_id, verb, who="Can", now=NOW)
    verbs = world.warehouse.cursor().execute("SELECT verb FROM audit WHERE who = 'Can'").fetchall()
    assert [verb for (verb,) in verbs] == ["paused", "resumed", "cancelled"]
    assert ledger.counters(world.client, operation.operation_id)[DeliveryState.CANCELLED] == 58


def test_what_is_over_cannot_be_resumed_and_a_draft_cannot_be_paused(world: World, operation: Operation) -> None:
    control_operation(world.warehouse, world.client, operation.operation_id, "cancel", who="Can", now=NOW)
    with pytest.raises(InvalidTransition):
        control_operation(world.warehouse, world.client, operation.operation_id, "resume", who="Can", now=NOW)
    with pytest.raises(NotFound):
        control_operation(world.warehouse, world.client, world.draft(), "pause", who="Can", now=NOW)


@pytest.mark.parametrize(
    ("pace", "pace_ms", "now", "expected"),
    [
        (None, None, 10_000, 80.0),
        (40.0, 10_000, 10_000, 40.0),
        (40.0, 10_000, 15_000, 60.0),
        (40.0, 0, 900_000, 80.0),
    ],
)
def test_a_slowed_channel_climbs_back_to_its_rate(
    pace: float | None, pace_ms: float | None, now: int, expected: float
) -> None:
    assert pace_now(80.0, pace, pace_ms, now) == expected
