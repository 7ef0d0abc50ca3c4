"""Before a draft is open: the drafts one can come back to, and the button that begins a new one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engine.operations.drafts import DraftRow
from pages.ui import empty_state, formats, t
from pages.ui.operation_words import plain
from pages.ui.wizard_state import begin, discard, open_draft


def draw_start(drafts: Sequence[DraftRow]) -> None:
    """The list of drafts, or what this page is for."""
    if not drafts:
        empty_state(
            t("No message is being written"),
            t("Choose a channel, narrow the audience, fill a template, look at anybody's message, then send."),
            icon=":material/send:",
        )
        with st.container(horizontal_alignment="center"):
            _new_button()
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{t('Drafts')}**", width="content")
        _new_button()
    for row in drafts:
        _draw_row(row)


def _new_button() -> None:
    label = t("New bulk message")
    st.button(label, type="primary", icon=":material/add:", key="bulk_message.new", on_click=begin)


def _draw_row(row: DraftRow) -> None:
    line = st.container(border=True, horizontal=True, vertical_alignment="center", gap="small")
    with line:
        name = plain(row.name or row.template_name or t("Bulk message without a name"))
        who = t("by {name}, changed {ago}", name=plain(row.created_by), ago=formats.ago(row.updated_at))
        text = f"**{name}**  \n:small[:gray[{who}]]"
        if row.cause:
            text += "  \n" + t(":red[Its launch failed: {reason}]", reason=t(row.cause))
        st.markdown(text, width="stretch")
        st.button(
            t("Continue"),
            icon=":material/edit:",
            key=f"bulk_message.open.{row.operation_id}",
            on_click=open_draft,
            args=(row.operation_id,),
        )
        st.button(
            t("Throw away"),
            icon=":material/delete:",
            type="tertiary",
            key=f"bulk_message.discard.{row.operation_id}",
            on_click=discard,
            args=(row.operation_id,),
        )
