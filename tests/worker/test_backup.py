"""What a backup holds, who may read it, and that it stops nobody."""

from __future__ import annotations

import stat
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from engine.clock import to_store
from engine.errors import QueueUnavailable, StateError
from engine.operations.backing_up import gather
from engine.operations.restoring import restore
from engine.operations.states import DeliveryState
from engine.settings import Settings
from tests.engine.operations_world import NOW, World
from tests.worker.backup_world import (
    back_up,
    make_home,
    of,
    other_home,
    send_some,
    store_in_file,
)

SENT = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.FAILED)


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


def test_the_key_is_in_it_only_when_asked_for(world: World, home: Settings, tmp_path: Path) -> None:
    plain, whole = back_up(world, tmp_path / "a.tar"), back_up(world, tmp_path / "b.tar", with_key=True)
    key = (world.settings.home / "secret.key").read_bytes()
    assert (key in plain.read_bytes(), key in whole.read_bytes()) == (False, True)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (plain, whole)} == {0o600}
    assert restore(home, plain, who="Elif", now=NOW).key == "none"
    second = other_home(tmp_path / "third")
    assert restore(second, whole, who="Elif", now=NOW).key == "fits"
    assert stat.S_IMODE((second.home / "secret.key").stat().st_mode) == 0o600


def test_a_backup_beside_a_writer_holds_one_moment_and_stops_nobody(world: World, tmp_path: Path) -> None:
    """Each of the writer's transactions adds a row to two tables: never one without the other."""
    stop, written = threading.Event(), [0]

    def write() -> None:
        while not stop.is_set():
            with world.warehouse.writing() as cursor:
                cursor.execute("INSERT INTO contact_facts VALUES (?, NULL, NULL, NULL)", [written[0]])
                cursor.execute("INSERT INTO windows VALUES (?, 'x', ?)", [written[0], to_store(NOW)])
            written[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not written[0]:
            pass
        files = [back_up(world, tmp_path / f"{number}.tar") for number in range(2)]
    finally:
        stop.set()
        writer.join()
    for number, file in enumerate(files):
        home = other_home(tmp_path / f"home{number}")
        restore(home, file, who="Elif", now=NOW)
        with store_in_file(home) as warehouse:
            back = of(world, warehouse, home)
            count = back.count("SELECT count(*) FROM contact_facts")
            assert 0 < count == back.count("SELECT count(*) FROM windows") <= written[0]


def test_a_purge_does_not_wait_for_a_backup_with_everybody_behind_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def purge_now(*_: object) -> None:
        with pytest.raises(StateError):
            world.warehouse.renew_file()
        with pytest.raises(StateError):
            gather(world.warehouse, world.settings, who="Elif", now=NOW)
        seen.append("refused")

    monkeypatch.setattr("engine.operations.backing_up._link_files", purge_now)
    gather(world.warehouse, world.settings, who="Elif", now=NOW)
    assert seen == ["refused"]
    world.warehouse.renew_file()


def test_nothing_is_left_of_a_backup_that_failed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise QueueUnavailable(reason="gone")

    monkeypatch.setattr("engine.operations.backing_up._link_files", fail)
    with pytest.raises(QueueUnavailable):
        gather(world.warehouse, world.settings, who="Elif", now=NOW)
    assert list((world.settings.home / "backup").iterdir()) == []
    monkeypatch.undo()
    gather(world.warehouse, world.settings, who="Elif", now=NOW)


def test_a_backup_holds_what_it_says_and_no_more(world: World, tmp_path: Path) -> None:
    half_sent(world)
    with tarfile.open(back_up(world, tmp_path / "b.tar")) as tar:
        names = tar.getnames()
    assert names[:3] == ["manifest.json", "manifest.sha256", "ulak.duckdb"]
    assert not [name for name in names if name.startswith(("redis", "run", "api.token", "secret", "exports"))]
