"""The columns that facets are counted over: a field's own values, or the bin its number or date falls in.

Bins are whole and round (1, 2 or 5 times a power of ten; days, weeks, months, years), few enough to draw, and the
same whatever else is chosen, so that a bar stays where it was. The few highest and lowest values share an open bin at
the end. Where a number has few different values, each is a bin. Edges are compared as they are written in the token,
so a bar's count and the count after a click on it are one.
"""

from __future__ import annotations

import calendar
import math
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import duckdb

from engine.clock import from_store
from engine.contacts.fields import Field, FieldType
from engine.segments.activity import BEGAN, WINDOW
from engine.segments.context import Context, is_moment
from engine.segments.ranges import NumberRange

MOST_BINS = 24
MOST_SINGLE_VALUES = 12
SAMPLE_ROWS = 100_000
"""Edges are chosen from about so many rows, by their stored bucket: always the same ones. Counts never are."""


@dataclass(frozen=True, slots=True)
class Bins:
    """Consecutive ranges: `tokens[i]` holds what is at least `edges[i - 1]` and less than `edges[i]`."""

    tokens: tuple[str, ...]
    edges: tuple[str, ...]  # one fewer than tokens, as SQL literals
    values: tuple[Any, ...] = ()  # the same as values

    def sql(self, column: str) -> str:
        """The number of the bin, null where there is no value: a balanced tree of comparisons."""
        return f"CASE WHEN {column} IS NULL THEN NULL ELSE {self._tree(column, 0, len(self.edges))} END"

    def between(self, lowest: Any, highest: Any) -> Bins:
        """The same without an open end that holds nobody."""
        low = 1 if self.values and lowest >= self.values[0] else 0
        high = 1 if len(self.values) > low and highest < self.values[-1] else 0
        kept = slice(low, len(self.values) - high)
        return Bins(self.tokens[low : len(self.tokens) - high], self.edges[kept], self.values[kept])

    def _tree(self, column: str, low: int, high: int) -> str:
        if low == high:
            return str(low)
        middle = (low + high) // 2
        below, above = self._tree(column, low, middle), self._tree(column, middle + 1, high)
        return f"CASE WHEN {column} < {self.edges[middle]} THEN {below} ELSE {above} END"


def column_sql(target: Field) -> str:
    """A field with a facet of values, as text."""
    if target.name == BEGAN:
        return f'coalesce("{BEGAN}", "origin")'
    if target.name == WINDOW:
        return f"CASE WHEN \"{WINDOW}\" THEN 'true' ELSE 'false' END"
    if target.type is FieldType.BOOL:  # a cast takes twice as long
        return f"CASE WHEN \"{target.name}\" THEN 'true' WHEN NOT \"{target.name}\" THEN 'false' END"
    return f'"{target.name}"'


def grouping_sql(target: Field) -> str:
    """The same to group by; a yes/no as itself, which groups faster than as a text: `as_text` reads it."""
    is_plain = target.type is FieldType.BOOL and target.name != WINDOW
    return f'"{target.name}"' if is_plain else column_sql(target)


def as_text(value: str | bool | None) -> str | None:
    """A value that was grouped by, as the facet has it."""
    return str(value).lower() if isinstance(value, bool) else value or None


def choose_bins(frame: duckdb.DuckDBPyRelation, target: Field, context: Context) -> Bins:
    """The bins of a number or date, from all contacts.

    Args:
        frame: the contacts, with the field's column.
    """
    column = f'"{target.name}"'
    filled = frame.filter(f"{column} IS NOT NULL")
    total = int(frame.aggregate("count(*)").fetchall()[0][0])
    if total > SAMPLE_ROWS:
        filled = filled.filter(f"bucket < {max(1, 10_000 * SAMPLE_ROWS // total)}")
    ends = f"quantile_disc({column}, 0.01), quantile_disc({column}, 0.99)"
    first, last = filled.aggregate(ends).fetchall()[0]
    if first is None:
        return Bins((), ())
    if target.type is FieldType.DATE:
        lowest, highest = frame.aggregate(f"min({column}), max({column})").fetchall()[0]
        return _day_bins(_day(first, target, context), _day(last, target, context), target, context).between(
            lowest, highest
        )
    for rows in (filled, frame.filter(f"{column} IS NOT NULL")):  # few in the sample may be many among all
        few = rows.project(column).distinct().limit(MOST_SINGLE_VALUES + 1).fetchall()
        if len(few) > MOST_SINGLE_VALUES:
            break
    else:
        return _single_values(sorted(float(row[0]) for row in few))
    lowest, highest = frame.aggregate(f"min({column}), max({column})").fetchall()[0]
    return _number_bins(float(first), float(last), whole=_is_whole(filled, column)).between(lowest, highest)


