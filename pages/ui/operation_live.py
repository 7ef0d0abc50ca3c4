"""The living part of an operation's page: progress, figures, funnel, course, failures. It only reads."""

from __future__ import annotations

import polars as pl
import streamlit as st

from engine.channels.errors_table import ACTION_LABELS, classify
from engine.clock import utc_now
from engine.operations.progress import Failure, answered_count, failures, fitting_step, pace, timeline
from engine.operations.recipients import left_out_reasons
from engine.operations.states import DELIVERY_STATE_LABELS, DeliveryState, OperationState
from engine.operations.store import Operation, get_operation
from pages.ui import formats, t
from pages.ui.operation_charts import draw_funnel, draw_timeline
from pages.ui.operation_sources import live_or_none, slot_labels
from pages.ui.operation_words import cause_sentence, progress_sentence, reason
from pages.ui.services import warehouse

LIVE_SECONDS = 1.5
MOST_STEPS_SHOWN = 240


def draw_live(operation: Operation) -> None:
    """Draw it, again every moment while the operation isn't final."""
    seconds = None if operation.is_final else LIVE_SECONDS
    st.fragment(_draw, run_every=seconds)(operation.operation_id, operation.state)


def _draw(operation_id: str, drawn_state: OperationState) -> None:
    cursor = warehouse().cursor()
    operation = get_operation(cursor, live_or_none(), operation_id)
    if operation.state != drawn_state:
        st.rerun(scope="app")
    _draw_progress(operation)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown(f"**{t('Funnel')}**")
        draw_funnel(_funnel(operation, answered_count(cursor, operation.operation_no)))
    with right:
        _draw_left_out(operation)
    _draw_course(operation)
    _draw_failures(operation, failures(cursor, operation.operation_no))


def _draw_progress(operation: Operation) -> None:
    per_second = 0.0
    if operation.state is OperationState.RUNNING:
        per_second = pace(warehouse().cursor(), operation, utc_now())
    st.markdown(progress_sentence(operation, per_second))
    st.progress(operation.progress_ratio)
    if sentence := cause_sentence(operation):
        show = st.error if operation.state is OperationState.HALTED else st.info
        show(sentence, icon=":material/info:")
    if not operation.is_live and not operation.is_final:
        st.caption(t("Live figures can't be read just now; these are the last ones recorded."))
    figures = [
        (t("Accepted"), operation.accepted_count),
        (t("Delivered"), operation.delivered_count),
        (t("Read"), operation.read_count),
        (t("Failed"), operation.failed_count),
    ]
    for column, (label, count) in zip(st.columns(len(figures)), figures, strict=True):
        share = count / operation.recipient_count if operation.recipient_count else 0
        column.metric(label, formats.number(count), formats.percent(share), delta_color="off", delta_arrow="off")
    others = [
        f"{t(DELIVERY_STATE_LABELS[state])} {formats.number(count)}"
        for state, count in sorted(operation.counts.items())
        if count and state not in (DeliveryState.DELIVERED, DeliveryState.READ, DeliveryState.FAILED)
    ]
    if others:
        st.caption(" · ".join(others))


def _funnel(operation: Operation, answered: int) -> list[tuple[str, int]]:
    return [
        (t("Audience"), operation.audience_count),
        (t("Recipients"), operation.recipient_count),
        (t("Accepted"), operation.accepted_count),
        (t("Delivered"), operation.delivered_count),
        (t("Read"), operation.read_count),
        (t("Answered"), answered),
    ]


def _draw_left_out(operation: Operation) -> None:
    st.markdown(f"**{t('Left out: {count}', count=formats.number(operation.left_out_count))}**")
    counted = left_out_reasons(warehouse().cursor(), operation.operation_no)
    if not counted:
        st.caption(t("Nobody of the audience was left out."))
        return
    labels = slot_labels(operation)
    frame = pl.DataFrame(
        {"reason": [reason(key, labels) for key in counted], "people": list(counted.values())},
        schema={"reason": pl.String, "people": pl.Int64},
    )
    st.dataframe(
        frame,
        column_config={
            "reason": st.column_config.TextColumn(t("Reason")),
            "people": st.column_config.ProgressColumn(
                t("People"), format="localized", min_value=0, max_value=max(counted.values())
            ),
        },
        hide_index=True,
    )


def _draw_course(operation: Operation) -> None:
    if operation.launched_at is None:
        return
    step = fitting_step(operation.launched_at, operation.completed_at or utc_now())
    steps = timeline(warehouse().cursor(), operation.operation_no, step_seconds=step)
    if steps:
        title = t("Per minute") if step == 60 else t("Every {time}", time=formats.duration(step))
        st.markdown(f"**{title}**")
        draw_timeline(steps[:MOST_STEPS_SHOWN], step)


def _draw_failures(operation: Operation, found: list[Failure]) -> None:
    st.markdown(f"**{t('Failures: {count}', count=formats.number(operation.failed_count))}**")
    if not found:
        st.caption(t("No message has failed."))
        return
    rules = [classify(failure.code) for failure in found]
    frame = pl.DataFrame(
        {
            "code": [str(failure.code) for failure in found],
            "meaning": [t(rule.meaning) for rule in rules],
            "does": [t(ACTION_LABELS[rule.action]) for rule in rules],
            "state": [t(DELIVERY_STATE_LABELS[failure.state]) for failure in found],
            "people": [formats.number(failure.count) for failure in found],
        }
    )
    st.dataframe(
        frame,
        column_config={
            "code": st.column_config.TextColumn(t("Code")),
            "meaning": st.column_config.TextColumn(t("What it means")),
            "does": st.column_config.TextColumn(t("What Ulak does")),
            "state": st.column_config.TextColumn(t("State")),
            "people": st.column_config.TextColumn(t("People")),
        },
        hide_index=True,
    )
