from __future__ import annotations

import csv
import json
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.contacts.consent import record_consent
from engine.contacts.editing import edit_contact
from engine.contacts.fields import FieldType, add_field
from engine.contacts.model import Consent
from engine.contacts.undo import KEPT_REASONS, plan_undo, undo_import
from engine.errors import NotFound, StateError
from engine.settings import Settings
from engine.warehouse import Warehouse
from tests.engine.importing_desk import LATER, LATEST, NOW, Desk

FIRST = ("Telefon;Ad;Şehir;İzin", "05321234501;Ali;Ankara;evet", "05321234502;Veli;;", "05321234503;Can;Bursa;evet")
SECOND = (
    "Telefon;Ad;Şehir;İzin",
    "05321234501;Ali Can;İzmir;hayır",
    "05321234502;Veli;;evet",
    "05321234504;Ece;;evet",
)


@pytest.fixture
def desk(warehouse: Warehouse, settings: Settings, tmp_path: Path) -> Desk:
    desk = Desk(warehouse, settings, tmp_path)
    desk.run(*FIRST)
    return desk


def store(desk: Desk) -> list[Any]:
    tables = ("contacts", "consent_events", "list_members", "import_contacts", "fields", "contact_edits")
    return [sorted(desk.rows(f"FROM {table}"), key=repr) for table in tables]


def undo(desk: Desk, import_id: str) -> Any:
    planned = plan_undo(desk.warehouse.cursor(), desk.settings, import_id)
    done = undo_import(desk.warehouse, desk.settings, import_id, who="Can", now=LATEST)
    assert (planned.to_restore, planned.to_delete, planned.kept) == (done.restored, done.deleted, done.kept)
    assert planned.still_suppressed == done.still_suppressed
    return done


def test_undoing_right_after_leaves_the_store_as_it_was(desk: Desk) -> None:
    desk.make_list("list-1")
    before = store(desk)
    imported = desk.run(*SECOND, now=LATER, list_id="list-1")
    assert store(desk) != before
    done = undo(desk, imported.import_id)
    assert (done.restored, done.deleted, done.kept, done.kept_path) == (2, 1, {}, None)
    traces = [row for row in store(desk)[3] if row[0] == imported.import_id]
    assert [row[2] for row in traces] == [1, 1]
    now = store(desk)
    now[3] = [row for row in now[3] if row[0] != imported.import_id]
    assert now == before


def test_planning_to_undo_changes_nothing(desk: Desk) -> None:
    imported = desk.run(*SECOND, now=LATER)
    before = store(desk)
    plan = plan_undo(desk.warehouse.cursor(), desk.settings, imported.import_id)
    assert (plan.to_restore, plan.to_delete, plan.kept_count) == (2, 1, 0)
    assert store(desk) == before


def test_an_import_is_undone_once(desk: Desk) -> None:
    imported = desk.run(*SECOND, now=LATER)
    done, refused = [], []

    def try_it() -> None:
        try:
            done.append(undo_import(desk.warehouse, desk.settings, imported.import_id, who="Can", now=LATEST))
        except StateError:
            refused.append(True)

    threads = [threading.Thread(target=try_it) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), len(refused)) == (1, 2)
    with pytest.raises(StateError):
        plan_undo(desk.warehouse.cursor(), desk.settings, imported.import_id)
    with pytest.raises(NotFound):
        plan_undo(desk.warehouse.cursor(), desk.settings, "imp-none")
    row = desk.rows(
        "SELECT state, undone_by, undone_at IS NOT NULL, undo_kept_count FROM imports WHERE import_id = ?",
        imported.import_id,
    )
    assert row == [("undone", "Can", True, 0)]
    ((detail,),) = desk.rows("SELECT detail FROM audit WHERE verb = 'undid'")
    assert json.loads(detail) == {"restored": 2, "deleted": 1, "kept": 0}


def test_what_was_changed_since_stays_and_the_rest_goes_back(desk: Desk) -> None:
    imported = desk.run(*SECOND, now=LATER)
    ((first,),) = desk.rows("SELECT contact_id FROM contacts WHERE phone = '+905321234501'")
    edit_contact(desk.warehouse, first, {"city": "Van"}, who="Can", now=LATEST)
    done = undo(desk, imported.import_id)
    assert (done.restored, done.kept) == (2, {"changed_since": 1})
    assert desk.rows("SELECT name, city, consent, updated_at FROM contacts WHERE contact_id = ?", first) == [
        ("Ali", "Van", "opted_in", LATEST.replace(tzinfo=None))
    ]


def test_a_later_import_keeps_what_it_wrote(desk: Desk) -> None:
    imported = desk.run(*SECOND, now=LATER)
    desk.run("Telefon;Ad", "05321234501;Ali Su", "05321234504;Ece", now=LATEST)
    done = undo(desk, imported.import_id)
    assert done.kept == {"changed_since": 1, "imported_again": 1}
    assert desk.rows("SELECT name, city FROM contacts ORDER BY phone") == [
        ("Ali Su", "Ankara"), ("Veli", None), ("Can", "Bursa"), ("Ece", None),
    ]  # fmt: skip


def test_a_later_import_that_was_undone_itself_holds_nobody(desk: Desk) -> None:
    imported = desk.run(*SECOND, now=LATER)
    later = desk.run("Telefon;Ad", "05321234504;Ece Su", now=LATEST)
    undo(desk, later.import_id)
    assert undo(desk, imported.import_id).deleted == 1


