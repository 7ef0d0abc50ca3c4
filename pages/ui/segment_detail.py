"""One saved segment: whom it holds, how many now, what can be done with it, and the part that was asked for."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.clock import utc_now
from engine.errors import InvalidRule, UlakError
from engine.segments import Audience, Context, SavedSegment, SegmentUse, bring_back_segment, segment_uses
from pages.ui import formats, header
from pages.ui.audience_figures import figures
from pages.ui.audience_sizes import note_size
from pages.ui.audience_words import plain
from pages.ui.i18n import t
from pages.ui.segment_dialogs import draw_archive, draw_duplicate, draw_rename, draw_share
from pages.ui.segment_parts import draw_json, draw_sizes, draw_use, draw_versions
from pages.ui.segment_state import Key, close_one, go_to_audience, go_to_message
from pages.ui.segment_words import said
from pages.ui.services import warehouse
from pages.ui.shell import show_error, who


def draw_segment(saved: SavedSegment, context: Context) -> None:
    """Draw it."""
    st.button(
        t("All segments"), icon=":material/arrow_back:", type="tertiary", key="segments.back", on_click=close_one
    )
    left, right = st.columns([1, 1], vertical_alignment="top")
    with left:
        words = {"who": plain(saved.updated_by), "ago": formats.ago(saved.updated_at), "number": saved.version}
        header(plain(saved.name), t("Changed by {who} {ago} · version {number}", **words))
        if saved.description:
            st.markdown(plain(saved.description))
        st.markdown(said(saved.segment, context))
    use = segment_uses(warehouse().cursor()).get(saved.segment_id, SegmentUse())
    with right, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        _draw_actions(saved, context, use)
    _draw_count(saved, context)
    _draw_part(saved, context)


def _draw_count(saved: SavedSegment, context: Context) -> None:
    """How many it has now: counted here, and kept as a point of its line."""
    found = figures(warehouse().cursor(), context)
    try:
        count, total = found.count(Audience(segment=saved.segment)), found.count(Audience())
    except InvalidRule as problem:
        reason = t(str(problem.fields.get("problem", "")))
        st.error(t("This segment can't be counted: {reason}", reason=reason), icon=":material/error:")
        return
    if saved.archived_at is None:
        note_size(saved, count, context)
    share = formats.percent(count / total if total else None)
    words = t("people now · {share} of all {total}", share=share, total=formats.number(total))
    st.markdown(f"# {formats.number(count)} :gray[:small[{words}]]")


def _draw_actions(saved: SavedSegment, context: Context, use: SegmentUse) -> None:
    if saved.archived_at is not None:
        st.badge(t("archived"), icon=":material/archive:", color="gray")
        if st.button(t("Bring back"), type="primary", icon=":material/unarchive:", key="segments.restore"):
            _bring_back(saved)
        return
    entries: dict[str, tuple[str, str, Callable[[], None]]] = {
        "share": (t("Share by link"), "link", lambda: draw_share(saved)),
        "rename": (t("Rename and describe"), "edit", lambda: draw_rename(saved)),
        "duplicate": (t("Duplicate"), "content_copy", lambda: draw_duplicate(saved, context)),
        "archive": (t("Archive"), "archive", lambda: draw_archive(saved, use)),
    }
    chosen = st.menu_button(
        t("More"), list(entries), icon=":material/more_horiz:", key=Key.MENU,
        format_func=lambda each: f":material/{entries[each][1]}: {entries[each][0]}",
    )  # fmt: skip
    if st.button(t("Open in Audience"), icon=":material/groups:", key="segments.audience"):
        go_to_audience(saved.segment_id)
    if st.button(t("Send bulk message"), icon=":material/send:", type="primary", key="segments.message"):
        go_to_message(saved.segment_id)
    if chosen:
        label, _, draw = entries[chosen]
        st.dialog(label, width="medium")(draw)()


def _bring_back(saved: SavedSegment) -> None:
    try:
        bring_back_segment(warehouse(), saved.segment_id, who=who(), now=utc_now())
    except UlakError as problem:
        show_error(problem)
        return
    st.rerun()


def _draw_part(saved: SavedSegment, context: Context) -> None:
    parts = {
        "sizes": (t("Size over time"), lambda: draw_sizes(saved)),
        "use": (t("Used in"), lambda: draw_use(saved)),
        "versions": (t("Versions"), lambda: draw_versions(saved, context)),
        "json": (t("JSON"), lambda: draw_json(saved)),
    }
    part = st.segmented_control(
        t("What to see"), list(parts), default="sizes", format_func=lambda each: parts[each][0], key=Key.PART,
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    parts[part or "sizes"][1]()
