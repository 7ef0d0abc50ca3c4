"""The frame of the steps: which one, back and on, and what a step needs from those before it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.channels.provider import Channel
from engine.errors import InputError, StateError
from engine.operations.drafts import Draft
from engine.operations.launch_checks import check_channel, check_message
from engine.templates import Template
from pages.ui import t
from pages.ui.services import warehouse
from pages.ui.wizard_launch import draw_launch, draw_trouble, launch_trouble
from pages.ui.wizard_preflight import Verdicts, verdicts
from pages.ui.wizard_preview import draw_recipient_preview
from pages.ui.wizard_review import draw_left_out, draw_plan
from pages.ui.wizard_state import STEPS, Key, Step, go, step_labels, step_of
from pages.ui.wizard_when import draw_when


def draw_stepper(operation_id: str, draft: Draft) -> DeltaGenerator:
    """All steps in a row; any can be gone to. Returns the place beside them, for back and on."""
    labels = step_labels()
    key = Key.STEP.of(operation_id)
    st.session_state[key] = step_of(draft).value
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.segmented_control(
        t("Step"),
        [step.value for step in STEPS],
        format_func=lambda step: f"{STEPS.index(Step(step)) + 1}  {labels[Step(step)]}",
        key=key,
        required=True,
        label_visibility="collapsed",
        on_change=lambda: go(operation_id, st.session_state[key]),
    )
    return right.container(horizontal=True, horizontal_alignment="right")


def draw_navigation(operation_id: str, step: Step, *, ready: bool) -> None:
    """Back, and on to the next step."""
    place = STEPS.index(step)
    if place > 0:
        draw_back(operation_id, step)
    st.button(
        t("Continue"),
        type="primary",
        key="bulk_message.continue",
        disabled=not ready,
        on_click=go,
        args=(operation_id, STEPS[place + 1]),
    )


def draw_back(operation_id: str, step: Step) -> None:
    """One step back."""
    before = STEPS[STEPS.index(step) - 1]
    st.button(t("Back"), key="bulk_message.back_step", on_click=go, args=(operation_id, before))


def with_channel(operation_id: str, draft: Draft, draw: Callable[[Channel], None]) -> None:
    """Draw what needs a channel, or say that one must be chosen first."""
    try:
        channel = check_channel(warehouse().cursor(), draft)
    except (InputError, StateError) as problem:
        draw_trouble(problem)
        _go_there(operation_id, Step.CHANNEL, t("Choose the channel"))
        return
    draw(channel)


def with_verdicts(operation_id: str, draft: Draft, draw: Callable[[Channel, Template, Verdicts], None]) -> None:
    """Draw what needs a whole message, judged for everybody; or say what is missing."""
    try:
        channel, template = check_message(warehouse().cursor(), draft)
    except (InputError, StateError) as problem:
        draw_trouble(problem)
        _go_there(operation_id, Step.MESSAGE, t("Go to the message"))
        return
    with st.spinner(t("Looking at everybody …"), show_time=False):
        found = verdicts(draft, template)
    draw(channel, template, found)


def draw_when_step(operation_id: str, draft: Draft) -> None:
    """When, with its consequences."""
    with_verdicts(operation_id, draft, lambda channel, template, found: draw_when(operation_id, channel, found))


def draw_review_step(operation_id: str, draft: Draft, place: DeltaGenerator) -> None:
    """The plan on the left, the messages on the right, the launch in its place."""

    def draw(channel: Channel, template: Template, found: Verdicts) -> None:
        trouble = launch_trouble(channel, found)
        with place:
            draw_back(operation_id, Step.REVIEW)
            draw_launch(operation_id, draft, channel, found, is_ready=trouble is None)
        left, right = st.columns([3, 2], gap="large")
        with left:
            if trouble is not None:
                draw_trouble(trouble)
            draw_plan(draft, channel, template, found)
            draw_left_out(operation_id, draft, template, found)
        with right:
            draw_recipient_preview(operation_id, draft, template, found)

    with_verdicts(operation_id, draft, draw)


def _go_there(operation_id: str, step: Step, label: str) -> None:
    st.button(label, icon=":material/arrow_back:", key="bulk_message.go", on_click=go, args=(operation_id, step))
