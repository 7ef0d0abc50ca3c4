"""Segments as data: JSON round trip, fingerprints, clicks, selections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRule
from engine.segments.audience import Audience, is_narrowed
from engine.segments.rules import AllOf, AnyOf, Comparison, FacetChoice, Not, Segment, parse_segment
from engine.segments.selection import Selection, SelectionMode

values = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
comparisons = st.builds(Comparison, field=st.text(), operator=st.text(), value=values | st.tuples(values.filter(
    lambda value: value is not None), st.text()))  # fmt: skip
rules = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(AllOf, rules=st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, rules=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, rule=inner),
    ),
    max_leaves=6,
)
sides = st.dictionaries(st.none() | st.text(max_size=3), st.booleans(), max_size=4).map(
    lambda chosen: FacetChoice(
        include=frozenset(value for value, side in chosen.items() if side),
        exclude=frozenset(value for value, side in chosen.items() if not side),
    )
)


@given(st.dictionaries(st.text(max_size=5), sides, max_size=3), st.none() | rules)
def test_a_segment_survives_json(facets: dict[str, FacetChoice], rule: AllOf | None) -> None:
    segment = Segment(facets=facets, rule=rule)
    again = parse_segment(segment.model_dump_json())
    assert again == segment
    assert again.fingerprint == segment.fingerprint
    assert hash(again) == hash(segment)


def test_an_audience_survives_json() -> None:
    audience = Audience(
        segment_ids=("seg-1",), list_ids=("lst-1", "lst-2"),
        segment=Segment(facets={"city": FacetChoice(include=frozenset({None, "İzmir"}))}),
        selection=Selection(mode=SelectionMode.EXCEPT, ids=frozenset({3, 1})),
    )  # fmt: skip
    assert Audience.model_validate_json(audience.model_dump_json()) == audience


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "JSON"),
        ('{"facet": {}}', "facet"),
        ('{"rule": {"kind": "some", "rules": []}}', "kind"),
        ('{"rule": {"kind": "is", "field": "city"}}', "operator"),
        ('{"facets": {"city": {"include": ["a"], "exclude": ["a"]}}}', "included and excluded"),
        ('{"rule": ' + '{"kind": "not", "rule": ' * 9 + '{"kind": "all"}' + "}" * 10, "levels"),
    ],
)
def test_what_is_no_segment_is_refused_with_the_place(text: str, reason: str) -> None:
    with pytest.raises(InvalidRule, match=reason):
        parse_segment(text)


def test_one_click_includes_a_second_excludes_a_third_clears() -> None:
    included = FacetChoice().clicked("Ankara")
    excluded = included.clicked("Ankara")
    assert included == FacetChoice(include=frozenset({"Ankara"}))
    assert excluded == FacetChoice(exclude=frozenset({"Ankara"}))
    assert excluded.clicked("Ankara").is_empty


@pytest.mark.parametrize(
    ("segment", "empty"),
    [
        (Segment(), True),
        (Segment(facets={"city": FacetChoice()}), True),
        (Segment(rule=AllOf(rules=(AllOf(),))), True),
        (Segment(rule=AnyOf()), False),
        (Segment(rule=Not(rule=AllOf())), False),
        (Segment(facets={"city": FacetChoice(exclude=frozenset({None}))}), False),
    ],
)
def test_only_what_says_nothing_is_empty(segment: Segment, empty: bool) -> None:
    assert segment.is_empty is empty
    assert is_narrowed(Audience(segment=segment)) is not empty


def test_a_list_a_segment_or_a_selection_narrows_an_audience() -> None:
    assert not is_narrowed(Audience())
    assert is_narrowed(Audience(segment_ids=("seg-1",)))
    assert is_narrowed(Audience(list_ids=("lst-1",)))
    assert is_narrowed(Audience(selection=Selection.only(frozenset({7}))))
    assert not is_narrowed(Audience(selection=Selection(mode=SelectionMode.EXCEPT)))


def test_ticks_of_one_page_leave_those_of_other_pages() -> None:
    first = Selection().on_page(frozenset({1, 2, 3}), frozenset({2}))
    second = first.on_page(frozenset({4, 5}), frozenset({5}))
    assert second == Selection.only(frozenset({2, 5}))
    assert second.ticked([1, 2, 3]) == [1]
    assert second.on_page(frozenset({1, 2, 3}), frozenset()).on_page(frozenset({4, 5}), frozenset()) == Selection()


def test_everybody_except_remembers_who_was_unticked() -> None:
    everybody = Selection(mode=SelectionMode.EXCEPT)
    without = everybody.on_page(frozenset({1, 2, 3}), frozenset({1, 3}))
    assert without == Selection(mode=SelectionMode.EXCEPT, ids=frozenset({2}))
    assert without.ticked([1, 2, 3]) == [0, 2]
