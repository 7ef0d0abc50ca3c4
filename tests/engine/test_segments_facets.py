"""Facet counts: conditional on the other facets, alike from a cube and from queries, kept until the data changes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.segments import (
    Audience,
    Comparison,
    Context,
    FacetChoice,
    FacetCounts,
    FacetCubes,
    FacetValue,
    Segment,
    cubes,
    facet_question,
)
from engine.segments.activity import ACTIVITY, LAST_MESSAGE
from engine.segments.ranges import read_day_range, read_number_range
from engine.warehouse import Warehouse, open_warehouse
from tests.engine import segments_world as world
from tests.engine.segments_beside import Beside, Deed, beside_strategy

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
FLAT = ("city", "vip", "surname", "@began", "@window")
BINNED = ("age", "birthday", "created_at", "@last_message")
MEMBERS = ("tags", "@list", "@import", "@operation")
FIELDS = (*FLAT, *BINNED, *MEMBERS)
choices = st.dictionaries(st.sampled_from(["İzmir", "Ankara", "izmir", None]), st.booleans(), max_size=2).map(
    lambda sides: FacetChoice(
        include=frozenset(value for value, side in sides.items() if side),
        exclude=frozenset(value for value, side in sides.items() if not side),
    )
)
yes_no = st.sampled_from(["true", "false", None]).map(lambda value: FacetChoice(include=frozenset({value})))
ages = st.sampled_from(["-1..2", "3", None]).map(lambda value: FacetChoice(exclude=frozenset({value})))
tags = st.sampled_from(["VIP", None]).map(lambda value: FacetChoice(include=frozenset({value})))
in_lists = st.sampled_from(["lst-a", None]).map(lambda value: FacetChoice(exclude=frozenset({value})))
chosen_facets = st.fixed_dictionaries(
    {}, optional={"city": choices, "vip": yes_no, "age": ages, "tags": tags, "@list": in_lists}
)


@pytest.fixture(scope="module")
def store() -> Iterator[Warehouse]:
    opened = open_warehouse(None)
    world.prepare(opened)
    yield opened
    opened.close()


def _has(field: str, value: str | None, row: world.Row, oracle: world.Oracle, context: Context) -> bool:
    """The row has that value of the facet, or is in that range: what a click on it would include."""
    return oracle.holds(Segment(facets={field: FacetChoice(include=frozenset({value}))}), row)


class _Ranges(dict[str, object]):
    """The oracle's ranges, for any token: read by the product's own reader, whose meaning another test compares."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    def __missing__(self, token: str) -> object:
        return lambda value: _in_days(token, value, self.context) if isinstance(value, date) else _in(token, value)


def _in_days(token: str, day: date, context: Context) -> bool:
    first, last = read_day_range(token, ACTIVITY[LAST_MESSAGE], context).bounds
    return first <= day <= last


def _in(token: str, number: float) -> bool:
    found = read_number_range(token, ACTIVITY[LAST_MESSAGE])
    low = -math.inf if found.low is None else found.low
    high = math.inf if found.high is None else found.high
    return low <= number and (number <= high if found.closed else number < high)


def _filled(counted: FacetCounts) -> dict[str, set[FacetValue]]:
    return {field: {each for each in values if each.count} for field, values in counted.items()}


@pytest.mark.parametrize("inline", [True, False], ids=["cubes", "queries"])
def test_every_count_is_what_a_click_on_it_would_leave(
    store: Warehouse, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, inline: bool
) -> None:
    monkeypatch.setattr(facet_question, "MOST_INLINE", 10**9 if inline else -1)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=PHASES)
    @given(
        st.lists(world.contacts, max_size=10), chosen_facets, st.booleans(),
        beside_strategy(tmp_path_factory.mktemp("operation")),
    )  # fmt: skip
    def agree(rows: list[world.Row], chosen: dict[str, FacetChoice], ruled: bool, beside: Beside) -> None:
        people = world.fill(store, rows, beside).to_dicts()
        rule = Comparison(field="name", operator="not_empty") if ruled else None
        segment, context = Segment(facets=chosen, rule=rule), world.context_of(store, {}, beside)
        monkeypatch.setattr(world, "RANGES", _Ranges(context))
        oracle = world.Oracle({}, beside)
        kept = FacetCubes()
        counted = kept.counts(store.cursor(), Audience(segment=segment), context, FIELDS, (1,))
        kept.settle()
        again = kept.counts(store.cursor(), Audience(segment=segment), context, FIELDS, (1,))  # from what was built
        assert _filled(again) == _filled(counted)
        assert tuple(counted) == FIELDS
        for field in FIELDS:
            left = segment.with_facet(field, FacetChoice())
            passing = [row for row in people if oracle.holds(left, row)]
            for each in counted[field]:
                expected = sum(_has(field, each.value, row, oracle, context) for row in passing)
                assert (field, each) == (field, FacetValue(each.value, expected))
            values = [each.value for each in counted[field]]
            assert len(set(values)) == len(values)
            assert None not in values[:-1]
            missed = [row for row in passing if not any(_has(field, each, row, oracle, context) for each in values)]
            assert not missed or field == "@operation"

    agree()


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
    built: list[int] = []
    build = facet_question.build_cube
    monkeypatch.setattr(facet_question, "build_cube", lambda *given: built.append(1) or build(*given))
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
    monkeypatch.setattr(cubes, "MOST_CELLS", 2)
    kept, context = FacetCubes(), world.context_of(store)
    segment = Segment(facets={"city": FacetChoice(include=frozenset({"İzmir"}))})
    for _ in range(2):
        counts = kept.counts(store.cursor(), Audience(segment=segment), context, ("city", "vip"), (1,))
        assert counts["vip"] == (FacetValue("true", 1),)
        assert {each.value for each in counts["city"]} == {"İzmir", "Ankara", "Bursa"}


