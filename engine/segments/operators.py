"""The operators of rules: one table, read by the form (label, operand), the compiler (build) and the description.

A builder takes the namespace (polars or narwhals), the column and the operand as `operands` read it, and returns an
expression that is true for those who hold. Null counts as "doesn't hold" (a filter takes it so, and the compiler
sees to it under a Not); an operator that keeps people with no value is built that way (`_negated`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.contacts.fields import FieldType
from engine.errors import InvalidRule
from engine.segments import folding
from engine.segments.rules import LIST_FIELD, PERSON_FIELD, SEGMENT_FIELD, SHARE_FIELD
from engine.words import N_

Builder = Callable[[Any, Any, Any], Any]
TEXT = frozenset({FieldType.TEXT, FieldType.CHOICE})
NUMBER = frozenset({FieldType.NUMBER})
DATE = frozenset({FieldType.DATE})
BOOL = frozenset({FieldType.BOOL})
OTHERS = NUMBER | DATE | BOOL


class Operand(StrEnum):
    """What an operator asks for beside the field."""

    NOTHING = "nothing"
    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    NUMBERS = "numbers"
    DATE = "date"
    DATES = "dates"
    DAYS = "days"
    PERCENT = "percent"
    SEGMENT = "segment"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: a key is unique within a field type."""

    key: str
    label: str
    types: frozenset[FieldType]
    operand: Operand
    build: Builder
    sentence: str
    stay: bool = False  # people with no value stay in, and the sentence says so
    field: str | None = None  # the one `@` field it belongs to


def _is_text(ns: Any, column: Any, needle: str) -> Any:
    return column.str.contains(folding.equals_pattern([needle]))


def _one_of(ns: Any, column: Any, needles: tuple[str, ...]) -> Any:
    return column.str.contains(folding.equals_pattern(needles))


def _contains(ns: Any, column: Any, needle: str) -> Any:
    return column.str.contains(folding.contains_pattern(needle))


def _starts(ns: Any, column: Any, needle: str) -> Any:
    return column.str.contains(folding.starts_pattern(needle))


def _negated(build: Builder) -> Builder:
    """The opposite, for everybody: people with no value stay in."""

    def built(ns: Any, column: Any, operand: Any) -> Any:
        return ~build(ns, column, operand) | column.is_null()

    return built


def _blank(ns: Any, column: Any, operand: None) -> Any:
    return column.is_null() | (column == "")


def _filled(ns: Any, column: Any, operand: None) -> Any:
    return column != ""  # null isn't true either


def _null(ns: Any, column: Any, operand: None) -> Any:
    return column.is_null()


def _outside(ns: Any, inner: Any, operand: Any) -> Any:
    return ~inner.fill_null(False)


def _not_null(ns: Any, column: Any, operand: None) -> Any:
    return ~column.is_null()


def _is_number(ns: Any, column: Any, number: float) -> Any:
    return column == number


def _within(ns: Any, column: Any, period: tuple[Any, Any]) -> Any:
    """From the first moment (or day) up to, not including, the second."""
    return (column >= period[0]) & (column < period[1])


