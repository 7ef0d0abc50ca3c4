"""kill -9 in a merge or in its undoing leaves all or nothing; done again, it comes out as if nothing had been."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.contacts.importing import import_folder, load_plan
from engine.contacts.merging import finish_import
from engine.contacts.undo import undo_import
from engine.errors import StateError
from engine.settings import Settings
from engine.warehouse import Warehouse, open_warehouse
from tests.engine.importing_desk import LATER, LATEST, Desk

ROOT = Path(__file__).parents[2]
FIRST = ("Telefon;Ad;İzin", "05321234501;Ali;evet", "05321234502;Veli;")
SECOND = ("Telefon;Ad;İzin", "05321234501;Can;hayır", "05321234502;Veli;evet", "05321234503;Ece;")
CHILD = """
import time
from engine.contacts import {module}
from engine.contacts.importing import load_plan
from engine.contacts.merging import finish_import
from engine.contacts.undo import undo_import
from engine.settings import load_settings
from engine.warehouse import open_warehouse
from tests.engine.importing_desk import LATER, LATEST

def stop(*args, **more):
    print("here", flush=True)
    time.sleep(60)

{module}.{name} = stop
settings = load_settings()
warehouse = open_warehouse(settings.database_path)
if {undoes}:
    undo_import(warehouse, settings, {import_id!r}, who="Can", now=LATEST)
else:
    finish_import(warehouse, load_plan(settings, {import_id!r}), who="Elif", now=LATER)
"""


def kill_in(module: str, name: str, import_id: str, *, undoes: bool) -> None:
    code = CHILD.format(module=module, name=name, import_id=import_id, undoes=undoes)
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    with child:
        try:
            assert child.stdout.readline() == "here\n"
        finally:
            child.kill()
            child.wait()


def opened(settings: Settings, folder: Path) -> tuple[Warehouse, Desk]:
    warehouse = open_warehouse(settings.database_path)
    return warehouse, Desk(warehouse, settings, folder)


def store(desk: Desk) -> list[Any]:
    tables = ("contacts", "consent_events", "pending_suppressions", "import_contacts", "imports", "audit")
    return [sorted(desk.rows(f"FROM {table}"), key=repr) for table in tables]


@pytest.mark.parametrize("name", ["write_contacts", "write_consent", "audit", "remember_mapping"])
def test_killed_in_the_merge_nothing_is_changed_and_it_can_be_done_again_and_undone(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    warehouse, desk = opened(settings, tmp_path)
    desk.run(*FIRST)
    plan, before = desk.plan(*SECOND, now=LATER), store(desk)
    warehouse.close()
    kill_in("merging", name, plan.import_id, undoes=False)
    warehouse, desk = opened(settings, tmp_path)
    assert store(desk) == before
    result = finish_import(warehouse, load_plan(settings, plan.import_id), who="Elif", now=LATER)
    assert (result.counts.new_count, result.counts.updated_count) == (1, 2)
    undo_import(warehouse, settings, plan.import_id, who="Can", now=LATEST)
    assert store(desk)[:2] == before[:2]
    warehouse.close()


def test_killed_right_after_the_merge_all_is_there_and_can_be_undone(settings: Settings, tmp_path: Path) -> None:
    warehouse, desk = opened(settings, tmp_path)
    desk.run(*FIRST)
    plan, before = desk.plan(*SECOND, now=LATER), store(desk)
    warehouse.close()
    kill_in("merging", "keep_lasting", plan.import_id, undoes=False)
    warehouse, desk = opened(settings, tmp_path)
    assert desk.rows("SELECT updated_count FROM imports WHERE import_id = ?", plan.import_id) == [(2,)]
    assert undo_import(warehouse, settings, plan.import_id, who="Can", now=LATEST).restored == 2
    assert store(desk)[:2] == before[:2]
    warehouse.close()


@pytest.mark.parametrize("name", ["restore", "remove_traces", "audit"])
def test_killed_while_undoing_nothing_is_undone_and_it_can_be_done_again(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    warehouse, desk = opened(settings, tmp_path)
    desk.run(*FIRST)
    before = store(desk)
    imported = desk.run(*SECOND, now=LATER)
    after = store(desk)
    warehouse.close()
    kill_in("undo", name, imported.import_id, undoes=True)
    warehouse, desk = opened(settings, tmp_path)
    assert store(desk) == after
    assert undo_import(warehouse, settings, imported.import_id, who="Can", now=LATEST).restored == 2
    assert store(desk)[:2] == before[:2]
    with pytest.raises(StateError):
        undo_import(warehouse, settings, imported.import_id, who="Can", now=LATEST)
    assert (import_folder(settings, imported.import_id) / "undo.parquet").exists() is False
    warehouse.close()
