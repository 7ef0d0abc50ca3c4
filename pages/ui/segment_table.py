"""The saved segments as rows: search, size with its line over time, sentence, usage. Sizes are those counted last."""

from __future__ import annotations

import time

import narwhals as nw
import polars as pl
import streamlit as st

from engine.clock import utc_now
from engine.errors import InvalidRule
from engine.segments import Audience, Context, SavedSegment, SegmentUse, compile_rule, list_segments, segment_uses
from engine.segments.folding import fold
from engine.segments.sizes import SizeCause, SizePoint, recent_sizes
from pages.ui import empty_state, formats
from pages.ui.audience_figures import figures
from pages.ui.audience_sizes import write_size
from pages.ui.i18n import nt, t
from pages.ui.segment_state import Key, open_one
from pages.ui.segment_words import said, use_words
from pages.ui.services import warehouse

COUNTING_SECONDS = 0.4
"""How long one run counts segments that were never counted, before it shows what it has."""
TALLEST = 640
Sizes = dict[str, tuple[SizePoint, ...]]


def draw_table(context: Context, *, archived: bool, search: str) -> None:
    """The rows that match the search; a click on one opens it."""
    cursor = warehouse().cursor()
    saved = list_segments(cursor, archived=archived)
    if not saved:
        _draw_empty(archived)
        return
    sizes, uses = recent_sizes(cursor), segment_uses(cursor)
    rows = [each for each in saved if _matches(each, context, search)]
    if not rows:
        empty_state(t("No segment matches"), t("Search looks at names, descriptions and sentences."),
                    icon=":material/search_off:")  # fmt: skip
        return
    missing = [] if archived else [each for each in rows if each.segment_id not in sizes and _fits(each, context)]
    counted = _count_missing(missing, context)
    frame = _frame(rows, context, sizes | counted, uses)
    key = (
        f"{Key.TABLE}.{archived}.{hash(tuple(each.segment_id for each in rows))}.{st.session_state.get(Key.DRAWN, 0)}"
    )
    event = st.dataframe(
        frame, hide_index=True, height=min(40 * len(rows) + 40, TALLEST), row_height=40, placeholder="–",
        on_select="rerun", selection_mode="single-row", key=key, alt=t("The saved segments"),
        column_config=_columns(),
    )  # fmt: skip
    chosen = event["selection"]["rows"]
    if chosen and chosen[0] < len(rows):
        open_one(rows[chosen[0]].segment_id)
        st.rerun()
    st.caption(nt("{count} segment. Select one to open it.", "{count} segments. Select one to open it.", len(rows)))
    if len(missing) > len(counted):
        words = nt("Counting {count} more …", "Counting {count} more …", len(missing) - len(counted))
        st.caption(f":material/hourglass: {words}")
        st.rerun()


def _draw_empty(archived: bool) -> None:
    if archived:
        st.caption(t("No segment is archived."))
        return
    empty_state(
        t("No saved segments yet"),
        t("Narrow people down in Audience and save the filter under a name. It then lives here: with its size over "
          "time, its versions and what uses it."),
        icon=":material/bookmark:",
    )  # fmt: skip
    with st.container(horizontal_alignment="center"):
        if st.button(t("Go to Audience"), type="primary", icon=":material/groups:", key="segments.begin"):
            st.switch_page("pages/audience.py", query_params={})


def _matches(saved: SavedSegment, context: Context, search: str) -> bool:
    wanted = fold(search.strip())
    if not wanted:
        return True
    return wanted in fold(" ".join((saved.name, saved.description, said(saved.segment, context, bold=False))))


def _frame(rows: list[SavedSegment], context: Context, sizes: Sizes, uses: dict[str, SegmentUse]) -> pl.DataFrame:
    points = [sizes.get(each.segment_id, ()) for each in rows]
    return pl.DataFrame(
        {
            "name": [each.name for each in rows],
            "size": [formats.number(each[-1].count) if each else None for each in points],
            "line": [[point.count for point in each] if len(each) > 1 else None for each in points],
            "sentence": [said(each.segment, context, bold=False) for each in rows],
            "use": [use_words(uses.get(each.segment_id, SegmentUse())) or None for each in rows],
            "counted": [formats.ago(each[-1].counted_at) if each else None for each in points],
            "changed": [f"{each.updated_by} · {formats.ago(each.updated_at)}" for each in rows],
        },
        schema_overrides={"line": pl.List(pl.Int64), "size": pl.String, "use": pl.String, "counted": pl.String},
    )


def _columns() -> dict[str, object]:
    text = st.column_config.TextColumn
    return {
        "name": text(t("Segment"), width="medium"),
        "size": text(t("People"), width="small", help=t("As counted last; opening a segment counts it.")),
        "line": st.column_config.AreaChartColumn(t("Over time"), width="small", y_min=0),
        "sentence": text(t("Who is in it"), width="large"),
        "use": text(t("Used"), width="medium"),
        "counted": text(t("Counted"), width="small"),
        "changed": text(t("Changed"), width="small"),
    }


def _count_missing(missing: list[SavedSegment], context: Context) -> Sizes:
    """Count segments that never were, as many as fit into a moment; they are written down beside the page."""
    found, until, sizes = figures(warehouse().cursor(), context), time.monotonic() + COUNTING_SECONDS, Sizes()
    for each in missing:
        if time.monotonic() > until:
            break
        count = found.count(Audience(segment=each.segment))  # kept: it isn't counted again in the next run
        write_size(each.segment_id, count)
        sizes[each.segment_id] = (SizePoint(count, utc_now(), SizeCause.SHOWN),)
    return sizes


def _fits(saved: SavedSegment, context: Context) -> bool:
    """It names nothing that is no more."""
    try:
        compile_rule(saved.segment, nw, context)
    except InvalidRule:
        return False
    return True
