"""What stands beside the fields: lists, service windows, imports."""

from __future__ import annotations

import streamlit as st

from engine.clock import utc_now
from engine.contacts.editing import put_in_list, take_out_of_list
from engine.contacts.profile import Profile
from engine.errors import UlakError
from engine.segments import create_list, list_lists
from pages.ui import formats, t, who
from pages.ui.contact_state import Key, say_problem
from pages.ui.contact_words import WHAT_LABELS
from pages.ui.operation_words import plain
from pages.ui.services import warehouse


def draw_lists(profile: Profile) -> None:
    """The lists the person is in; in and out of one."""
    st.subheader(t("Lists"), anchor=False)
    if not profile.lists:
        st.caption(t("In no list."))
    for each in profile.lists:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            archived = f" ({t('archived')})" if each.is_archived else ""
            st.markdown(
                f"{plain(each.name)}{archived} :small[:gray[{t('since {day}', day=formats.day(each.added_at))}]]",
                width="content",
            )
            st.button(
                t("Take out"), icon=":material/close:", type="tertiary", key=f"contact.unlist.{each.list_id}",
                on_click=_take_out, args=(profile.contact_id, each.list_id),
            )  # fmt: skip
    held = {each.list_id for each in profile.lists}
    others = {each.name: each.list_id for each in list_lists(warehouse().cursor()) if each.list_id not in held}
    st.selectbox(
        t("Put into a list"), list(others), index=None, key=Key.LIST, accept_new_options=True,
        placeholder=t("Choose a list, or type a new name"), label_visibility="collapsed", on_change=_put_in,
        args=(profile.contact_id, others),
    )  # fmt: skip


def _put_in(contact_id: int, others: dict[str, str]) -> None:
    name = " ".join(str(st.session_state.get(Key.LIST) or "").split())
    st.session_state[Key.LIST] = None
    if not name:
        return
    try:
        list_id = others.get(name) or create_list(warehouse(), name, who=who(), now=utc_now())
        put_in_list(warehouse(), contact_id, list_id, who=who(), now=utc_now())
    except UlakError as problem:
        say_problem(problem)
    else:
        st.toast(t("Put into {name}", name=plain(name)), icon=":material/playlist_add_check:")


def _take_out(contact_id: int, list_id: str) -> None:
    try:
        take_out_of_list(warehouse(), contact_id, list_id, who=who(), now=utc_now())
    except UlakError as problem:
        say_problem(problem)


def draw_windows(profile: Profile) -> None:
    """Until when the person may be answered freely, by channel."""
    st.subheader(t("Service windows"), anchor=False)
    windows = profile.open_windows(utc_now())
    if not windows:
        st.caption(t("None is open. One opens for 24 hours when they write to us."))
    for each in windows:
        st.markdown(f":green[:material/forum:] {plain(each.channel_name)}")
        st.caption(t("open until {moment}", moment=formats.moment(each.expires_at)))


def draw_imports(profile: Profile) -> None:
    """The files the person came in."""
    st.subheader(t("Imports"), anchor=False)
    if not profile.imports:
        st.caption(t("Came in no file."))
    for each in profile.imports:
        undone = f" · {t('undone since')}" if each.is_undone else ""
        st.markdown(plain(each.file_name))
        st.caption(
            t("{what}, {day} by {name}", what=t(WHAT_LABELS[each.what]), day=formats.day(each.happened_at),
              name=plain(each.by_whom)) + undone
        )  # fmt: skip
