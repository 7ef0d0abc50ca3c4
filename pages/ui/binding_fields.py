"""What `@` offers in a template's blanks: the fields of the contacts, today, and how each may be written."""

from __future__ import annotations

from datetime import date

import streamlit as st
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from engine.clock import utc_now
from engine.contacts import FieldRegistry
from engine.contacts.fields import Field, FieldType
from engine.templates.bindings import CHANNEL, TODAY
from engine.templates.values import locale_of
from pages.ui.audience_words import label_of
from pages.ui.i18n import t
from pages.ui.message_holes import FieldView
from pages.ui.services import settings

AMOUNT = 1299.5
OFFERED = ("TRY", "EUR", "USD", "GBP")

Format = tuple[str, str, str]


def field_views(registry: FieldRegistry, language: str) -> list[FieldView]:
    """Every field that a blank may read, with its formats as the template's language writes them."""
    day = utc_now().astimezone(settings().zone).date()
    views = [_view(field, language, day) for field in registry if field.type is not FieldType.LIST]
    today = FieldView(TODAY, t("Today"), t("the day of sending"), _dates(language, day))
    return [*views, today, FieldView(CHANNEL, t("Channel"), t("the sender's name"), [])]


def _view(field: Field, language: str, day: date) -> FieldView:
    formats: list[Format] = []
    if field.type is FieldType.DATE:
        formats = _dates(language, day)
    elif field.type is FieldType.NUMBER:
        formats = _numbers(language)
    elif field.type is not FieldType.BOOL:
        formats = [
            ("", t("As it is"), ""),
            ("title", t("First Letters Large"), ""),
            ("upper", t("ALL LARGE"), ""),
            ("lower", t("all small"), ""),
        ]
    return FieldView(field.name, label_of(field), f"@{field.name}", formats)


@st.cache_data(show_spinner=False, max_entries=64)
def _dates(language: str, day: date) -> list[Format]:
    locale = locale_of(language)
    return [
        ("", t("Long date"), format_date(day, format="long", locale=locale)),
        ("short", t("Short date"), format_date(day, format="short", locale=locale)),
    ]


@st.cache_data(show_spinner=False, max_entries=64)
def _numbers(language: str) -> list[Format]:
    locale = locale_of(language)
    money = [
        (
            f"money_{currency}",
            t("Money, {currency}", currency=currency),
            format_currency(AMOUNT, currency, locale=locale),
        )
        for currency in OFFERED
    ]
    return [
        ("", t("Number"), format_decimal(AMOUNT, locale=locale)),
        ("plain", t("Digits alone"), "1299.5"),
        *money,
    ]
