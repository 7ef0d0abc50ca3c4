"""A segment says itself in one sentence, in any language, from the operator table."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.segments.describe import describe
from engine.segments.operators import EVERY_OPERATOR, Operand
from engine.segments.rules import AllOf, AnyOf, Comparison, FacetChoice, Not, Segment
from engine.segments.speech import Speech
from engine.warehouse import Warehouse
from tests.engine import segments_world as world
from tests.engine.segments_beside import OPERATION, Beside

SAVED = {"seg-inner": Segment()}
VALUES = {
    Operand.NOTHING: None, Operand.TEXT: "x", Operand.TEXTS: ("x", "y"), Operand.NUMBER: 3, Operand.NUMBERS: (1, 2),
    Operand.DATE: "2026-01-31", Operand.DATES: ("2026-01-01", "2026-01-31"), Operand.DAYS: 7, Operand.PERCENT: 10,
    Operand.SEGMENT: "seg-inner", Operand.LIST: "lst-a",
    Operand.PATTERN: "^a", Operand.NEXT_DAYS: 5, Operand.TODAY: None, Operand.YEAR_DAY: 3, Operand.YEAR_DAYS: 7,
    Operand.ENTRIES: ("x", "y"), Operand.COUNT: 2, Operand.IMPORT: "imp-a", Operand.OPERATION: OPERATION,
    Operand.OPERATION_CODE: (OPERATION, 131026), Operand.OPERATION_BUTTON: (OPERATION, "YES"),
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
        (Segment(facets={"age": FacetChoice(include=frozenset({"18..30", "65.."}))}),
         "Age is 18 to under 30 or 65 or more"),
        (Segment(facets={"age": FacetChoice(include=frozenset({"3", "..=0"}))}), "Age is 0 or less or 3"),
        (Segment(facets={"created_at": FacetChoice(include=frozenset({"last:30"}))}),
         "Created is in the last 30 days"),
        (Segment(facets={"birthday": FacetChoice(include=frozenset({"2026-03", "1990"}))}),
         "Birthday is 1990 or March 2026"),
        (Segment(facets={"@window": FacetChoice(exclude=frozenset({"true"}))}), "Service window open is not yes"),
        (Segment(facets={"@import": FacetChoice(include=frozenset({"imp-a", None}))}),
         "Imported file is “a.csv” (2026-11-23) or none"),
        (Segment(rule=_is("birthday", "anniversary_in", 0)), "Birthday has its anniversary today"),
        (Segment(rule=_is("@share", "random", (20, "spring"))), "random 20 %, drawn as “spring”"),
        (Segment(rule=_is("tags", "has_all", ("a", "b"))), "Tags has all of a and b"),
        (Segment(rule=_is("@last_answer", "in_last", 7)),
         "Last answer to a message of ours is in the last 7 days"),
        (Segment(rule=_is("@messaged", "not_in_last", 14)), "got no message for 14 days"),
        (Segment(rule=_is("city", "none_of", ("A", "B"))), "City is none of A or B (people with no value stay in)"),
    ],
)  # fmt: skip
def test_a_segment_reads_as_a_sentence(warehouse: Warehouse, segment: Segment, sentence: str) -> None:
    world.prepare(warehouse)
    assert describe(segment, world.context_of(warehouse, SAVED)) == sentence


def test_every_operator_has_a_sentence_that_names_its_value(warehouse: Warehouse, tmp_path: Path) -> None:
    world.prepare(warehouse)
    context = world.context_of(warehouse, SAVED, Beside(folder=tmp_path))
    for operator in EVERY_OPERATOR:
        fitting = [name for name, kind in world.FIELDS.items() if kind in operator.types]
        value = VALUES[operator.operand]
        sentence = describe(Segment(rule=_is(operator.field or fitting[0], operator.key, value)), context)
        assert "{" not in sentence
        shown = {"seg-inner": "Seg-Inner", "lst-a": "List A", "imp-a": "a.csv", OPERATION: "Autumn"}
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
