"""The facet panel of a page: which facets are counted, what a person's clicks, searches and order change.

A page hands in whom the facets are about and gets each choice back; the order and what is open are the person's own
and the same on every page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from engine.clock import utc_now
from engine.segments import Audience, FacetChoice, FacetCounts
from engine.warehouse.person_settings import get_setting, set_setting
from pages.ui.audience_figures import Figures
from pages.ui.facet_fields import MOST_OPEN, SETTING, Arrangement, arranged, facet_names, kind_of, open_at_first
from pages.ui.facet_panel import Chosen, arranged_facets, chosen_facets, facet_panel, opened_facets, sought_value
from pages.ui.facet_views import (
    MOST_SENT,
    FacetView,
    fitting_choice,
    folded_view,
    range_view,
    search,
    sought_view,
    values_view,
)
from pages.ui.i18n import t
from pages.ui.services import warehouse
from pages.ui.shell import who

MOST_OF_MANY = 50
"""So many of the most frequent values of a field with very many."""
MOST_FOUND = 60
MOST_SEARCHES = 20


@dataclass(frozen=True, slots=True)
class PanelKeys:
    """The session keys of one panel: its widget, the last click, what is searched for in each facet."""

    panel: str
    click: str
    sought: str


@dataclass(frozen=True, slots=True)
class Facets:
    """The facets as they stand: all names in order, those in use, those with very many values, those open."""

    names: tuple[str, ...]
    used: frozenset[str]
    many: frozenset[str]
    opened: tuple[str, ...]

    @property
    def counted(self) -> tuple[str, ...]:
        """The open ones that are counted whole, by one question."""
        return tuple(name for name in self.opened if name not in self.many)


def read_facets(found: Figures) -> Facets:
    """The facets of the person at the screen."""
    own = get_setting(found.cursor, who(), SETTING, Arrangement)
    known = facet_names(found.context)
    names = arranged(known, own.order)
    used, many = found.facet_use()
    opened = open_at_first(names, used, many, found.context) if own.opened is None else own.opened
    return Facets(names, used, many, tuple(name for name in opened if name in names)[-MOST_OPEN:])


def count_facets(facets: Facets, everybody: Audience, found: Figures) -> FacetCounts:
    """The counts of the open facets, but for those with very many values."""
    return found.facet_counts(everybody, facets.counted)


def draw_facets(
    facets: Facets, counts: FacetCounts, everybody: Audience, found: Figures, keys: PanelKeys,
    take: Callable[[Chosen], None],
) -> None:  # fmt: skip
    """Draw the panel.

    Args:
        everybody: whom the facets are about; their choices are among its own.
        take: called in the callback of a click, with the choice of every facet.
    """
    choices = everybody.segment.facets
    sought: Mapping[str, str] = st.session_state.get(keys.sought, {})
    views = [
        _view(name, facets, counts, everybody, found, sought.get(name, ""))
        for name in facets.names
    ]  # fmt: skip
    facet_panel(
        views, {name: choice for name, choice in choices.items() if name in facets.names}, key=keys.panel,
        click=st.session_state.get(keys.click, 0),
        on_chosen=lambda: _chosen(facets, found, keys, take), on_opened=lambda: _opened(facets, keys),
        on_sought=lambda: _sought(facets, keys), on_arranged=lambda: _arranged(facets, keys),
    )  # fmt: skip


def _view(
    name: str, facets: Facets, counts: FacetCounts, everybody: Audience, found: Figures, needle: str
) -> FacetView:
    choice = everybody.segment.facets.get(name, FacetChoice())
    used = name in facets.used or not choice.is_empty
    view = folded_view(name, found.context, used=used)
    if name not in facets.opened:
        return view
    if name in facets.many:
        return _view_of_many(view, choice, everybody, found, needle)
    if kind_of(name, found.context) != "values":
        return range_view(view, counts[name], found.facet_bins(name), found.context)
    view = values_view(view, counts[name], choice, found.context)
    if not needle:
        return view
    hits = search(name, counts[name], needle, found.context)
    return sought_view(view, needle, hits, len(hits), found.context)


def _view_of_many(
    view: FacetView, choice: FacetChoice, everybody: Audience, found: Figures, needle: str
) -> FacetView:
    top = found.values_found(everybody, view.name, "", MOST_OF_MANY)
    view = values_view(view, top.values, choice, found.context, size=top.size)
    if not needle:
        return view
    hits = found.values_found(everybody, view.name, needle, MOST_FOUND)
    return sought_view(view, needle, hits.values[:MOST_SENT], hits.size, found.context)


def _chosen(facets: Facets, found: Figures, keys: PanelKeys, take: Callable[[Chosen], None]) -> None:
    chosen = chosen_facets(keys.panel, facets.names)
    if chosen is None:
        return
    st.session_state[keys.click] = chosen.click
    take(Chosen(chosen.click, {
        name: fitting_choice(name, choice, found.context) for name, choice in chosen.facets.items()
    }))  # fmt: skip


def _opened(facets: Facets, keys: PanelKeys) -> None:
    opened = opened_facets(keys.panel, facets.names)
    if len(opened) > MOST_OPEN:
        st.toast(t("{count} facets can be open at once; the first one was folded.", count=MOST_OPEN))
    _keep(opened=opened[-MOST_OPEN:])


def _arranged(facets: Facets, keys: PanelKeys) -> None:
    _keep(order=arranged_facets(keys.panel, facets.names))


def _keep(**changed: tuple[str, ...]) -> None:
    own = get_setting(warehouse().cursor(), who(), SETTING, Arrangement)
    set_setting(warehouse(), who(), SETTING, own.model_copy(update=changed), now=utc_now())


def _sought(facets: Facets, keys: PanelKeys) -> None:
    sent = sought_value(keys.panel, facets.names)
    if sent is None:
        return
    name, needle = sent
    others = [(field, text) for field, text in st.session_state.get(keys.sought, {}).items() if field != name]
    mine = [(name, needle)] if needle else []
    st.session_state[keys.sought] = dict([*others, *mine][-MOST_SEARCHES:])
