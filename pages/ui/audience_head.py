"""The top of the Audience page: how many, in which words, who of them can be messaged."""

from __future__ import annotations

from collections.abc import Callable

import redis
import streamlit as st

from engine.channels.store import list_channels
from engine.clock import now_ms
from engine.errors import UlakError
from engine.operations.limit import LimitNow, read_limit
from engine.segments import Context, Reach
from engine.segments.overview import NO_PHONE, OPTED_OUT, SUPPRESSED
from pages.ui import formats
from pages.ui.audience_state import View, start_over
from pages.ui.audience_words import sentence
from pages.ui.i18n import nt, t
from pages.ui.services import live_redis, warehouse


def draw_count(
    view: View, context: Context, count: int, total: int, draw_picker: Callable[[], None],
    draw_comparison: Callable[[], None],
) -> None:  # fmt: skip
    """The number and its share, what opens, compares or leaves a segment, and the segment as a sentence."""
    share = formats.percent(count / total if total else None)
    of_all = nt("of {count} contact", "of {count} contacts", total)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.markdown(f"# {formats.number(count)} :gray[:small[{of_all} · {share}]]", width="stretch")
        draw_picker()
        if st.button(
            t("Compare"), icon=":material/compare_arrows:", type="tertiary", key="audience.compare",
            help=t("How many of these are in another segment or list"),
        ):  # fmt: skip
            st.dialog(t("Compare with a segment or list"))(draw_comparison)()
        if not view.filtered.is_empty:
            st.button(
                t("Start over"), icon=":material/restart_alt:", type="tertiary", on_click=start_over,
                key="audience.start_over",
            )  # fmt: skip
    st.caption(sentence(view.filtered, context))


def draw_reach(reach: Reach) -> None:
    """Who can be messaged, why the others can't, and what the messaging limit leaves today."""
    limit = limit_now()
    with st.container(border=True), st.grid(5, min_column_width=100, gap="small"):
        share = formats.percent(reach.messageable / reach.total) if reach.total else ""
        _figure(t("Can be messaged"), formats.number(reach.messageable), share)
        _figure(t("Opted out"), formats.number(reach.left_out[OPTED_OUT]))
        _figure(t("No phone"), formats.number(reach.left_out[NO_PHONE]))
        _figure(t("Suppressed"), formats.number(reach.left_out[SUPPRESSED]))
        left, of_limit = _limit_words(limit)
        _figure(t("Left in the limit"), left, of_limit)


def limit_now() -> LimitNow | None:
    """The messaging limit of the channel that was set up first, or None when there is none or Redis is away."""
    channels = list_channels(warehouse().cursor())
    if not channels:
        return None
    try:
        return read_limit(live_redis(), channels[0].portfolio_id, now_ms())
    except (UlakError, redis.RedisError):
        return None


def _limit_words(limit: LimitNow | None) -> tuple[str, str]:
    if limit is None:
        return "–", t("not known now")
    if limit.limit is None:
        return t("unlimited"), ""
    return formats.number(limit.left), t("of {count} in 24 h", count=formats.number(limit.limit))


def _figure(label: str, value: str, note: str = "") -> None:
    st.metric(label, value, delta=note or None, delta_color="off", delta_arrow="off")