def test_consent_that_was_noted_since_stays(desk: Desk) -> None:
    imported = desk.run(*SECOND, now=LATER)
    ((second,),) = desk.rows("SELECT contact_id FROM contacts WHERE phone = '+905321234502'")
    record_consent(desk.warehouse, second, Consent.OPTED_OUT, source="phone_call", who="Can", now=LATEST)
    done = undo(desk, imported.import_id)
    assert done.kept == {"changed_since": 1}
    assert desk.rows("SELECT consent, consent_source FROM contacts WHERE contact_id = ?", second) == [
        ("opted_out", "phone_call")
    ]
    assert len(desk.rows("FROM consent_events WHERE contact_id = ?", second)) == 2


def test_suppressions_that_the_import_caused_stay_and_that_is_said(desk: Desk) -> None:
    imported = desk.run(*SECOND, now=LATER)
    pending = desk.rows("FROM pending_suppressions")
    assert len(pending) == 1
    done = undo(desk, imported.import_id)
    assert done.still_suppressed == 1
    assert desk.rows("FROM pending_suppressions") == pending
    assert desk.rows("SELECT consent FROM contacts WHERE phone = '+905321234501'") == [("opted_in",)]


def launch(desk: Desk, folder: Path, contact_id: int) -> None:
    path = folder / "recipients.parquet"
    pl.DataFrame({"contact_id": [contact_id]}).write_parquet(path)
    with desk.warehouse.writing() as cursor:
        cursor.execute(
            "INSERT INTO operations (operation_id, name, state, snapshot_path, created_by, created_at, launched_at, "
            "updated_at) VALUES ('op-1', 'x', 'running', ?, 'Elif', ?, ?, ?)",
            [str(path), LATER, LATEST, LATEST],
        )


def write_to_us(desk: Desk, person: int) -> None:
    with desk.warehouse.writing() as cursor:
        cursor.execute("INSERT INTO contact_facts VALUES (?, ?, NULL, 'customer')", [person, LATEST])


def test_a_new_contact_stays_if_something_happened_to_it_since_and_is_listed(desk: Desk, tmp_path: Path) -> None:
    lines = [f"0532123451{number};Kişi {number}" for number in range(5)]
    imported = desk.run("Telefon;Ad", *lines, now=LATER)
    found = desk.rows(
        "SELECT contact_id, person_key FROM contacts WHERE import_id = ? ORDER BY 1", imported.import_id
    )
    launch(desk, tmp_path, found[0][0])
    write_to_us(desk, found[1][1])
    edit_contact(desk.warehouse, found[2][0], {"city": "Van"}, who="Can", now=LATEST)
    desk.run("Telefon;Ad", lines[3], now=LATEST)
    done = undo_import(
        desk.warehouse, desk.settings, imported.import_id, who="Can", now=LATEST, translate=lambda text: f"<{text}>"
    )
    assert (done.restored, done.deleted) == (0, 1)
    assert done.kept == {"edited": 1, "imported_again": 1, "in_operation": 1, "wrote": 1}
    assert done.kept_path is not None
    listed = list(csv.reader(done.kept_path.read_text("utf-8-sig").splitlines()))
    assert listed[0] == ["<contact>", "<phone>", "<name>", "<reason>"]
    reasons = ("in_operation", "wrote", "edited", "imported_again")
    assert listed[1:] == [
        [str(found[number][0]), f"+90532123451{number}", f"Kişi {number}", f"<{KEPT_REASONS[reason]}>"]
        for number, reason in enumerate(reasons)
    ]
    left = desk.rows("SELECT contact_id FROM contacts WHERE import_id = ? ORDER BY 1", imported.import_id)
    assert left == [(row[0],) for row in found[:4]]


def test_a_number_goes_back_with_all_that_follows_from_it(desk: Desk) -> None:
    add_field(desk.warehouse, "no", "No", FieldType.TEXT, who="Elif", now=NOW)
    targets = {"No": "no", "Telefon": "phone"}
    desk.run("No;Telefon", "A1;05321234501", targets=targets, now=NOW)
    before = store(desk)[0]
    old = desk.person("+905321234501")
    chosen = {"identity": "no", "policies": {"phone": "overwrite"}}
    imported = desk.run("No;Telefon", "A1;05321234599", targets=targets, now=LATER, **chosen)
    desk.suppress(desk.person("+905321234599"))
    undo(desk, imported.import_id)
    assert store(desk)[0] == before
    assert desk.rows("SELECT person_key, scope FROM pending_suppressions") == [(old, "marketing")]


def test_a_number_that_another_contact_has_by_now_does_not_go_back(desk: Desk) -> None:
    add_field(desk.warehouse, "no", "No", FieldType.TEXT, who="Elif", now=NOW)
    targets = {"No": "no", "Telefon": "phone"}
    desk.run("No;Telefon", "A1;05321234501", targets=targets)
    chosen = {"identity": "no", "policies": {"phone": "overwrite"}}
    imported = desk.run("No;Telefon", "A1;05321234599", targets=targets, now=LATER, **chosen)
    desk.run("Telefon", "05321234501", now=LATEST)
    assert undo(desk, imported.import_id).kept == {"changed_since": 1}
    assert desk.rows("SELECT phone FROM contacts WHERE no = 'A1'") == [("+905321234599",)]


def test_without_what_was_kept_an_import_cant_be_undone_and_says_so(desk: Desk) -> None:
    imported = desk.run(*SECOND, now=LATER)
    (desk.settings.home / "imports" / imported.import_id / "undo.parquet").unlink()
    with pytest.raises(StateError) as caught:
        undo_import(desk.warehouse, desk.settings, imported.import_id, who="Can", now=LATEST)
    assert "not kept" in caught.value.reason


def test_after_undoing_the_old_values_are_gone_from_disk(desk: Desk) -> None:
    imported = desk.run(*SECOND, now=LATER)
    folder = desk.settings.home / "imports" / imported.import_id
    assert (folder / "undo.parquet").exists()
    undo(desk, imported.import_id)
    assert not (folder / "undo.parquet").exists()
