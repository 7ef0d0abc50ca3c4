"""What the Segments page remembers, and the ways out of it: to the audience, and to a message."""

from __future__ import annotations

from enum import StrEnum

import streamlit as st

from engine.clock import utc_now
from engine.operations.drafts import create_draft
from engine.segments import Audience
from pages.ui.services import warehouse
from pages.ui.shell import who

PARAMETER = "id"


class Key(StrEnum):
    """Session state and widget keys of the page."""

    SEARCH = "segments.search"
    ARCHIVED = "segments.archived"
    TABLE = "segments.table"
    DRAWN = "segments.drawn"
    PART = "segments.part"
    MENU = "segments.menu"


def opened_id() -> str | None:
    """The segment that the address names."""
    return st.query_params.get(PARAMETER) or None


def open_one(segment_id: str) -> None:
    """Show one segment."""
    st.query_params[PARAMETER] = segment_id


def close_one() -> None:
    """Back to all of them, with no row selected."""
    st.query_params.pop(PARAMETER, None)
    st.session_state[Key.DRAWN] = st.session_state.get(Key.DRAWN, 0) + 1


def go_to_audience(segment_id: str) -> None:
    """Open it on the Audience page."""
    st.switch_page("pages/audience.py", query_params={"segment": segment_id})


def go_to_message(segment_id: str) -> None:
    """Begin a bulk message to it."""
    audience = Audience(segment_ids=(segment_id,))
    operation_id = create_draft(warehouse(), who=who(), now=utc_now(), audience=audience)
    st.switch_page("pages/bulk_message.py", query_params={"operation": operation_id})
