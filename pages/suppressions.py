"""Suppressions: who gets no messages, since when and why; adding, lifting, importing, the list as a file."""

from __future__ import annotations

import streamlit as st

from pages.ui import header, t
from pages.ui.suppression_dialogs import draw_add_one, draw_import
from pages.ui.suppression_table import draw_list, standing


def draw() -> None:
    """Draw the page: what holds, the ways to add, then the people."""
    head, actions = st.columns([1.3, 1], vertical_alignment="bottom")
    with head:
        header(
            t("Suppressions"),
            t("Who gets no messages, whatever a segment says. It holds at once, also for what is queued."),
        )
    with actions, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        if st.button(t("Import numbers"), icon=":material/upload_file:"):
            st.dialog(t("Import numbers"), width="medium")(draw_import)()
        if st.button(t("Suppress a person"), icon=":material/block:", type="primary"):
            st.dialog(t("Suppress a person"))(draw_add_one)()
    draw_list(standing())


draw()
