"""The operators of rules: one table, read by the form (label, operand), the compiler (build) and the description.

A builder (`expressions`) takes the namespace (polars or narwhals), the column and the operand as `operands` read it,
and returns an expression that is true for those who hold. Null counts as "doesn't hold" (a filter takes it so, and
the compiler sees to it under a Not); an operator that keeps people with no value is built that way (`negated`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.contacts.fields import FieldType
from engine.errors import InvalidRule
from engine.segments import expressions as ex
from engine.segments.rules import (
    IMPORT_FIELD,
    LIST_FIELD,
    MESSAGED_FIELD,
    OPERATION_FIELD,
    PERSON_FIELD,
    SEGMENT_FIELD,
    SHARE_FIELD,
)
from engine.words import N_

TEXT = frozenset({FieldType.TEXT, FieldType.CHOICE})
NUMBER = frozenset({FieldType.NUMBER})
DATE = frozenset({FieldType.DATE})
BOOL = frozenset({FieldType.BOOL})
LIST = frozenset({FieldType.LIST})
OTHERS = NUMBER | DATE | BOOL
NO_TYPE: frozenset[FieldType] = frozenset()


class Operand(StrEnum):
    """What an operator asks for beside the field."""

    NOTHING = "nothing"
    TEXT = "text"
    TEXTS = "texts"
    PATTERN = "pattern"
    NUMBER = "number"
    NUMBERS = "numbers"
    DATE = "date"
    DATES = "dates"
    DAYS = "days"  # so many days up to today
    NEXT_DAYS = "next_days"  # so many from today on
    TODAY = "today"  # nothing to ask
    YEAR_DAY = "year_day"  # how many days ahead
    YEAR_DAYS = "year_days"  # how many days from today on
    ENTRIES = "entries"
    COUNT = "count"
    PERCENT = "percent"  # a number, or a number and a seed
    SEGMENT = "segment"
    LIST = "list"
    IMPORT = "import"
    OPERATION = "operation"
    OPERATION_CODE = "operation_code"  # an operation and an error code
    OPERATION_BUTTON = "operation_button"  # an operation and a button's payload


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: a key is unique within a field type."""

    key: str
    label: str
    types: frozenset[FieldType]
    operand: Operand
    build: ex.Builder
    sentence: str
    stay: bool = False  # people with no value stay in, and the sentence says so
    field: str | None = None  # the one `@` field it belongs to


def _texts() -> tuple[Operator, ...]:
    kind, of, no = Operand, Operator, ex.negated
    return (
        of("equals", N_("is"), TEXT, kind.TEXT, ex.is_text, N_("{field} is {value}")),
        of("is_not", N_("is not"), TEXT, kind.TEXT, no(ex.is_text), N_("{field} is not {value}"), True),
        of("one_of", N_("is one of"), TEXT, kind.TEXTS, ex.one_of, N_("{field} is one of {value}")),
        of("none_of", N_("is none of"), TEXT, kind.TEXTS, no(ex.one_of), N_("{field} is none of {value}"), True),
        of("contains", N_("contains"), TEXT, kind.TEXT, ex.contains, N_("{field} contains {value}")),
        of("lacks", N_("does not contain"), TEXT, kind.TEXT, no(ex.contains),
           N_("{field} does not contain {value}"), True),
        of("starts_with", N_("starts with"), TEXT, kind.TEXT, ex.starts, N_("{field} starts with {value}")),
        of("ends_with", N_("ends with"), TEXT, kind.TEXT, ex.ends, N_("{field} ends with {value}")),
        of("matches", N_("matches the pattern"), TEXT, kind.PATTERN, ex.matches,
           N_("{field} matches the pattern {value}")),
        of("empty", N_("is empty"), TEXT, kind.NOTHING, ex.blank, N_("{field} is empty")),
        of("not_empty", N_("is not empty"), TEXT, kind.NOTHING, ex.filled, N_("{field} is not empty")),
    )  # fmt: skip


