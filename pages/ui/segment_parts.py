"""The parts under a saved segment: its sizes over time, what uses it, its versions, its JSON."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import altair as alt
import polars as pl
import streamlit as st
from babel.numbers import get_group_symbol

from engine.clock import utc_now
from engine.errors import ChangedMeanwhile, InvalidRule
from engine.operations.states import OPERATION_STATE_LABELS
from engine.segments import Context, SavedSegment, list_sizes, list_versions, load_context, save_segment
from engine.segments.sizes import SizePoint
from engine.segments.usage import Place, places_of
from engine.segments.versions import SegmentVersion
from pages.ui import formats, language
from pages.ui.audience_words import plain
from pages.ui.i18n import t
from pages.ui.segment_state import open_one
from pages.ui.segment_words import CAUSES, said
from pages.ui.services import settings, warehouse
from pages.ui.shell import show_error, who

MOST_PLACES, MOST_VERSIONS = 50, 50


def draw_sizes(saved: SavedSegment) -> None:
    """The line of its sizes; with one point there is no line yet."""
    points = list_sizes(warehouse().cursor(), saved.segment_id)
    if len(points) < 2:
        st.caption(
            t("Its size is written down every day and whenever it is used. A line begins with the second one.")
        )
        return
    st.altair_chart(_chart(points), width="stretch")
    first, last = points[0], points[-1]
    words = {"first": formats.number(first.count), "day": formats.day(first.counted_at)}
    st.caption(t("From {first} on {day} to {last} now.", last=formats.number(last.count), **words))


def _chart(points: tuple[SizePoint, ...]) -> alt.LayerChart:
    zone = settings().zone
    frame = pl.DataFrame(
        {
            "at": [each.counted_at.astimezone(zone).replace(tzinfo=None) for each in points],
            "count": [each.count for each in points],
            "people": [formats.number(each.count) for each in points],
            "moment": [formats.moment(each.counted_at) for each in points],
            "why": [t(CAUSES.get(each.cause, each.cause)) for each in points],
        }
    )
    separator = json.dumps(get_group_symbol(language()))
    numbers = alt.Axis(labelExpr=f"replace(format(datum.value, ',d'), regexp(',', 'g'), {separator})", tickMinStep=1)
    is_short = points[-1].counted_at - points[0].counted_at < timedelta(days=2)
    pattern, say = ("%Y-%m-%d %H:%M", formats.clock) if is_short else ("%Y-%m-%d", formats.day)
    labels = json.dumps({f"{each.counted_at.astimezone(zone):{pattern}}": say(each.counted_at) for each in points})
    moments = alt.Axis(labelExpr=f"{labels}[timeFormat(datum.value, '{pattern}')] || ''", grid=False,
                       values=_places(frame["at"].to_list()), labelOverlap="parity", labelFlush=True)  # fmt: skip
    base = alt.Chart(frame).encode(
        x=alt.X("at:T", title=None, axis=moments),
        y=alt.Y("count:Q", title=None, axis=numbers, scale=alt.Scale(zero=True)),
        tooltip=[alt.Tooltip("people:N", title=t("People")), alt.Tooltip("moment:N", title=t("When")),
                 alt.Tooltip("why:N", title=t("Counted"))],
    )  # fmt: skip
    line = base.mark_line(interpolate="step-after", strokeWidth=2)
    return (line + base.mark_point(filled=True, size=40)).properties(height=240)


def _places(moments: list[datetime]) -> list[dict[str, int]]:
    """Where the axis says a moment: at a few of the points, so that no day is said that wasn't counted."""
    step = max(1, len(moments) // 6)
    return [
        {"year": each.year, "month": each.month, "date": each.day, "hours": each.hour, "minutes": each.minute}
        for each in moments[::step]
    ]


def draw_use(saved: SavedSegment) -> None:
    """Each thing that uses it, with a way there."""
    places = places_of(warehouse().cursor(), saved.segment_id)
    if not places:
        st.caption(t("Nothing uses it yet: no operation, no draft, no other segment."))
    for each in places[:MOST_PLACES]:
        _draw_place(each)
    if len(places) > MOST_PLACES:
        st.caption(t("… and {count} more.", count=formats.number(len(places) - MOST_PLACES)))


def _draw_place(place: Place) -> None:
    name = plain(place.name) or t("without a name")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if place.kind == "segment":
            st.button(name, icon=":material/bookmark:", type="tertiary", key=f"segments.use.{place.id}",
                      on_click=open_one, args=(place.id,))  # fmt: skip
            st.caption(t("a segment built on it"))
            return
        is_draft = place.kind == "draft"
        page = "pages/bulk_message.py" if is_draft else "pages/operations.py"
        st.page_link(page, label=name, icon=":material/edit:" if is_draft else ":material/send:",
                     query_params={"operation": place.id})  # fmt: skip
        labels = {str(state): label for state, label in OPERATION_STATE_LABELS.items()}
        st.caption(t("a draft") if is_draft else t(labels.get(place.state, place.state)))


def draw_versions(saved: SavedSegment, context: Context) -> None:
    """What it was, the newest first; an older one can be brought back, which makes one more version."""
    versions = list_versions(warehouse().cursor(), saved.segment_id)
    for each in versions[:MOST_VERSIONS]:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            words = {"number": each.version, "who": plain(each.by_whom), "moment": formats.moment(each.happened_at)}
            head = t("Version {number} · {who} · {moment}", **words)
            name = f"**{plain(each.name)}**: " if each.name != saved.name else ""
            st.markdown(f":small[:gray[{head}]]  \n{name}{said(each.segment, context)}", width="stretch")
            if each.version == saved.version:
                st.badge(t("as it is now"), color="green")
            elif saved.archived_at is None and each.segment != saved.segment:
                st.button(t("Bring this one back"), icon=":material/history:", key=f"segments.back.{each.version}",
                          on_click=_bring_back, args=(saved, each))  # fmt: skip


def _bring_back(saved: SavedSegment, version: SegmentVersion) -> None:
    cursor = warehouse().cursor()
    context = load_context(cursor, now=utc_now(), zone=settings().zone)
    try:
        save_segment(
            warehouse(), saved.name, version.segment, who=who(), context=context, segment_id=saved.segment_id,
            edition=saved.edition,
        )  # fmt: skip
        st.toast(t("Version {number} is back, as a new version.", number=version.version), icon=":material/history:")
    except (ChangedMeanwhile, InvalidRule) as problem:
        show_error(problem)


def draw_json(saved: SavedSegment) -> None:
    """What the command line and REST take; to copy, or as a file."""
    text = json.dumps(saved.segment.model_dump(mode="json"), ensure_ascii=False, indent=2)
    st.caption(
        t("`ulak segments save`, `ulak send --segment` and REST take this. The name and id are not part of it.")
    )
    st.code(text, language="json", height=320 if text.count("\n") > 14 else "content")
    st.download_button(
        t("Download"), text, file_name=f"{saved.segment_id}.json", mime="application/json",
        icon=":material/download:", key="segments.json", on_click="ignore",
    )  # fmt: skip
