"""People of a file who are in an operation that is not over."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import redis

from engine.contacts.fields import load_registry
from engine.contacts.guessing import guess_mapping
from engine.contacts.importing import begin_import, plan_import
from engine.contacts.options import ImportOptions
from engine.contacts.planning import DryRun
from engine.operations.control import control_operation
from engine.operations.live_overlap import live_overlap
from engine.operations.states import OperationState
from engine.settings import Settings
from engine.warehouse import Warehouse
from tests.engine.operations_world import NOW, World, add_contacts, make_world

PHONES = ("+905321110001", "+905321110002", "+905321110003")


def world_of(warehouse: Warehouse, live: redis.Redis, settings: Settings) -> World:
    world = make_world(warehouse, live, settings)
    add_contacts(warehouse, [{"phone": phone, "name": "Ayşe", "city": "Ankara"} for phone in PHONES])
    return world


def plan_of(world: World, path: Path, *phones: str) -> DryRun:
    path.write_text("Ad;Telefon\n" + "".join(f"Yeni;{phone}\n" for phone in phones), "utf-8")
    source = begin_import(world.settings, path, now=NOW)
    mapping = guess_mapping(source, load_registry(world.warehouse.cursor()))
    return plan_import(world.warehouse, world.settings, source, mapping, ImportOptions(region="TR"), now=NOW)


def test_they_are_counted_by_operation(
    warehouse: Warehouse, live: redis.Redis, settings: Settings, tmp_path: Path
) -> None:
    world = world_of(warehouse, live, settings)
    plan = plan_of(world, tmp_path / "a.csv", PHONES[0], PHONES[1], "+905329990000")
    assert live_overlap(warehouse, plan.staged_path) == ()
    operation_id = world.draft()
    world.launch(operation_id)
    (found,) = live_overlap(warehouse, plan.staged_path)
    assert (found.operation_id, found.name, found.count) == (operation_id, "November news", 2)
    assert found.state is OperationState.LAUNCHING  # as the store has it until the recorder copies the start


def test_an_operation_without_them_or_over_is_not_named(
    warehouse: Warehouse, live: redis.Redis, settings: Settings, tmp_path: Path
) -> None:
    world = world_of(warehouse, live, settings)
    operation_id = world.draft()
    world.launch(operation_id)
    assert live_overlap(warehouse, plan_of(world, tmp_path / "a.csv", "+905329990000").staged_path) == ()
    plan = plan_of(world, tmp_path / "b.csv", PHONES[0])
    with warehouse.writing() as cursor:
        cursor.execute("UPDATE operations SET state = 'completed' WHERE operation_id = ?", [operation_id])
    assert live_overlap(warehouse, plan.staged_path) == ()


def test_what_is_frozen_stays_as_it_was(
    warehouse: Warehouse, live: redis.Redis, settings: Settings, tmp_path: Path
) -> None:
    from engine.contacts.merging import finish_import

    world = world_of(warehouse, live, settings)
    operation_id = world.draft()
    world.launch(operation_id)
    control_operation(warehouse, live, operation_id, "pause", who="Elif", now=NOW)
    before = pl.read_parquet(world.snapshot(operation_id))
    finish_import(warehouse, plan_of(world, tmp_path / "a.csv", *PHONES), who="Elif", now=NOW)
    assert world.count("SELECT count(*) FROM contacts WHERE name = 'Yeni'") == len(PHONES)
    assert pl.read_parquet(world.snapshot(operation_id)).equals(before)
