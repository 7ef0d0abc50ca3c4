"""Putting people of an audience into a list, and taking them out: what the dialogs ask and say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from engine.clock import utc_now
from engine.errors import InputError, StateError
from engine.segments import (
    Audience,
    Context,
    add_to_list,
    count_audience,
    create_list,
    list_lists,
    remove_from_list,
)
from engine.words import N_
from pages.ui.i18n import nt, t
from pages.ui.services import warehouse
from pages.ui.shell import sentence_of, who


@contextmanager
def said() -> Iterator[None]:
    """Say in the dialog what is wrong with what was typed; the dialog stays open."""
    try:
        yield
    except (InputError, StateError) as problem:
        reason = str(problem.fields.get("problem") or problem.fields.get("reason", ""))
        st.error(t(reason) if reason else sentence_of(problem), icon=":material/error:")


def draw_add(audience: Audience, context: Context, people: int) -> None:
    """Add everybody of an audience to a list that is there, or to a new one."""
    st.caption(
        nt("**{count}** person is added. A list is fixed: it doesn't follow the segment later.",
           "**{count}** people are added. A list is fixed: it doesn't follow the segment later.", people)
    )  # fmt: skip
    chosen = st.selectbox(
        t("List"), [each.name for each in list_lists(warehouse().cursor())], index=None, accept_new_options=True,
        placeholder=t("Choose a list, or type a new name"), key="audience.list",
    )  # fmt: skip
    if st.button(t("Add"), type="primary", disabled=not (chosen or "").strip(), key="audience.list.add"):
        with said():
            added = add_people(chosen or "", audience, context, who=who())
            st.toast(
                nt("{count} person is new in “{name}”.", "{count} people are new in “{name}”.", added, name=chosen),
                icon=":material/playlist_add_check:",
            )
            st.rerun()


def add_people(name: str, audience: Audience, context: Context, *, who: str) -> int:
    """Put an audience into the list of that name, which is made if there is none; how many are new in it."""
    if not name.strip():
        raise InputError(reason=N_("a name of 1 to 80 characters is needed"))
    known = {each.name: each.list_id for each in list_lists(warehouse().cursor())}
    list_id = known.get(name) or create_list(warehouse(), name, who=who, now=utc_now())
    return add_to_list(warehouse(), list_id, audience, who=who, context=context)


def draw_remove(audience: Audience, context: Context, people: int) -> None:
    """Take everybody of an audience out of a list; how many are in it is said before."""
    cursor = warehouse().cursor()
    lists = {each.list_id: each for each in list_lists(cursor) if each.member_count}
    if not lists:
        st.caption(t("There is no list with anybody in it."))
        return
    chosen = st.selectbox(
        t("List"), list(lists), index=None, format_func=lambda each: lists[each].name,
        placeholder=t("Choose a list"), key="audience.list.from",
    )  # fmt: skip
    inside = 0
    if chosen:
        in_both = audience.model_copy(update={"list_ids": (*audience.list_ids, chosen)})
        inside = count_audience(cursor, in_both, context)
        st.caption(
            nt("**{count}** of these people is in it and is taken out.",
               "**{count}** of these people are in it and are taken out.", inside)
        )  # fmt: skip
    if st.button(t("Remove"), type="primary", disabled=not inside, key="audience.list.remove"):
        with said():
            removed = remove_from_list(warehouse(), chosen or "", audience, who=who(), context=context)
            words = {"name": lists[chosen or ""].name}
            st.toast(
                nt("{count} person was taken out of “{name}”.", "{count} people were taken out of “{name}”.", removed,
                   **words),
                icon=":material/playlist_remove:",
            )  # fmt: skip
            st.rerun()
