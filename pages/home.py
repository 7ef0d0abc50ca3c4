"""Home: what runs now, what is left of the messaging limit, what came of the last messages, and how to begin."""

from __future__ import annotations

import streamlit as st

from engine.operations.drafts import list_drafts
from engine.operations.store import list_operations
from pages.ui import guarded, header, t
from pages.ui.home_parts import draw_drafts, draw_figures, draw_first_steps, draw_operations
from pages.ui.operation_sources import live_or_none
from pages.ui.services import warehouse

LIVE_SECONDS = 2.0
SHOWN_OPERATIONS = 20


def draw() -> None:
    """The figures, then what runs, what waits as a draft, what was sent last; or the first steps."""
    left, right = st.columns([3, 1], vertical_alignment="center")
    with left:
        header(t("Home"), t("What runs now, what is left today, what came of the last messages."))
    with guarded():
        cursor = warehouse().cursor()
        contact_count = int(cursor.execute("SELECT count(*) FROM contacts").fetchall()[0][0])
        operations = list_operations(cursor, live_or_none(), limit=SHOWN_OPERATIONS)
        if contact_count:
            with right, st.container(horizontal_alignment="right"):
                if st.button(t("New bulk message"), icon=":material/send:", type="primary"):
                    st.switch_page("pages/bulk_message.py", query_params={})
        live = any(not operation.is_final for operation in operations)
        st.fragment(_draw_live, run_every=LIVE_SECONDS if live else None)(contact_count)
        if drafts := list_drafts(cursor):
            draw_drafts(drafts)
        if not operations:
            draw_first_steps(cursor, contact_count)


def _draw_live(contact_count: int) -> None:
    with guarded():
        cursor = warehouse().cursor()
        operations = list_operations(cursor, live_or_none(), limit=SHOWN_OPERATIONS)
        draw_figures(cursor, contact_count, operations)
        draw_operations(operations)


draw()
