"""The charts of an operation: the funnel from audience to answer, and its course by the minute."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import altair as alt
import polars as pl
import streamlit as st
from babel.dates import format_time
from babel.numbers import get_group_symbol

from engine.operations.progress import Step
from pages.ui import formats, language, t
from pages.ui.services import settings

BAR_HEIGHT = 32
MOST_PLACES = 240
"""Steps that are drawn: what comes later (a message read days after) is in the figures above."""
SERIES = ("accepted", "delivered", "read", "failed")


def draw_funnel(steps: Sequence[tuple[str, int]]) -> None:
    """Bars in order, each with its figure; `steps` are (label, people)."""
    order = [label for label, _ in steps]
    frame = pl.DataFrame(
        {"step": order, "people": [n for _, n in steps], "figure": [formats.number(n) for _, n in steps]}
    )
    most = max((count for _, count in steps), default=1) or 1
    base = alt.Chart(frame).encode(
        y=alt.Y("step:N", sort=order, title=None, axis=alt.Axis(domain=False, ticks=False, labelLimit=160)),
        x=alt.X("people:Q", title=None, axis=None, scale=alt.Scale(domain=[0, most * 1.18])),
        tooltip=[alt.Tooltip("step:N", title=t("Step")), alt.Tooltip("figure:N", title=t("People"))],
    )
    bars = base.mark_bar(cornerRadiusEnd=3, size=18, opacity=0.6)
    figures = base.mark_text(align="left", dx=6, fontSize=13, color=ink()).encode(text="figure:N")
    st.altair_chart((bars + figures).properties(height=BAR_HEIGHT * len(steps)), width="stretch")


def ink() -> str:
    """The theme's text colour: a chart's own texts don't follow it."""
    return str(st.get_option(f"theme.{st.context.theme.type or 'light'}.textColor") or "gray")


def draw_timeline(steps: Sequence[Step], step_seconds: int) -> None:
    """Lines of what happened in each step of time, empty steps at nought."""
    labels = {"accepted": t("accepted"), "delivered": t("delivered"), "read": t("read"), "failed": t("failed")}
    first, length = steps[0].begins_at, timedelta(seconds=step_seconds)
    places = {round((step.begins_at - first) / length): step for step in steps}
    count = min(max(places) + 1, MOST_PLACES)
    clocks = [_clock(first + length * place, step_seconds) for place in range(count)]
    rows = [
        {"place": place, "time": clock, "series": labels[name], "count": n, "figure": formats.number(n)}
        for place, clock in enumerate(clocks)
        for name in SERIES
        for n in [getattr(places[place], name) if place in places else 0]
    ]
    x_labels = f"{json.dumps(clocks)}[datum.value]"
    x_axis = alt.Axis(labelExpr=x_labels, tickMinStep=1, grid=False, labelOverlap="parity")
    separator = json.dumps(get_group_symbol(language()))
    y_axis = alt.Axis(labelExpr=f"replace(format(datum.value, ',d'), regexp(',', 'g'), {separator})", tickMinStep=1)
    chart = (
        alt.Chart(pl.DataFrame(rows))
        .mark_line(interpolate="monotone", strokeWidth=2, point=len(clocks) < 4)
        .encode(
            x=alt.X("place:Q", title=None, axis=x_axis),
            y=alt.Y("count:Q", title=None, axis=y_axis),
            color=alt.Color("series:N", title=None, sort=list(labels.values()), legend=alt.Legend(orient="top")),
            tooltip=[
                alt.Tooltip("time:N", title=t("Time")),
                alt.Tooltip("series:N", title=t("What")),
                alt.Tooltip("figure:N", title=t("Messages")),
            ],
        )
    )
    st.altair_chart(chart.properties(height=220), width="stretch")


def _clock(moment: datetime, step_seconds: int) -> str:
    """The time of a step: with seconds, as a time, or as a day with its time."""
    zone = settings().zone
    if step_seconds < 60:
        return format_time(moment, format="medium", tzinfo=zone, locale=language())
    return formats.clock(moment) if step_seconds < 14_400 else formats.moment(moment)
