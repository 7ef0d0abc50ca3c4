"""Reads the value a comparison carries into what its operator's builder takes, or says why it can't."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from engine.contacts.fields import Field, FieldType
from engine.errors import InvalidRule
from engine.segments.anniversaries import Anniversary, anniversary_of
from engine.segments.context import Context
from engine.segments.expressions import BUCKETS
from engine.segments.folding import ENTRY_EDGE
from engine.segments.operators import Operand, Operator
from engine.segments.patterns import Unportable, portable_pattern
from engine.segments.rules import Comparison, Value
from engine.words import N_

LONGEST_TEXT = 500
MOST_TEXTS = 500
MOST_DAYS = 36_500
MOST_DAYS_OF_A_YEAR = 366


@dataclass(frozen=True, slots=True)
class Share:
    """So many of the 10,000 buckets, dealt anew by a seed if there is one."""

    buckets: int
    seed: str | None = None
    factor: int = 1
    shift: int = 0


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


def _count(value: Value, low: int, high: int, problem: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise _Unfit(N_("a whole number is needed"))
    if not low <= value <= high:
        raise _Unfit(problem)
    return int(value)


def _days(value: Value, target: Field, context: Context) -> tuple[date, date]:
    count = _count(value, 1, MOST_DAYS, N_("the number of days must be between 1 and 36,500"))
    return context.bounds(target, context.today - timedelta(days=count - 1), context.today)


def _next_days(value: Value, target: Field, context: Context) -> tuple[date, date]:
    count = _count(value, 1, MOST_DAYS, N_("the number of days must be between 1 and 36,500"))
    return context.bounds(target, context.today, context.today + timedelta(days=count - 1))


def _today(value: Value, target: Field, context: Context) -> tuple[date, date]:
    _nothing(value, target, context)
    return context.bounds(target, context.today, context.today)


def _year_days(value: Value, target: Field, context: Context) -> Anniversary:
    """The day of the year that is so many days ahead (0: today)."""
    ahead = _count(value, 0, MOST_DAYS_OF_A_YEAR, N_("the number of days must be between 0 and 366"))
    day = context.today + timedelta(days=ahead)
    return anniversary_of(day, day, target, context)


def _next_year_days(value: Value, target: Field, context: Context) -> Anniversary:
    """The days of the year from today on, so many of them."""
    count = _count(value, 1, MOST_DAYS_OF_A_YEAR, N_("the number of days must be between 1 and 366"))
    return anniversary_of(context.today, context.today + timedelta(days=count - 1), target, context)


def _share(value: Value, target: Field, context: Context) -> Share:
    percent, seed = value if isinstance(value, tuple) and len(value) == 2 else (value, None)
    number = _number(percent, target, context)
    buckets = round(number * BUCKETS / 100)
    if not 0 < number <= 100 or buckets < 1:
        raise _Unfit(N_("a share between 0.01 and 100 is needed"))
    if seed is None:
        return Share(buckets)
    text = _text(str(seed), target, context)
    drawn = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
    factor = next(each for each in range(drawn % BUCKETS | 1, 2 * BUCKETS, 2) if each % 5 and each > 1)
    return Share(buckets, text, factor, drawn // BUCKETS % BUCKETS)


def _entries(value: Value, target: Field, context: Context) -> tuple[str, ...]:
    entries = tuple(" ".join(each.split()) for each in _texts(value, target, context))
    if any(ENTRY_EDGE in each for each in entries):
        raise _Unfit(N_("the text is too long or holds what is no character"))
    return entries


def _entry_count(value: Value, target: Field, context: Context) -> int:
    return _count(value, 0, 10_000, N_("the number must be between 0 and 10,000"))


def _pattern(value: Value, target: Field, context: Context) -> str:
    try:
        return portable_pattern(_text(value, target, context))
    except Unportable as problem:
        raise _Unfit(str(problem)) from None


def _operation_code(value: Value, target: Field, context: Context) -> tuple[str, int]:
    if not isinstance(value, tuple) or len(value) != 2:
        raise _Unfit(N_("an operation and an error code are needed"))
    code = _count(value[1], 0, 10_000_000, N_("an operation and an error code are needed"))
    return _text(value[0], target, context), code


def _operation_text(value: Value, target: Field, context: Context) -> tuple[str, str]:
    if not isinstance(value, tuple) or len(value) != 2:
        raise _Unfit(N_("an operation and a button are needed"))
    return _text(value[0], target, context), _text(value[1], target, context)


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
    Operand.NEXT_DAYS: _next_days,
    Operand.TODAY: _today,
    Operand.YEAR_DAY: _year_days,
    Operand.YEAR_DAYS: _next_year_days,
    Operand.PERCENT: _share,
    Operand.PATTERN: _pattern,
    Operand.ENTRIES: _entries,
    Operand.COUNT: _entry_count,
    Operand.SEGMENT: _text,
    Operand.LIST: _text,
    Operand.IMPORT: _text,
    Operand.OPERATION: _text,
    Operand.OPERATION_CODE: _operation_code,
    Operand.OPERATION_BUTTON: _operation_text,
}

NO_FIELD = Field("", "", FieldType.TEXT)
"""Stands in for the column of an `@` field, whose operand doesn't depend on one."""
