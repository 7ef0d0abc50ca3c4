"""The small charts that answer "who are these?": country, language, growth, and two fields of a person's choice.

One component for all of them. A click on a bar includes its value as a facet, a second click takes it back; the
facet panel does the same by keyboard and can exclude. Which fields the last two show is a person's own setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from pydantic import BaseModel, ConfigDict

from engine.clock import utc_now
from engine.segments import FacetCounts, Segment
from engine.segments.joins import MEMBERSHIP_FIELDS
from engine.warehouse.person_settings import get_setting, set_setting
from pages.ui.audience_chart_values import GROWTH, Bar, Chart, charts_of
from pages.ui.audience_figures import Figures
from pages.ui.audience_state import Key, View
from pages.ui.facet_fields import facet_names
from pages.ui.facet_panel import chosen_facets
from pages.ui.facet_words import facet_title
from pages.ui.i18n import language, t
from pages.ui.services import warehouse
from pages.ui.shell import who

SETTING = "audience.charts"
FIXED = ("country", "language", GROWTH)
AT_FIRST = ("city", "@began", "consent")


class ChosenCharts(BaseModel):
    """The fields of a person's own two charts."""

    model_config = ConfigDict(frozen=True)

    fields: tuple[str, ...] = ()


def draw_charts(view: View, found: Figures, known: FacetCounts) -> None:
    """Draw the row of charts.

    Args:
        known: what the facet panel has counted already.
    """
    choosable = chart_fields(found)
    own = chosen_fields(choosable)
    names = (*FIXED, *own)
    charts = charts_of(view, found, names, known)
    _charts(
        key=Key.CHARTS,
        data={
            "click": st.session_state.get(Key.CHART_CLICK, 0),
            "language": language(),
            "words": _words(),
            "choices": {
                name: choice.model_dump(mode="json") for name, choice in view.segment.facets.items() if name in charts
            },
            "charts": [_sent(charts[name]) | {"slot": place - len(FIXED)} for place, name in enumerate(names)],
            "fields": [[name, facet_title(name, found.context)] for name in choosable],
        },
        on_chosen_change=partial(_take_click, names),
        on_field_change=partial(_take_field, choosable, own),
    )


def chart_fields(found: Figures) -> tuple[str, ...]:
    """The fields one can choose for a chart of one's own: those in which somebody has a value."""
    apart, (used, _) = {*FIXED, *MEMBERSHIP_FIELDS, "phone", "email"}, found.facet_use()
    return tuple(name for name in facet_names(found.context) if name in used and name not in apart)


def chosen_fields(choosable: Sequence[str]) -> tuple[str, ...]:
    """The two fields that this person's charts show; one that is gone is replaced by one of the first."""
    if Key.CHART_FIELDS not in st.session_state:
        kept = get_setting(warehouse().cursor(), who(), SETTING, ChosenCharts)
        st.session_state[Key.CHART_FIELDS] = kept.fields
    wanted = [*st.session_state[Key.CHART_FIELDS], *AT_FIRST, *choosable]
    return tuple(dict.fromkeys(name for name in wanted if name in choosable))[:2]


def _take_field(choosable: tuple[str, ...], own: tuple[str, ...]) -> None:
    """After another field was chosen for one of the two."""
    sent: Any = st.session_state[Key.CHARTS].get("field")
    if not isinstance(sent, dict) or sent.get("name") not in choosable or sent.get("slot") not in (0, 1):
        return
    fields = list(own)
    other, name = 1 - sent["slot"], sent["name"]
    if other < len(fields) and fields[other] == name:  # the two change places
        fields.reverse()
    else:
        fields[sent["slot"]] = name
    st.session_state[Key.CHART_FIELDS] = tuple(fields)
    set_setting(warehouse(), who(), SETTING, ChosenCharts(fields=tuple(fields)), now=utc_now())


def _take_click(known: Sequence[str]) -> None:
    """After a click on a bar: the choices of the fields that were clicked in."""
    chosen = chosen_facets(Key.CHARTS, known)
    if chosen is None:
        return
    segment: Segment = st.session_state.get(Key.SEGMENT, Segment())
    for name, choice in chosen.facets.items():
        segment = segment.with_facet(name, choice)
    st.session_state[Key.SEGMENT] = segment
    st.session_state[Key.CHART_CLICK] = chosen.click


def _sent(chart: Chart) -> dict[str, Any]:
    def rows(bars: Sequence[Bar]) -> list[list[Any]]:
        return [[each.value, each.label, each.count, each.words] for each in bars]

    return {
        "name": chart.name, "title": chart.title, "bars": rows(chart.bars), "columns": rows(chart.columns),
        "ends": chart.ends, "note": chart.note,
    }  # fmt: skip


def _words() -> dict[str, str]:
    return {
        "hint": t("Click to include, click again to take it back"),
        "included": t("included"),
        "excluded": t("excluded"),
        "choose": t("The field of this chart"),
        "nothing": t("no value"),
    }


_charts = st.components.v2.component(
    "ulak_audience_charts",
    html="""<div class="charts">
</div>""",
    css=Path(__file__).with_suffix(".css").read_text("utf-8"),
    js=Path(__file__).with_suffix(".js").read_text("utf-8"),
)
