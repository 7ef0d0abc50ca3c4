"""The messages that most deserve a look: found among everybody, each with its reason."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from engine.operations.hardest import (
    CONTROL,
    EMOJI,
    FALLBACK,
    LANGUAGE,
    LONGEST,
    RIGHT_TO_LEFT,
    SHORTEST,
    Hard,
    hardest,
)
from engine.segments import Audience, Selection, load_context
from engine.templates import Binding, Template, render_message
from engine.templates.people import look_at
from engine.warehouse import Warehouse, open_warehouse
from tests.engine.operations_world import NOW, add_contacts
from tests.engine.templates_world import body, header, template

HELLO = template(header("For {{1}}"), body("Hello {{1}}, your city is {{2}}."))
BOUND = {
    "header.text:1": Binding.of("you"),
    "body:1": Binding.of("@name", "friend"),
    "body:2": Binding.of("@city"),
}
PEOPLE: list[dict[str, object]] = [
    {"name": "Ayşe", "city": "İzmir", "language": "tr"},
    {"name": "Maximiliane", "city": "Garmisch-Partenkirchen", "language": "de"},
    {"name": "Al", "city": "Ur", "language": "tr"},
    {"name": None, "city": "Ankara", "language": "tr"},
    {"name": "Zoë 🎉", "city": "Bonn", "language": "de"},
    {"name": "محمد", "city": "دبي", "language": "ar"},
    {"name": "Can\u200b\u202e", "city": "Bursa", "language": None},
    {"name": "Extraordinarily long and yet left out", "city": None, "language": "tr"},
    {"name": "  ", "city": "Van", "language": "tr"},
]


def _hardest(warehouse: Warehouse, chosen: Template = HELLO, **bound: Binding) -> dict[tuple[str, str], Hard]:
    context = load_context(warehouse.cursor(), now=NOW, zone=ZoneInfo("UTC"))
    found = hardest(warehouse.cursor(), Audience(), chosen, {**BOUND, **bound}, context)
    return {(each.kind, each.name): each for each in found}


@pytest.fixture
def people(warehouse: Warehouse) -> Warehouse:
    """Nine people, each hard in a way of their own."""
    add_contacts(warehouse, PEOPLE)
    return warehouse


def test_the_longest_and_the_shortest_are_those_who_get_a_message(people: Warehouse) -> None:
    found = _hardest(people)
    assert (found[LONGEST, ""].contact_id, found[SHORTEST, ""].contact_id) == (2, 3)
    assert found[SHORTEST, ""].length == len("For you") + len("Hello Al, your city is Ur.")


def test_a_fallback_is_shown_with_how_many_get_it(people: Warehouse) -> None:
    hard = _hardest(people)[FALLBACK, "body:1"]
    assert (hard.contact_id, hard.count) == (4, 2)
    assert (FALLBACK, "body:2") not in _hardest(people)


@pytest.mark.parametrize(("kind", "contact_id"), [(EMOJI, 5), (RIGHT_TO_LEFT, 6), (CONTROL, 7)])
def test_odd_signs_are_found_in_the_values_as_they_are_kept(people: Warehouse, kind: str, contact_id: int) -> None:
    hard = _hardest(people)[kind, ""]
    assert (hard.contact_id, hard.count) == (contact_id, 1)


def test_each_language_has_its_first_person_and_the_most_spoken_comes_first(people: Warehouse) -> None:
    spoken = [
        (name, hard.contact_id, hard.count) for (kind, name), hard in _hardest(people).items() if kind == LANGUAGE
    ]
    assert spoken == [("tr", 1, 4), ("de", 2, 2), ("ar", 6, 1), ("", 7, 1)]


def test_only_the_recipients_are_looked_at_when_they_are_known(people: Warehouse) -> None:
    context = load_context(people.cursor(), now=NOW, zone=ZoneInfo("UTC"))
    found = hardest(people.cursor(), Audience(), HELLO, BOUND, context, among=np.array([1, 3], dtype=np.int64))
    assert {each.contact_id for each in found} == {1, 3}


def test_only_the_audience_is_looked_at(people: Warehouse) -> None:
    context = load_context(people.cursor(), now=NOW, zone=ZoneInfo("UTC"))
    audience = Audience(selection=Selection.only(frozenset({1, 5})))
    assert {each.contact_id for each in hardest(people.cursor(), audience, HELLO, BOUND, context)} == {1, 5}


def test_where_a_blank_is_empty_nobody_stands_out(people: Warehouse) -> None:
    assert _hardest(people, **{"body:2": Binding()}) == {}


def test_without_fields_all_messages_are_alike(people: Warehouse) -> None:
    found = _hardest(people, **{"body:1": Binding.of("all"), "body:2": Binding.of("here")})
    assert {kind for kind, _ in found} == {LANGUAGE}


def test_an_empty_store_has_no_hardest(warehouse: Warehouse) -> None:
    assert _hardest(warehouse) == {}


names = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)


@profile(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(names, names), min_size=3, max_size=12))
def test_lengths_are_those_of_the_rendered_messages(rows: list[tuple[str | None, str | None]]) -> None:
    warehouse = open_warehouse(None)
    try:
        add_contacts(warehouse, [{"name": name, "city": city} for name, city in rows])
        context = load_context(warehouse.cursor(), now=NOW, zone=ZoneInfo("UTC"))
        found = {each.kind: each for each in hardest(warehouse.cursor(), Audience(), HELLO, BOUND, context)}
        lengths = []
        for number in range(1, len(rows) + 1):
            look = look_at(warehouse.cursor(), HELLO, BOUND, number, context.registry)
            if not look.empty:
                message = render_message(look.payload, HELLO)
                lengths.append(len(message.header) + len(message.body))
        if lengths and max(lengths) != min(lengths):
            assert (found[LONGEST].length, found[SHORTEST].length) == (max(lengths), min(lengths))
        else:
            assert LONGEST not in found
    finally:
        warehouse.close()
