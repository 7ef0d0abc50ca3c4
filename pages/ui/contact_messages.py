"""The messages to one person: which operation, what became of it, and exactly what they saw."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import streamlit as st

from engine.operations.history import LeftOut, Message, events_of, rendered
from engine.operations.states import DELIVERY_STATE_LABELS
from pages.ui import empty_state, formats, t
from pages.ui.contact_state import Key
from pages.ui.contact_words import code_words, state_badge
from pages.ui.i18n import nt
from pages.ui.operation_words import plain, reason
from pages.ui.phone_preview import phone_preview
from pages.ui.services import warehouse

PAGE_ROWS = 15


def draw_messages(contact_id: int, messages: Sequence[Message], left_out: Sequence[LeftOut]) -> None:
    """A page of messages, and the chosen one as the phone shows it."""
    if not messages and not left_out:
        empty_state(
            t("No message yet"),
            t("Each message to this person will be here, with what became of it and what it said."),
            icon=":material/chat:",
        )  # fmt: skip
        return
    if messages:
        left, right = st.columns([1.75, 1], gap="medium")
        with left:
            chosen = _draw_table(contact_id, messages)
        with right:
            _draw_message(contact_id, chosen)
    if left_out:
        _draw_left_out(left_out)


def _draw_table(contact_id: int, messages: Sequence[Message]) -> Message:
    pages, key = -(-len(messages) // PAGE_ROWS), Key.MESSAGES_PAGE.of(contact_id)
    page = min(int(st.session_state.get(key) or 1), pages)
    shown = messages[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    column = st.column_config.TextColumn
    chosen = st.dataframe(
        _rows(shown),
        key=Key.MESSAGES.of(contact_id, page),
        hide_index=True,
        row_height=34,
        height=len(shown) * 34 + 42,
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [0], "columns": [], "cells": []}},
        column_config={
            "name": column(t("Operation"), width="medium"),
            "state": column(t("State"), width="small"),
            "time": column(t("Last news")),
            "why": column(t("Reason"), width="medium"),
        },
        placeholder="–",
        alt=t("Messages to this person, page {page} of {pages}", page=page, pages=pages),
    )
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(nt("{count} message", "{count} messages", len(messages)), width="content")
        if pages > 1:
            st.pagination(pages, key=key, max_visible_pages=5)
    rows = chosen["selection"]["rows"]
    return shown[rows[0] if rows and rows[0] < len(shown) else 0]


def _rows(messages: Sequence[Message]) -> pl.DataFrame:
    rows = [
        {
            "name": each.name,
            "state": t(DELIVERY_STATE_LABELS[each.state]),
            "time": formats.moment(each.last_news_at),
            "why": code_words(each.code) if each.code else None,
        }
        for each in messages
    ]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("name", "state", "time", "why"), pl.String))
    return frame if frame["why"].count() else frame.drop("why")


def _draw_message(contact_id: int, message: Message) -> None:
    cursor = warehouse().cursor()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button(f"**{plain(message.name)}**", type="tertiary", key="contact.operation"):
            st.switch_page("pages/operations.py", query_params={"operation": message.operation_id})
        st.markdown(state_badge(message.state), width="content")
    st.caption(f"{plain(message.template_name)} / {message.template_language}")
    shown = rendered(cursor, message)
    if shown is None:
        st.caption(t("The frozen audience of this operation is gone, so its text can't be shown."))
    else:
        phone_preview(shown, key=f"contact.preview.{contact_id}", at=message.accepted_at)
    events = events_of(cursor, message)
    tries = len({each.attempt for each in events}) > 1
    lines = [
        f"{formats.moment(each.happened_at)} · {t(DELIVERY_STATE_LABELS[each.state])}"
        + (f" · {code_words(each.code)}" if each.code else "")
        + (f" · {t('attempt {number}', number=each.attempt)}" if tries else "")
        for each in events
    ]
    if message.answered_at:
        lines.append(f"{formats.moment(message.answered_at)} · {t('answered')}")
    st.caption("  \n".join(lines) or t("Nothing has been heard of it yet."))


def _draw_left_out(left_out: Sequence[LeftOut]) -> None:
    st.subheader(t("Left out of"), anchor=False)
    rows = [
        {"name": each.name, "reason": reason(each.reason, {}), "time": formats.moment(each.launched_at)}
        for each in left_out
    ]
    column = st.column_config.TextColumn
    st.dataframe(
        pl.DataFrame(rows),
        hide_index=True,
        height=min(len(rows), 8) * 35 + 38,
        column_config={
            "name": column(t("Operation")), "reason": column(t("Reason")), "time": column(t("Launched")),
        },
    )  # fmt: skip
