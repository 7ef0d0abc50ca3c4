"""A segment says itself in one sentence, in any language, from the operator table."""

from __future__ import annotations

import pytest

from engine.segments.describe import describe
from engine.segments.operators import EVERY_OPERATOR, Operand
from engine.segments.rules import AllOf, AnyOf, Comparison, FacetChoice, Not, Segment
from engine.segments.speech import Speech
from engine.warehouse import Warehouse
from tests.engine import segments_world as world

SAVED = {"seg-inner": Segment()}
VALUES = {
    Operand.NOTHING: None, Operand.TEXT: "x", Operand.TEXTS: ("x", "y"), Operand.NUMBER: 3, Operand.NUMBERS: (1, 2),
    Operand.DATE: "2026-01-31", Operand.DATES: ("2026-01-01", "2026-01-31"), Operand.DAYS: 7, Operand.PERCENT: 10,
    Operand.SEGMENT: "seg-inner", Operand.LIST: "lst-a",
}  # fmt: skip


def _is(field: str, operator: str, value: object = None) -> Comparison:
    return Comparison.model_validate({"field": field, "operator": operator, "value": value})


def _all(*rules: Comparison | AnyOf) -> AllOf:
    return AllOf(rules=rules)


@pytest.mark.parametrize(
    ("segment", "sentence"),
    [
        (Segment(), "Everybody"),
        (
            Segment(facets={"city": FacetChoice(exclude=frozenset({"Ankara"}))}),
            "City is not Ankara (people with no value stay in)",
        ),
        (
            Segment(facets={"city": FacetChoice(include=frozenset({"Kars", None, "Ağrı"}))}),
            "City is Ağrı, Kars or none",
        ),
        (
            Segment(facets={"vip": FacetChoice(include=frozenset({"true"}))}, rule=_is("age", "between", (18, 30.5))),
            "Vip is yes · Age is between 18 and 30.5",
        ),
        (
            Segment(
                rule=_all(_is("name", "contains", "a"), AnyOf(rules=(_is("vip", "is_yes"), _is("age", "empty"))))
            ),
            "Name contains “a” · (Vip is yes or Age is empty)",
        ),
        (
            Segment(rule=Not(rule=_all(_is("birthday", "before", "2000-01-01"), _is("@list", "in", "lst-a")))),
            "not (Birthday is before 2000-01-01 and in list “List A”)",
        ),
        (Segment(rule=_is("@segment", "not_in", "seg-inner")), "not in segment “Seg-Inner”"),
        (Segment(rule=_is("city", "none_of", ("A", "B"))), "City is none of A or B (people with no value stay in)"),
    ],
)  # fmt: skip
def test_a_segment_reads_as_a_sentence(warehouse: Warehouse, segment: Segment, sentence: str) -> None:
    world.prepare(warehouse)
    assert describe(segment, world.context_of(warehouse, SAVED)) == sentence


def test_every_operator_has_a_sentence_that_names_its_value(warehouse: Warehouse) -> None:
    world.prepare(warehouse)
    context = world.context_of(warehouse, SAVED)
    for operator in EVERY_OPERATOR:
        fitting = [name for name, kind in world.FIELDS.items() if kind in operator.types]
        value = VALUES[operator.operand]
        sentence = describe(Segment(rule=_is(operator.field or fitting[0], operator.key, value)), context)
        assert "{" not in sentence
        shown = {"seg-inner": "Seg-Inner", "lst-a": "List A"}
        for part in value if isinstance(value, tuple) else () if value is None else (value,):
            assert shown.get(str(part), str(part)) in sentence


def test_the_language_comes_from_outside(warehouse: Warehouse) -> None:
    world.prepare(warehouse)
    words = {"City": "Şehir", "{field} is {value}": "{field}: {value}", "or": "veya", "none": "yok"}
    speech = Speech(translate=lambda text: words.get(text, text), value=lambda field, value: value.upper())
    segment = Segment(facets={"city": FacetChoice(include=frozenset({"Kars", None}))})
    assert describe(segment, world.context_of(warehouse), speech) == "Şehir: KARS veya yok"


def test_many_values_are_cut(warehouse: Warehouse) -> None:
    segment = Segment(facets={"city": FacetChoice(include=frozenset("ABCDEFGH"))})
    world.prepare(warehouse)
    assert describe(segment, world.context_of(warehouse)) == "City is A, B, C, D, E, F and 2 more"
