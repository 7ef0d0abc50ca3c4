"""A launch happens once or not at all: whoever calls it however often, and wherever its process dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import redis

from engine.errors import NotFound, QueueUnavailable
from engine.live import EVENTS, STORE, operation_key
from engine.operations import ledger
from engine.operations.launch import LOST_EPOCH, LOST_FILE, Launched, finish_launches
from engine.operations.snapshot import read_header, thaw
from engine.operations.states import DeliveryState, OperationState
from engine.segments import Audience, Comparison, Segment, list_sizes, load_context, save_segment
from engine.settings import Settings, load_settings
from engine.warehouse import Warehouse, open_warehouse
from tests.engine.operations_world import CHANNEL, NOW, PORTFOLIO, World, add_contacts, make_world

STEPS = ("frozen", "recorded", "created", "rung")


@pytest.fixture
def world(warehouse: Warehouse, live: redis.Redis) -> World:
    """Twelve contacts, one of whom opted out."""
    made = make_world(warehouse, live, load_settings())
    add_contacts(warehouse, [{}] * 11 + [{"consent": "opted_out"}])
    return made


def created_events(client: redis.Redis) -> int:
    """How many ledgers were ever created."""
    return sum(1 for _, fields in client.xrange(EVENTS) if fields[b"k"] == b"created")


def test_a_launch_freezes_records_creates_and_rings(world: World) -> None:
    operation_id = world.draft()
    launched = world.launch(operation_id)
    assert launched == Launched(operation_id, 1, 11, fresh=True)
    assert world.state(operation_id) == "launching"  # `running` comes with the recorder
    assert ledger.operation_state(world.client, operation_id) == "running"
    assert ledger.counters(world.client, operation_id)[DeliveryState.PENDING] == 11
    assert world.rung == [(operation_id, 0)]
    assert world.count("SELECT count(*) FROM left_out WHERE operation_no = 1 AND reason = 'opted_out'") == 1
    frozen = thaw(world.snapshot(operation_id))
    assert world.client.get(operation_key(operation_id, "who")) == frozen.person_keys


def test_the_evidence_is_in_the_row_and_in_the_file(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    header = read_header(world.snapshot(operation_id))
    assert (header["operation_id"], header["operation_no"], header["channel_id"]) == (operation_id, 1, CHANNEL)
    assert (header["portfolio_id"], header["category"], header["batch_size"]) == (PORTFOLIO, "MARKETING", 5_000)
    assert header["bindings"]["body:1"]["pieces"][0]["field"] == "name"
    assert header["template"]["name"] == "welcome"
    assert header["launched_by"] == "Elif"
    row = world.warehouse.cursor().execute(
        "SELECT audience_count, recipient_count, snapshot_hash, audience_hash, audience_sentence, launched_by,"
        " template_hash FROM operations"
    )
    assert row.fetchall() == [
        (
            12,
            11,
            thaw(world.snapshot(operation_id)).file_hash,
            header["audience_hash"],
            "City is Ankara",
            "Elif",
            "hash-welcome",
        )
    ]
    assert world.client.hget(operation_key(operation_id), "template") == b"welcome/en"
    assert world.count("SELECT count(*) FROM audit WHERE verb = 'launched' AND who = 'Elif'") == 1


def test_a_second_launch_returns_what_the_first_did(world: World) -> None:
    operation_id = world.draft()
    first, second = world.launch(operation_id), world.launch(operation_id)
    assert (second.operation_no, second.recipient_count, second.fresh) == (first.operation_no, 11, False)
    assert created_events(world.client) == 1
    assert world.count("SELECT count(*) FROM audit WHERE verb = 'launched'") == 1


@pytest.mark.parametrize("state", ["running", "paused", "completed", "cancelled"])
def test_launching_what_is_launched_long_ago_changes_nothing(world: World, state: str) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    world.warehouse.cursor().execute("UPDATE operations SET state = ?", [state])
    before, rung = thaw(world.snapshot(operation_id)).file_hash, len(world.rung)
    assert world.launch(operation_id).fresh is False
    assert (thaw(world.snapshot(operation_id)).file_hash, len(world.rung)) == (before, rung)


def test_eight_threads_launch_one_operation(world: World) -> None:
    operation_id = world.draft()
    results: list[Launched] = []
    gate = threading.Barrier(8)

    def press() -> None:
        gate.wait()
        results.append(world.launch(operation_id))

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.fresh for result in results) == [False] * 7 + [True]
    assert {(result.operation_no, result.recipient_count) for result in results} == {(1, 11)}
    assert created_events(world.client) == 1


def test_two_drafts_get_two_numbers(world: World) -> None:
    first, second = world.draft(), world.draft()
    assert [world.launch(first).operation_no, world.launch(second).operation_no] == [1, 2]


def test_what_is_imported_later_does_not_reach_a_frozen_audience(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    before = world.snapshot(operation_id).read_bytes()
    add_contacts(world.warehouse, [{}])
    world.launch(operation_id)
    assert world.snapshot(operation_id).read_bytes() == before


def test_redis_dying_at_the_ledger_leaves_a_launch_that_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation_id = world.draft()

    def die(step: str) -> None:
        if step == "recorded":
            raise QueueUnavailable(reason="gone")

    with pytest.raises(QueueUnavailable):
        world.launch(operation_id, after_step=die)
    assert world.state(operation_id) == "launching"
    assert world.launch(operation_id).recipient_count == 11
    assert created_events(world.client) == 1


def test_a_queue_that_is_away_at_the_last_step_does_not_undo_the_launch(world: World) -> None:
    def away(operation_id: str, batch_no: int) -> None:
        raise QueueUnavailable(reason="gone")

    world.ring = away  # type: ignore[method-assign]
    assert world.launch(world.draft()).fresh is True


DYING = """
    import os, signal, sys
    from pathlib import Path
    import redis
    from engine.settings import load_settings
    from engine.warehouse import open_warehouse
    from tests.engine.operations_world import World

    home, socket, operation_id, step = sys.argv[1:]
    settings = load_settings({"ULAK_HOME": home, "ULAK_REDIS_URL": "unix://" + socket})
    world = World(open_warehouse(settings.database_path), redis.Redis(unix_socket_path=socket), settings)

    def die(done):
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    world.launch(operation_id, after_step=die)
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_launch_killed_after_any_step_comes_out_once_or_not_at_all(
    step: str, live: redis.Redis, valkey_socket: str, settings: Settings
) -> None:
    opened = open_warehouse(settings.database_path)
    world = make_world(opened, live, settings)
    add_contacts(opened, [{}] * 7)
    operation_id = world.draft()
    opened.close()
    root = Path(__file__).parents[2]
    died = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DYING), str(settings.home), valkey_socket, operation_id, step],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        timeout=60,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    opened = open_warehouse(settings.database_path)
    world = World(opened, live, settings)
    settled = finish_launches(opened, live, settings, now=NOW, enqueue=world.ring)
    if step == "frozen":
        assert settled == []
        assert world.state(operation_id) == "draft"
        assert created_events(live) == 0
    else:
        assert [(each.operation_id, each.state) for each in settled] == [(operation_id, OperationState.RUNNING)]
        assert created_events(live) == 1
        assert world.rung == [(operation_id, 0)]
    assert world.launch(operation_id).recipient_count == 7
    assert created_events(live) == 1
    assert ledger.counters(live, operation_id)[DeliveryState.PENDING] == 7
    opened.close()


