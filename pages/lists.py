"""Lists: fixed sets of people; their size, who made them, what uses them, and what can be done with them."""

from __future__ import annotations

import streamlit as st

from engine.segments import list_lists
from pages.ui import header, t
from pages.ui.list_table import draw_archived, draw_create, draw_lists
from pages.ui.services import warehouse


def draw() -> None:
    """Draw the page: the lists, and a new one."""
    cursor = warehouse().cursor()
    head, actions = st.columns([1.5, 1], vertical_alignment="bottom")
    with head:
        header(t("Lists"), t("Fixed sets of people. A list doesn't follow a segment: whoever is put in stays."))
    with actions, st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(t("New list"), icon=":material/playlist_add:", type="primary"):
            st.dialog(t("New list"))(draw_create)()
    draw_lists(cursor, list_lists(cursor))
    draw_archived(list_lists(cursor, archived=True))


draw()
