"""One contact, everything about them; without `?id=…`, finding somebody."""

from __future__ import annotations

import streamlit as st

from engine.contacts.profile import Profile, load_profile
from engine.errors import NotFound
from engine.operations.consenting import is_suppressed_now
from engine.operations.history import left_out_of, messages_to
from engine.operations.timeline import timeline_of
from pages.ui import empty_state, formats, guarded, t
from pages.ui.contact_consent import draw_consent
from pages.ui.contact_erase import draw_question
from pages.ui.contact_fields import draw_fields
from pages.ui.contact_head import draw_head
from pages.ui.contact_messages import draw_messages
from pages.ui.contact_search import draw_search
from pages.ui.contact_side import draw_imports, draw_lists, draw_windows
from pages.ui.contact_state import ID_PARAMETER, Key, live_or_none
from pages.ui.contact_timeline import draw_timeline
from pages.ui.services import warehouse

PROFILE, MESSAGES, TIMELINE = "profile", "messages", "timeline"


def draw() -> None:
    """The person the address names, or the search."""
    asked = st.query_params.get(ID_PARAMETER, "").strip()
    if not asked:
        with guarded():
            draw_search()
        return
    st.button(t("Find a person"), icon=":material/arrow_back:", type="tertiary", key="contact.back", on_click=_close)
    with guarded():
        try:
            profile = load_profile(warehouse().cursor(), _number(asked))
        except NotFound:
            _draw_nobody(asked)
            return
        _draw_contact(profile)


def _draw_contact(profile: Profile) -> None:
    cursor, contact_id = warehouse().cursor(), profile.contact_id
    messages, left_out = messages_to(cursor, contact_id), left_out_of(cursor, contact_id)
    is_suppressed = is_suppressed_now(live_or_none(), profile)
    draw_head(profile, messages, is_suppressed=is_suppressed)
    draw_question(profile, messages, is_suppressed=is_suppressed)
    if problem := st.session_state.pop(Key.SAID, None):
        st.error(problem, icon=":material/error:")
    views = {
        PROFILE: t("Profile"),
        MESSAGES: f"{t('Messages')} ({formats.number(len(messages))})",
        TIMELINE: t("Timeline"),
    }
    view = st.segmented_control(
        t("View"), list(views), default=PROFILE, format_func=views.__getitem__, key=Key.VIEW, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if view == MESSAGES:
        draw_messages(contact_id, messages, left_out)
    elif view == TIMELINE:
        draw_timeline(profile, timeline_of(cursor, profile, messages, left_out))
    else:
        _draw_profile(profile, is_suppressed=is_suppressed)


def _draw_profile(profile: Profile, *, is_suppressed: bool) -> None:
    left, right = st.columns([1.7, 1], gap="large")
    with left:
        draw_fields(profile)
    with right:
        draw_consent(profile, is_suppressed=is_suppressed)
        st.space("small")
        draw_lists(profile)
        st.space("small")
        draw_windows(profile)
        st.space("small")
        draw_imports(profile)


def _draw_nobody(asked: str) -> None:
    if str(st.session_state.get(Key.GONE)) == asked:
        empty_state(
            t("This person is gone"),
            t("They were deleted: from contacts, lists and operations. If they had opted out, they stay suppressed."),
            icon=":material/person_off:",
        )
        return
    empty_state(
        t("There is no such contact"),
        t("They may have been deleted, or the link is wrong."),
        icon=":material/person_off:",
    )


def _number(asked: str) -> int:
    """The id in the address; what is no number is nobody's."""
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 18 else -1


def _close() -> None:
    st.query_params.pop(ID_PARAMETER, None)


draw()
