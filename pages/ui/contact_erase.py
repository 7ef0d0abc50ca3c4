"""Deleting a person: what goes, what stays, and the name typed before it happens."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engine.clock import utc_now
from engine.contacts.profile import Profile
from engine.errors import UlakError
from engine.operations.erasure import erase_contact
from engine.operations.history import Message
from pages.ui import t, who
from pages.ui.contact_state import ID_PARAMETER, Key, answered, is_asked, is_named
from pages.ui.contact_words import name_of
from pages.ui.i18n import nt
from pages.ui.operation_words import plain
from pages.ui.services import live_redis, settings, warehouse
from pages.ui.shell import sentence_of

ERASE = "erase"


def draw_question(profile: Profile, messages: Sequence[Message], *, is_suppressed: bool) -> None:
    """The dialog, when it was asked for."""
    if is_asked(ERASE, profile.contact_id):
        st.dialog(t("Delete this person?"), on_dismiss=answered)(_draw)(
            profile, messages, is_suppressed=is_suppressed
        )


def _draw(profile: Profile, messages: Sequence[Message], *, is_suppressed: bool) -> None:
    st.markdown(f"**{plain(name_of(profile))}**")
    st.markdown(t("**What goes:**") + "\n" + "\n".join(f"- {line}" for line in _going(profile, messages)))
    st.markdown(t("**What stays:**") + "\n" + "\n".join(f"- {line}" for line in _staying(is_suppressed)))
    st.caption(t("It can't be undone. The last bytes on disk go with the next purge, by itself each night when due."))
    typed = st.text_input(t("Type their name or number to confirm"), key="contact.erase_confirm")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(t("Keep them"), key="contact.keep"):
            answered()
            st.rerun()
        is_sure = is_named(profile, typed)
        if st.button(
            t("Delete for good"), type="primary", icon=":material/delete_forever:", key="contact.erase",
            disabled=not is_sure,
        ):  # fmt: skip
            _erase(profile.contact_id)


def _going(profile: Profile, messages: Sequence[Message]) -> list[str]:
    going = [
        t("name, number and every field, here and in every list"),
        t("the history of consent, imports and edits"),
    ]
    if messages:
        going.append(
            nt("their name, number and text in {count} message, sent or still waiting; nothing more is sent",
               "their name, number and text in {count} messages, sent or still waiting; nothing more is sent",
               len(messages))
        )  # fmt: skip
    return going


def _staying(is_suppressed: bool) -> list[str]:
    staying = [t("the sums of operations: what was sent stays counted, without a name")]
    if is_suppressed:
        staying.append(t("that this number wants no messages, under a key that can't be read back"))
    return staying


def _erase(contact_id: int) -> None:
    try:
        erase_contact(warehouse(), live_redis(), settings(), contact_id, who=who(), now=utc_now())
    except UlakError as problem:
        st.error(sentence_of(problem), icon=":material/error:")
        return
    answered()
    st.session_state[Key.GONE] = contact_id
    st.query_params[ID_PARAMETER] = str(contact_id)
    st.rerun()
