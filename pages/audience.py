"""Audience: who there is, narrowed by facets, rules and search; the count, the people, and what to do with them."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator as Place

from engine.clock import utc_now
from engine.errors import InvalidRule
from engine.segments import Audience, FacetCounts, SavedSegment, list_segments, load_context
from pages.ui import empty_state, formats, header, t
from pages.ui.audience_actions import draw_actions, draw_picker, open_from_address
from pages.ui.audience_charts import draw_charts
from pages.ui.audience_compare import draw_compare, opened_unchanged
from pages.ui.audience_figures import Figures, figures
from pages.ui.audience_head import draw_count, draw_reach
from pages.ui.audience_rules import draw_rules
from pages.ui.audience_sizes import note_size
from pages.ui.audience_state import FACET_KEYS, Key, View, current_view, start_over, take_chosen
from pages.ui.audience_table import draw_table, draw_tools, recall_columns
from pages.ui.facet_side import count_facets, draw_facets, read_facets
from pages.ui.services import settings, warehouse


def draw() -> None:
    """Draw the page: the count first, then the people, then what takes longer."""
    cursor = warehouse().cursor()
    saved = {each.segment_id: each for each in list_segments(cursor)}
    open_from_address(saved)
    context = load_context(cursor, now=utc_now(), zone=settings().zone)
    found = figures(cursor, context)
    total = found.count(Audience())
    if not total:
        _draw_empty()
        return
    head, actions = st.columns([1, 1.6], vertical_alignment="bottom")
    with head:
        header(t("Audience"), _line(saved))
    side, main = st.columns([1, 2.95], gap="medium")
    recall_columns(context)
    view = current_view()
    try:
        with main:
            _draw_main(view, found, saved, total, actions, side)
    except InvalidRule as problem:
        reason = t(str(problem.fields.get("problem", "")))
        st.error(t("This audience can't be counted: {reason}", reason=reason), icon=":material/error:")
        st.button(t("Start over"), icon=":material/restart_alt:", on_click=start_over)


def _draw_main(
    view: View, found: Figures, saved: dict[str, SavedSegment], total: int, actions: Place, side: Place
) -> None:
    count_place, reach_place, chart_place, table_place = (st.container() for _ in range(4))
    found = found.prepared(view.everybody)
    count = found.count(view.everybody)
    selected = found.count(view.audience) if view.selection.ids else count
    note_size(opened_unchanged(view, saved), count, found.context)
    with count_place:
        draw_count(
            view, found.context, count, total, lambda: draw_picker(saved),
            lambda: draw_compare(view, saved, found.context),
        )  # fmt: skip
    with actions:
        draw_actions(view, saved, found.context, selected)
    with table_place:
        draw_tools(view, found.context)
        if count:
            draw_table(view, found, count, selected)
        else:
            empty_state(
                t("Nobody matches"), t("Loosen a facet, a rule or the search, or start over."),
                icon=":material/person_search:",
            )  # fmt: skip
    with side:
        known = _draw_side(view, found)
    with reach_place:
        draw_reach(found.reach(view.everybody))
    with chart_place:
        if count:
            draw_charts(view, found, known)


def _draw_side(view: View, found: Figures) -> FacetCounts:
    sides = {"facets": t("Facets"), "rules": t("Rules")}
    side = st.segmented_control(
        t("Narrow by"), list(sides), default="facets", format_func=sides.__getitem__, key=Key.SIDE, required=True,
        label_visibility="collapsed", width="stretch", wrap=True,
    )  # fmt: skip
    facets = read_facets(found)
    counts = count_facets(facets, view.everybody, found)
    if side == "rules":
        known = {name: [each.value for each in values if each.value][:200] for name, values in counts.items()}
        draw_rules(view.segment, found.context, known)
    else:
        draw_facets(facets, counts, view.everybody, found, FACET_KEYS, take_chosen)
    return counts


def _line(saved: dict[str, SavedSegment]) -> str:
    opened = saved.get(st.session_state.get(Key.OPENED) or "")
    if opened is None:
        return t("Who there is, and whom a message would reach.")
    words = {"name": opened.name, "who": opened.updated_by, "ago": formats.ago(opened.updated_at)}
    if opened.segment == current_view().filtered:
        return t("Segment “{name}”, saved by {who} {ago}", **words)
    return t("Segment “{name}”, changed here and not saved yet", **words)


def _draw_empty() -> None:
    header(t("Audience"), t("Who there is, and whom a message would reach."))
    empty_state(
        t("No contacts yet"),
        t("Import a file of contacts, or the 1,200 invented ones that come with Ulak. Then narrow them down here."),
        icon=":material/groups:",
    )
    with st.container(horizontal=True, horizontal_alignment="center"):
        if st.button(t("Import contacts"), type="primary", icon=":material/upload_file:"):
            st.switch_page("pages/import_contacts.py")


draw()
