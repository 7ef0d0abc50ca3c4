"""Days that come round each year: which days of the calendar a period of this year stands for.

Who was born on 29 February has the day on the 28th in a year without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from engine.contacts.fields import Field
from engine.segments.context import Context, is_moment

FEB_28, FEB_29, MARCH_1 = 228, 229, 301
FIRST_YEAR = 1970
"""Moments of the store are no older: their anniversaries are looked for from this year on."""


@dataclass(frozen=True, slots=True)
class Anniversary:
    """Days of the year as month × 100 + day, from `first` to `last`, over New Year if it `wraps`.

    `ranges`: of moments, the same days as half-open ranges, one a year.
    """

    first: int
    last: int
    wraps: bool
    ranges: tuple[tuple[Any, Any], ...] = ()


def anniversary_of(first: date, last: date, target: Field, context: Context) -> Anniversary:
    """The days of the year from one date to another, as a field's values are compared with them."""
    if last >= _whole_round(first):
        first, last = date(first.year, 1, 1), date(first.year, 12, 31)
    low, high = first.month * 100 + first.day, last.month * 100 + last.day
    if high == FEB_28 and not _is_leap(last.year):
        high = FEB_29
    wraps = last.year > first.year
    return Anniversary(low, high, wraps, _ranges(low, high, wraps, target, context) if is_moment(target) else ())


def _whole_round(first: date) -> date:
    """The last day of a year that begins on a date."""
    is_leap_day = first.month == 2 and first.day == 29
    again = date(first.year + 1, 3, 1) if is_leap_day else first.replace(year=first.year + 1)
    return again - timedelta(days=1)


def _ranges(low: int, high: int, wraps: bool, target: Field, context: Context) -> tuple[tuple[Any, Any], ...]:
    found = []
    for year in range(FIRST_YEAR - 1, context.today.year + 2):
        first = _in_year(year, low, MARCH_1)
        last = _in_year(year + wraps, high, FEB_28)
        if first <= last:  # 29 February alone is no range in a year without it
            found.append(context.bounds(target, first, last))
    return tuple(found)


def _in_year(year: int, day: int, instead: int) -> date:
    if day == FEB_29 and not _is_leap(year):
        day = instead
    return date(year, day // 100, day % 100)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
