"""Bulk message: the way from a channel to a launched operation, as a draft that can be left and taken up again."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.errors import InvalidTransition, NotFound
from engine.operations.drafts import Draft, list_drafts, load_draft
from pages.ui import guarded, header, t
from pages.ui.operation_words import plain
from pages.ui.services import warehouse
from pages.ui.wizard_audience import draw_audience
from pages.ui.wizard_channel import draw_channel
from pages.ui.wizard_message import draw_message
from pages.ui.wizard_start import draw_start
from pages.ui.wizard_state import STEPS, Step, draft_id, draw_problem, leave, step_of
from pages.ui.wizard_steps import draw_navigation, draw_review_step, draw_stepper, draw_when_step, with_channel


def draw() -> None:
    """The drafts, or the one that the address names."""
    operation_id = draft_id()
    if operation_id is None:
        header(t("Bulk message"), t("One template message to many people. A draft is kept at every step."))
        draw_problem()
        draw_start(list_drafts(warehouse().cursor()))
        return
    try:
        draft = load_draft(warehouse().cursor(), operation_id)
    except InvalidTransition:
        st.switch_page("pages/operations.py", query_params={"operation": operation_id})
    except NotFound:
        leave()
        st.rerun()
    st.button(t("All drafts"), icon=":material/arrow_back:", type="tertiary", key="bulk_message.back", on_click=leave)
    header(
        plain(draft.name) or t("New bulk message"), t("The draft is kept as you go; leave and come back any time.")
    )
    draw_problem()
    place = draw_stepper(operation_id, draft)
    with guarded():
        _draw_step(operation_id, draft, place)


def _draw_step(operation_id: str, draft: Draft, place: DeltaGenerator) -> None:
    step = step_of(draft)
    if step is Step.CHANNEL:
        draft = draw_channel(operation_id, draft)
    elif step is Step.AUDIENCE:
        draw_audience(operation_id, draft)
    elif step is Step.MESSAGE:
        with_channel(operation_id, draft, lambda channel: draw_message(operation_id, draft, channel))
    elif step is Step.WHEN:
        draw_when_step(operation_id, draft)
    else:
        draw_review_step(operation_id, draft, place)
    if step is not STEPS[-1]:
        with place:
            draw_navigation(operation_id, step, ready=draft.channel_id is not None)


draw()
