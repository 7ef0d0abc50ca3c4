"""What the Audience page remembers of a session: choices and ids, nothing else; and how clicks change them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

import streamlit as st

from engine.segments import AllOf, Audience, Comparison, Rule, Segment, Selection, SelectionMode, Sort
from engine.segments.rules import PERSON_FIELD
from pages.ui.facet_panel import Chosen
from pages.ui.facet_side import PanelKeys

PAGE_SIZE = 50
SHORTEST_SEARCH = 2
SEGMENT_PARAMETER = "segment"
OPEN_COLUMN = "@open"
"""The table's column that leads to the contact; `@` names are ours."""
COLUMNS = ("name", "surname", "phone", "city", "consent", "created_at")


class Key(StrEnum):
    """Session state and widget keys of the page."""

    SEGMENT = "audience.segment"
    OPENED = "audience.opened"
    SAVED = "audience.saved"
    SEARCH = "audience.search"
    SELECTED = "audience.selected"
    ALL_BUT = "audience.all_but"
    SELECTED_FOR = "audience.selected_for"
    PARKED = "audience.parked"
    PARKED_FOR = "audience.parked_for"
    PARKED_ALL_BUT = "audience.parked_all_but"
    SORT = "audience.sort"
    SORT_FIELD = "audience.sort_field"
    SORT_DESCENDING = "audience.sort_descending"
    COLUMNS = "audience.columns"
    TABLE = "audience.table"
    PAGE = "audience.page"
    DRAWN = "audience.drawn"
    SIDE = "audience.side"
    FACETS = "audience.facets"
    SOUGHT = "audience.sought"
    CLICK = "audience.click"
    CHARTS = "audience.charts"
    CHART_CLICK = "audience.chart_click"
    CHART_FIELDS = "audience.chart_fields"
    COMPARED = "audience.compared"
    RECORDED = "audience.recorded"
    COLUMNS_KEPT = "audience.columns_kept"


FACET_KEYS = PanelKeys(Key.FACETS, Key.CLICK, Key.SOUGHT)


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows in one run."""

    segment: Segment
    search: str
    selection: Selection
    sort: Sort
    columns: tuple[str, ...]

    @property
    def filtered(self) -> Segment:
        """The segment with the search: whom the count and the table are about."""
        if not self.search:
            return self.segment
        found = Comparison(field=PERSON_FIELD, operator="finds", value=self.search)
        own = self.segment.rule
        parts: tuple[Rule, ...] = () if own is None else own.rules if isinstance(own, AllOf) else (own,)
        return self.segment.with_rule(AllOf(rules=(*parts, found)))

    @property
    def everybody(self) -> Audience:
        """All who pass the filter, selected or not."""
        return Audience(segment=self.filtered)

    @property
    def audience(self) -> Audience:
        """Whom an action is for."""
        return Audience(segment=self.filtered, selection=self.selection)


def current_view() -> View:
    """The view as the session has it; a selection made under another filter is set aside."""
    state = st.session_state
    search = " ".join(str(state.get(Key.SEARCH) or "").split())
    view = View(
        segment=state.get(Key.SEGMENT, Segment()),
        search=search if len(search) >= SHORTEST_SEARCH else "",
        selection=_selection(),
        sort=state.get(Key.SORT, Sort("created_at", descending=True)),
        columns=tuple(state.get(Key.COLUMNS) or COLUMNS),
    )
    made_for = state.get(Key.SELECTED_FOR)
    if view.selection.mode is not SelectionMode.NONE and made_for != view.filtered.fingerprint:
        state[Key.PARKED] = view.selection.ids
        state[Key.PARKED_FOR] = view.filtered.fingerprint
        state[Key.PARKED_ALL_BUT] = view.selection.mode is SelectionMode.EXCEPT
        clear_selection()
        return current_view()
    return view


def _selection() -> Selection:
    """Nobody, these, or everybody but these."""
    ids = st.session_state.get(Key.SELECTED, frozenset())
    if st.session_state.get(Key.ALL_BUT):
        return Selection(mode=SelectionMode.EXCEPT, ids=ids)
    return Selection.only(ids)


def drawn_key(view: View, page: int) -> str:
    """The table's key: another filter, order, page or set of columns is another table, so no tick can slip."""
    parts = (view.filtered.fingerprint, view.sort, page, view.columns, st.session_state.get(Key.DRAWN, 0))
    return f"{Key.TABLE}.{hashlib.blake2b(repr(parts).encode(), digest_size=6).hexdigest()}"


