"""A compiled segment agrees with a plain-Python oracle, in polars and in DuckDB, for every operator."""

from __future__ import annotations

from collections.abc import Iterator

import narwhals as nw
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contacts.fields import FieldType
from engine.errors import InvalidRule
from engine.segments.audience import segment_frame, with_lists
from engine.segments.compile import compile_rule, list_column
from engine.segments.operators import EVERY_OPERATOR, Operand, Operator
from engine.segments.rules import AllOf, AnyOf, Comparison, FacetChoice, Not, Segment
from engine.warehouse import Warehouse, open_warehouse
from tests.engine import segments_world as world

INNER = Segment(facets={"city": FacetChoice(include=frozenset({"İzmir", None}))})
OUTER = Segment(rule=Not(rule=Comparison(field="@segment", operator="in", value="seg-inner")))
SEGMENTS = {"seg-inner": INNER, "seg-outer": OUTER}
MANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_pairs = st.tuples(world.numbers, world.numbers).map(lambda pair: tuple(sorted(pair)))
_iso = world.days.map(lambda day: day.isoformat())
OPERANDS = {
    Operand.NOTHING: st.none(),
    Operand.TEXT: world.filled_texts | st.sampled_from(["izmir", "0532 111", "+90532", "9053"]),
    Operand.TEXTS: st.lists(world.filled_texts | st.just("IZMIR"), min_size=1, max_size=3).map(tuple),
    Operand.NUMBER: world.numbers,
    Operand.NUMBERS: _pairs,
    Operand.DATE: _iso,
    Operand.DATES: st.tuples(_iso, _iso).map(lambda pair: tuple(sorted(pair))),
    Operand.DAYS: st.integers(1, 7),
    Operand.PERCENT: st.sampled_from([0.01, 12.5, 50, 100]),
    Operand.SEGMENT: st.sampled_from(sorted(SEGMENTS)),
    Operand.LIST: st.sampled_from(["lst-a", "lst-b"]),
}


def _fields(operator: Operator) -> list[str]:
    if operator.field is not None:
        return [operator.field]
    return [name for name, kind in world.FIELDS.items() if kind in operator.types]


def _comparisons(operator: Operator) -> st.SearchStrategy[Comparison]:
    return st.builds(
        Comparison, field=st.sampled_from(_fields(operator)), operator=st.just(operator.key),
        value=OPERANDS[operator.operand],
    )  # fmt: skip


any_comparison = st.sampled_from(EVERY_OPERATOR).flatmap(_comparisons)
trees = st.recursive(
    any_comparison,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda rules: AllOf(rules=tuple(rules))),
        st.lists(inner, max_size=3).map(lambda rules: AnyOf(rules=tuple(rules))),
        inner.map(lambda rule: Not(rule=rule)),
    ),
    max_leaves=5,
)
choices = st.dictionaries(st.sampled_from(["İzmir", "izmir", "Ankara", "Kars", None]), st.booleans(), max_size=3).map(
    lambda sides: FacetChoice(
        include=frozenset(value for value, side in sides.items() if side),
        exclude=frozenset(value for value, side in sides.items() if not side),
    )
)
yes_no = st.sampled_from(["true", "false", None]).map(lambda value: FacetChoice(exclude=frozenset({value})))
facets = st.fixed_dictionaries({}, optional={"city": choices, "vip": yes_no})
members = st.fixed_dictionaries({"lst-a": st.sets(st.integers(0, 8)), "lst-b": st.just({0, 1})})


@pytest.fixture(scope="module")
def store() -> Iterator[Warehouse]:
    opened = open_warehouse(None)
    world.prepare(opened)
    yield opened
    opened.close()


def _agree(store: Warehouse, segment: Segment, rows: list[world.Row], lists: dict[str, set[int]]) -> None:
    frame = world.fill(store, rows, lists)
    context = world.context_of(store, SEGMENTS)
    oracle = world.Oracle(SEGMENTS, lists)
    expected = [row["contact_id"] for row in frame.to_dicts() if oracle.holds(segment, row)]

    joined = {
        key: pl.DataFrame({"contact_id": sorted(lists[key])}, schema={"contact_id": pl.Int64}).with_columns(
            pl.lit(True).alias(list_column(key))
        )
        for key in context.lists_of(segment)
    }
    in_polars = with_lists(frame, joined).filter(compile_rule(segment, pl, context))["contact_id"].sort().to_list()
    found = segment_frame(store.cursor(), segment, context).select("contact_id").collect("polars")
    in_duckdb = nw.to_native(found)["contact_id"].sort().to_list()

    assert in_polars == expected
    assert in_duckdb == expected


@pytest.mark.parametrize("operator", EVERY_OPERATOR, ids=lambda each: f"{each.key}-{'-'.join(sorted(each.types))}")
def test_every_operator_agrees_with_the_oracle_in_polars_and_duckdb(store: Warehouse, operator: Operator) -> None:
    @MANY
    @given(_comparisons(operator), st.lists(world.contacts, max_size=8), members)
    def agree(comparison: Comparison, rows: list[world.Row], lists: dict[str, set[int]]) -> None:
        _agree(store, Segment(rule=comparison), rows, lists)

    agree()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees, facets, st.lists(world.contacts, max_size=8), members)
def test_trees_and_facets_agree_with_the_oracle(
    store: Warehouse,
    rule: AllOf | AnyOf | Not | Comparison,
    chosen: dict[str, FacetChoice],
    rows: list[world.Row],
    lists: dict[str, set[int]],
) -> None:
    _agree(store, Segment(facets=chosen, rule=rule), rows, lists)


