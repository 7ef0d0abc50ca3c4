"""Ranges as values of a facet: short texts, so that a number or a date is included and excluded like any value.

0..100          from 0 up to, not including, 100        100..    at least 100        ..0    less than 0
0..=100         both ends belong to it                  3        exactly 3
2026   2026-03   2026-03-08                             a year, a month, a day
2026-03-01..=2026-03-15                                 days, both included; either end may be left out
last:30   next:7                                        relative to today, which belongs to it; kept relative
"""

from __future__ import annotations

import calendar
import math
import re
from dataclasses import dataclass
from datetime import date, timedelta

from engine.contacts.fields import Field
from engine.errors import InvalidRule
from engine.segments.context import Context
from engine.words import N_

MOST_DAYS = 36_500
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)
_RELATIVE = re.compile(r"(last|next):([1-9]\d{0,4})")
_CALENDAR = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


@dataclass(frozen=True, slots=True)
class NumberRange:
    """Numbers from `low` to `high`; None: no end. `closed`: `high` belongs to it."""

    low: float | None
    high: float | None
    closed: bool = False

    @property
    def token(self) -> str:
        """The range as a facet's value."""
        if self.closed and self.low == self.high:
            return _number(self.low)
        return f"{_number(self.low)}..{'=' if self.closed else ''}{_number(self.high)}"


@dataclass(frozen=True, slots=True)
class DayRange:
    """Days from `first` to `last`, both included; None: no end. `kind` and `count` say how it was written."""

    first: date | None
    last: date | None
    kind: str = "days"  # year, month, day, days, last, next
    count: int = 0

    @property
    def bounds(self) -> tuple[date, date]:
        """Both ends; where there is none, the first or last day that a field can hold."""
        return self.first or _FIRST_DAY, self.last or _LAST_DAY


def read_number_range(token: str, target: Field) -> NumberRange:
    """The range a facet's value stands for.

    Raises:
        InvalidRule: it stands for none.
    """
    low, dots, high = token.partition("..")
    closed = high.startswith("=") or not dots
    try:
        ends = [float(part) if part else None for part in (low, high.removeprefix("=") if dots else low)]
    except ValueError:
        ends = [None, None]
    first, last = ends
    is_upright = first is None or last is None or first < last or (closed and first == last)
    if ends == [None, None] or not is_upright or not all(each is None or math.isfinite(each) for each in ends):
        raise _unreadable(token, target, N_("a range of numbers such as 0..100 is needed"))
    return NumberRange(first, last, closed)


def read_day_range(token: str, target: Field, context: Context) -> DayRange:
    """The days a facet's value stands for; what is relative is counted from today.

    Raises:
        InvalidRule: it stands for none.
    """
    try:
        found = _relative(token, context) or _calendar(token) or _days(token)
    except ValueError:
        found = None
    if found is None or found.bounds[0] > found.bounds[1]:
        raise _unreadable(
            token, target, N_("a range of days such as 2026-03, last:30 or 2026-03-01..=2026-03-15 is needed")
        )
    return found


def _relative(token: str, context: Context) -> DayRange | None:
    shape = _RELATIVE.fullmatch(token)
    if shape is None or int(shape[2]) > MOST_DAYS:
        return None
    count = int(shape[2])
    if shape[1] == "last":
        return DayRange(context.today - timedelta(days=count - 1), context.today, "last", count)
    return DayRange(context.today, context.today + timedelta(days=count - 1), "next", count)


def _calendar(token: str) -> DayRange | None:
    shape = _CALENDAR.fullmatch(token)
    if shape is None:
        return None
    year, month, day = (int(part) if part else None for part in shape.groups())
    if year is None or not _FIRST_DAY.year <= year <= _LAST_DAY.year:
        return None
    if month is None:
        return DayRange(date(year, 1, 1), date(year, 12, 31), "year")
    if day is None:
        return DayRange(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]), "month")
    return DayRange(date(year, month, day), date(year, month, day), "day")


def _days(token: str) -> DayRange | None:
    low, dots, high = token.partition("..=")
    if not dots or not (low or high):
        return None
    return DayRange(date.fromisoformat(low) if low else None, date.fromisoformat(high) if high else None)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _unreadable(token: str, target: Field, problem: str) -> InvalidRule:
    return InvalidRule(reason=f"{target.name}: {token!r} is no range", field=target.name, problem=problem)
