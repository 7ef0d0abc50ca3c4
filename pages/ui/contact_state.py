"""What the contact page remembers of a session, and how its parts reach the one contact they are about."""

from __future__ import annotations

from enum import StrEnum

import redis
import streamlit as st

from engine.contacts.profile import Profile
from engine.errors import QueueUnavailable, UlakError
from pages.ui.services import live_redis
from pages.ui.shell import sentence_of

ID_PARAMETER = "id"
PAGE_FILE = "pages/contact.py"


class Key(StrEnum):
    """Session state and widget keys of the page; `of` makes one for a contact."""

    SEARCH = "contact.search"
    VIEW = "contact.view"
    EDITING = "contact.editing"
    BASE = "contact.base"
    PROBLEMS = "contact.problems"
    FIELD = "contact.field"
    LIST = "contact.list"
    MESSAGES = "contact.messages"
    MESSAGES_PAGE = "contact.messages_page"
    TIMELINE_PAGE = "contact.timeline_page"
    GONE = "contact.gone"
    SAID = "contact.said"
    ASKED = "contact.asked"

    def of(self, contact_id: int, *more: object) -> str:
        """The key for one contact."""
        return ".".join([self.value, str(contact_id), *map(str, more)])


def live_or_none() -> redis.Redis | None:
    """A client for Redis, or None when no server is known."""
    try:
        return live_redis()
    except QueueUnavailable:
        return None


def open_contact(contact_id: int) -> None:
    """Show a contact, from anywhere; call it outside a callback."""
    st.switch_page(PAGE_FILE, query_params={ID_PARAMETER: str(contact_id)})


def is_named(profile: Profile, typed: str) -> bool:
    """What was typed names this person: their name, their number in any spelling, or their id if neither is known."""
    typed = " ".join(typed.split()).casefold()
    digits = "".join(letter for letter in typed if letter.isdigit()).lstrip("0")
    number = "".join(letter for letter in profile.phone or "" if letter.isdigit())
    is_number = len(digits) >= 7 and number.endswith(digits)
    is_name = bool(profile.name) and typed == " ".join(profile.name.split()).casefold()
    nameless = not profile.name and not profile.phone and typed == str(profile.contact_id)
    return bool(typed) and (is_number or is_name or nameless)


def ask(question: str, contact_id: int) -> None:
    """Open a dialog about a contact at the next run; it stays until it is answered or dismissed."""
    st.session_state[Key.ASKED] = (question, contact_id)


def is_asked(question: str, contact_id: int) -> bool:
    """Whether this dialog is open."""
    return st.session_state.get(Key.ASKED) == (question, contact_id)


def answered() -> None:
    """The dialog is over."""
    st.session_state.pop(Key.ASKED, None)


def say_problem(problem: UlakError) -> None:
    """Keep what went wrong in a callback, to be said where the page draws it."""
    st.session_state[Key.SAID] = sentence_of(problem)
