"""Segments: the saved filters with their sizes, versions and what uses them; with `?id=…` one of them."""

from __future__ import annotations

import streamlit as st

from engine.clock import utc_now
from engine.errors import NotFound
from engine.segments import get_segment, load_context
from pages.ui import empty_state, guarded, header, t
from pages.ui.segment_detail import draw_segment
from pages.ui.segment_state import Key, close_one, opened_id
from pages.ui.segment_table import draw_table
from pages.ui.services import settings, warehouse


def draw() -> None:
    """The list, or the segment that the address names."""
    cursor = warehouse().cursor()
    context = load_context(cursor, now=utc_now(), zone=settings().zone)
    segment_id = opened_id()
    with guarded():
        if segment_id is None:
            header(
                t("Segments"), t("Filters saved under a name: they follow the people, and can be sent to any time.")
            )
            archived, search = _draw_tools()
            draw_table(context, archived=archived, search=search)
            return
        try:
            saved = get_segment(cursor, segment_id)
        except NotFound:
            _draw_missing()
            return
        draw_segment(saved, context)


def _draw_tools() -> tuple[bool, str]:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        search = st.text_input(
            t("Search segments"), key=Key.SEARCH, placeholder=t("Name, description or what they look at"),
            label_visibility="collapsed", icon=":material/search:", width=360,
        )  # fmt: skip
        archived = st.toggle(t("Archived"), key=Key.ARCHIVED)
    return archived, search


def _draw_missing() -> None:
    empty_state(
        t("There is no such segment"), t("The link is old, was cut, or comes from another installation."),
        icon=":material/link_off:",
    )  # fmt: skip
    with st.container(horizontal_alignment="center"):
        st.button(t("All segments"), type="primary", key="segments.all", on_click=close_one)


draw()
