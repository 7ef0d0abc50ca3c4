"""What the tests of backup and restore stand on: a store in a file, and another home to restore into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import redis

from engine.clock import to_store
from engine.operations import ledger
from engine.operations.backing_up import forget, gather, write_backup
from engine.operations.states import DeliveryState
from engine.secrets import secret_box
from engine.settings import Settings, load_settings
from engine.warehouse import Warehouse, open_warehouse
from tests.engine.operations_world import CHANNEL, NOW, World, add_contacts, make_world
from tests.worker.api_world import prepare
from worker.recorder import Recorder

PICTURE = "ab" * 32


@contextmanager
def store_in_file(settings: Settings) -> Iterator[Warehouse]:
    """The home's own store, open."""
    opened = open_warehouse(settings.database_path, (settings.operations_folder,))
    try:
        yield opened
    finally:
        opened.close()


def make_home(warehouse: Warehouse, client: redis.Redis, settings: Settings) -> World:
    """Twelve contacts and a channel with sealed secrets; a picture, what an import left; Redis is prepared."""
    world = make_world(warehouse, client, settings)
    add_contacts(warehouse, [{}] * 12)
    sealed = secret_box(settings).encrypt(b'{"access_token": "EAAtoken", "app_secret": "s", "verify_token": "v"}')
    with warehouse.writing() as cursor:
        cursor.execute("UPDATE channels SET secrets = ?, synced_at = ?", [sealed.decode(), to_store(NOW)])
        cursor.execute(
            "INSERT INTO media VALUES (?, 'p.png', 'image/png', 3, 'Elif', ?, 'image', 1, 1)",
            [PICTURE, to_store(NOW)],
        )
        cursor.execute(
            "INSERT INTO imports VALUES ('imp-1', 'people.csv', 'h', 12, 12, 0, 0, 0, 0, NULL, '{}', 'Elif', ?,"
            " 'done', NULL, 0, NULL, NULL, NULL)",
            [to_store(NOW)],
        )
    for name, content in (
        (f"media/{PICTURE}.png", b"png"),
        ("media/unknown.png", b"nobody's"),
        ("imports/imp-1/undo.parquet", b"before"),
        ("imports/imp-1/staged.parquet", b"working file"),
        ("imports/imp-2/upload", b"not finished"),
    ):
        path = settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    prepare(warehouse, client, settings)
    return world


def send_some(world: World, operation_id: str, *states: DeliveryState) -> None:
    """Give the first recipients a state, and record it."""
    changes = [ledger.Change(number, 1, state) for number, state in enumerate(states)]
    ledger.run(world.client, ledger.transition(operation_id, changes, source="webhook"))
    Recorder(world.warehouse, world.client).drain()


def back_up(world: World, target: Path, *, with_key: bool = False) -> Path:
    """As the command does it."""
    found = gather(world.warehouse, world.settings, who="Elif", now=NOW)
    try:
        write_backup(world.settings, found.backup_id, found.facts, target, with_key=with_key)
    finally:
        forget(world.settings, found.backup_id)
    return target


def other_home(folder: Path) -> Settings:
    """Settings of a home that isn't there yet; the Redis is the same."""
    return load_settings().model_copy(update={"home": folder})


def of(world: World, warehouse: Warehouse, settings: Settings) -> World:
    """The same world over the restored store."""
    return replace(world, warehouse=warehouse, settings=settings)


def claim(world: World, operation_id: str) -> ledger.ClaimAnswer:
    """What a worker would get."""
    call = ledger.claim(
        operation_id,
        job="0.a",
        token="t1",
        channel_id=CHANNEL,
        portfolio_id="pf-1",
        candidates=range(12),
        not_after_ms=0,
        now_ms=1_800_000_000_000,
    )
    return ledger.run(world.client, call)


def states(world: World, operation_id: str) -> list[int]:
    """The states of an operation's rows in the record."""
    rows = world.warehouse.cursor().execute(
        "SELECT d.state FROM deliveries d JOIN operations o USING (operation_no) WHERE operation_id = ?"
        " ORDER BY recipient_no",
        [operation_id],
    )
    return [state for (state,) in rows.fetchall()]