def _table() -> tuple[Operator, ...]:
    kind, of = Operand, Operator
    return (
        of("equals", N_("is"), TEXT, kind.TEXT, _is_text, N_("{field} is {value}")),
        of("is_not", N_("is not"), TEXT, kind.TEXT, _negated(_is_text), N_("{field} is not {value}"), True),
        of("one_of", N_("is one of"), TEXT, kind.TEXTS, _one_of, N_("{field} is one of {value}")),
        of("none_of", N_("is none of"), TEXT, kind.TEXTS, _negated(_one_of), N_("{field} is none of {value}"), True),
        of("contains", N_("contains"), TEXT, kind.TEXT, _contains, N_("{field} contains {value}")),
        of("lacks", N_("does not contain"), TEXT, kind.TEXT, _negated(_contains),
           N_("{field} does not contain {value}"), True),
        of("starts_with", N_("starts with"), TEXT, kind.TEXT, _starts, N_("{field} starts with {value}")),
        of("equals", N_("equals"), NUMBER, kind.NUMBER, _is_number, N_("{field} equals {value}")),
        of("is_not", N_("is not"), NUMBER, kind.NUMBER, _negated(_is_number), N_("{field} is not {value}"), True),
        of("greater", N_("is more than"), NUMBER, kind.NUMBER, lambda ns, c, v: c > v,
           N_("{field} is more than {value}")),
        of("at_least", N_("is at least"), NUMBER, kind.NUMBER, lambda ns, c, v: c >= v,
           N_("{field} is at least {value}")),
        of("less", N_("is less than"), NUMBER, kind.NUMBER, lambda ns, c, v: c < v,
           N_("{field} is less than {value}")),
        of("at_most", N_("is at most"), NUMBER, kind.NUMBER, lambda ns, c, v: c <= v,
           N_("{field} is at most {value}")),
        of("between", N_("is between"), NUMBER, kind.NUMBERS, lambda ns, c, v: (c >= v[0]) & (c <= v[1]),
           N_("{field} is between {low} and {high}")),
        of("equals", N_("is on"), DATE, kind.DATE, _within, N_("{field} is on {value}")),
        of("before", N_("is before"), DATE, kind.DATE, lambda ns, c, v: c < v[0], N_("{field} is before {value}")),
        of("after", N_("is after"), DATE, kind.DATE, lambda ns, c, v: c >= v[1], N_("{field} is after {value}")),
        of("between", N_("is between"), DATE, kind.DATES, _within, N_("{field} is between {low} and {high}")),
        of("in_last", N_("is in the last … days"), DATE, kind.DAYS, _within,
           N_("{field} is in the last {value} days")),
        of("not_in_last", N_("is not in the last … days"), DATE, kind.DAYS, _negated(_within),
           N_("{field} is not in the last {value} days"), True),
        of("is_yes", N_("is yes"), BOOL, kind.NOTHING, lambda ns, c, v: c, N_("{field} is yes")),
        of("is_no", N_("is no"), BOOL, kind.NOTHING, lambda ns, c, v: ~c, N_("{field} is no")),
        of("empty", N_("is empty"), TEXT, kind.NOTHING, _blank, N_("{field} is empty")),
        of("not_empty", N_("is not empty"), TEXT, kind.NOTHING, _filled, N_("{field} is not empty")),
        of("empty", N_("is empty"), OTHERS, kind.NOTHING, _null, N_("{field} is empty")),
        of("not_empty", N_("is not empty"), OTHERS, kind.NOTHING, _not_null, N_("{field} is not empty")),
    )  # fmt: skip


OPERATORS: tuple[Operator, ...] = _table()
"""Every operator of a field, in the order a form lists them."""

SHARE = Operator(
    "random", N_("is in random … %"), frozenset(), Operand.PERCENT,
    lambda ns, column, share: column < share, N_("random {value} %"), field=SHARE_FIELD,
)  # fmt: skip
MEMBERSHIPS: tuple[Operator, ...] = (
    Operator("in", N_("is in segment"), frozenset(), Operand.SEGMENT, lambda ns, inner, v: inner,
             N_("in segment {value}"), field=SEGMENT_FIELD),
    Operator("not_in", N_("is not in segment"), frozenset(), Operand.SEGMENT, _outside,
             N_("not in segment {value}"), field=SEGMENT_FIELD),
    Operator("in", N_("is in list"), frozenset(), Operand.LIST, lambda ns, inner, v: inner,
             N_("in list {value}"), field=LIST_FIELD),
    Operator("not_in", N_("is not in list"), frozenset(), Operand.LIST, _outside,
             N_("not in list {value}"), field=LIST_FIELD),
)  # fmt: skip
PERSON = Operator(
    "finds", N_("name or phone contains"), frozenset(), Operand.TEXT,
    lambda ns, inner, v: inner, N_("name or phone contains {value}"), field=PERSON_FIELD,
)  # fmt: skip
EVERY_OPERATOR: tuple[Operator, ...] = (*OPERATORS, SHARE, *MEMBERSHIPS, PERSON)


def operators_for(field_type: FieldType) -> tuple[Operator, ...]:
    """The operators a field of this type has, in order."""
    return tuple(each for each in OPERATORS if field_type in each.types)


def find_operator(key: str, field: str, field_type: FieldType | None) -> Operator:
    """The operator of that key for a field of that type, or for one of the `@` fields.

    Raises:
        InvalidRule: there is none.
    """
    for each in EVERY_OPERATOR:
        if each.key == key and (each.field == field if field_type is None else field_type in each.types):
            return each
    raise InvalidRule(
        reason=f"{key!r} is no operator of the field {field!r}", field=field, operator=key,
        problem=N_("the field has no such operator"),
    )  # fmt: skip
