"""Facet counts: conditional on the other facets, alike from a cube and from queries, kept until the data changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRule
from engine.segments import Audience, Comparison, FacetChoice, FacetCubes, FacetValue, Segment, facets
from engine.warehouse import Warehouse, open_warehouse
from tests.engine import segments_world as world
from tests.engine.segments_beside import Beside

FIELDS = ("city", "vip", "surname")
choices = st.dictionaries(st.sampled_from(["İzmir", "Ankara", "izmir", None]), st.booleans(), max_size=2).map(
    lambda sides: FacetChoice(
        include=frozenset(value for value, side in sides.items() if side),
        exclude=frozenset(value for value, side in sides.items() if not side),
    )
)
yes_no = st.sampled_from(["true", "false", None]).map(lambda value: FacetChoice(include=frozenset({value})))
chosen_facets = st.fixed_dictionaries({}, optional={"city": choices, "vip": yes_no})


@pytest.fixture(scope="module")
def store() -> Iterator[Warehouse]:
    opened = open_warehouse(None)
    world.prepare(opened)
    yield opened
    opened.close()


def _word(value: object) -> str | None:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value) if value else None


def _expected(rows: list[world.Row], segment: Segment) -> dict[str, Counter[str | None]]:
    oracle = world.Oracle({}, Beside())
    counts = {}
    for field in FIELDS:
        others = Segment(facets={k: v for k, v in segment.facets.items() if k != field}, rule=segment.rule)
        counts[field] = Counter(_word(row[field]) for row in rows if oracle.holds(others, row))
    return counts


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(world.contacts, max_size=12), chosen_facets, st.booleans())
def test_cube_and_queries_agree_with_the_oracle(
    store: Warehouse, rows: list[world.Row], chosen: dict[str, FacetChoice], ruled: bool
) -> None:
    frame = world.fill(store, rows)
    rule = Comparison(field="age", operator="at_least", value=0) if ruled else None
    segment = Segment(facets=chosen, rule=rule)
    context = world.context_of(store)
    expected = _expected(frame.to_dicts(), segment)
    rest = Segment(rule=rule)
    from_queries = facets.counts_by_query(store.cursor(), rest, dict(segment.facets), context, FIELDS)
    from_cube = FacetCubes().counts(store.cursor(), Audience(segment=segment), context, FIELDS, (1,))
    for field in FIELDS:
        for counted in (from_cube[field], from_queries[field]):
            assert {each.value: each.count for each in counted if each.count} == dict(expected[field])
            assert len({each.value for each in counted}) == len(counted)
            assert not any(each.value is None for each in counted[:-1])


def _row(city: str | None, vip: bool | None = None) -> world.Row:
    empty = dict.fromkeys(world.SCHEMA) | {"bucket": 0, "created_at": world.NOW.replace(tzinfo=None)}
    return {name: value for name, value in {**empty, "city": city, "vip": vip}.items() if name != "contact_id"}


def test_values_keep_their_place_when_counts_change(store: Warehouse) -> None:
    world.fill(store, [_row("İzmir", True)] * 3 + [_row("Ankara", False)] * 2 + [_row("", False)] * 4)
    segment = Segment(facets={"vip": FacetChoice(exclude=frozenset({"true"}))})
    counts = FacetCubes().counts(
        store.cursor(), Audience(segment=segment), world.context_of(store), ("city", "vip"), (1,)
    )
    assert counts["city"] == (FacetValue("İzmir", 0), FacetValue("Ankara", 2), FacetValue(None, 4))
    assert counts["vip"] == (FacetValue("false", 6), FacetValue("true", 3))


def test_a_chosen_value_that_nobody_has_stays_to_be_cleared(store: Warehouse) -> None:
    world.fill(store, [_row("İzmir")])
    segment = Segment(facets={"city": FacetChoice(exclude=frozenset({"Atlantis"}))})
    context = world.context_of(store)
    counts = FacetCubes().counts(store.cursor(), Audience(segment=segment), context, ("city",), (1,))
    assert FacetValue("Atlantis", 0) in counts["city"]


def test_a_click_uses_the_kept_cube_and_a_new_version_of_the_data_does_not(
    store: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    build = facets.build_cube
    monkeypatch.setattr(facets, "build_cube", lambda *given: built.append(1) or build(*given))
    world.fill(store, [_row("İzmir"), _row("Ankara")])
    cubes, context = FacetCubes(), world.context_of(store)
    clicked = Segment(facets={"city": FacetChoice(include=frozenset({"Ankara"}))})
    for segment in (Segment(), clicked, Segment()):
        cubes.counts(store.cursor(), Audience(segment=segment), context, ("city", "vip"), (1,))
    assert len(built) == 1
    world.fill(store, [_row("Bursa")])
    counts = cubes.counts(store.cursor(), Audience(), context, ("city", "vip"), (2,))
    assert counts["city"] == (FacetValue("Bursa", 1),)
    assert len(built) == 2


def test_where_no_cube_fits_each_facet_is_a_query(store: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    world.fill(store, [_row("İzmir", True), _row("Ankara", False), _row("Bursa", None)])
    monkeypatch.setattr(facets, "MOST_CELLS", 2)
    cubes, context = FacetCubes(), world.context_of(store)
    segment = Segment(facets={"city": FacetChoice(include=frozenset({"İzmir"}))})
    for _ in range(2):
        counts = cubes.counts(store.cursor(), Audience(segment=segment), context, ("city", "vip"), (1,))
        assert counts["vip"] == (FacetValue("true", 1),)
        assert {each.value for each in counts["city"]} == {"İzmir", "Ankara", "Bursa"}


def test_a_number_has_no_facet(store: Warehouse) -> None:
    with pytest.raises(InvalidRule, match="no facet"):
        FacetCubes().counts(store.cursor(), Audience(), world.context_of(store), ("age",), (1,))
