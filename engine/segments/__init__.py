"""Segments: rules and facets, their one compiler (polars and DuckDB), their sentence, audiences and their figures."""

from __future__ import annotations

from engine.segments.audience import Audience, Sort, audience_frame, count_audience, is_narrowed, page_of
from engine.segments.compile import compile_rule
from engine.segments.context import Context
from engine.segments.describe import describe
from engine.segments.facets import FacetCounts, FacetCubes, FacetValue
from engine.segments.lists import (
    ContactList,
    add_to_list,
    archive_list,
    change_list,
    create_list,
    find_list,
    get_list,
    list_lists,
    list_uses,
    remove_from_list,
    restore_list,
)
from engine.segments.matches import Matches
from engine.segments.overview import Reach, filled_counts, growth, reach, top_values
from engine.segments.rules import (
    AllOf,
    AnyOf,
    Comparison,
    FacetChoice,
    Not,
    Rule,
    Segment,
    parse_segment,
)
from engine.segments.selection import Selection, SelectionMode
from engine.segments.speech import Speech
from engine.segments.store import (
    SavedSegment,
    archive_segment,
    find_segment,
    get_segment,
    list_segments,
    load_context,
    save_segment,
)

__all__ = [
    "AllOf",
    "AnyOf",
    "Audience",
    "Comparison",
    "ContactList",
    "Context",
    "FacetChoice",
    "FacetCounts",
    "FacetCubes",
    "FacetValue",
    "Matches",
    "Not",
    "Reach",
    "Rule",
    "SavedSegment",
    "Segment",
    "Selection",
    "SelectionMode",
    "Sort",
    "Speech",
    "add_to_list",
    "archive_list",
    "archive_segment",
    "audience_frame",
    "change_list",
    "compile_rule",
    "count_audience",
    "create_list",
    "describe",
    "filled_counts",
    "find_list",
    "find_segment",
    "get_list",
    "get_segment",
    "growth",
    "is_narrowed",
    "list_lists",
    "list_segments",
    "list_uses",
    "load_context",
    "page_of",
    "parse_segment",
    "reach",
    "remove_from_list",
    "restore_list",
    "save_segment",
    "top_values",
]