def _numbers() -> tuple[Operator, ...]:
    kind, of = Operand, Operator
    return (
        of("equals", N_("equals"), NUMBER, kind.NUMBER, ex.is_number, N_("{field} equals {value}")),
        of("is_not", N_("is not"), NUMBER, kind.NUMBER, ex.negated(ex.is_number), N_("{field} is not {value}"), True),
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
        of("not_between", N_("is not between"), NUMBER, kind.NUMBERS,
           ex.negated(lambda ns, c, v: (c >= v[0]) & (c <= v[1])),
           N_("{field} is not between {low} and {high}"), True),
    )  # fmt: skip


def _dates() -> tuple[Operator, ...]:
    kind, of = Operand, Operator
    return (
        of("equals", N_("is on"), DATE, kind.DATE, ex.within, N_("{field} is on {value}")),
        of("today", N_("is today"), DATE, kind.TODAY, ex.within, N_("{field} is today")),
        of("before", N_("is before"), DATE, kind.DATE, lambda ns, c, v: c < v[0], N_("{field} is before {value}")),
        of("after", N_("is after"), DATE, kind.DATE, lambda ns, c, v: c >= v[1], N_("{field} is after {value}")),
        of("between", N_("is between"), DATE, kind.DATES, ex.within, N_("{field} is between {low} and {high}")),
        of("in_last", N_("is in the last … days"), DATE, kind.DAYS, ex.within,
           N_("{field} is in the last {value} days")),
        of("not_in_last", N_("is not in the last … days"), DATE, kind.DAYS, ex.negated(ex.within),
           N_("{field} is not in the last {value} days"), True),
        of("in_next", N_("is in the next … days"), DATE, kind.NEXT_DAYS, ex.within,
           N_("{field} is in the next {value} days")),
        of("anniversary_in", N_("has its anniversary in … days"), DATE, kind.YEAR_DAY, ex.anniversary,
           N_("{field} has its anniversary in {value} days")),
        of("anniversary_in_next", N_("has its anniversary within … days"), DATE, kind.YEAR_DAYS, ex.anniversary,
           N_("{field} has its anniversary within {value} days, today included")),
    )  # fmt: skip


def _others() -> tuple[Operator, ...]:
    kind, of = Operand, Operator
    return (
        of("is_yes", N_("is yes"), BOOL, kind.NOTHING, lambda ns, c, v: c, N_("{field} is yes")),
        of("is_no", N_("is no"), BOOL, kind.NOTHING, lambda ns, c, v: ~c, N_("{field} is no")),
        of("empty", N_("is empty"), OTHERS, kind.NOTHING, ex.null, N_("{field} is empty")),
        of("not_empty", N_("is not empty"), OTHERS, kind.NOTHING, ex.not_null, N_("{field} is not empty")),
        of("has_any", N_("has any of"), LIST, kind.ENTRIES, ex.has_any, N_("{field} has any of {value}")),
        of("has_all", N_("has all of"), LIST, kind.ENTRIES, ex.has_all, N_("{field} has all of {value}")),
        of("has_none", N_("has none of"), LIST, kind.ENTRIES, ex.negated(ex.has_any),
           N_("{field} has none of {value}"), True),
        of("has_at_least", N_("has at least … entries"), LIST, kind.COUNT, ex.at_least_entries,
           N_("{field} has at least {value} entries")),
        of("has_at_most", N_("has at most … entries"), LIST, kind.COUNT, ex.at_most_entries,
           N_("{field} has at most {value} entries"), True),
        of("empty", N_("is empty"), LIST, kind.NOTHING, ex.no_entries, N_("{field} is empty")),
        of("not_empty", N_("is not empty"), LIST, kind.NOTHING, ex.some_entries, N_("{field} is not empty")),
    )  # fmt: skip


