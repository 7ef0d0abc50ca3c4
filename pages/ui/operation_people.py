"""The people of an operation, a page at a time: recipients with what became of them, those left out with why."""

from __future__ import annotations

import hashlib

import polars as pl
import streamlit as st

from engine.clock import from_store
from engine.operations.recipients import PAGE_ROWS, left_out_page, left_out_reasons, recipients_page
from engine.operations.states import DELIVERY_STATE_LABELS, DeliveryState
from engine.operations.store import Operation
from pages.ui import formats, t
from pages.ui.contact_state import open_contact
from pages.ui.operation_sources import slot_labels
from pages.ui.operation_words import meaning, people, reason
from pages.ui.services import warehouse

VIEW_KEY, SEARCH_KEY, STATES_KEY, PAGE_KEY = (
    "operations.people",
    "operations.search",
    "operations.states",
    "operations.people_page",
)
REASON_KEY, LEFT_PAGE_KEY = "operations.reason", "operations.left_out_page"
RECIPIENTS, LEFT_OUT = "recipients", "left_out"
_TIMES = ("read_at", "delivered_at", "failed_at", "sent_at", "accepted_at")


def draw_people(operation: Operation) -> None:
    """Recipients or those left out; reruns by itself, without the page."""
    st.fragment(_draw)(operation)


def _draw(operation: Operation) -> None:
    views = {RECIPIENTS: t("Recipients"), LEFT_OUT: t("Left out")}
    view = st.segmented_control(
        t("People"),
        list(views),
        default=RECIPIENTS,
        format_func=views.__getitem__,
        key=VIEW_KEY,
        required=True,
        label_visibility="collapsed",
    )
    if view == LEFT_OUT:
        _draw_left_out(operation)
    else:
        _draw_recipients(operation)


def _draw_recipients(operation: Operation) -> None:
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    search = left.text_input(t("Name or phone"), key=SEARCH_KEY, placeholder=t("Search"), type="search")
    states = right.multiselect(
        t("State"),
        [state for state in DeliveryState if operation.counts.get(state)],
        key=STATES_KEY,
        format_func=lambda state: t(DELIVERY_STATE_LABELS[state]),
        placeholder=t("All states"),
    )
    page_slot = st.container()
    pager = _pager_key(PAGE_KEY, operation.operation_id, search, states)
    found = recipients_page(warehouse().cursor(), operation, states=states, search=search, offset=_offset(pager))
    with page_slot:
        if found.total == 0:
            st.caption(t("Nobody matches. Try another name, number or state."))
            return
        key = f"{pager}.open"
        st.dataframe(_recipient_rows(found.rows), hide_index=True, column_config=_recipient_columns(key))
        _follow(key, found.rows["contact_id"].to_list())
    _pages(found.total, pager, people(found.total))


def _recipient_rows(rows: pl.DataFrame) -> pl.DataFrame:
    shown = []
    for row in rows.iter_rows(named=True):
        times = [row[name] for name in _TIMES if row[name] is not None]
        shown.append(
            {
                "open": t("Open"),
                "name": row["name"] or "–",
                "phone": formats.phone(row["phone"]) if row["phone"] else row["user_id"] or "–",
                "state": t(DELIVERY_STATE_LABELS[DeliveryState(row["state"])]),
                "why": f"{row['code']} · {meaning(row['code'])}" if row["code"] else "",
                "time": formats.moment(from_store(max(times))) if times else "–",
                "attempt": str(row["attempt"] or "–"),
            }
        )
    return pl.DataFrame(shown)


def _follow(key: str, ids: list[int]) -> None:
    """Go to the contact whose row was opened."""
    if (click := st.session_state.get(key)) and click["row"] < len(ids):
        open_contact(ids[click["row"]])


def _recipient_columns(key: str) -> dict[str, object]:
    column = st.column_config.TextColumn
    return {
        "open": st.column_config.ButtonColumn("", type="tertiary", width="small", key=key),
        "name": column(t("Name")),
        "phone": column(t("Phone")),
        "state": column(t("State")),
        "why": column(t("Reason")),
        "time": column(t("Last news")),
        "attempt": column(t("Attempt")),
    }


def _draw_left_out(operation: Operation) -> None:
    cursor = warehouse().cursor()
    counted = left_out_reasons(cursor, operation.operation_no)
    if not counted:
        st.caption(t("Nobody of the audience was left out."))
        return
    labels = slot_labels(operation)
    chosen = st.selectbox(
        t("Reason"),
        [None, *counted],
        key=REASON_KEY,
        format_func=lambda key: t("All reasons") if key is None else reason(key, labels),
    )
    page_slot = st.container()
    pager = _pager_key(LEFT_PAGE_KEY, operation.operation_id, chosen)
    rows = left_out_page(cursor, operation.operation_no, reason=chosen, offset=_offset(pager))
    key = f"{pager}.open"
    shown = pl.DataFrame(
        {
            "open": [t("Open")] * rows.height,
            "name": [name or "–" for name in rows["name"]],
            "phone": [formats.phone(phone) for phone in rows["phone"]],
            "reason": [reason(key, labels) for key in rows["reason"]],
        }
    )
    with page_slot:
        st.dataframe(
            shown,
            hide_index=True,
            column_config={
                "open": st.column_config.ButtonColumn("", type="tertiary", width="small", key=key),
                "name": st.column_config.TextColumn(t("Name"), width="medium"),
                "phone": st.column_config.TextColumn(t("Phone"), width="medium"),
                "reason": st.column_config.TextColumn(t("Reason"), width="large"),
            },
        )
        _follow(key, rows["contact_id"].to_list())
    total = counted[chosen] if chosen else sum(counted.values())
    _pages(total, pager, people(total))


def _pager_key(key: str, *question: object) -> str:
    """Another question is another pager, which begins at page 1."""
    return f"{key}.{hashlib.blake2b(repr(question).encode(), digest_size=6).hexdigest()}"


def _offset(pager_key: str) -> int:
    return (int(st.session_state.get(pager_key) or 1) - 1) * PAGE_ROWS


def _pages(total: int, pager_key: str, caption: str) -> None:
    pages = -(-total // PAGE_ROWS)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(caption, width="content")
        if pages > 1:
            st.pagination(pages, key=pager_key)
