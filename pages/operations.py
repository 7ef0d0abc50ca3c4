"""Operations: every bulk message that was launched; with `?operation=…` one of them, live."""

from __future__ import annotations

import streamlit as st

from engine.errors import NotFound
from engine.operations.store import Operation, get_operation
from pages.ui import empty_state, guarded, header, t
from pages.ui.operation_actions import draw_actions, draw_question
from pages.ui.operation_list import close_operation, draw_list
from pages.ui.operation_live import draw_live
from pages.ui.operation_people import draw_people
from pages.ui.operation_sources import audience_sentence, channel_names, live_or_none
from pages.ui.operation_words import context_line, operation_name, plain, state_badge
from pages.ui.services import warehouse


def draw() -> None:
    """The list, or the operation that the address names."""
    operation_id = st.query_params.get("operation")
    if not operation_id:
        header(t("Operations"), t("Every bulk message that was launched, the newest first."))
        with guarded():
            draw_list()
        return
    st.button(
        t("All operations"),
        icon=":material/arrow_back:",
        type="tertiary",
        key="operations.back",
        on_click=close_operation,
    )
    with guarded():
        try:
            operation = get_operation(warehouse().cursor(), live_or_none(), operation_id)
        except NotFound:
            empty_state(t("There is no such operation"), t("It may be a draft that was never launched."))
            return
        _draw_operation(operation)


def _draw_operation(operation: Operation) -> None:
    names = channel_names()
    left, right = st.columns([3, 2], vertical_alignment="top")
    with left:
        header(
            f"{plain(operation_name(operation))} {state_badge(operation.state)}",
            context_line(operation, names.get(operation.channel_id, operation.channel_id)),
        )
        st.caption(t("Audience: {sentence}", sentence=audience_sentence(operation)))
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        draw_actions(operation)
    draw_question(operation)
    draw_live(operation)
    st.space("small")
    draw_people(operation)


draw()
