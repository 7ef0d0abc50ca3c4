"""Segments that people write: what is wrong is said with its place and what is allowed; and segments in links."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.errors import InvalidRule
from engine.segments import AllOf, AnyOf, Comparison, Context, FacetChoice, Not, Segment, load_context, save_segment
from engine.segments.links import LONGEST_LINK, pack_segment, unpack_segment
from engine.segments.reading import read_segment
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CITY = Comparison(field="city", operator="one_of", value=("İzmir", "Iğdır 🎈"))
RICH = Segment(
    facets={"city": FacetChoice(include=frozenset({"İzmir", None}), exclude=frozenset({"Ankara"}))},
    rule=AllOf(rules=(CITY, Not(rule=AnyOf(rules=())), Comparison(field="@share", operator="random", value=10))),
)


@pytest.fixture
def context(warehouse: Warehouse) -> Context:
    return load_context(warehouse.cursor(), now=NOW, zone=UTC)


def beside(**rule: Any) -> dict[str, Any]:
    """A segment whose second rule is this one."""
    first = {"kind": "is", "field": "city", "operator": "equals", "value": "x"}
    return {"rule": {"kind": "all", "rules": [first, {"kind": "not", "rule": rule}]}}


PLACE = "rule.rules[1].rule"
WRONG: dict[str, tuple[Any, str]] = {
    "no JSON": ('{"rule": ', "line 1, column 10: no JSON"),
    "no object": ("[1]", "the whole: an object is needed"),
    "unknown key": ('{"facet": {}}', "facet: is unknown here; allowed: facets, rule"),
    "unknown key of a facet": (
        '{"facets": {"city": {"in": []}}}',
        "facets.city.in: is unknown here; allowed: include",
    ),
    "unknown facet": (
        '{"facets": {"town": {"include": ["a"]}}}',
        "facets.town: there is no field 'town'; known: name",
    ),
    "unknown list": (
        '{"facets": {"@list": {"include": ["a"]}}}',
        "facets.@list: there is no such list; allowed: the id",
    ),
    "field": (
        beside(kind="is", field="citty", operator="equals"),
        f"{PLACE}.field: there is no field 'citty'; did you mean 'city'?",
    ),
    "operator": (
        beside(kind="is", field="city", operator="eq"),
        f"{PLACE}.operator: 'eq' is unknown; allowed for city: equals,",
    ),
    "value": (
        beside(kind="is", field="created_at", operator="in_last", value="a"),
        f"{PLACE}.value: a whole number is needed",
    ),
    "value's kind": (
        beside(kind="is", field="city", operator="equals", value={"a": 1}),
        f"{PLACE}.value: a text, a number",
    ),
    "missing key": (beside(kind="is", field="city"), f"{PLACE}.operator: is missing; allowed: kind, field, operator"),
    "kind": (beside(kind="or", rules=[]), f'{PLACE}.kind: allowed as "kind": all, any, not, is'),
    "no list": (beside(kind="any", rules={}), f"{PLACE}.rules: a list is needed"),
}


@pytest.mark.parametrize(("given", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_place_and_what_is_allowed(given: Any, said: str, context: Context) -> None:
    with pytest.raises(InvalidRule) as refused:
        read_segment(given, context)
    assert str(refused.value.fields["reason"]).startswith(said)


def test_an_unknown_segment_is_answered_with_those_there_are(warehouse: Warehouse, context: Context) -> None:
    saved = save_segment(warehouse, "Ege", Segment(rule=CITY), who="Elif", context=context)
    fresh = load_context(warehouse.cursor(), now=NOW, zone=UTC)
    with pytest.raises(InvalidRule, match=f"{saved.segment_id} \\(Ege\\)"):
        read_segment(beside(kind="is", field="@segment", operator="in", value="Ege"), fresh)


def test_what_is_right_is_read_as_the_store_keeps_it(context: Context) -> None:
    assert read_segment(RICH.model_dump_json(), context) == RICH
    assert read_segment({}, context) == Segment()


@pytest.mark.parametrize("segment", [RICH, Segment(), Segment(rule=AnyOf())], ids=["rich", "everybody", "nobody"])
def test_a_link_holds_the_whole_segment(segment: Segment) -> None:
    packed = pack_segment(segment)
    assert set(packed) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert unpack_segment(packed) == segment


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_link_that_was_cut_or_changed_says_so_and_never_means_somebody_else(cut: int) -> None:
    packed = pack_segment(RICH)
    for damaged in (packed[:-cut], packed[:cut] + "_" + packed[cut + 1 :], "2" + packed[1:], "1" + "A" * cut):
        if damaged != packed:
            with pytest.raises(InvalidRule) as refused:
                unpack_segment(damaged)
            assert "link" in str(refused.value.fields["problem"])


def test_what_is_too_long_for_an_address_is_no_link() -> None:
    import random

    draw = random.Random(7)
    texts = tuple("".join(draw.choices("abcdefghijklmnop", k=60)) for _ in range(300))
    with pytest.raises(InvalidRule) as refused:
        pack_segment(Segment(rule=Comparison(field="city", operator="one_of", value=texts)))
    assert "too long" in str(refused.value.fields["problem"])
    assert LONGEST_LINK < 8_000
