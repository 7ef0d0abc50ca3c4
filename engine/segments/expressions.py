"""What operators compile to: small functions from (namespace, column, operand) to an expression.

Each works in polars and in Narwhals over DuckDB alike, and is true for those who hold; null is "doesn't hold".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_
from typing import Any

from engine.segments import folding

Builder = Callable[[Any, Any, Any], Any]
BUCKETS = 10_000
"""How many buckets people are dealt to, for random shares."""


def is_text(ns: Any, column: Any, needle: str) -> Any:
    """The whole text, folded."""
    return column.str.contains(folding.equals_pattern([needle]))


def one_of(ns: Any, column: Any, needles: Sequence[str]) -> Any:
    """The whole text is one of several, folded."""
    return column.str.contains(folding.equals_pattern(needles))


def contains(ns: Any, column: Any, needle: str) -> Any:
    """The needle is somewhere in it, folded."""
    return column.str.contains(folding.contains_pattern(needle))


def starts(ns: Any, column: Any, needle: str) -> Any:
    """It begins with the needle, folded."""
    return column.str.contains(folding.starts_pattern(needle))


def ends(ns: Any, column: Any, needle: str) -> Any:
    """It ends with the needle, folded."""
    return column.str.contains(folding.ends_pattern(needle))


def matches(ns: Any, column: Any, pattern: str) -> Any:
    """A regular expression (checked and made portable by `patterns`) is found in it."""
    return column.str.contains(pattern)


def negated(build: Builder) -> Builder:
    """The opposite, for everybody: people with no value stay in."""

    def built(ns: Any, column: Any, operand: Any) -> Any:
        return ~build(ns, column, operand) | column.is_null()

    return built


def blank(ns: Any, column: Any, operand: None) -> Any:
    """No text."""
    return column.is_null() | (column == "")


def filled(ns: Any, column: Any, operand: None) -> Any:
    """Some text."""
    return column != ""  # null isn't true either


def null(ns: Any, column: Any, operand: None) -> Any:
    """No value."""
    return column.is_null()


def not_null(ns: Any, column: Any, operand: None) -> Any:
    """A value."""
    return ~column.is_null()


def itself(ns: Any, inner: Any, operand: Any) -> Any:
    """What a join or another segment says already."""
    return inner


def outside(ns: Any, inner: Any, operand: Any) -> Any:
    """Everybody for whom that isn't true."""
    return ~inner.fill_null(False)


def is_number(ns: Any, column: Any, number: float) -> Any:
    """The same number."""
    return column == number


def within(ns: Any, column: Any, period: tuple[Any, Any]) -> Any:
    """From the first moment (or day) up to, not including, the second."""
    return (column >= period[0]) & (column < period[1])


def anniversary(ns: Any, column: Any, operand: Any) -> Any:
    """The day comes round within a period: of a date by month and day, of a moment by its ranges, one a year.

    Born on 29 February: on the 28th in a year without one.
    """
    if operand.ranges:
        return reduce(or_, (within(ns, column, each) for each in operand.ranges))
    first, last = operand.first, operand.last
    number_type = ns.Int32
    day = column.dt.month().cast(number_type) * 100 + column.dt.day().cast(number_type)
    if operand.wraps:
        return (day >= first) | (day <= last)
    return (day >= first) & (day <= last)


def has_any(ns: Any, joined: Any, entries: Sequence[str]) -> Any:
    """One of the entries is in the list, folded; the list comes as one text (`joins.entries_column`)."""
    return joined.str.contains(folding.entry_pattern(entries))


def has_all(ns: Any, joined: Any, entries: Sequence[str]) -> Any:
    """Every one of the entries is in the list."""
    tests = [joined.str.contains(folding.entry_pattern([entry])) for entry in dict.fromkeys(entries)]
    return reduce(lambda one, other: one & other, tests)


def no_entries(ns: Any, column: Any, operand: None) -> Any:
    """The list is empty, or there is none."""
    return column.is_null() | (column.list.len() == 0)


def some_entries(ns: Any, column: Any, operand: None) -> Any:
    """The list has an entry."""
    return column.list.len() > 0


def at_least_entries(ns: Any, column: Any, count: int) -> Any:
    """The list has so many entries or more."""
    return column.list.len() >= count


def at_most_entries(ns: Any, column: Any, count: int) -> Any:
    """The list has no more than so many entries; no list has none."""
    return column.is_null() | (column.list.len() <= count)


def in_share(ns: Any, bucket: Any, share: Any) -> Any:
    """The stored bucket is among the share's; a seed deals the buckets anew, so that draws don't repeat."""
    if share.seed is None:
        return bucket < share.buckets
    dealt = (bucket.cast(ns.Int64) * share.factor + share.shift) % BUCKETS
    return dealt < share.buckets
