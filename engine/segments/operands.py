"""Reads the value a comparison carries into what its operator's builder takes, or says why it can't."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from engine.contacts.fields import Field, FieldType
from engine.errors import InvalidRule
from engine.segments.context import Context
from engine.segments.operators import Operand, Operator
from engine.segments.rules import Comparison, Value
from engine.words import N_

LONGEST_TEXT = 500
MOST_TEXTS = 500
MOST_DAYS = 36_500


def read_operand(comparison: Comparison, operator: Operator, target: Field, context: Context) -> Any:
    """The operand for `operator.build`.

    Raises:
        InvalidRule: the value is of the wrong kind, or out of range.
    """
    try:
        return _READERS[operator.operand](comparison.value, target, context)
    except _Unfit as problem:
        raise InvalidRule(
            reason=f"{comparison.field} / {comparison.operator}: {problem}",
            field=comparison.field, operator=comparison.operator, problem=str(problem),
        ) from None  # fmt: skip


class _Unfit(ValueError):
    """What is wrong with the value, as a marked text."""


def _nothing(value: Value, target: Field, context: Context) -> None:
    if value is not None and value != "":
        raise _Unfit(N_("this operator takes no value"))


def _text(value: Value, target: Field, context: Context) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Unfit(N_("a text is needed"))
    if len(value) > LONGEST_TEXT or "\x00" in value:
        raise _Unfit(N_("the text is too long or holds what is no character"))
    return value


def _texts(value: Value, target: Field, context: Context) -> tuple[str, ...]:
    values = value if isinstance(value, tuple) else (value,)
    if not values or len(values) > MOST_TEXTS:
        raise _Unfit(N_("between 1 and 500 texts are needed"))
    return tuple(_text(each, target, context) for each in values)


def _number(value: Value, target: Field, context: Context) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _Unfit(N_("a number is needed"))
    return float(value)


def _numbers(value: Value, target: Field, context: Context) -> tuple[float, float]:
    low, high = _pair(value)
    bounds = _number(low, target, context), _number(high, target, context)
    if bounds[0] > bounds[1]:
        raise _Unfit(N_("the first of the two must not be greater than the second"))
    return bounds


def _date(value: Value, target: Field, context: Context) -> tuple[date, date]:
    day = _day(value)
    return context.bounds(target, day, day)


def _dates(value: Value, target: Field, context: Context) -> tuple[date, date]:
    first, last = (_day(each) for each in _pair(value))
    if first > last:
        raise _Unfit(N_("the first of the two must not be greater than the second"))
    return context.bounds(target, first, last)


def _days(value: Value, target: Field, context: Context) -> tuple[date, date]:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise _Unfit(N_("a whole number of days is needed"))
    if not 1 <= value <= MOST_DAYS:
        raise _Unfit(N_("the number of days must be between 1 and 36,500"))
    return context.bounds(target, context.today - timedelta(days=int(value) - 1), context.today)


def _percent(value: Value, target: Field, context: Context) -> int:
    number = _number(value, target, context)
    if not 0 < number <= 100 or round(number * 100) < 1:
        raise _Unfit(N_("a share between 0.01 and 100 is needed"))
    return round(number * 100)


def _pair(value: Value) -> tuple[Value, Value]:
    if not isinstance(value, tuple) or len(value) != 2:
        raise _Unfit(N_("two values are needed"))
    return value[0], value[1]


def _day(value: Value) -> date:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None or not 1900 <= day.year <= 2200:
        raise _Unfit(N_("a date such as 2026-03-31 is needed"))
    return day


_READERS: dict[Operand, Callable[[Value, Field, Context], Any]] = {
    Operand.NOTHING: _nothing,
    Operand.TEXT: _text,
    Operand.TEXTS: _texts,
    Operand.NUMBER: _number,
    Operand.NUMBERS: _numbers,
    Operand.DATE: _date,
    Operand.DATES: _dates,
    Operand.DAYS: _days,
    Operand.PERCENT: _percent,
    Operand.SEGMENT: _text,
    Operand.LIST: _text,
}

NO_FIELD = Field("", "", FieldType.TEXT)
"""Stands in for the column of an `@` field, whose operand doesn't depend on one."""
