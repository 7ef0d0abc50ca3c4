"""Who is at the screen: a local name, asked at the first visit and kept in a cookie of this browser.

It is no sign-in: it names the person in the audit table. The pages listen on loopback only until sign-in exists.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

import streamlit as st

from engine.clock import to_store, utc_now
from pages.ui.i18n import LANGUAGE_COOKIE, LANGUAGE_KEY, LANGUAGES, cookie, language, t
from pages.ui.services import warehouse
from pages.ui.shell import PERSON_COOKIE, PERSON_KEY

NAME_LIMIT = 60
REMEMBER_KEY = "shell.remember"

_remember = st.components.v2.component(
    "ulak_remember",
    html="<span hidden></span>",
    js="""
export default function (component) {
  for (const [name, value] of Object.entries(component.data || {})) {
    document.cookie = `${name}=${value}; path=/; max-age=31536000; SameSite=Strict`
  }
}
""",
)


def current_person() -> str | None:
    """The name chosen in this session, else the one this browser remembers, else None."""
    name = st.session_state.get(PERSON_KEY) or unquote(cookie(PERSON_COOKIE))
    return name.strip()[:NAME_LIMIT] or None


def remember(name: str, value: str) -> None:
    """Keep a value in this browser for a year (drawn at the end of the run by `draw_memory`)."""
    st.session_state.setdefault(REMEMBER_KEY, {})[name] = quote(value)


def draw_memory() -> None:
    """Hand what is to be remembered to the browser."""
    if pending := st.session_state.get(REMEMBER_KEY):
        _remember(data=dict(pending), key="shell.memory")


def choose_person(name: str) -> None:
    """Take the name for this session, remember it, and note a new person in the store."""
    name = " ".join(name.split())[:NAME_LIMIT]
    if not name:
        return
    st.session_state[PERSON_KEY] = name
    remember(PERSON_COOKIE, name)
    with warehouse().writing() as cursor:
        cursor.execute(
            "INSERT INTO people SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM people WHERE name = ?)",
            [name, language(), to_store(utc_now()), name],
        )


def known_people() -> list[str]:
    """The names used on this store before."""
    return [row[0] for row in warehouse().cursor().execute("SELECT name FROM people ORDER BY name").fetchall()]


def ask_for_person() -> None:
    """The first visit: a name, a language, and on."""
    left, middle, right = st.columns([1, 1.4, 1])
    del left, right
    with middle:
        st.space("large")
        st.title("Ulak", anchor=False)
        st.caption(t("Audiences and WhatsApp bulk messages, on your own machine."))
        language_switch(key="welcome.language")
        with st.form("welcome.form", border=True):
            name = st.text_input(
                t("Your name"), key="welcome.name", max_chars=NAME_LIMIT, placeholder=t("for example Elif")
            )
            st.caption(t("Everything you change is noted with this name. It stays in this browser."))
            if st.form_submit_button(t("Begin"), type="primary") and name.strip():
                choose_person(name)
                st.rerun()
        if people := known_people():
            st.caption(t("Worked here before:"))
            with st.container(horizontal=True):
                for known in people[:8]:
                    st.button(known, key=f"welcome.known.{known}", on_click=choose_person, args=(known,))


def language_switch(key: str) -> None:
    """English or Turkish; remembered by this browser."""

    def chosen() -> None:
        code = st.session_state[key]
        st.session_state[LANGUAGE_KEY] = code
        remember(LANGUAGE_COOKIE, code)

    st.segmented_control(
        t("Language"),
        list(LANGUAGES),
        default=language(),
        format_func=LANGUAGES.__getitem__,
        key=key,
        on_change=chosen,
        label_visibility="collapsed",
        required=True,
    )
