"""A compiled segment agrees with a plain-Python oracle, in polars and in DuckDB, for every operator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time

import narwhals as nw
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.contacts.fields import FieldType
from engine.errors import InvalidRule
from engine.segments.audience import segment_frame
from engine.segments.compile import compile_rule
from engine.segments.folding import ENTRY_EDGE
from engine.segments.joined import join_column
from engine.segments.joins import JoinKind, joins_of
from engine.segments.operators import EVERY_OPERATOR, Operand, Operator
from engine.segments.rules import AllOf, AnyOf, Comparison, FacetChoice, Not, Segment
from engine.warehouse import Warehouse, open_warehouse
from tests.engine import segments_world as world
from tests.engine.segments_beside import OPERATION, Beside, beside_strategy

INNER = Segment(facets={"city": FacetChoice(include=frozenset({"İzmir", None}))})
OUTER = Segment(rule=Not(rule=Comparison(field="@segment", operator="in", value="seg-inner")))
SEGMENTS = {"seg-inner": INNER, "seg-outer": OUTER}
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
MANY = settings(max_examples=12, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])

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
    Operand.NEXT_DAYS: st.integers(1, 4),
    Operand.TODAY: st.none(),
    Operand.YEAR_DAY: st.sampled_from([0, 1, 2, 97, 98, 365]),
    Operand.YEAR_DAYS: st.sampled_from([1, 3, 98, 200, 364, 365, 366]),
    Operand.PATTERN: st.sampled_from(sorted(world.PATTERNS)),
    Operand.ENTRIES: st.lists(world.entries, min_size=1, max_size=3).map(tuple),
    Operand.COUNT: st.integers(0, 3),
    Operand.PERCENT: st.sampled_from([0.01, 12.5, 50, 100, (50, "spring"), (12.5, "b")]),
    Operand.SEGMENT: st.sampled_from(sorted(SEGMENTS)),
    Operand.LIST: st.sampled_from(["lst-a", "lst-b"]),
    Operand.IMPORT: st.sampled_from(["imp-a", "imp-b"]),
    Operand.OPERATION: st.just(OPERATION),
    Operand.OPERATION_CODE: st.sampled_from([(OPERATION, 131026), (OPERATION, 131049)]),
    Operand.OPERATION_BUTTON: st.sampled_from([(OPERATION, "YES"), (OPERATION, "NO")]),
}


def _fields(operator: Operator) -> list[str]:
    if operator.field is not None:
        return [operator.field]
    fitting = [name for name, kind in {**world.FIELDS, **world.BESIDE}.items() if kind in operator.types]
    return [name for name in fitting if name != "@window" or operator.key in ("is_yes", "is_no")]


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


def _choices(*values: str | None) -> st.SearchStrategy[FacetChoice]:
    return st.dictionaries(st.sampled_from(values), st.booleans(), max_size=3).map(
        lambda sides: FacetChoice(
            include=frozenset(value for value, side in sides.items() if side),
            exclude=frozenset(value for value, side in sides.items() if not side),
        )
    )


FACETS = {
    "city": _choices("İzmir", "izmir", "Ankara", "Kars", None),
    "vip": _choices("true", "false", None),
    "age": _choices(*world.NUMBER_TOKENS, None),
    "birthday": _choices(*world.DAY_TOKENS, None),
    "created_at": _choices(*world.DAY_TOKENS),
    "tags": _choices("VIP", "vip", "a|b", None),
    "@began": _choices("customer", "business", "ad", "import"),
    "@window": _choices("true", "false"),
    "@last_message": _choices(*world.DAY_TOKENS, None),
    "@list": _choices("lst-a", "lst-b", None),
    "@import": _choices("imp-a", "imp-b", None),
    "@operation": _choices(OPERATION),
}
facets = st.dictionaries(st.sampled_from(sorted(FACETS)), st.just(None), max_size=3).flatmap(
    lambda names: st.fixed_dictionaries({name: FACETS[name] for name in names})
)


@pytest.fixture(scope="module")
def store() -> Iterator[Warehouse]:
    opened = open_warehouse(None)
    world.prepare(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> st.SearchStrategy[Beside]:
    return beside_strategy(tmp_path_factory.mktemp("operation"))


def _agree(store: Warehouse, segment: Segment, rows: list[world.Row], beside: Beside) -> None:
    frame = world.fill(store, rows, beside)
    context = world.context_of(store, SEGMENTS, beside)
    oracle = world.Oracle(SEGMENTS, beside)
    expected = [row["contact_id"] for row in frame.to_dicts() if oracle.holds(segment, row)]

    joined = frame
    for join in joins_of(segment, context).values():
        if join.kind is JoinKind.ENTRIES:
            joined = joined.with_columns(pl.col(join.of[0]).list.join(ENTRY_EDGE).alias(join.column))
        else:
            joined = join_column(joined, beside.values_of(join, frame.to_dicts()), join)
    in_polars = joined.filter(compile_rule(segment, pl, context))["contact_id"].sort().to_list()
    found = segment_frame(store.cursor(), segment, context).select("contact_id").collect("polars")
    in_duckdb = nw.to_native(found)["contact_id"].sort().to_list()

    assert in_polars == expected
    assert in_duckdb == expected


@pytest.mark.parametrize(
    "operator", EVERY_OPERATOR, ids=lambda each: f"{each.key}-{each.field or '-'.join(sorted(each.types))}"
)
def test_every_operator_agrees_with_the_oracle_in_polars_and_duckdb(
    store: Warehouse, operator: Operator, surroundings: st.SearchStrategy[Beside]
) -> None:
    @MANY
    @given(_comparisons(operator), st.lists(world.contacts, max_size=8), surroundings)
    def agree(comparison: Comparison, rows: list[world.Row], beside: Beside) -> None:
        _agree(store, Segment(rule=comparison), rows, beside)
        drawn.append(comparison.operator)

    drawn: list[str] = []
    agree()
    assert set(drawn) == {operator.key}


def test_every_kind_of_operand_is_drawn() -> None:
    assert set(OPERANDS) == set(Operand)
    assert {kind for operator in EVERY_OPERATOR for kind in operator.types} == set(world.FIELDS.values())


def test_trees_and_facets_agree_with_the_oracle(store: Warehouse, surroundings: st.SearchStrategy[Beside]) -> None:
    @settings(max_examples=60, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
    @given(trees, facets, st.lists(world.contacts, max_size=8), surroundings)
    def agree(
        rule: AllOf | AnyOf | Not | Comparison,
        chosen: dict[str, FacetChoice],
        rows: list[world.Row],
        beside: Beside,
    ) -> None:
        _agree(store, Segment(facets=chosen, rule=rule), rows, beside)

    agree()


@pytest.mark.parametrize("name", sorted(FACETS))
def test_every_kind_of_facet_agrees_with_the_oracle(
    store: Warehouse, surroundings: st.SearchStrategy[Beside], name: str
) -> None:
    @MANY
    @given(FACETS[name], st.lists(world.contacts, max_size=8), surroundings)
    def agree(choice: FacetChoice, rows: list[world.Row], beside: Beside) -> None:
        _agree(store, Segment(facets={name: choice}), rows, beside)

    agree()


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
        (("@operation", "read", "op-none"), "no launched operation"),
        (("@operation", "failed_with", ("op-a", "x")), "an operation and an error code|whole number"),
        (("@import", "in", "imp-none"), "no import"),
        (("tags", "has_any", ()), "between 1 and 500"),
        (("birthday", "anniversary_in", 367), "between 0 and 366"),
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
        joins_of(first, context)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("age", "many", "no range"), ("age", "3..1", "no range"), ("age", "..", "no range"),
        ("age", "1..1", "no range"), ("birthday", "2026-13", "no range"), ("birthday", "last:0", "no range"),
        ("birthday", "2026-02-30", "no range"),
        ("vip", "maybe", "yes or no"), ("@list", "lst-none", "no list"), ("@import", "imp-none", "no import"),
        ("@operation", "op-none", "no launched operation"), ("@operation", None, "no value for none"),
        ("@planet", "x", "no field"),
    ],
)  # fmt: skip
def test_a_facet_takes_only_the_values_of_its_type(
    store: Warehouse, field: str, value: str | None, reason: str
) -> None:
    with pytest.raises(InvalidRule, match=reason):
        compile_rule(Segment(facets={field: FacetChoice(exclude=frozenset({value}))}), nw, world.context_of(store))


@pytest.mark.parametrize("today", [date(2026, 2, 28), date(2026, 3, 1), date(2028, 2, 28), date(2028, 2, 29)])
def test_a_birthday_on_29_february_comes_each_year(store: Warehouse, today: date) -> None:
    born = [date(2000, 2, 28), date(2000, 2, 29), date(1999, 3, 1)]
    world.fill(store, [_row(birthday=day) for day in born])
    context = replace(world.context_of(store), now=datetime.combine(today, time(9), UTC))
    segment = Segment(rule=Comparison(field="birthday", operator="anniversary_in", value=0))
    frame = segment_frame(store.cursor(), segment, context).select("contact_id").to_native()
    expected = {(2, 28): {0} if today.year == 2028 else {0, 1}, (2, 29): {1}, (3, 1): {2}}
    assert {row[0] for row in frame.fetchall()} == expected[today.month, today.day]


def test_a_seed_deals_the_shares_anew_and_each_stays_a_share() -> None:
    drawn = {
        seed: {bucket for bucket in range(10_000) if world._drawn(bucket, (20, seed))} for seed in ("a", "b", "c")
    }
    assert [len(each) for each in drawn.values()] == [2_000] * 3
    assert all(100 < len(drawn[one] & drawn[other]) < 900 for one, other in (("a", "b"), ("b", "c"), ("a", "c")))


@pytest.mark.parametrize("pattern", ["a(", "\\bx", "[a&&b]", "[a[b]]", "a{,3}", "(?=a)", "(a)\\1", "[z-a]", "\\C"])
def test_a_pattern_that_the_engines_would_not_take_alike_is_refused(store: Warehouse, pattern: str) -> None:
    rule = Comparison(field="name", operator="matches", value=pattern)
    with pytest.raises(InvalidRule, match="regular expression"):
        compile_rule(Segment(rule=rule), nw, world.context_of(store))


@pytest.mark.parametrize(
    "pattern",
    [r"\w+\s\w", r"[\w-]+$", r"^[^\d]$", r"\W", r"[]a]", r"[^]a]", r"[[:alpha:]]", r"(?i)ş", r"(?s)^a.b$",
     r"\p{L}{2}", r"[\]]", r"[a\-b]", r"\x{15F}", r"[&]", r"(?m)^b$"],
)  # fmt: skip
def test_a_pattern_finds_the_same_in_polars_and_duckdb(store: Warehouse, pattern: str) -> None:
    texts = ["", "A", "ş1", "Ş_", "\t", "a b", "\u00a0", "٣", "é]", "[x]", "a-b", "i\u0307", "a\nb", "&", "😀", "K"]
    frame = world.fill(store, [_row(name=text) for text in texts])
    segment = Segment(rule=Comparison(field="name", operator="matches", value=pattern))
    in_polars = frame.filter(compile_rule(segment, pl, world.context_of(store)))["contact_id"].to_list()
    assert _ids(store, segment) == in_polars


def test_every_field_type_has_operators() -> None:
    assert {kind for operator in EVERY_OPERATOR for kind in operator.types} == set(FieldType)


def test_operator_keys_are_unique_within_a_field_type() -> None:
    keys = [(kind, each.key) for each in EVERY_OPERATOR for kind in (each.types or {each.field})]
    assert len(keys) == len(set(keys))