def stuck(world: World) -> str:
    """An operation whose launch died before its ledger was made."""
    operation_id = world.draft()

    def die(step: str) -> None:
        if step == "recorded":
            raise QueueUnavailable(reason="gone")

    with pytest.raises(QueueUnavailable):
        world.launch(operation_id, after_step=die)
    return operation_id


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_a_launch_whose_file_is_gone_or_changed_is_a_draft_again_with_the_reason(world: World, harm: str) -> None:
    operation_id = stuck(world)
    path = world.snapshot(operation_id)
    path.unlink()
    if harm == "changed":
        other = world.draft()
        world.launch(other)
        path.write_bytes(world.snapshot(other).read_bytes())
    settled = finish_launches(world.warehouse, world.client, world.settings, now=NOW, enqueue=world.ring)
    mine = next(each for each in settled if each.operation_id == operation_id)
    assert (mine.state, mine.reason) == (OperationState.DRAFT, LOST_FILE)
    assert world.state(operation_id) == "draft"
    assert world.count("SELECT count(*) FROM left_out WHERE operation_no = 1") == 0
    assert ledger.operation_state(world.client, operation_id) is None
    assert world.launch(operation_id).fresh is True


def test_a_launch_into_a_redis_that_was_emptied_is_halted_and_never_made_anew(world: World) -> None:
    operation_id = stuck(world)
    world.client.flushall()
    world.client.hset(STORE, "epoch", "another")
    settled = finish_launches(world.warehouse, world.client, world.settings, now=NOW, enqueue=world.ring)
    assert [(each.state, each.reason) for each in settled] == [(OperationState.HALTED, LOST_EPOCH)]
    assert world.state(operation_id) == "halted"
    assert world.launch(operation_id).fresh is False
    assert created_events(world.client) == 0


def test_a_redis_that_was_emptied_and_given_the_same_epoch_again_is_no_reason_to_send_twice(world: World) -> None:
    operation_id = stuck(world)
    doors = (world.warehouse, world.client, world.settings)
    settled = finish_launches(*doors, now=NOW, enqueue=world.ring, was_emptied=True)
    assert [(each.operation_id, each.state) for each in settled] == [(operation_id, OperationState.HALTED)]
    assert created_events(world.client) == 0


def test_finishing_again_finds_nothing_to_create(world: World) -> None:
    operation_id = stuck(world)
    for _ in range(2):
        finish_launches(world.warehouse, world.client, world.settings, now=NOW, enqueue=world.ring)
    assert created_events(world.client) == 1
    assert ledger.operation_state(world.client, operation_id) == "running"


def test_an_unknown_operation_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.launch("op-none")


def test_a_launch_writes_down_how_large_its_saved_segments_were(world: World) -> None:
    context = load_context(world.warehouse.cursor(), now=NOW, zone=world.settings.zone)
    rule = Segment(rule=Comparison(field="city", operator="equals", value="Ankara"))
    saved = save_segment(world.warehouse, "Ankara", rule, who="Elif", context=context)
    operation_id = world.draft(audience=Audience(segment_ids=(saved.segment_id,)))
    world.launch(operation_id)
    world.launch(operation_id)
    sizes = list_sizes(world.warehouse.cursor(), saved.segment_id)
    assert [(each.count, each.cause) for each in sizes] == [(12, "sent")]