def page_key(view: View) -> str:
    """The pager's key: another filter or order begins at page 1."""
    parts = (view.filtered.fingerprint, view.sort)
    return f"{Key.PAGE}.{hashlib.blake2b(repr(parts).encode(), digest_size=6).hexdigest()}"


def set_segment(segment: Segment) -> None:
    """Show another segment."""
    st.session_state[Key.SEGMENT] = segment


def start_over() -> None:
    """Everybody again: no facet, rule, search or opened segment."""
    show_segment(Segment())


def show_segment(segment: Segment) -> None:
    """Show a segment that isn't a saved one (in a callback: it empties the search)."""
    st.session_state[Key.SEGMENT] = segment
    st.session_state[Key.SEARCH] = ""
    st.session_state[Key.OPENED] = None
    if SEGMENT_PARAMETER in st.query_params:
        del st.query_params[SEGMENT_PARAMETER]


def take_chosen(chosen: Chosen) -> None:
    """After a click in the facet panel: the choice of every facet."""
    segment: Segment = st.session_state.get(Key.SEGMENT, Segment())
    for name, choice in chosen.facets.items():
        segment = segment.with_facet(name, choice)
    st.session_state[Key.SEGMENT] = segment


def take_ticks(key: str, page_ids: list[int], fingerprint: str) -> None:
    """After a tick or a click on a column's head in the table that was drawn with these ids."""
    chosen = st.session_state[key]["selection"]
    if chosen["columns"]:
        sort_by(str(chosen["columns"][0]))
        return
    ticked = frozenset(page_ids[row] for row in chosen["rows"] if row < len(page_ids))
    st.session_state[Key.SELECTED] = _selection().on_page(frozenset(page_ids), ticked).ids
    st.session_state[Key.SELECTED_FOR] = fingerprint
    st.session_state.pop(Key.PARKED, None)


def sort_by(field: str) -> None:
    """Sort by a column; a second time turns the order round."""
    if field != OPEN_COLUMN:
        sort: Sort = st.session_state.get(Key.SORT, Sort("created_at", descending=True))
        st.session_state[Key.SORT] = Sort(field, descending=sort.field == field and not sort.descending)
    st.session_state[Key.DRAWN] = st.session_state.get(Key.DRAWN, 0) + 1


def take_sort() -> None:
    """After the order was chosen in the form."""
    state = st.session_state
    state[Key.SORT] = Sort(state[Key.SORT_FIELD], descending=bool(state[Key.SORT_DESCENDING]))
    state[Key.DRAWN] = state.get(Key.DRAWN, 0) + 1


def clear_selection() -> None:
    """Nobody is selected."""
    st.session_state[Key.SELECTED] = frozenset()
    st.session_state[Key.ALL_BUT] = False
    st.session_state[Key.DRAWN] = st.session_state.get(Key.DRAWN, 0) + 1


def select_all(fingerprint: str) -> None:
    """Everybody who matches, on every page; who is unticked afterwards is left out."""
    keep_selection(frozenset(), fingerprint, all_but=True)


def keep_selection(ids: frozenset[int], fingerprint: str, *, all_but: bool = False) -> None:
    """Take a selection for the filter that is on now: these, or everybody but these."""
    st.session_state[Key.SELECTED] = ids
    st.session_state[Key.ALL_BUT] = all_but
    st.session_state[Key.SELECTED_FOR] = fingerprint
    st.session_state.pop(Key.PARKED, None)
    st.session_state[Key.DRAWN] = st.session_state.get(Key.DRAWN, 0) + 1