def test_among_many_any_rule_is_counted_from_codes_once_they_are_built(
    store: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facet_question, "MOST_INLINE", 1)
    world.fill(store, [_row("İzmir", True), _row("Ankara", False), _row("O'Kent", None), _row("", True)])
    kept, context = FacetCubes(), world.context_of(store)
    first = kept.counts(store.cursor(), Audience(), context, ("city", "vip", "created_at"), (1,))
    kept.settle()
    for name in ("_by_query", "_is_large"):  # what follows needs no query of its own
        monkeypatch.setattr(facet_question.FacetQuestion, name, None)
    assert kept.counts(store.cursor(), Audience(), context, ("city", "vip", "created_at"), (1,)) == first
    rule = Segment(rule=Comparison(field="city", operator="not_empty"))
    counts = kept.counts(store.cursor(), Audience(segment=rule), context, ("city", "vip", "created_at"), (1,))
    assert counts["city"] == (FacetValue("Ankara", 1), FacetValue("O'Kent", 1), FacetValue("İzmir", 1))
    assert counts["vip"] == (FacetValue("false", 1), FacetValue("true", 1), FacetValue(None, 1))


def test_what_the_recorder_tells_is_counted_anew(store: Warehouse) -> None:
    deed = Deed(None, None, None, 5)
    world.fill(store, [_row("İzmir")], Beside(deeds={0: deed}))
    kept, context = FacetCubes(), world.context_of(store)
    assert kept.counts(store.cursor(), Audience(), context, ("@window",), (1,))["@window"] == (FacetValue("true", 1),)
    later = replace(context, now=context.now + timedelta(minutes=6))
    assert kept.counts(store.cursor(), Audience(), later, ("@window",), (1,))["@window"] == (FacetValue("false", 1),)


@pytest.mark.parametrize(
    ("values", "tokens"),
    [
        ([1.0, 2.0, 5.0], ("1", "2", "5")),
        ([float(each) for each in range(100)], ("0..5", "5..10", "10..15")),
        ([each / 8 for each in range(100)], ("0..1", "1..2", "2..3")),
        ([-750 + 100.0 * each for each in range(40)], ("-800..-600", "-600..-400", "-400..-200")),
    ],
)  # fmt: skip
def test_bins_of_numbers_are_round(store: Warehouse, values: list[float], tokens: tuple[str, ...]) -> None:
    world.fill(store, [{**_row(None), "age": value} for value in values])
    counted = FacetCubes().counts(store.cursor(), Audience(), world.context_of(store), ("age",), (1,))["age"]
    assert tuple(each.value for each in counted[:3]) == tokens
    assert sum(each.count for each in counted) == len(values)
    assert len(counted) <= 26


@pytest.mark.parametrize(
    ("days", "token"),
    [(10, "2026-11-01"), (60, "2026-10-05..=2026-10-11"), (500, "2026-03"), (8_000, "2008")],
)  # fmt: skip
def test_bins_of_dates_are_days_weeks_months_or_years(store: Warehouse, days: int, token: str) -> None:
    born = [world.TODAY - timedelta(days=20 + number * days // 10) for number in range(11)]
    world.fill(store, [{**_row(None), "birthday": day} for day in born])
    counted = FacetCubes().counts(store.cursor(), Audience(), world.context_of(store), ("birthday",), (1,))
    assert token in {each.value for each in counted["birthday"]}
    assert sum(each.count for each in counted["birthday"]) == len(born)
