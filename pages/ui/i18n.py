"""The one gettext function. A message's id is its English text; catalogues lie in `locale/<language>/<area>.po`.

`python -m pages.ui.messages` collects every marked text and brings the catalogues up to date; a test says when one
is incomplete. Values are filled in by `str.format`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st
from babel.messages.pofile import read_po

from engine.settings import current_settings

LANGUAGES = {"en": "English", "tr": "Türkçe"}
LANGUAGE_KEY = "shell.language"
LANGUAGE_COOKIE = "ulak_language"
LOCALE_FOLDER = Path(__file__).parent / "locale"


def language() -> str:
    """The language of this session: chosen, else remembered by the browser, else the setting."""
    chosen = st.session_state.get(LANGUAGE_KEY) or cookie(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else current_settings().language


def cookie(name: str) -> str:
    """What this browser remembers under a name; empty if nothing, or if there is no browser."""
    value = st.context.cookies.get(name, "")
    return value if isinstance(value, str) else ""


def t(text: str, /, **values: Any) -> str:
    """The text in the session's language, with `{names}` filled in."""
    translated = catalogue(language()).get(text, text)
    return translated.format(**values) if values else translated


def nt(one: str, many: str, count: int, /, **values: Any) -> str:
    """`one` or `many` by `count`, in the session's language; `{count}` is the formatted number."""
    from pages.ui.formats import number

    forms = plurals(language()).get((one, many), (one, many))
    chosen = forms[0] if count == 1 else forms[-1]
    return chosen.format(count=number(count), **values)


@lru_cache(maxsize=8)
def catalogue(code: str) -> dict[str, str]:
    """English text -> text, of one language; an untranslated text is absent."""
    return {id_: text for id_, text in _messages(code) if isinstance(id_, str) and isinstance(text, str) and text}


@lru_cache(maxsize=8)
def plurals(code: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """(one, many) in English -> the forms of one language."""
    return {
        (id_[0], id_[1]): tuple(text)
        for id_, text in _messages(code)
        if isinstance(id_, tuple) and isinstance(text, tuple) and all(text)
    }


def _messages(code: str) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for path in sorted((LOCALE_FOLDER / code).glob("*.po")):
        with path.open("rb") as file:
            found += [(message.id, message.string) for message in read_po(file, locale=code) if message.id]
    return found