def _memberships() -> tuple[Operator, ...]:
    def of(key: str, label: str, operand: Operand, sentence: str, field: str) -> Operator:
        build = ex.outside if key in ("not_in", "not_in_last") else ex.itself
        return Operator(key, label, NO_TYPE, operand, build, sentence, field=field)

    return (
        of("in", N_("is in segment"), Operand.SEGMENT, N_("in segment {value}"), SEGMENT_FIELD),
        of("not_in", N_("is not in segment"), Operand.SEGMENT, N_("not in segment {value}"), SEGMENT_FIELD),
        of("in", N_("is in list"), Operand.LIST, N_("in list {value}"), LIST_FIELD),
        of("not_in", N_("is not in list"), Operand.LIST, N_("not in list {value}"), LIST_FIELD),
        of("in", N_("was in the file"), Operand.IMPORT, N_("in the imported file {value}"), IMPORT_FIELD),
        of("not_in", N_("was not in the file"), Operand.IMPORT, N_("not in the imported file {value}"), IMPORT_FIELD),
        of("in_last", N_("got a message in the last … days"), Operand.DAYS,
           N_("got a message in the last {value} days"), MESSAGED_FIELD),
        of("not_in_last", N_("got no message for … days"), Operand.DAYS,
           N_("got no message for {value} days"), MESSAGED_FIELD),
    )  # fmt: skip


def _outcomes() -> tuple[Operator, ...]:
    def of(key: str, label: str, sentence: str, operand: Operand = Operand.OPERATION) -> Operator:
        build = ex.outside if key == "not_in" else ex.itself
        return Operator(key, label, NO_TYPE, operand, build, sentence, field=OPERATION_FIELD)

    return (
        of("in", N_("was a recipient of"), N_("recipient of {value}")),
        of("not_in", N_("was no recipient of"), N_("no recipient of {value}")),
        of("accepted", N_("the provider accepted the message of"), N_("the message of {value} was accepted")),
        of("delivered", N_("got the message of"), N_("the message of {value} was delivered")),
        of("read", N_("read the message of"), N_("the message of {value} was read")),
        of("not_read", N_("was a recipient and didn't read"), N_("recipient of {value} without reading it")),
        of("answered", N_("answered"), N_("answered {value}")),
        of("pressed", N_("pressed a button of"), N_("pressed a button of {value}")),
        of("pressed_button", N_("pressed the button … of"), N_("pressed the button {detail} of {value}"),
           Operand.OPERATION_BUTTON),
        of("failed", N_("the message failed in"), N_("the message of {value} failed")),
        of("failed_with", N_("the message failed with code … in"),
           N_("the message of {value} failed with code {detail}"), Operand.OPERATION_CODE),
        of("unknown", N_("it is unknown whether they got"), N_("unknown whether the message of {value} arrived")),
        of("left_out", N_("was left out of"), N_("left out of {value}")),
    )  # fmt: skip


OPERATORS: tuple[Operator, ...] = (*_texts(), *_numbers(), *_dates(), *_others())
"""Every operator of a field, in the order a form lists them."""

SHARE = Operator(
    "random", N_("is in random … %"), NO_TYPE, Operand.PERCENT, ex.in_share, N_("random {value} %"), field=SHARE_FIELD
)
PERSON = Operator(
    "finds", N_("name or phone contains"), NO_TYPE, Operand.TEXT, ex.itself, N_("name or phone contains {value}"),
    field=PERSON_FIELD,
)  # fmt: skip
EVERY_OPERATOR: tuple[Operator, ...] = (*OPERATORS, SHARE, *_memberships(), *_outcomes(), PERSON)


def operators_for(field_type: FieldType) -> tuple[Operator, ...]:
    """The operators a field of this type has, in order."""
    return tuple(each for each in OPERATORS if field_type in each.types)


def operators_of(special: str) -> tuple[Operator, ...]:
    """The operators of an `@` field that is no column."""
    return tuple(each for each in EVERY_OPERATOR if each.field == special)


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
