"""Pause, resume and cancel: the buttons that a state allows, and the question before what can't be undone."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from engine.clock import utc_now
from engine.errors import InvalidTransition, UlakError
from engine.operations.control import ALLOWED, Verb, control_operation
from engine.operations.states import OPERATION_STATE_LABELS, OperationState
from engine.operations.store import Operation
from pages.ui import formats, t, who
from pages.ui.operation_words import operation_name, plain
from pages.ui.services import live_redis, warehouse
from pages.ui.shell import show_error

ASKED_KEY = "operations.cancel_asked"
PROBLEM_KEY = "operations.problem"
ICONS = {"pause": ":material/pause:", "resume": ":material/play_arrow:", "cancel": ":material/close:"}


def draw_actions(operation: Operation) -> None:
    """The buttons side by side; none when the operation is over."""
    labels = {"pause": t("Pause"), "resume": t("Resume"), "cancel": t("Cancel")}
    for verb in get_args(Verb):
        if operation.state not in ALLOWED[verb]:
            continue
        act = _ask_cancel if verb == "cancel" else _control
        arguments = (operation.operation_id,) if verb == "cancel" else (operation.operation_id, verb)
        st.button(labels[verb], icon=ICONS[verb], key=f"operations.{verb}", on_click=act, args=arguments)


def draw_question(operation: Operation) -> None:
    """What went wrong with the last button, and the question before a cancel."""
    if problem := st.session_state.pop(PROBLEM_KEY, None):
        show_error(problem)
    if st.session_state.get(ASKED_KEY) == operation.operation_id:
        st.dialog(t("Cancel this operation?"), on_dismiss=_forget)(_draw_cancel)(operation)


def _draw_cancel(operation: Operation) -> None:
    st.markdown(f"**{plain(operation_name(operation))}**")
    st.markdown(
        t(
            "{open} of {all} people have not been sent the message yet. They will not get it, and this can't be "
            "undone. What is already sent stays sent.",
            open=formats.number(operation.open_count),
            all=formats.number(operation.recipient_count),
        )
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        kept = st.button(t("Keep it"), key="operations.keep", on_click=_forget)
        cancelled = st.button(
            t("Cancel the operation"),
            key="operations.cancel_confirmed",
            type="primary",
            icon=ICONS["cancel"],
            on_click=_control,
            args=(operation.operation_id, "cancel"),
        )
    if kept or cancelled:
        st.rerun()  # a dialog reruns by itself alone; the page behind it has to know


def _ask_cancel(operation_id: str) -> None:
    st.session_state[ASKED_KEY] = operation_id


def _forget() -> None:
    st.session_state.pop(ASKED_KEY, None)


def _control(operation_id: str, verb: Verb) -> None:
    _forget()
    try:
        control_operation(warehouse(), live_redis(), operation_id, verb, who=who(), now=utc_now())
    except InvalidTransition as problem:  # it went on while the page was read
        state = t(OPERATION_STATE_LABELS[OperationState(problem.state)])
        st.toast(t("It is {state} already.", state=state), icon=":material/info:")
    except UlakError as problem:
        st.session_state[PROBLEM_KEY] = problem
