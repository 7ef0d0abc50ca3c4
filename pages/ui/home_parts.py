"""The parts of Home."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import streamlit as st

from engine.clock import now_ms
from engine.operations.drafts import DraftRow
from engine.operations.limit import list_portfolios, read_limit
from engine.operations.store import Operation
from pages.ui import formats, t
from pages.ui.operation_list import draw_line
from pages.ui.operation_sources import channel_names, live_or_none
from pages.ui.operation_words import plain

LAST_RESULTS = 5
SHOWN_DRAFTS = 6


def draw_figures(cursor: duckdb.DuckDBPyConnection, contact_count: int, operations: Sequence[Operation]) -> None:
    """Contacts, what is left of the messaging limit, what runs, what was delivered."""
    running = [operation for operation in operations if not operation.is_final]
    with st.container(border=True):
        columns = st.columns(4)
        columns[0].metric(t("Contacts"), formats.number(contact_count))
        columns[1].metric(
            t("Left in the messaging limit"), _left(cursor), help=t("People who can still be messaged now.")
        )
        columns[2].metric(t("Running now"), formats.number(len(running)))
        columns[3].metric(t("Waiting to be sent"), formats.number(sum(operation.open_count for operation in running)))


def draw_operations(operations: Sequence[Operation]) -> None:
    """What runs, then the last results."""
    running = [operation for operation in operations if not operation.is_final]
    ended = [operation for operation in operations if operation.is_final][:LAST_RESULTS]
    names = channel_names()
    for title, some in ((t("Running now"), running), (t("Last results"), ended)):
        if some:
            st.subheader(title, anchor=False)
            for operation in some:
                draw_line(operation, names.get(operation.channel_id, operation.channel_id))


def draw_drafts(drafts: Sequence[DraftRow]) -> None:
    """Bulk messages that were begun and not launched."""
    st.subheader(t("Drafts"), anchor=False)
    for draft in drafts[:SHOWN_DRAFTS]:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.page_link(
                "pages/bulk_message.py",
                label=f"**{plain(draft.name or draft.template_name or t('Bulk message without a name'))}**",
                query_params={"draft": draft.operation_id},
                icon=":material/edit_note:",
                width="stretch",
            )
            line = t("by {name}, changed {ago}", name=plain(draft.created_by), ago=formats.ago(draft.updated_at))
            st.caption(line, width="content")


def draw_first_steps(cursor: duckdb.DuckDBPyConnection, contact_count: int) -> None:
    """Three steps from nothing to the first message; those done are ticked."""
    template_count = int(cursor.execute("SELECT count(*) FROM templates").fetchall()[0][0])
    st.subheader(t("From nothing to the first message"), anchor=False)
    steps = (
        (
            bool(contact_count),
            "pages/import_contacts.py",
            t("Import contacts"),
            t("Drop a CSV, or take the 1,200 sample contacts. You see what becomes of each row first."),
        ),
        (
            bool(template_count),
            "pages/templates.py",
            t("Look at the templates"),
            t("Templates come from the channel. Fill their blanks from the fields of your contacts."),
        ),
        (
            False,
            "pages/bulk_message.py",
            t("Send a bulk message"),
            t("To the sandbox first: simulated people receive, read and answer. Nothing leaves this machine."),
        ),
    )
    columns = st.columns(3)
    for number, (column, (done, page, title, line)) in enumerate(zip(columns, steps, strict=True), start=1):
        with column, st.container(border=True, height="stretch"):
            mark = ":green[:material/check_circle:]" if done else f":gray[{number}]"
            st.markdown(f"{mark} **{title}**")
            st.caption(line)
            st.page_link(page, label=t("Open"), icon=":material/arrow_forward:")


def _left(cursor: duckdb.DuckDBPyConnection) -> str:
    """What all portfolios leave together; "unlimited" if one has no limit."""
    client = live_or_none()
    portfolios = list_portfolios(cursor)
    if client is None or not portfolios:
        return "–"
    lefts = [read_limit(client, portfolio.portfolio_id, now_ms()).left for portfolio in portfolios]
    known = [left for left in lefts if left is not None]
    return t("unlimited") if len(known) < len(lefts) else formats.number(sum(known))
