"""How the Audience page says things: values as people know them, and a segment's sentence as safe Markdown."""

from __future__ import annotations

import re

from engine.contacts.fields import Field, FieldType
from engine.contacts.model import CONSENT_LABELS, ORIGIN_LABELS
from engine.segments import Context, Segment, Speech, describe
from engine.segments.activity import BEGAN
from engine.segments.describe import field_label
from pages.ui import formats
from pages.ui.i18n import t

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-!|~<>:$^])")


def plain(text: str) -> str:
    """The text with everything Markdown would take for its own escaped."""
    return _MARKUP.sub(r"\\\1", text)


def label_of(field: Field) -> str:
    """A field's label in the session's language."""
    return field_label(field, t)


def value_label(field: Field, value: str | None) -> str:
    """A value as people know it: TR as Türkiye, opted_in as Opted in, no value as none."""
    if value is None:
        return t("none")
    if field.type is FieldType.BOOL:
        return t("yes") if value == "true" else t("no")
    if field.built_in and field.name == "country":
        return formats.country_name(value)
    if field.built_in and field.name == "language":
        return formats.language_name(value)
    if field.built_in and field.name in ("consent", "origin", BEGAN):
        return t({**CONSENT_LABELS, **ORIGIN_LABELS}.get(value, value))
    return value


def sentence(segment: Segment, context: Context) -> str:
    """The segment as one Markdown sentence in the session's language, what was filled in in bold."""
    return describe(segment, context, speech(bold=True))


def plain_sentence(segment: Segment, context: Context) -> str:
    """The same without any markup."""
    return describe(segment, context, speech(bold=False))


def speech(*, bold: bool) -> Speech:
    """How the page says a segment; `bold`: as Markdown, what was filled in in bold."""
    return Speech(
        translate=t,
        value=value_label,
        number=formats.number,
        day=formats.day,
        strong=(lambda text: f"**{plain(text)}**") if bold else (lambda text: text),
    )
