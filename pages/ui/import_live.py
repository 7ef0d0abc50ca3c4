"""Who in the file is in an operation that is not over: said before the import, with a way to pause first."""

from __future__ import annotations

import streamlit as st

from engine.clock import utc_now
from engine.contacts.planning import DryRun
from engine.errors import InvalidTransition, UlakError
from engine.operations.control import ALLOWED, control_operation
from engine.operations.live_overlap import LiveOverlap, live_overlap
from engine.operations.states import OPERATION_STATE_LABELS
from pages.ui import formats, nt, t, who
from pages.ui.import_state import Key
from pages.ui.import_words import plain
from pages.ui.services import live_redis, warehouse


def draw_live(plan: DryRun) -> None:
    """Draw the operations that have people of this file; nothing when there are none."""
    found = live_overlap(warehouse(), plan.staged_path)
    if not found:
        return
    with st.container(border=True, gap="xsmall"):
        st.markdown(f":material/bolt: **{_sentence(found)}**")
        st.caption(
            t(
                "Their messages were frozen when the operation began: this import doesn't change them. An opt-out in "
                "the file does reach them."
            )
        )
        for each in found:
            _draw_operation(each)


def _sentence(found: tuple[LiveOverlap, ...]) -> str:
    if len(found) == 1:
        return nt(
            "{count} person of the file is in an operation that is not over",
            "{count} people of the file are in an operation that is not over",
            found[0].count,
        )
    return t(
        "People of the file are in {operations} operations that are not over", operations=formats.number(len(found))
    )


def _draw_operation(each: LiveOverlap) -> None:
    name, state, count, button = st.columns([4, 2, 2, 2], vertical_alignment="center")
    name.markdown(plain(each.name))
    state.caption(t(OPERATION_STATE_LABELS[each.state]))
    count.caption(nt("{count} person", "{count} people", each.count))
    if each.state in ALLOWED["pause"]:
        button.button(
            t("Pause"),
            icon=":material/pause:",
            key=f"import.pause.{each.operation_id}",
            on_click=_pause,
            args=(each.operation_id,),
            help=t("Nothing more of it is posted within a second. You resume it on the Operations page."),
        )


def _pause(operation_id: str) -> None:
    try:
        control_operation(warehouse(), live_redis(), operation_id, "pause", who=who(), now=utc_now())
    except InvalidTransition as problem:  # it went on while the page was read
        st.toast(t("It is {state} already.", state=problem.state), icon=":material/info:")
    except UlakError as problem:
        st.session_state[Key.PROBLEM] = problem
    else:
        st.toast(t("Paused."), icon=":material/pause:")
