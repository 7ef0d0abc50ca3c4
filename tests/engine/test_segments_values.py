"""Fields with very many values: the most frequent ones, those found by a needle, and which fields those are."""

from __future__ import annotations

from datetime import datetime

import pytest

from engine.segments import FacetChoice, FacetValue, Segment, field_use
from engine.segments.field_use import fields_of_many, filled_beside, filled_fields
from engine.segments.value_search import find_values
from engine.warehouse import Warehouse
from tests.engine import segments_world as world

SURNAMES = ["Şahin", "Sahin", "Şahin", "Işık", None, "", "Yılmaz", "Şahin"]


@pytest.fixture
def store(warehouse: Warehouse) -> Warehouse:
    world.prepare(warehouse)
    rows = [
        {**dict.fromkeys(world.SCHEMA), "surname": surname, "city": "İzmir" if number < 3 else None, "bucket": number,
         "created_at": datetime(2026, 11, 1)}
        for number, surname in enumerate(SURNAMES)
    ]  # fmt: skip
    world.fill(warehouse, [{name: value for name, value in row.items() if name != "contact_id"} for row in rows])
    return warehouse


def _values(*pairs: tuple[str | None, int]) -> tuple[FacetValue, ...]:
    return tuple(FacetValue(value, count) for value, count in pairs)


def test_the_most_frequent_values_come_first_and_no_value_last(store: Warehouse) -> None:
    found = find_values(store.cursor(), Segment(), world.context_of(store), "surname", limit=2)
    assert found.values[0] == FacetValue("Şahin", 3)
    assert found.values[-1] == FacetValue(None, 2)
    assert found.size == 4


def test_counts_follow_the_other_facets_and_not_the_fields_own(store: Warehouse) -> None:
    segment = Segment(
        facets={
            "city": FacetChoice(include=frozenset({"İzmir"})),
            "surname": FacetChoice(exclude=frozenset({"Şahin", "Demir", None})),
        }
    )
    found = find_values(store.cursor(), segment, world.context_of(store), "surname", limit=50)
    assert found.values == _values(("Şahin", 2), ("Sahin", 1), ("Demir", 0), (None, 0))


def test_a_needle_is_typed_with_or_without_turkish_letters(store: Warehouse) -> None:
    cursor, context = store.cursor(), world.context_of(store)

    def found(needle: str) -> set[str | None]:
        return {
            each.value for each in find_values(cursor, Segment(), context, "surname", needle=needle, limit=9).values
        }

    assert found("sahin") == {"Şahin", "Sahin"}
    assert found("ISIK") == {"Işık"}
    assert found(".*") == set()


def test_fields_of_many_values_are_told_from_a_sample(store: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_use, "MANY", 3)
    assert fields_of_many(store.cursor(), world.context_of(store), len(SURNAMES)) == {"surname"}


def test_a_field_without_values_is_unused(store: Warehouse) -> None:
    cursor, context = store.cursor(), world.context_of(store)
    assert {"surname", "city", "created_at"} <= filled_fields(cursor, context)
    assert not {"age", "tags", "email"} & filled_fields(cursor, context)
    assert filled_beside(cursor, context) == {"@began", "@list", "@import"}
    cursor.execute("INSERT INTO windows VALUES (1, 'sandbox', TIMESTAMP '2026-11-22')")
    assert "@window" in filled_beside(cursor, context)


def test_a_list_fields_entries_are_searched_one_by_one(store: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.writing() as cursor:
        cursor.execute("UPDATE contacts SET tags = ['Şık', 'VIP', 'VIP'] WHERE contact_id < 3")
        cursor.execute("UPDATE contacts SET tags = [] WHERE contact_id = 3")
    context = world.context_of(store)
    found = find_values(store.cursor(), Segment(), context, "tags", limit=5)
    assert found.values == _values(("VIP", 3), ("Şık", 3), (None, 5))
    assert find_values(store.cursor(), Segment(), context, "tags", needle="sik", limit=5).values == _values(
        ("Şık", 3)
    )
    monkeypatch.setattr(field_use, "MANY", 1)
    assert "tags" in fields_of_many(store.cursor(), context, len(SURNAMES))
