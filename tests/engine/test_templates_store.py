"""Templates and default bindings in the store."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from engine.channels.sync import keep_templates
from engine.errors import InputError, NotFound
from engine.templates import Binding, get_template, list_templates, load_bindings, save_bindings
from engine.warehouse import Warehouse
from tests.engine.templates_world import IMAGE, body, node

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FIELDS = ("name", "city")
BINDINGS = {"body:1": Binding.of("Dear @name", "friend")}


def keep(warehouse: Warehouse, *nodes: dict[str, object]) -> None:
    keep_templates(warehouse, "ch-1", nodes, who="Elif", now=NOW)


def test_a_kept_template_reads_back_as_it_came(warehouse: Warehouse) -> None:
    keep(warehouse, node(IMAGE, body("Hi {{1}}"), quality_score={"score": "GREEN"}))
    found = get_template(warehouse.cursor(), "ch-1", "news", "en")
    assert [slot.key for slot in found.slots] == ["header.image", "body:1"]
    assert (found.quality, found.unsendable_reason, found.is_gone) == ("GREEN", None, False)


def test_a_template_that_was_never_synced_is_not_found(warehouse: Warehouse) -> None:
    with pytest.raises(NotFound):
        get_template(warehouse.cursor(), "ch-1", "news", "en")


def test_a_gone_template_is_found_with_its_reason_and_not_listed(warehouse: Warehouse) -> None:
    keep(warehouse, node())
    keep(warehouse)
    cursor = warehouse.cursor()
    assert get_template(cursor, "ch-1", "news", "en").unsendable_reason == "It is no longer at the provider"
    assert list_templates(cursor, "ch-1") == []
    assert len(list_templates(cursor, "ch-1", with_gone=True)) == 1


def test_bindings_are_kept_per_template_and_audited_without_their_text(warehouse: Warehouse) -> None:
    keep(warehouse, node())
    found = get_template(warehouse.cursor(), "ch-1", "news", "en")
    save_bindings(warehouse, found, BINDINGS, who="Elif", now=NOW, fields=FIELDS)
    save_bindings(warehouse, found, BINDINGS, who="Can", now=NOW, fields=FIELDS)
    cursor = warehouse.cursor()
    kept = load_bindings(cursor, found)
    assert (dict(kept.bindings), kept.is_current) == (BINDINGS, True)
    assert cursor.execute("SELECT count(*) FROM bindings").fetchall() == [(1,)]
    rows = cursor.execute("SELECT who, detail FROM audit WHERE verb = 'bound' ORDER BY who").fetchall()
    assert [who for who, _ in rows] == ["Can", "Elif"]
    assert json.loads(rows[0][1]) == {"slots": ["body:1"]}


def test_bindings_survive_a_sync_and_say_when_the_template_has_changed(warehouse: Warehouse) -> None:
    keep(warehouse, node(body("Hello {{1}} and {{2}}")))
    cursor = warehouse.cursor()
    two = BINDINGS | {"body:2": Binding.of("@city")}
    save_bindings(warehouse, get_template(cursor, "ch-1", "news", "en"), two, who="Elif", now=NOW, fields=FIELDS)
    keep(warehouse, node(body("Only {{1}} now")))
    kept = load_bindings(cursor, get_template(cursor, "ch-1", "news", "en"))
    assert (dict(kept.bindings), kept.is_current) == (BINDINGS, False)


def test_a_binding_to_an_unknown_field_or_slot_is_refused(warehouse: Warehouse) -> None:
    keep(warehouse, node())
    found = get_template(warehouse.cursor(), "ch-1", "news", "en")
    with pytest.raises(InputError) as problem:
        save_bindings(warehouse, found, {"body:1": Binding.of("@colour")}, who="E", now=NOW, fields=FIELDS)
    assert problem.value.field == "colour"
    with pytest.raises(InputError) as problem:
        save_bindings(warehouse, found, {"body:9": Binding.of("x")}, who="E", now=NOW, fields=FIELDS)
    assert problem.value.slot == "body:9"


def test_a_template_nobody_bound_has_no_bindings(warehouse: Warehouse) -> None:
    keep(warehouse, node())
    assert load_bindings(warehouse.cursor(), get_template(warehouse.cursor(), "ch-1", "news", "en")).bindings == {}
