"""What the small charts of the Audience page show: of each field the values or the ranges, with their counts.

Like a facet, a chart is conditional on everything but its own field's choice, so that a chosen bar stays among the
others. Fields of values share one cube; numbers and dates have one each; of texts the store counts the first few.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import streamlit as st
from babel.dates import format_skeleton

from engine.contacts.fields import FieldType
from engine.segments import Audience, Context, FacetChoice, FacetCounts, FacetValue, Segment, freshness
from engine.segments.ranges import read_day_range
from engine.segments.value_search import ValuesFound, find_values
from pages.ui import formats
from pages.ui.audience_figures import Figures
from pages.ui.audience_state import View
from pages.ui.facet_fields import kind_of
from pages.ui.facet_words import edge_title, facet_title, value_title
from pages.ui.i18n import language, nt, t

MOST_BARS = 5
GROWTH = "created_at"


@dataclass(frozen=True, slots=True)
class Bar:
    """One clickable bar: a value of the facet, what it is called, how many, and the whole in words."""

    value: str | None
    label: str
    count: int
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart. `columns` are ranges in their order, drawn upright; `bars` are values, or having none."""

    name: str
    title: str
    bars: tuple[Bar, ...] = ()
    columns: tuple[Bar, ...] = ()
    ends: tuple[str, str] = ("", "")
    note: str = ""


def charts_of(view: View, found: Figures, names: tuple[str, ...], known: FacetCounts) -> dict[str, Chart]:
    """The charts of these fields for the people of the view.

    Args:
        known: what the facet panel has counted already; it is not asked again.
    """
    _, many = found.facet_use()
    kinds = {name: _kind(name, many, known, found) for name in dict.fromkeys(names)}
    counts = dict(known)
    counts |= found.facet_counts(
        view.everybody, tuple(name for name, kind in kinds.items() if kind == "values" and name not in known)
    )
    return {name: _chart(name, kind, counts, view, found) for name, kind in kinds.items()}


def _chart(name: str, kind: str, counts: FacetCounts, view: View, found: Figures) -> Chart:
    if kind == "values":
        return _bars(name, counts[name], None, view.filtered, found)
    if kind == "texts":
        values = _text_values(name, view.filtered, found)
        return _bars(name, values.values, values.size, view.filtered, found)
    return _columns(name, counts, view, found)


def _kind(name: str, many: Collection[str], known: FacetCounts, found: Figures) -> str:
    if kind_of(name, found.context) != "values":
        return "columns"
    is_text = found.context.known_field(name).type is FieldType.TEXT
    return "texts" if name not in known and (is_text or name in many) else "values"


def _bars(name: str, values: Any, size: int | None, segment: Segment, found: Figures) -> Chart:
    """The values that most people have now, the chosen ones in any case, and how many others there are."""
    choice = segment.facets.get(name, FacetChoice())
    chosen = choice.include | choice.exclude
    filled = [each for each in values if each.count or each.value in chosen]
    ordered = sorted(filled, key=lambda each: (-each.count, each.value is None))
    shown = [each for place, each in enumerate(ordered) if place < MOST_BARS or each.value in chosen]
    bars = tuple(_bar(name, each, found) for each in shown)
    known = len([each for each in ordered if each.value is not None]) if size is None else size
    others = known - len([each for each in shown if each.value is not None])
    note = nt("{count} more value", "{count} more values", others) if others > 0 else ""
    return Chart(name, facet_title(name, found.context), bars, note=note)


def _bar(name: str, each: FacetValue, found: Figures) -> Bar:
    label = value_title(name, each.value, found.context)
    return Bar(each.value, label, each.count, f"{label} · {formats.number(each.count)}")


def _columns(name: str, counts: FacetCounts, view: View, found: Figures) -> Chart:
    """A histogram. Its own choice is left away: a chosen range that is no bin would be no column."""
    values = counts.get(name)
    if values is None or name in view.filtered.facets:
        apart = Audience(segment=view.filtered.with_facet(name, FacetChoice()))
        values = found.facet_counts(apart, (name,))[name]
    total, columns = 0, []
    for each in (each for each in values if each.value is not None):
        total += each.count
        column = _bar(name, each, found)
        if name == GROWTH:
            words = t("{period}: {added} added, {total} by then", period=column.label,
                      added=formats.number(each.count), total=formats.number(total))  # fmt: skip
            column = Bar(column.value, column.label, column.count, words)
        columns.append(column)
    nothing = tuple(_bar(name, each, found) for each in values if each.value is None and each.count)
    ends = _ends(name, columns, found) if columns else ("", "")
    title = t("Growth") if name == GROWTH else facet_title(name, found.context)
    return Chart(name, title, nothing, tuple(columns), ends)


def _ends(name: str, columns: list[Bar], found: Figures) -> tuple[str, str]:
    """What stands under the first and the last column: an edge, short."""
    field, tokens = found.context.known_field(name), [str(each.value) for each in columns]
    if field.type is FieldType.NUMBER:
        return edge_title(field, tokens[0], found.context), edge_title(field, tokens[-1], found.context)
    inner = read_day_range(tokens[len(tokens) // 2], field, found.context).bounds
    skeleton = "yMMM" if (inner[1] - inner[0]).days >= 27 else "MMMd"
    first, last = (read_day_range(tokens[place], field, found.context) for place in (0, -1))
    begins = _short(first.first, skeleton) if first.first else f"≤ {_short(first.last, skeleton)}"
    return begins, _short(last.last, skeleton) if last.last else f"≥ {_short(last.first, skeleton)}"


def _short(day: date | None, skeleton: str) -> str:
    return "" if day is None else str(format_skeleton(skeleton, day, locale=language()))


def _text_values(name: str, segment: Segment, found: Figures) -> ValuesFound:
    state = (*found.version, found.context.today, *freshness(segment, found.context, (name,)))
    return _cached_values(state, segment.model_dump_json(), name, found.cursor, found.context)


@st.cache_data(show_spinner=False, max_entries=200)
def _cached_values(
    state: tuple[Any, ...], segment: str, name: str, _cursor: duckdb.DuckDBPyConnection, _context: Context
) -> ValuesFound:
    return find_values(_cursor, Segment.model_validate_json(segment), _context, name, limit=MOST_BARS)
