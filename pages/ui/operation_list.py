"""The list of operations: a line each, with its progress and what came of it."""

from __future__ import annotations

import streamlit as st

from engine.operations.store import Operation, count_operations, list_operations
from pages.ui import empty_state, formats, t
from pages.ui.operation_sources import channel_names, live_or_none
from pages.ui.operation_words import context_line, operation_name, plain, progress_sentence, state_badge
from pages.ui.services import warehouse

PAGE_OPERATIONS = 15
LIVE_SECONDS = 2.0
PAGE_KEY = "operations.page"


def draw_list() -> None:
    """The page of operations, or what to do when there are none."""
    total = count_operations(warehouse().cursor())
    if total == 0:
        empty_state(
            t("No bulk message was launched yet"),
            t("Each one will be listed here, with its progress and what became of every recipient."),
            icon=":material/monitoring:",
        )
        with st.container(horizontal_alignment="center"):
            st.page_link("pages/bulk_message.py", label=t("Write a bulk message"), icon=":material/send:")
        return
    pages = -(-total // PAGE_OPERATIONS)
    page = 1
    slot = st.container()
    if pages > 1:
        page = st.pagination(pages, key=PAGE_KEY)
    with slot:
        shown = _operations(page)
        live = any(not each.is_final for each in shown)
        st.fragment(_draw_page, run_every=LIVE_SECONDS if live else None)(page)


def _operations(page: int) -> list[Operation]:
    cursor = warehouse().cursor()
    return list_operations(cursor, live_or_none(), limit=PAGE_OPERATIONS, offset=(page - 1) * PAGE_OPERATIONS)


def _draw_page(page: int) -> None:
    names = channel_names()
    for operation in _operations(page):
        draw_line(operation, names.get(operation.channel_id, operation.channel_id))


def draw_line(operation: Operation, channel_name: str) -> None:
    """One operation as a line: its name and state, how far it is, what came of it."""
    with st.container(border=True, gap="small"):
        left, right = st.columns([3, 2], vertical_alignment="center", gap="medium")
        with left:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                name, key = f"**{plain(operation_name(operation))}**", f"operations.open.{operation.operation_id}"
                if st.button(name, key=key, type="tertiary"):
                    st.switch_page("pages/operations.py", query_params={"operation": operation.operation_id})
                st.markdown(state_badge(operation.state), width="content")
            st.caption(context_line(operation, channel_name))
        with right:
            st.progress(operation.progress_ratio, text=progress_sentence(operation, 0.0))
            st.caption(
                t(
                    "delivered {delivered} · read {read} · failed {failed}",
                    delivered=formats.number(operation.delivered_count),
                    read=formats.number(operation.read_count),
                    failed=formats.number(operation.failed_count),
                )
            )


def close_operation() -> None:
    """Back to the list."""
    st.query_params.pop("operation", None)