def _is_whole(filled: duckdb.DuckDBPyRelation, column: str) -> bool:
    return not filled.filter(f"{column} <> floor({column})").limit(1).fetchall()


def _single_values(values: list[float]) -> Bins:
    """A bin a value. The edges lie between two: what is neither would fall beside, so there is none such."""
    tokens = tuple(NumberRange(each, each, True).token for each in values)
    return Bins(tokens, tuple(repr(each) for each in values[1:]))


def _number_bins(low: float, high: float, *, whole: bool) -> Bins:
    step = _round_step((high - low) / (MOST_BINS - 4))
    if whole:
        step = max(step, 1.0)
    start = math.floor(low / step)
    count = max(1, math.ceil((high - start * step) / step))
    digits = max(0, -math.floor(math.log10(step)))
    edges = [round((start + number) * step, digits) for number in range(count + 1)]
    ranges = [NumberRange(None, edges[0]), *(NumberRange(*pair) for pair in pairwise(edges)),
              NumberRange(edges[-1], None)]  # fmt: skip
    return Bins(tuple(each.token for each in ranges), tuple(repr(float(each)) for each in edges), tuple(edges))


def _round_step(rough: float) -> float:
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999999)


def _day(value: Any, target: Field, context: Context) -> date:
    if is_moment(target):
        return from_store(value).astimezone(context.zone).date()
    return date(value.year, value.month, value.day)


def _day_bins(first: date, last: date, target: Field, context: Context) -> Bins:
    starts = _starts(first, last)
    ends = [after - timedelta(days=1) for after in starts[1:]]
    tokens = [f"..={starts[0] - timedelta(days=1)}", *(_day_token(*pair) for pair in zip(starts, ends, strict=False)),
              f"{starts[-1]}..="]  # fmt: skip
    kind = "TIMESTAMP" if is_moment(target) else "DATE"
    edges = [context.bounds(target, start, start)[0] for start in starts]
    return Bins(tuple(tokens), tuple(f"{kind} '{each}'" for each in edges), tuple(edges))


def _starts(first: date, last: date) -> list[date]:
    """The first days of the periods, and the day after the last one."""
    days = (last - first).days + 1
    if days <= MOST_BINS:
        return [first + timedelta(days=number) for number in range(days + 1)]
    if days <= MOST_BINS * 7:
        monday = first - timedelta(days=first.weekday())
        return [monday + timedelta(weeks=number) for number in range((last - monday).days // 7 + 2)]
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if months <= MOST_BINS:
        return [_month(first.year, first.month + number) for number in range(months + 1)]
    span = next(span for span in (1, 2, 5, 10, 20, 50, 100) if (last.year - first.year) // span + 1 <= MOST_BINS)
    year = first.year // span * span
    return [date(each, 1, 1) for each in range(year, last.year + span + 1, span)]


def _month(year: int, month: int) -> date:
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _day_token(first: date, last: date) -> str:
    if first == last:
        return first.isoformat()
    if first.day == 1 and last == date(last.year, last.month, calendar.monthrange(last.year, last.month)[1]):
        if (first.year, first.month) == (last.year, last.month):
            return f"{first:%Y-%m}"
        if (first.month, last.month) == (1, 12) and first.year == last.year:
            return f"{first:%Y}"
    return f"{first}..={last}"
