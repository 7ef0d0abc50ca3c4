"""The frame around every page: who is here, the title, the empty and the error state."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from engine.errors import InputError, ProviderError, QueueUnavailable, StateError, StoreError, UlakError
from engine.words import N_
from pages.ui.formats import number
from pages.ui.i18n import t

PERSON_KEY = "shell.person"
PERSON_COOKIE = "ulak_person"

COUNTS = {"count", "left", "wanted"}

log = logging.getLogger("ulak.web")


def who() -> str:
    """The name of the person at the screen, for the audit table. `app.py` has asked for it before a page runs."""
    from pages.ui.profile import current_person

    return current_person() or "unnamed"


def header(title: str, line: str = "") -> None:
    """The page's title and one line of context under it."""
    st.title(title, anchor=False)
    if line:
        st.caption(line)


def empty_state(title: str, line: str, *, icon: str = ":material/inbox:") -> None:
    """What this page will show once there is something; the caller draws the button that starts it below."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown(f"### {icon}", width="content")
        st.markdown(f"**{title}**", width="content", text_alignment="center")
        st.caption(line, width=460, text_alignment="center")
        st.space("small")


@contextmanager
def guarded() -> Iterator[None]:
    """Turn an error of ours into a box that says what happened and what to do; the page goes on below it."""
    try:
        yield
    except UlakError as problem:
        show_error(problem)


def show_error(problem: UlakError) -> None:
    """Draw one error of ours: what happened, what to do, the technical part folded."""
    log.warning("shown to a person: %s", type(problem).__name__)
    st.error(f"**{t(_headline(problem))}**  \n{sentence_of(problem)}", icon=":material/error:")
    with st.expander(t("Technical details")):
        st.code(f"{type(problem).__name__}\n" + "\n".join(f"{key}: {value}" for key, value in problem.fields.items()))


def sentence_of(problem: UlakError) -> str:
    """The error's own sentence in the session's language; a reason the engine marked is translated too."""
    template = (type(problem).__doc__ or "").strip().splitlines()[0]
    fields = {
        name: t(value) if name == "reason" and isinstance(value, str) else value
        for name, value in problem.fields.items()
    }
    fields |= {name: number(fields[name]) for name in COUNTS & fields.keys()}
    try:
        return t(template).format(**fields)
    except (KeyError, IndexError):
        return problem.message


def _headline(problem: UlakError) -> str:
    if isinstance(problem, QueueUnavailable):
        return N_("Redis can't be reached. Nothing was changed; sending goes on when it is back.")
    if isinstance(problem, StoreError):
        return N_("The store can't be used just now. Nothing was changed.")
    if isinstance(problem, ProviderError):
        return N_("The provider refused. Nothing was changed.")
    if isinstance(problem, StateError):
        return N_("That is not possible now.")
    if isinstance(problem, InputError):
        return N_("That can't be used as it is.")
    return N_("Something went wrong. Nothing was changed.")
