"""The people who are suppressed: found by name or number, a page of entries at a time, each with its way out."""

from __future__ import annotations

import hashlib

import polars as pl
import streamlit as st

from engine.clock import utc_now
from engine.operations.suppression_export import csv_lines
from engine.operations.suppression_people import Counts, Standing, Suppression, entries_of
from engine.operations.suppressions import REASON_LABELS, SCOPE_LABELS
from engine.segments import load_context
from engine.warehouse import audit
from pages.ui import empty_state, formats
from pages.ui.i18n import nt, t
from pages.ui.services import settings, warehouse
from pages.ui.shell import who
from pages.ui.suppression_dialogs import draw_lift

PAGE_SIZE = 50
SEARCH, SORT = "suppressions.search", "suppressions.sort"


def standing() -> Standing:
    """The entries of this store, now."""
    cursor = warehouse().cursor()
    context = load_context(cursor, now=utc_now(), zone=settings().zone)
    return Standing(cursor, context, warehouse().salt, settings().default_region)


def draw_list(found: Standing) -> None:
    """Count, search, table, pager."""
    everybody = found.counts()
    if not everybody.entries:
        empty_state(
            t("Nobody is suppressed"),
            t("Whoever writes a stop word, presses opt-out or is added here gets no more messages."),
            icon=":material/block:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            t("Find"), key=SEARCH, placeholder=t("Name, part of a contact's number, or any whole number"),
            icon=":material/search:", label_visibility="collapsed", type="search", width=420,
        )  # fmt: skip
        st.space("stretch")
        st.download_button(
            t("Export"), lambda: _export(found), "suppressions.csv", "text/csv", type="tertiary",
            icon=":material/download:", key="suppressions.export",
            help=t("CSV. Of who is no contact the number isn't known here, only the key a send knows them by."),
        )  # fmt: skip
    counts = found.counts(search) if search.strip() else everybody
    st.caption(_count_line(counts, everybody))
    if counts.entries:
        _draw_page(found, search, counts)
    else:
        st.caption(t("Nobody of that name or number is suppressed."))


def _count_line(counts: Counts, everybody: Counts) -> str:
    said = nt("**{count}** person is suppressed", "**{count}** people are suppressed", everybody.people)
    if counts is everybody:
        return said + "."
    return said + nt(", {count} of them is found.", ", {count} of them are found.", counts.people)


def _draw_page(found: Standing, search: str, counts: Counts) -> None:
    pages = max(1, -(-counts.entries // PAGE_SIZE))
    mark = hashlib.blake2b(search.encode(), digest_size=6).hexdigest()
    page = min(int(st.session_state.get(f"suppressions.page.{mark}") or 1), pages)
    rows = found.page(search, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    shown = hashlib.blake2b(repr([(row.person, row.scope, row.reason) for row in rows]).encode(), digest_size=6)
    event = st.dataframe(
        _frame(rows), hide_index=True, row_height=34, height=min(len(rows), 14) * 34 + 38, placeholder="–",
        selection_mode="single-row", on_select="rerun", key=f"suppressions.table.{mark}.{page}.{shown.hexdigest()}",
        alt=t("Who is suppressed, page {page} of {pages}", page=page, pages=pages),
    )  # fmt: skip
    chosen = event["selection"]["rows"]
    with st.container(horizontal=True, vertical_alignment="center"):
        if chosen and chosen[0] < len(rows):
            _draw_chosen(found, rows[chosen[0]])
        else:
            st.caption(t("Select a row to lift it."), width="stretch")
        if pages > 1:
            st.pagination(pages, key=f"suppressions.page.{mark}", max_visible_pages=5)


def _draw_chosen(found: Standing, row: Suppression) -> None:
    st.caption(f"**{_name(row)}**", width="content")
    if row.contact_id is not None:
        st.page_link(
            "pages/contact.py", label=t("Open contact"), icon=":material/person:",
            query_params={"id": str(row.contact_id)}, width="content",
        )  # fmt: skip
    if st.button(t("Lift"), icon=":material/lock_open:", key="suppressions.lift"):
        st.dialog(t("Lift the suppression of {name}", name=_name(row)))(draw_lift)(
            entries_of(found.cursor, row.person)
        )
    st.space("stretch")


def _name(row: Suppression) -> str:
    return row.full_name or (formats.phone(row.phone) if row.phone else row.user_id or row.person.hex()[:8])


def _frame(rows: tuple[Suppression, ...]) -> pl.DataFrame:
    """The rows as text in the session's language."""
    state = {True: t("waits for Redis"), False: t("in force")}
    columns = {
        t("Name"): [row.full_name or (None if row.contact_id else t("Not a contact")) for row in rows],
        t("Phone or id"): [
            formats.phone(row.phone) if row.phone else row.user_id or row.person.hex()[:8] for row in rows
        ],
        t("Scope"): [t(SCOPE_LABELS[row.scope]) for row in rows],
        t("Reason"): [t(REASON_LABELS.get(row.reason, row.reason)) for row in rows],
        t("Since"): [formats.moment(row.happened_at) for row in rows],
        t("By"): [row.by_whom for row in rows],
        t("State"): [state[row.is_pending] for row in rows],
    }
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _export(found: Standing) -> bytes:
    """The whole list, and the row of the audit that says who took it."""
    with warehouse().writing() as cursor:
        audit(cursor, who=who(), verb="exported", subject=("suppressions", "all"), now=utc_now())
    fresh = Standing(warehouse().cursor(), found.context, found.salt, found.region)
    return b"".join(csv_lines(fresh))
