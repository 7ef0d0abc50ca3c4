"""Says a facet's range: `0..100` as 0 to under 100, `last:30` as in the last 30 days, `2026-03` as the month."""

from __future__ import annotations

from engine.contacts.fields import Field, FieldType
from engine.segments.context import Context
from engine.segments.ranges import read_day_range, read_number_range
from engine.segments.speech import PLAIN, Speech
from engine.words import N_

FROM_TO, FROM_TO_UNDER = N_("{low} to {high}"), N_("{low} to under {high}")
OR_MORE, OR_LESS, UNDER = N_("{low} or more"), N_("{high} or less"), N_("under {high}")
SINCE, UNTIL = N_("{low} or later"), N_("{high} or earlier")
IN_LAST, IN_NEXT, TODAY = N_("in the last {count} days"), N_("in the next {count} days"), N_("today")
MONTHS = (
    N_("January {year}"), N_("February {year}"), N_("March {year}"), N_("April {year}"), N_("May {year}"),
    N_("June {year}"), N_("July {year}"), N_("August {year}"), N_("September {year}"), N_("October {year}"),
    N_("November {year}"), N_("December {year}"),
)  # fmt: skip


def say_range(target: Field, token: str, context: Context, speech: Speech = PLAIN) -> str:
    """The range in words.

    Raises:
        InvalidRule: it is none.
    """
    return (
        _numbers(target, token, speech) if target.type is FieldType.NUMBER else _days(target, token, context, speech)
    )


def _numbers(target: Field, token: str, speech: Speech) -> str:
    found, say = read_number_range(token, target), speech.translate
    low = None if found.low is None else speech.number(found.low)
    high = None if found.high is None else speech.number(found.high)
    if low is None:
        return say(OR_LESS if found.closed else UNDER).format(high=high)
    if high is None:
        return say(OR_MORE).format(low=low)
    if low == high:
        return low
    return say(FROM_TO if found.closed else FROM_TO_UNDER).format(low=low, high=high)


def _days(target: Field, token: str, context: Context, speech: Speech) -> str:
    found, say = read_day_range(token, target, context), speech.translate
    if found.kind in ("last", "next"):
        if found.count == 1:
            return say(TODAY)
        return say(IN_LAST if found.kind == "last" else IN_NEXT).format(count=speech.number(found.count))
    if found.first is None or found.last is None:
        low = speech.day(found.first) if found.first else ""
        high = speech.day(found.last) if found.last else ""
        return say(SINCE if found.first else UNTIL).format(low=low, high=high)
    if found.kind == "year":
        return f"{found.first.year}"
    if found.kind == "month":
        return say(MONTHS[found.first.month - 1]).format(year=found.first.year)
    if found.first == found.last:
        return speech.day(found.first)
    return say(FROM_TO).format(low=speech.day(found.first), high=speech.day(found.last))
