"""One value of one field, as a person or a program gives it, checked and made what the column holds.

`value_text` is the other way: how histories of edits write a value down, and `restored_sql` reads it back.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from babel import Locale

from engine.contacts.fields import COLUMN_TYPES, Field, FieldType
from engine.errors import InputError
from engine.words import N_

Value = str | float | bool | date | list[str] | None

LONGEST_TEXT = 1_000
LONGEST_CHOICE = 200
MOST_CHOICES = 200
OURS = frozenset({"origin", "consent", "consent_source", "consent_at", "created_at", "updated_at"})
"""Fields that no hand edits as such: consent has a way of its own, the others are facts."""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def is_editable(field: Field) -> bool:
    """Whether a person may change this field's value."""
    return not (field.built_in and field.name in OURS)


def check_value(field: Field, value: Any) -> Value:
    """The value as the column holds it; None, an empty text and an empty list empty the field.

    Args:
        value: of the field's type, or a text that can be read as one (a date as YYYY-MM-DD).

    Raises:
        InputError: it can't be this field's value; `field` is its name.
    """
    if not is_editable(field):
        raise _refused(field, N_("this field isn't edited by hand"))
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if field.type is FieldType.NUMBER:
        return _number(field, value)
    if field.type is FieldType.DATE:
        return _day(field, value)
    if field.type is FieldType.BOOL:
        return _truth(field, value)
    if field.type is FieldType.LIST:
        return _choices(field, value)
    return _text(field, value)


def value_text(value: Any) -> str | None:
    """A value as histories hold it: the same text that DuckDB would write."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return json.dumps(list(value), ensure_ascii=False, separators=(",", ":"))
    return str(value)


def value_of_text(field: Field, text: str | None) -> Value:
    """A value out of a history; a text that the field's type can't hold any more stays a text."""
    try:
        return check_value(field, json.loads(text) if field.type is FieldType.LIST and text else text)
    except (InputError, ValueError):
        return text


def text_sql(field: Field, expression: str) -> str:
    """SQL that writes a column's value as histories hold it."""
    return f"to_json({expression})::VARCHAR" if field.type is FieldType.LIST else f"CAST({expression} AS VARCHAR)"


def restored_sql(field: Field, expression: str) -> str:
    """SQL that reads such a text back."""
    inner = f"CAST({expression} AS JSON)" if field.type is FieldType.LIST else expression
    return f"CAST({inner} AS {COLUMN_TYPES[field.type]})"


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _refused(field, N_("it must be a text"))
    text = unicodedata.normalize("NFC", " ".join(value.split()))
    limit = LONGEST_TEXT if field.type is FieldType.TEXT else LONGEST_CHOICE
    if len(text) > limit:
        raise _refused(field, N_("the text is too long"))
    if not field.built_in:
        return text
    if field.name == "email" and not _EMAIL.fullmatch(text):
        raise _refused(field, N_("it is no e-mail address"))
    if field.name == "country" and (text := text.upper()) not in known_countries():
        raise _refused(field, N_("a country is a code of two letters, such as TR"))
    if field.name == "language" and (text := text.lower()) not in known_languages():
        raise _refused(field, N_("a language is a code of two letters, such as tr"))
    return text


def _number(field: Field, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise _refused(field, N_("it is no number"))
    return number


def _day(field: Field, value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise _refused(field, N_("it is no date (YYYY-MM-DD)")) from None


def _truth(field: Field, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if (word := str(value).strip().lower()) not in known:
        raise _refused(field, N_("it must be yes or no"))
    return known[word]


def _choices(field: Field, value: Any) -> list[str] | None:
    given: list[Any] = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [None]
    if not all(isinstance(each, str) for each in given):
        raise _refused(field, N_("it must be a list of texts"))
    texts = (unicodedata.normalize("NFC", " ".join(each.split())) for each in given)
    found = list(dict.fromkeys(text for text in texts if text))
    if len(found) > MOST_CHOICES or any(len(text) > LONGEST_CHOICE for text in found):
        raise _refused(field, N_("these are too many or too long choices"))
    return found or None


def _refused(field: Field, reason: str) -> InputError:
    return InputError(field=field.name, reason=reason)


@lru_cache(maxsize=1)
def known_countries() -> frozenset[str]:
    """The ISO codes of two letters that Babel knows."""
    return frozenset(code for code in map(str, Locale("en").territories) if len(code) == 2 and code.isalpha()) - {
        "ZZ"
    }


@lru_cache(maxsize=1)
def known_languages() -> frozenset[str]:
    """The codes of languages of two letters that Babel knows."""
    return frozenset(code for code in map(str, Locale("en").languages) if len(code) == 2)
