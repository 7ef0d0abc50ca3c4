"""The two small charts of the Audience page: countries, and growth, figures and dates as the language writes them.

Vega-Lite is written by hand: building and checking the same through Altair took 100 ms of each rerun.
"""

from __future__ import annotations

import json
import math
from datetime import date
from functools import lru_cache
from typing import Any

import streamlit as st
from babel.dates import format_skeleton

from engine.segments.overview import GrowthPoint
from pages.ui import formats
from pages.ui.i18n import language, t

HEIGHT, BAR_HEIGHT, FIGURE_WIDTH = 150, 28, 72
BARE = {"ticks": False, "domain": False, "grid": False, "title": None}


def country_chart(values: tuple[tuple[str | None, int], ...]) -> None:
    """A bar per country, the figure at its end."""
    st.caption(f"**{t('Country')}**")
    height = BAR_HEIGHT * len(values) + 8
    st.vega_lite_chart(_country_spec(values, language(), text_color()), height=height, alt=t("Contacts by country"))


def growth_chart(points: tuple[GrowthPoint, ...]) -> None:
    """How many of these people there were, by the time they were added."""
    st.caption(f"**{t('Growth')}**")
    if len(points) < 2:
        st.caption(t("All of them were added on {day}.", day=formats.day(points[0].start)) if points else "–")
        return
    st.vega_lite_chart(_growth_spec(points, language()), height=HEIGHT, alt=t("Contacts over time"))


def text_color() -> str:
    """The theme's text colour: Vega draws on a canvas, which doesn't know it."""
    return str(st.get_option(f"theme.{st.context.theme.type or 'light'}.textColor") or "gray")


def nice_ticks(most: int) -> list[int]:
    """Three or four round figures, from nought to the first that isn't below the greatest."""
    rough = max(most, 1) / 3
    scale = 10 ** max(0, math.floor(math.log10(rough)))
    step = max(1, math.ceil(next(factor * scale for factor in (1, 2, 2.5, 5, 10) if factor * scale >= rough)))
    return list(range(0, math.ceil(max(most, 1) / step) * step + 1, step))


@lru_cache(maxsize=128)
def _country_spec(values: tuple[tuple[str | None, int], ...], code: str, color: str) -> dict[str, Any]:
    rows = [{"place": formats.country_name(each), "n": n, "label": formats.number(n)} for each, n in values]
    most = max((n for _, n in values), default=1)
    bars = {"domain": [0, most], "range": [0, {"expr": f"max(10, width - {FIGURE_WIDTH})"}]}
    axis = {**BARE, "labelLimit": 120, "labelPadding": 8}
    return {
        "data": {"values": rows},
        "encoding": {
            "y": {"field": "place", "type": "nominal", "sort": None, "axis": axis},
            "tooltip": [
                {"field": "place", "type": "nominal", "title": t("Country")},
                {"field": "label", "type": "nominal", "title": t("Contacts")},
            ],
        },
        "layer": [
            {
                "mark": {"type": "bar", "cornerRadius": 2, "size": 12},
                "encoding": {"x": {"field": "n", "type": "quantitative", "axis": None, "scale": bars}},
            },
            {
                "mark": {"type": "text", "align": "right", "fontSize": 12, "color": color, "x": {"expr": "width"}},
                "encoding": {"text": {"field": "label", "type": "nominal"}},
            },
        ],
    }


@lru_cache(maxsize=128)
def _growth_spec(points: tuple[GrowthPoint, ...], code: str) -> dict[str, Any]:
    rows = [
        {"n": number, "total": each.total, "day": formats.day(each.start), "label": formats.number(each.total)}
        for number, each in enumerate(points)
    ]
    ticks, places = nice_ticks(points[-1].total), _label_places(len(points))
    months = {place: _month(points[place].start, code) for place in places}
    figures = {tick: formats.number(tick) for tick in ticks}
    flush = {**BARE, "labelFlush": True, "labelOverlap": "greedy"}
    return {
        "data": {"values": rows},
        "encoding": {
            "x": {
                "field": "n", "type": "quantitative", "scale": {"domain": [0, len(points) - 1], "nice": False},
                "axis": {**flush, "values": places, "labelExpr": _words(months)},
            },
            "y": {
                "field": "total", "type": "quantitative", "scale": {"domain": [0, ticks[-1]]},
                "axis": {**BARE, "grid": True, "values": ticks, "labelExpr": _words(figures)},
            },
            "tooltip": [
                {"field": "day", "type": "nominal", "title": t("From")},
                {"field": "label", "type": "nominal", "title": t("Contacts")},
            ],
        },
        "layer": [{"mark": {"type": "area", "opacity": 0.18}}, {"mark": {"type": "line", "strokeWidth": 1.8}}],
    }  # fmt: skip


def _label_places(count: int) -> list[int]:
    return sorted({0, count // 3, 2 * count // 3, count - 1}) if count > 4 else list(range(count))


def _month(day: date, code: str) -> str:
    return str(format_skeleton("yMMM", day, locale=code))


def _words(labels: dict[int, str]) -> str:
    """A Vega expression that looks a tick's label up."""
    return f"({json.dumps({str(value): label for value, label in labels.items()})})[datum.value]"
