"""What the Bulk message page remembers: which draft, which step. The choices live in the draft, in the store."""

from __future__ import annotations

from enum import StrEnum

import streamlit as st

from engine.clock import utc_now
from engine.errors import UlakError
from engine.operations.drafts import Draft, create_draft, discard_draft, load_draft, save_draft
from pages.ui import t, who
from pages.ui.services import warehouse
from pages.ui.shell import show_error

PARAMETERS = ("draft", "operation")
"""Names under which an address may hold the draft's id."""


class Key(StrEnum):
    """Session state and widget keys of the page; a widget's key ends in the draft's id."""

    STEP = "bulk_message.step"
    NAME = "bulk_message.name"
    CHANNEL = "bulk_message.channel"
    TYPE = "bulk_message.type"
    SEGMENTS = "bulk_message.segments"
    LISTS = "bulk_message.lists"
    FACETS = "bulk_message.facets"
    CLICK = "bulk_message.click"
    TEMPLATE = "bulk_message.template"
    BINDING = "bulk_message.binding"
    HOLE = "bulk_message.hole"
    PREVIEW = "bulk_message.preview"
    PLACE = "bulk_message.place"
    JUMP = "bulk_message.jump"
    NOT_FOUND = "bulk_message.not_found"
    WHEN = "bulk_message.when"
    CONFIRM = "bulk_message.confirm"
    ASKED = "bulk_message.asked"
    PROBLEM = "bulk_message.problem"

    def of(self, operation_id: str) -> str:
        """The key for one draft."""
        return f"{self.value}.{operation_id}"


class Step(StrEnum):
    """The steps, in order."""

    CHANNEL = "channel"
    AUDIENCE = "audience"
    MESSAGE = "message"
    WHEN = "when"
    REVIEW = "review"


STEPS = tuple(Step)


def step_labels() -> dict[str, str]:
    """What the steps are called."""
    return {
        Step.CHANNEL: t("Channel and type"),
        Step.AUDIENCE: t("Custom filters"),
        Step.MESSAGE: t("Message"),
        Step.WHEN: t("When"),
        Step.REVIEW: t("Review"),
    }


def draft_id() -> str | None:
    """The draft that the address names."""
    return next((st.query_params[name] for name in PARAMETERS if st.query_params.get(name)), None)


def begin() -> None:
    """Begin a new draft and show it."""
    st.query_params[PARAMETERS[0]] = create_draft(warehouse(), who=who(), now=utc_now())


def open_draft(operation_id: str) -> None:
    """Show a draft."""
    st.query_params[PARAMETERS[0]] = operation_id


def leave() -> None:
    """Back to the drafts; this one stays as it is."""
    for name in PARAMETERS:
        st.query_params.pop(name, None)


def discard(operation_id: str) -> None:
    """Throw a draft away."""
    try:
        discard_draft(warehouse(), operation_id, who=who(), now=utc_now())
    except UlakError as problem:
        st.session_state[Key.PROBLEM] = problem
    leave()


def change(operation_id: str, **values: object) -> None:
    """Keep a change of the draft; what is wrong is shown at the next run."""
    try:
        draft = load_draft(warehouse().cursor(), operation_id)
        changed = draft.changed(**values)
        if changed != draft:
            save_draft(warehouse(), operation_id, changed, now=utc_now())
    except UlakError as problem:
        st.session_state[Key.PROBLEM] = problem


def go(operation_id: str, step: str) -> None:
    """Go to a step, and keep where the person is."""
    change(operation_id, step=step)


def step_of(draft: Draft) -> Step:
    """The step the person was in."""
    return Step(draft.step) if draft.step in STEPS else Step.CHANNEL


def draw_problem() -> None:
    """What went wrong in the last click, once."""
    if problem := st.session_state.pop(Key.PROBLEM, None):
        show_error(problem)
