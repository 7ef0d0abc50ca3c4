"""What comes back of a backup: everything that was recorded, and nothing that would be sent again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from engine.clock import to_store
from engine.contacts import key_to_int, person_key
from engine.errors import StateError
from engine.live import STORE, SUPPRESSED
from engine.operations import ledger
from engine.operations.causes import EPOCH
from engine.operations.control import control_operation
from engine.operations.lost import RESTORED
from engine.operations.restoring import NUMBERS_LEFT_FREE, restore
from engine.operations.snapshot import hash_file
from engine.operations.states import DeliveryState
from engine.settings import Settings
from tests.engine.operations_world import CHANNEL, NOW, World
from tests.worker.api_world import prepare
from tests.worker.backup_world import (
    PICTURE,
    back_up,
    claim,
    make_home,
    of,
    other_home,
    send_some,
    states,
    store_in_file,
)
from worker.recorder import Recorder

SENT = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.FAILED)
NINE_UNKNOWN = [*SENT, *[DeliveryState.UNKNOWN] * 9]


@pytest.fixture
def world(live: redis.Redis, settings: Settings) -> Iterator[World]:
    """A home with twelve contacts, in a file."""
    with store_in_file(settings) as warehouse:
        yield make_home(warehouse, live, settings)


@pytest.fixture
def home(tmp_path: Path, world: World) -> Settings:
    """A home to restore into."""
    return other_home(tmp_path / "second")


def half_sent(world: World) -> str:
    """An operation of which three are sent to and nine are open."""
    operation_id = world.draft()
    world.launch(operation_id)
    send_some(world, operation_id, *SENT)
    return operation_id


def test_what_was_recorded_and_its_files_come_back(world: World, home: Settings, tmp_path: Path) -> None:
    operation_id, draft_id = half_sent(world), world.draft()
    file = back_up(world, tmp_path / "b.tar.zst")
    done = restore(home, file, who="Elif", now=NOW)
    assert (done.counts["contacts"], done.halted, done.unknown_count) == (12, (operation_id,), 9)
    files = sorted(path.relative_to(home.home).as_posix() for path in home.home.rglob("*") if path.is_file())
    snapshot = f"operations/{operation_id}/recipients.parquet"
    assert files == ["imports/imp-1/undo.parquet", f"media/{PICTURE}.png", snapshot, "ulak.duckdb"]
    with store_in_file(home) as warehouse:
        back = of(world, warehouse, home)
        assert (back.count("SELECT count(*) FROM contacts"), back.state(draft_id)) == (12, "draft")
        assert (warehouse.salt, warehouse.epoch != world.warehouse.epoch) == (world.warehouse.salt, True)
        ((path, file_hash),) = (
            warehouse.cursor()
            .execute("SELECT snapshot_path, snapshot_hash FROM operations WHERE operation_id = ?", [operation_id])
            .fetchall()
        )
        assert (Path(path), hash_file(Path(path))) == (home.home / snapshot, file_hash)
        assert states(back, operation_id) == NINE_UNKNOWN


@pytest.mark.parametrize(
    ("state", "is_emptied"),
    [("running", True), ("running", False), ("halted", True), ("launching", True)],
)
def test_nothing_that_was_live_is_sent_again(
    world: World, home: Settings, tmp_path: Path, state: str, is_emptied: bool
) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    if state != "launching":
        send_some(world, operation_id, *SENT)
        bring_into(world, operation_id, state)
    assert world.state(operation_id) == state
    restore(home, back_up(world, tmp_path / "b.tar"), who="Elif", now=NOW)
    if is_emptied:
        world.client.flushall()
    with store_in_file(home) as warehouse:
        back = of(world, warehouse, home)
        for _ in range(2):  # a second start keeps it so
            prepare(warehouse, back.client, home)
            assert back.state(operation_id) == "halted"
            assert not claim(back, operation_id).rows
            expected = NINE_UNKNOWN if state != "launching" else [DeliveryState.UNKNOWN] * 12
            assert states(back, operation_id) == expected
        if is_emptied:
            with pytest.raises(StateError, match="ledger of this operation is lost"):
                control_operation(warehouse, back.client, operation_id, "resume", who="Elif", now=NOW)
        causes = warehouse.cursor().execute("SELECT DISTINCT cause FROM operations").fetchall()
        assert causes == [(RESTORED if is_emptied else EPOCH,)]


def bring_into(world: World, operation_id: str, state: str) -> None:
    if state == "halted":
        ledger.run(world.client, ledger.control(operation_id, "halt", who="", cause="error_budget"))
    Recorder(world.warehouse, world.client).drain()


def test_what_the_former_redis_still_holds_is_recorded_and_never_goes_on(
    world: World, home: Settings, tmp_path: Path
) -> None:
    """The store was lost, Redis was not: it knows more than the backup, and its ledgers are of the former epoch."""
    operation_id = half_sent(world)
    file = back_up(world, tmp_path / "b.tar")
    ledger.run(world.client, ledger.control(operation_id, "pause", who="Elif"))
    more = [ledger.Change(3, 1, DeliveryState.READ), ledger.Change(4, 1, DeliveryState.RETRY, due_ms=2**42)]
    assert claim(world, operation_id).rows == []
    ledger.run(world.client, ledger.transition(operation_id, more, source="webhook"))
    restore(home, file, who="Elif", now=NOW)
    with store_in_file(home) as warehouse:
        back = of(world, warehouse, home)
        for _ in range(2):
            prepare(warehouse, back.client, home)
            assert back.state(operation_id) == "halted"
            assert states(back, operation_id) == [*SENT, DeliveryState.READ, *[DeliveryState.UNKNOWN] * 8]
        control_operation(warehouse, back.client, operation_id, "resume", who="Elif", now=NOW)
        assert not claim(back, operation_id).rows
        assert ledger.operation_state(back.client, operation_id) == "halted"


def test_a_launch_after_the_restore_meets_no_number_that_was_given_out_since(
    world: World, home: Settings, tmp_path: Path
) -> None:
    half_sent(world)
    file = back_up(world, tmp_path / "b.tar.zst")
    lost = world.draft()
    world.launch(lost)
    send_some(world, lost, DeliveryState.READ)
    restore(home, file, who="Elif", now=NOW)
    with store_in_file(home) as warehouse:
        back = of(world, warehouse, home)
        prepare(warehouse, back.client, home)
        fresh = back.draft()
        assert back.launch(fresh).operation_no == 1 + NUMBERS_LEFT_FREE + 1
        Recorder(warehouse, back.client).drain()
        assert len(claim(back, fresh).rows) == 12
        assert not claim(back, lost).rows


def test_who_had_opted_out_gets_nothing_after_the_restore(world: World, home: Settings, tmp_path: Path) -> None:
    person = person_key(world.warehouse.salt, "905320000001", None)
    with world.warehouse.writing() as cursor:
        cursor.execute(
            "INSERT INTO suppressions VALUES (?, 'marketing', 'keyword', ?, 'receiver', ?, NULL, NULL)",
            [key_to_int(person), CHANNEL, to_store(NOW)],
        )
    restore(home, back_up(world, tmp_path / "b.tar.zst"), who="Elif", now=NOW)
    world.client.flushall()
    with store_in_file(home) as warehouse:
        prepare(warehouse, world.client, home)
        assert world.client.hexists(SUPPRESSED, person)
        assert world.client.hget(STORE, "epoch") == warehouse.epoch.encode()
        back = of(world, warehouse, home)
        assert back.launch(back.draft()).recipient_count == 11


def test_frozen_audiences_come_to_their_own_folder_and_what_was_scheduled_is_halted(
    world: World, home: Settings, tmp_path: Path
) -> None:
    operation_id, scheduled_id = half_sent(world), world.draft()
    world.warehouse.cursor().execute(
        "UPDATE operations SET state = 'scheduled' WHERE operation_id = ?", [scheduled_id]
    )
    elsewhere = home.model_copy(update={"snapshot_url": str(tmp_path / "shared")})
    done = restore(elsewhere, back_up(world, tmp_path / "b.tar.zst"), who="Elif", now=NOW)
    assert set(done.halted) == {operation_id, scheduled_id}
    frozen = tmp_path / "shared" / operation_id / "recipients.parquet"
    assert hash_file(frozen) == hash_file(world.snapshot(operation_id))
    assert not (home.home / "operations").exists()
    with store_in_file(elsewhere) as warehouse:
        back = of(world, warehouse, elsewhere)
        paths = warehouse.cursor().execute("SELECT snapshot_path FROM operations WHERE snapshot_path IS NOT NULL")
        assert paths.fetchall() == [(str(frozen),)]
        world.client.flushall()
        prepare(warehouse, back.client, elsewhere)
        assert (back.state(operation_id), back.state(scheduled_id)) == ("halted", "halted")
    for name in ("ulak.duckdb", "secret.key"):
        (elsewhere.home / name).unlink(missing_ok=True)
    for path in ("imports", "media"):
        shutil.rmtree(elsewhere.home / path)
    with pytest.raises(StateError, match="shared is not empty"):
        restore(elsewhere, tmp_path / "b.tar.zst", who="Elif", now=NOW)


def test_web_starts_on_a_store_whose_secrets_it_cannot_open(world: World, home: Settings, tmp_path: Path) -> None:
    world.warehouse.cursor().execute("UPDATE channels SET synced_at = NULL")
    restore(home, back_up(world, tmp_path / "a.tar"), who="Elif", now=NOW)
    world.client.flushall()
    with store_in_file(home) as warehouse:
        prepare(warehouse, world.client, home)
        assert world.client.hexists(STORE, "suppressions")
