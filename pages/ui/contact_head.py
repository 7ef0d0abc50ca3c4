"""The top of the contact page: who it is, what may be sent, figures, and what one can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from engine.clock import utc_now
from engine.contacts.model import ORIGIN_LABELS
from engine.contacts.profile import Profile
from engine.operations.drafts import create_draft
from engine.operations.history import Message, counted
from engine.segments import Audience, Selection
from pages.ui import formats, header, t, who
from pages.ui.contact_erase import ERASE
from pages.ui.contact_export import draw_export
from pages.ui.contact_state import Key, ask
from pages.ui.contact_words import consent_badge, name_of, suppression_badge
from pages.ui.operation_words import plain
from pages.ui.services import warehouse


def draw_head(profile: Profile, messages: Sequence[Message], *, is_suppressed: bool) -> None:
    """Name, badges, one line of context; the actions at the right."""
    left, right = st.columns([2.2, 1], vertical_alignment="top")
    with left:
        badges = [consent_badge(profile.consent)] + ([suppression_badge()] if is_suppressed else [])
        header(f"{plain(name_of(profile))} {' '.join(badges)}", " · ".join(_facts(profile)))
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        with st.popover(t("More"), icon=":material/more_horiz:"):
            draw_export(profile)
            st.button(
                t("Delete this person…"), icon=":material/delete_forever:", type="tertiary", key="contact.delete",
                on_click=ask, args=(ERASE, profile.contact_id),
            )  # fmt: skip
        is_editing = st.session_state.get(Key.EDITING) == profile.contact_id
        kind: Literal["primary", "secondary"] = "secondary" if is_editing else "primary"
        if st.button(t("Send a message"), icon=":material/send:", type=kind, key="contact.send"):
            _send(profile)
    _draw_figures(profile, messages)


def _facts(profile: Profile) -> list[str]:
    phone = formats.phone(profile.phone) if profile.phone else ""
    if phone and profile.phone_valid is False:
        phone += f" ({t('may not be valid')})"
    country, origin = profile.values.get("country"), profile.values.get("origin")
    facts = [
        plain(phone) if profile.name or not profile.phone else "",
        plain(profile.user_id or "") if not profile.phone else "",
        formats.country_name(country) if country else "",
        t("began by {origin}", origin=t(ORIGIN_LABELS.get(origin, origin))) if origin else "",
        t("added {day}", day=formats.day(profile.created_at)),
        t("changed {ago}", ago=formats.ago(profile.updated_at)),
    ]
    return [fact for fact in facts if fact]


def _draw_figures(profile: Profile, messages: Sequence[Message]) -> None:
    figures = counted(messages)
    with st.container(border=True), st.grid(6, min_column_width=110, gap="small"):
        st.metric(t("Messages"), formats.number(figures["messages"]))
        st.metric(t("Delivered"), formats.number(figures["delivered"]))
        st.metric(t("Read"), formats.number(figures["read"]))
        st.metric(t("Answered"), formats.number(figures["answered"]))
        st.metric(t("Failed"), formats.number(figures["failed"]))
        last = formats.ago(profile.last_message_at) if profile.last_message_at else "–"
        st.metric(t("Last wrote to us"), last)


def _send(profile: Profile) -> None:
    audience = Audience(selection=Selection.only(frozenset({profile.contact_id})))
    operation_id = create_draft(warehouse(), who=who(), now=utc_now(), audience=audience)
    st.switch_page("pages/bulk_message.py", query_params={"operation": operation_id})
