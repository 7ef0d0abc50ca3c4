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
from pages.ui.i18n import language, t

MOST_VALUES = 2_000


@dataclass(frozen=True, slots=True)
class FacetView:
    """One facet as it is drawn; `values` is None while it is folded away."""

    name: str
    label: str
    values: Sequence[tuple[str | None, str, int]] | None = None  # value, label, count


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
) -> None:
    """Draw the panel.

    Args:
        click: the number of the last click that `facets` knows of.
        on_chosen: called after a click; `chosen_facets(key)` has what was chosen.
        on_opened: called after a facet was unfolded or folded; `opened_facets(key)` has the names that are open.
    """
    _panel(
        key=key,
        data={
            "click": click,
            "language": language(),
            "words": _words(),
            "choices": {name: choice.model_dump(mode="json") for name, choice in facets.items()},
            "facets": [
                {
                    "name": view.name,
                    "label": view.label,
                    "values": None if view.values is None else list(view.values)[:MOST_VALUES],
                    "size": len(view.values or ()),
                }
                for view in views
            ],
        },
        on_chosen_change=on_chosen,
        on_opened_change=on_opened,
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
    """The names of the facets that are open now (in the callback)."""
    sent: Any = st.session_state[key].get("opened")
    return tuple(name for name in known if isinstance(sent, list) and name in sent)


def _words() -> dict[str, str]:
    return {
        "find": t("Find a field or value"),
        "all": t("Show all {count}"),
        "fewer": t("Show fewer"),
        "values": t("{count} values"),
        "included": t("included"),
        "excluded": t("excluded"),
        "hint": t("One click includes, a second excludes, a third clears"),
        "nothing": t("Nothing by that name here"),
        "cut": t("The {count} most frequent; a rule reaches the others"),
    }


_panel = st.components.v2.component(
    "ulak_facet_panel",
    html="""<div class="panel">
  <input class="find" type="search" spellcheck="false" autocomplete="off">
  <div class="facets"></div>
</div>""",
    css=Path(__file__).with_suffix(".css").read_text("utf-8"),
    js=Path(__file__).with_suffix(".js").read_text("utf-8"),
)
