"""What changed at the provider between two looks is kept, each thing once, and bindings survive where slots do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.channels.sync import keep_templates
from engine.channels.template_changes import SLOTS_CHANGED, list_changes
from engine.templates import Binding, get_template
from engine.templates.store import load_bindings, save_bindings, templates_needing_attention
from engine.warehouse import Warehouse
from tests.engine.templates_world import body, node

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def keep(warehouse: Warehouse, *nodes: dict[str, Any], minutes: int = 0) -> None:
    keep_templates(warehouse, "ch-1", nodes, who="ulak", now=NOW + timedelta(minutes=minutes))


def told(warehouse: Warehouse) -> list[tuple[str, str, str, str]]:
    return [(each.kind, each.old, each.new, each.detail) for each in list_changes(warehouse.cursor(), "ch-1")]


def test_the_first_look_is_no_news(warehouse: Warehouse) -> None:
    keep(warehouse, node())
    assert told(warehouse) == []


def test_each_thing_that_changes_is_told_once_and_what_stays_is_not(warehouse: Warehouse) -> None:
    keep(warehouse, node())
    keep(warehouse, {**node(), "status": "PAUSED", "quality_score": {"score": "RED"}}, minutes=1)
    keep(warehouse, {**node(), "status": "PAUSED", "quality_score": {"score": "RED"}}, minutes=2)
    found = told(warehouse)
    assert ("status", "APPROVED", "PAUSED", "") in found
    assert [kind for kind, *_ in found if kind == "quality"] == ["quality"]
    assert len(found) == 2


def test_a_template_that_goes_and_comes_back_is_told_both_times(warehouse: Warehouse) -> None:
    keep(warehouse, node(), {**node(), "name": "other"})
    keep(warehouse, node(), minutes=1)
    keep(warehouse, node(), minutes=2)
    keep(warehouse, node(), {**node(), "name": "other"}, minutes=3)
    assert [kind for kind, *_ in told(warehouse)] == ["back", "gone"]


def test_other_words_with_the_same_blanks_keep_the_bindings_current(warehouse: Warehouse) -> None:
    keep(warehouse, node(body("Hello {{1}}, welcome")))
    cursor = warehouse.cursor()
    save_bindings(
        warehouse,
        get_template(cursor, "ch-1", "news", "en"),
        {"body:1": Binding.of("@name")},
        who="Elif",
        now=NOW,
        fields=("name",),
    )
    keep(warehouse, node(body("Good day {{1}}, welcome")), minutes=1)
    assert load_bindings(cursor, get_template(cursor, "ch-1", "news", "en")).is_current
    assert templates_needing_attention(cursor, "ch-1") == set()
    assert told(warehouse) == [("edited", "", "", "")]

    keep(warehouse, node(body("Good day {{1}} and {{2}}, welcome")), minutes=2)
    assert not load_bindings(cursor, get_template(cursor, "ch-1", "news", "en")).is_current
    assert templates_needing_attention(cursor, "ch-1") == {("news", "en")}
    assert told(warehouse)[0] == ("edited", "", "", SLOTS_CHANGED)