def _row(**values: object) -> world.Row:
    empty = dict.fromkeys(world.SCHEMA) | {"bucket": 0, "created_at": world.NOW.replace(tzinfo=None)}
    return {name: value for name, value in {**empty, **values}.items() if name != "contact_id"}


def _ids(store: Warehouse, segment: Segment) -> list[int]:
    frame = segment_frame(store.cursor(), segment, world.context_of(store, SEGMENTS))
    return sorted(row[0] for row in frame.select("contact_id").to_native().fetchall())


def test_is_not_keeps_contacts_with_no_value(store: Warehouse) -> None:
    world.fill(store, [_row(city="Ankara"), _row(city=None), _row(city="İzmir")])
    rule = Comparison(field="city", operator="is_not", value="ankara")
    assert _ids(store, Segment(rule=rule)) == [1, 2]
    assert _ids(store, Segment(facets={"city": FacetChoice(exclude=frozenset({"Ankara"}))})) == [1, 2]


@pytest.mark.parametrize("typed", ["izmir", "İZMİR", "IZMIR", "ızmır", "İzmİr"])
def test_turkish_letters_fold_alike(store: Warehouse, typed: str) -> None:
    world.fill(store, [_row(city="İzmir"), _row(city="IZMİR"), _row(city="Izmir"), _row(city="Bursa")])
    assert _ids(store, Segment(rule=Comparison(field="city", operator="equals", value=typed))) == [0, 1, 2]


def test_a_moment_belongs_to_its_day_in_the_business_zone(store: Warehouse) -> None:
    late, early = world.datetime(2026, 11, 22, 20, 59), world.datetime(2026, 11, 22, 21, 0)
    world.fill(store, [_row(created_at=late), _row(created_at=early)])
    assert _ids(store, Segment(rule=Comparison(field="created_at", operator="equals", value="2026-11-22"))) == [0]
    assert _ids(store, Segment(rule=Comparison(field="created_at", operator="in_last", value=1))) == [1]


def test_what_looks_like_a_pattern_is_only_text(store: Warehouse) -> None:
    world.fill(store, [_row(name="a.b"), _row(name="axb"), _row(name="100%"), _row(name="o'k")])
    assert _ids(store, Segment(rule=Comparison(field="name", operator="contains", value="."))) == [0]
    assert _ids(store, Segment(rule=Comparison(field="name", operator="contains", value="%"))) == [2]
    assert _ids(store, Segment(rule=Comparison(field="name", operator="equals", value="O'K"))) == [3]


@pytest.mark.parametrize(
    ("comparison", "reason"),
    [
        (("shoe_size", "equals", "43"), "no field 'shoe_size'"),
        (("city", "greater", 3), "no operator"),
        (("age", "contains", "3"), "no operator"),
        (("age", "equals", "3"), "a number is needed"),
        (("age", "equals", True), "a number is needed"),
        (("age", "between", (3, 1)), "first of the two"),
        (("city", "equals", "  "), "a text is needed"),
        (("city", "one_of", ()), "between 1 and 500"),
        (("birthday", "before", "31.12.2026"), "a date such as"),
        (("birthday", "in_last", 0), "between 1 and 36,500"),
        (("birthday", "in_last", 1.5), "whole number"),
        (("vip", "is_yes", "yes"), "takes no value"),
        (("@share", "random", 0), "a share between"),
        (("@list", "in", "lst-none"), "no list"),
        (("@segment", "in", "seg-none"), "no segment"),
        (("@planet", "in", "x"), "no operator"),
    ],
    ids=lambda case: "-".join(str(part) for part in case) if isinstance(case, tuple) else "",
)
def test_a_rule_that_cannot_be_used_says_why(
    store: Warehouse, comparison: tuple[str, str, object], reason: str
) -> None:
    field, operator, value = comparison
    rule = Comparison.model_validate({"field": field, "operator": operator, "value": value})
    with pytest.raises(InvalidRule, match=reason):
        compile_rule(Segment(rule=AnyOf(rules=(rule,))), nw, world.context_of(store, SEGMENTS))


def test_a_segment_that_refers_to_itself_is_refused(store: Warehouse) -> None:
    first = Segment(rule=Comparison(field="@segment", operator="in", value="seg-2"))
    second = Segment(rule=Not(rule=Comparison(field="@segment", operator="in", value="seg-1")))
    context = world.context_of(store, {"seg-1": first, "seg-2": second})
    with pytest.raises(InvalidRule, match="refers to itself"):
        compile_rule(first, pl, context)
    with pytest.raises(InvalidRule, match="refers to itself"):
        list(context.lists_of(first))


def test_only_choices_texts_and_yes_no_have_a_facet(store: Warehouse) -> None:
    segment = Segment(facets={"age": FacetChoice(include=frozenset({"3"}))})
    with pytest.raises(InvalidRule, match="no facet"):
        compile_rule(segment, nw, world.context_of(store))
    with pytest.raises(InvalidRule, match="yes or no"):
        compile_rule(Segment(facets={"vip": FacetChoice(include=frozenset({"maybe"}))}), nw, world.context_of(store))


def test_every_field_type_has_operators() -> None:
    assert {kind for operator in EVERY_OPERATOR for kind in operator.types} == set(FieldType)


def test_operator_keys_are_unique_within_a_field_type() -> None:
    keys = [(kind, each.key) for each in EVERY_OPERATOR for kind in (each.types or {each.field})]
    assert len(keys) == len(set(keys))
