"""How the facet panel says things: titles, values and ranges, in the session's language."""

from __future__ import annotations

from engine.contacts.fields import Field, FieldType
from engine.errors import InvalidRule
from engine.segments import Context
from engine.segments.activity import WINDOW
from engine.segments.describe import facet_label
from engine.segments.joins import MEMBERSHIP_FIELDS
from engine.segments.ranges import DayRange, read_day_range, read_number_range
from engine.segments.rules import IMPORT_FIELD, LIST_FIELD
from engine.segments.say_ranges import say_range
from pages.ui import formats
from pages.ui.audience_words import speech, value_label
from pages.ui.i18n import t


def facet_title(name: str, context: Context) -> str:
    """What a facet is called."""
    return t("Service window") if name == WINDOW else facet_label(name, context, t)


def value_title(name: str, value: str | None, context: Context) -> str:
    """A value as the panel shows it: a list by its name, a range in words, a country by its name."""
    if value is None:
        return _nothing(name)
    if name == WINDOW:
        return t("open") if value == "true" else t("closed")
    if name in MEMBERSHIP_FIELDS:
        return _member(name, value, context)
    field = context.known_field(name)
    if field.type in (FieldType.NUMBER, FieldType.DATE):
        return _range(field, value, context)
    return value_label(field, value)


def edge_title(field: Field, token: str, context: Context) -> str:
    """The end of a histogram, short: `< 0`, `≥ 12,000`, `2024`."""
    if field.type is FieldType.NUMBER:
        numbers = read_number_range(token, field)
        if numbers.low is None:
            return f"< {formats.number(numbers.high)}"
        return f"≥ {formats.number(numbers.low)}" if numbers.high is None else formats.number(numbers.low)
    return _day_edge(read_day_range(token, field, context))


def _day_edge(days: DayRange) -> str:
    if days.first is None:
        return f"≤ {formats.day(days.last)}"
    return f"≥ {formats.day(days.first)}" if days.last is None else formats.day(days.first)


def _nothing(name: str) -> str:
    return {LIST_FIELD: t("in no list"), IMPORT_FIELD: t("in no file")}.get(name, t("none"))


def _member(name: str, value: str, context: Context) -> str:
    if name == LIST_FIELD:
        return context.lists.get(value, value)
    if name == IMPORT_FIELD:
        file = context.imports.get(value)
        return value if file is None else f"{file.file_name} · {formats.day(file.imported_at)}"
    sent = context.operations.get(value)
    return value if sent is None else f"{sent.name} · {sent.number}"


def _range(field: Field, token: str, context: Context) -> str:
    try:
        return say_range(field, token, context, speech(bold=False))
    except InvalidRule:  # a saved segment may hold what this version can't read; the page says so above
        return token
