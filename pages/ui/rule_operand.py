"""What an operator asks for, as widgets: a text, a number, days, a list, an operation and a code, …"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import streamlit as st

from engine.contacts.fields import Field
from engine.segments import Context
from engine.segments.operators import Operand, Operator
from pages.ui import formats
from pages.ui.i18n import t

Given = tuple[Any, bool]
"""The value a person gave, and whether it is one yet."""


def ask_operand(operator: Operator, field: Field | None, context: Context, known: list[str], key: str) -> Given:
    """Draw the widgets of an operator.

    Args:
        known: values the field is known to have, offered while typing.
    """
    key = f"{key}.{operator.operand}.{field.name if field else operator.field}"
    asked = _ASKED.get(operator.operand)
    if asked is not None:
        return asked(key, known)
    return _ask_named(operator.operand, context, key)


def _nothing(key: str, known: list[str]) -> Given:
    return None, True


def _text(key: str, known: list[str]) -> Given:
    if known:
        value = st.selectbox(t("Value"), known, index=None, accept_new_options=True, key=key,
                             placeholder=t("Choose or type"), label_visibility="collapsed")  # fmt: skip
        return value, bool(value)
    value = st.text_input(t("Value"), key=key, label_visibility="collapsed", placeholder=t("Text"))
    return value, bool(value.strip())


def _texts(key: str, known: list[str]) -> Given:
    values = st.multiselect(t("Values"), known, accept_new_options=True, key=key, placeholder=t("Choose or type"),
                            label_visibility="collapsed")  # fmt: skip
    return tuple(values), bool(values)


def _pattern(key: str, known: list[str]) -> Given:
    about = t("A regular expression (RE2), found anywhere in the text unless it says ^ and $.")
    value = st.text_input(t("Pattern"), key=key, label_visibility="collapsed", placeholder=r"^A-\d{4}$", help=about)
    return value, bool(value)


def _number(key: str, known: list[str]) -> Given:
    value = st.number_input(t("Value"), value=None, key=key, label_visibility="collapsed", placeholder=t("Number"))
    return value, value is not None


def _whole(label: Callable[[], str], first: int, low: int, high: int) -> Callable[[str, list[str]], Given]:
    def asked(key: str, known: list[str]) -> Given:
        value = st.number_input(label(), value=first, min_value=low, max_value=high, step=1, key=key)
        return int(value), True

    return asked


def _share(key: str, known: list[str]) -> Given:
    percent = st.number_input(t("Percent"), value=None, min_value=0.01, max_value=100.0, key=key, placeholder="10")
    seed = st.text_input(
        t("Draw"), key=f"{key}.seed", placeholder=t("optional name"),
        help=t("The same name always draws the same people; another name draws others."),
    ).strip()  # fmt: skip
    return (percent, seed) if seed else percent, percent is not None


def _numbers(key: str, known: list[str]) -> Given:
    low = st.number_input(t("From"), value=None, key=f"{key}.low")
    high = st.number_input(t("To"), value=None, key=f"{key}.high")
    return (low, high), low is not None and high is not None


def _date(key: str, known: list[str]) -> Given:
    day = _day(t("Day"), key)
    return day and day.isoformat(), day is not None


def _dates(key: str, known: list[str]) -> Given:
    first, last = _day(t("From"), f"{key}.first"), _day(t("To"), f"{key}.last")
    if first is None or last is None:
        return None, False
    return (first.isoformat(), last.isoformat()), True


def _day(label: str, key: str) -> date | None:
    return st.date_input(label, value=None, key=key, min_value=date(1900, 1, 1), max_value=date(2200, 1, 1))


_ASKED: dict[Operand, Callable[[str, list[str]], Given]] = {
    Operand.NOTHING: _nothing,
    Operand.TODAY: _nothing,
    Operand.TEXT: _text,
    Operand.TEXTS: _texts,
    Operand.ENTRIES: _texts,
    Operand.PATTERN: _pattern,
    Operand.NUMBER: _number,
    Operand.NUMBERS: _numbers,
    Operand.PERCENT: _share,
    Operand.COUNT: _whole(lambda: t("How many"), 1, 0, 10_000),
    Operand.DAYS: _whole(lambda: t("Days"), 30, 1, 36_500),
    Operand.NEXT_DAYS: _whole(lambda: t("Days"), 30, 1, 36_500),
    Operand.YEAR_DAY: _whole(lambda: t("In how many days (0: today)"), 0, 0, 366),
    Operand.YEAR_DAYS: _whole(lambda: t("Days"), 7, 1, 366),
    Operand.DATE: _date,
    Operand.DATES: _dates,
}


def _ask_named(operand: Operand, context: Context, key: str) -> Given:
    """What has a name of its own: a segment, a list, a file, an operation (and what is asked beside it)."""
    if operand is Operand.LIST:
        return _named(context.lists, key, t("Choose a list"))
    if operand is Operand.SEGMENT:
        return _named({each: named.name for each, named in context.segments.items()}, key, t("Choose a segment"))
    if operand is Operand.IMPORT:
        files = {
            each: f"{file.file_name} · {formats.moment(file.imported_at)}" for each, file in context.imports.items()
        }
        return _named(files, key, t("Choose a file"))
    names = {each: sent.name for each, sent in context.operations.items()}
    operation, ready = _named(names, key, t("Choose an operation"))
    if operand is Operand.OPERATION_CODE:
        code = st.number_input(
            t("Error code"), value=None, min_value=0, step=1, key=f"{key}.code", placeholder="131026"
        )
        return (operation, int(code or 0)), ready and code is not None
    if operand is Operand.OPERATION_BUTTON:
        button = st.text_input(t("Button"), key=f"{key}.button").strip()
        return (operation, button), ready and bool(button)
    return operation, ready


def _named(names: Mapping[str, str], key: str, placeholder: str) -> tuple[str | None, bool]:
    chosen = st.selectbox(
        placeholder, list(names), index=None, key=key, format_func=lambda each: names[each],
        placeholder=placeholder, label_visibility="collapsed",
    )  # fmt: skip
    return chosen, chosen is not None
