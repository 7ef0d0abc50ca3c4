"""Compares whom the page shows with a saved segment or a list: in both, only here, only there, each to be opened."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from engine.segments import (
    AllOf,
    Audience,
    Comparison,
    Context,
    Overlap,
    Rule,
    SavedSegment,
    Segment,
    compare,
    list_lists,
)
from engine.segments.rules import LIST_FIELD, SEGMENT_FIELD
from pages.ui import formats
from pages.ui.audience_overlap import draw_overlap
from pages.ui.audience_state import Key, View, show_segment
from pages.ui.i18n import t
from pages.ui.services import warehouse
from pages.ui.shell import guarded

Other = tuple[str, str]
"""`@segment` or `@list`, and its id."""


def draw_compare(view: View, saved: Mapping[str, SavedSegment], context: Context) -> None:
    """The dialog's content: whom to compare with, the figure, the three parts."""
    names = choices(saved)
    if not names:
        st.caption(t("Save a segment or make a list first; then these people can be compared with it."))
        return
    other = st.selectbox(
        t("Compare with"), list(names), index=None, key=Key.COMPARED, placeholder=t("A segment or a list"),
        format_func=lambda each: names[each],
    )  # fmt: skip
    if other is None:
        return
    with guarded():
        _draw_comparison(view, saved, other, names[other], context)


def choices(saved: Mapping[str, SavedSegment]) -> dict[Other, str]:
    """What one can compare with: saved segments, then lists."""
    segments = {(SEGMENT_FIELD, each.segment_id): each.name for each in saved.values()}
    lists = list_lists(warehouse().cursor())
    return segments | {
        (LIST_FIELD, each.list_id): t("List: {name}", name=each.name) for each in lists if not each.archived_at
    }


def _draw_comparison(
    view: View, saved: Mapping[str, SavedSegment], other: Other, name: str, context: Context
) -> None:
    here, own = opened_unchanged(view, saved), t("These people")
    overlap = compare(warehouse().cursor(), view.everybody, audience_of(other), context)
    first = here.name if here else own
    draw_overlap(overlap, (first, name), _words(overlap, first, name))
    parts = parts_of(view.filtered, other, here)
    labels = {"both": t("In both"), "here": t("Only in “{name}”", name=first),
              "there": t("Only in “{name}”", name=name)}  # fmt: skip
    counts = {"both": overlap.both, "here": overlap.only_first, "there": overlap.only_second}
    total = sum(counts.values())
    for key, label in labels.items():
        share = formats.percent(counts[key] / total) if total else "–"
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            st.markdown(label, width="stretch")
            st.markdown(f"**{formats.number(counts[key])}** :gray[:small[{share}]]", width="content")
            _draw_open(key, parts[key], counts[key])
    if parts["there"] is None:
        st.caption(t("To open those who are only there, save these people as a segment first."))


def _draw_open(key: str, part: Segment | None, count: int) -> None:
    label = t("Open")
    if st.button(
        label, key=f"audience.compare.{key}", type="tertiary", icon=":material/open_in_new:",
        disabled=part is None or not count, on_click=show_segment, args=(part or Segment(),),
    ):  # fmt: skip
        st.rerun()


def opened_unchanged(view: View, saved: Mapping[str, SavedSegment]) -> SavedSegment | None:
    """The saved segment that the page shows as it was saved."""
    opened = saved.get(st.session_state.get(Key.OPENED) or "")
    return opened if opened is not None and opened.segment == view.filtered else None


def audience_of(other: Other) -> Audience:
    """Everybody of the segment or list."""
    field, member = other
    return Audience(segment_ids=(member,)) if field == SEGMENT_FIELD else Audience(list_ids=(member,))


def parts_of(here: Segment, other: Other, saved: SavedSegment | None) -> dict[str, Segment | None]:
    """The three parts as segments of their own; a saved one is referred to by its name, so it stays what it is then.

    Those who are only there can be told only if what is here has a name: None otherwise.
    """
    field, member = other
    inside, outside = (Comparison(field=field, operator=each, value=member) for each in ("in", "not_in"))
    if saved is None:
        return {"both": _and(here, inside), "here": _and(here, outside), "there": None}
    own_in, own_out = (
        Comparison(field=SEGMENT_FIELD, operator=each, value=saved.segment_id) for each in ("in", "not_in")
    )
    return {
        "both": _and(Segment(), own_in, inside),
        "here": _and(Segment(), own_in, outside),
        "there": _and(Segment(), inside, own_out),
    }


def _and(segment: Segment, *more: Comparison) -> Segment:
    own = segment.rule
    parts: tuple[Rule, ...] = () if own is None else own.rules if isinstance(own, AllOf) else (own,)
    return segment.with_rule(AllOf(rules=(*parts, *more)))


def _words(overlap: Overlap, first: str, second: str) -> str:
    return t(
        "{both} in both, {here} only in {first}, {there} only in {second}", both=formats.number(overlap.both),
        here=formats.number(overlap.only_first), there=formats.number(overlap.only_second), first=first,
        second=second,
    )  # fmt: skip
