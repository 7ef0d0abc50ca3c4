"""Whom a costly rule matches is read once, and never trusted for another version of the data."""

from __future__ import annotations

import pytest

from engine.segments import Audience, Comparison, FacetChoice, Matches, Segment, count_audience, matches
from engine.segments.matches import is_costly
from engine.warehouse import Warehouse
from tests.engine import segments_world as world

NAMED = Segment(
    facets={"city": FacetChoice(include=frozenset({"İzmir"}))},
    rule=Comparison(field="name", operator="contains", value="ay"),
)


def _rows(*people: tuple[str, str]) -> list[world.Row]:
    empty = dict.fromkeys(world.SCHEMA) | {"bucket": 0, "created_at": world.NOW.replace(tzinfo=None)}
    rows = [{**empty, "name": name, "city": city} for name, city in people]
    return [{name: value for name, value in row.items() if name != "contact_id"} for row in rows]


@pytest.fixture
def store(warehouse: Warehouse) -> Warehouse:
    world.prepare(warehouse)
    world.fill(warehouse, _rows(("Ayşe", "İzmir"), ("Ayla", "Bursa"), ("Can", "İzmir")))
    return warehouse


def test_what_is_remembered_gives_the_same_people(store: Warehouse) -> None:
    plain, known = world.context_of(store), Matches()
    prepared = known.prepared(store.cursor(), NAMED, plain, (1,))
    assert [table.num_rows for table in prepared.matched.values()] == [2]
    assert count_audience(store.cursor(), Audience(segment=NAMED), prepared) == 1
    assert count_audience(store.cursor(), Audience(segment=NAMED), plain) == 1


def test_another_version_of_the_data_is_read_anew(store: Warehouse) -> None:
    known, context = Matches(), world.context_of(store)
    known.prepared(store.cursor(), NAMED, context, (1,))
    world.fill(store, _rows(("Aydın", "İzmir"), ("Ayhan", "İzmir"), ("Ayşe", "İzmir")))
    prepared = known.prepared(store.cursor(), NAMED, context, (2,))
    assert count_audience(store.cursor(), Audience(segment=NAMED), prepared) == 3


def test_a_rule_that_matches_too_many_is_not_kept(store: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matches, "MOST_IDS", 1)
    prepared = Matches().prepared(store.cursor(), NAMED, world.context_of(store), (1,))
    assert not prepared.matched
    assert count_audience(store.cursor(), Audience(segment=NAMED), prepared) == 1


@pytest.mark.parametrize(
    ("field", "operator", "value", "costly"),
    [
        ("name", "contains", "a", True),
        ("@person", "finds", "ay", True),
        ("@list", "in", "lst-a", True),
        ("name", "empty", None, False),
        ("age", "greater", 3, False),
        ("created_at", "in_last", 30, False),
        ("@share", "random", 10, False),
    ],
)
def test_only_texts_lists_and_segments_are_costly(
    store: Warehouse, field: str, operator: str, value: object, costly: bool
) -> None:
    rule = Comparison.model_validate({"field": field, "operator": operator, "value": value})
    assert is_costly(Segment(rule=rule), world.context_of(store)) is costly
