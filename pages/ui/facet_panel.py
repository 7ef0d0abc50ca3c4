"""The facet panel: all facets in one component, so that a click is one round trip.

One click on a value includes it, a second excludes it, a third clears it. The browser shows the click at once and
sends the whole choice, not the click: two fast clicks can't lose one another. The answer carries the number of the
click it knows of, so an older answer doesn't take a newer click back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from pydantic import ValidationError

from engine.segments import FacetChoice
from pages.ui.facet_views import FacetView
from pages.ui.i18n import language, t

LONGEST_NEEDLE = 60
_SCRIPTS = ("facet_rows.js", "facet_ranges.js", "facet_arrange.js", "facet_panel.js")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the browser sent: the choice of every facet, after click number `click`."""

    click: int
    facets: Mapping[str, FacetChoice]


def facet_panel(
    views: Sequence[FacetView],
    facets: Mapping[str, FacetChoice],
    *,
    key: str,
    click: int,
    on_chosen: Callable[[], None],
    on_opened: Callable[[], None],
    on_sought: Callable[[], None],
    on_arranged: Callable[[], None],
) -> None:
    """Draw the panel.

    Args:
        click: the number of the last click that `facets` knows of.
        on_chosen: called after a click; `chosen_facets(key)` has what was chosen.
        on_opened: called after a facet was unfolded or folded; `opened_facets(key)` has the names that are open.
        on_sought: called after something was typed into a facet's own search; `sought_value(key)` has it.
        on_arranged: called after facets were put in another order; `arranged_facets(key)` has it.
    """
    _panel(
        key=key,
        data={
            "click": click,
            "language": language(),
            "words": _words(),
            "choices": {name: choice.model_dump(mode="json") for name, choice in facets.items()},
            "facets": [view.as_json() for view in views],
        },
        on_chosen_change=on_chosen,
        on_opened_change=on_opened,
        on_sought_change=on_sought,
        on_arranged_change=on_arranged,
    )


def chosen_facets(key: str, known: Sequence[str]) -> Chosen | None:
    """What a click chose (in the callback); None when it isn't in the panel's shape."""
    sent: Any = st.session_state[key].get("chosen")
    try:
        choices = {name: FacetChoice.model_validate(choice) for name, choice in sent["choices"].items()}
        return Chosen(int(sent["click"]), {name: choice for name, choice in choices.items() if name in known})
    except (TypeError, KeyError, ValueError, AttributeError, ValidationError):
        return None


def opened_facets(key: str, known: Sequence[str]) -> tuple[str, ...]:
    """The names of the facets that are open now, the one opened last at the end (in the callback)."""
    return _names(st.session_state[key].get("opened"), known)


def arranged_facets(key: str, known: Sequence[str]) -> tuple[str, ...]:
    """The names in the order they were put in; empty for the order they come in (in the callback)."""
    return _names(st.session_state[key].get("arranged"), known)


def sought_value(key: str, known: Sequence[str]) -> tuple[str, str] | None:
    """(facet, what is searched for in it) (in the callback); None when it isn't in the panel's shape."""
    sent: Any = st.session_state[key].get("sought")
    if not isinstance(sent, dict) or sent.get("field") not in known or not isinstance(sent.get("needle"), str):
        return None
    return sent["field"], " ".join(sent["needle"].split())[:LONGEST_NEEDLE]


def _names(sent: Any, known: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in sent if name in known)) if isinstance(sent, list) else ()


def _words() -> dict[str, str]:
    return {
        "find": t("Find a field or value"),
        "all": t("Show all {count}"),
        "some": t("Show the first {count}"),
        "fewer": t("Show fewer"),
        "values": t("{count} values"),
        "search": t("Search {count} values"),
        "found": t("{count} found"),
        "everywhere": t("Search “{needle}” in all {count} values"),
        "included": t("included"),
        "excluded": t("excluded"),
        "hint": t("One click includes, a second excludes, a third clears"),
        "nothing": t("Nothing by that name here"),
        "empty": t("Nobody has a value here"),
        "more": t("More ({count})"),
        "unused": t("Fields without values"),
        "clear": t("Clear {field}"),
        "last": t("In the last"),
        "next": t("In the next"),
        "days": t("{count} days"),
        "from": t("From"),
        "to": t("To"),
        "add": t("Add"),
        "arrange": t("Arrange facets"),
        "arranging": t("Drag, or use the arrows. The order is yours alone."),
        "done": t("Done"),
        "reset": t("Default order"),
        "up": t("Move {field} up"),
        "down": t("Move {field} down"),
    }


_panel = st.components.v2.component(
    "ulak_facet_panel",
    html="""<div class="panel">
  <div class="top">
    <input class="find" type="search" spellcheck="false" autocomplete="off">
    <button class="arrange" type="button">⇅</button>
  </div>
  <div class="facets"></div>
</div>""",
    css=Path(__file__).with_suffix(".css").read_text("utf-8"),
    js="\n".join(Path(__file__).with_name(name).read_text("utf-8") for name in _SCRIPTS),
)
