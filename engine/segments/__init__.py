"""Segments: rules and facets, their one compiler (polars and DuckDB), their sentence, audiences and their figures."""

from __future__ import annotations

from engine.segments.audience import Audience, Sort, audience_frame, count_audience, is_narrowed, page_of
from engine.segments.comparing import Overlap, compare
from engine.segments.compile import compile_rule
from engine.segments.context import Context
from engine.segments.describe import describe
from engine.segments.facets import FacetCounts, FacetCubes, FacetValue
from engine.segments.joins import freshness
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
from engine.segments.saved import SavedSegment, find_segment, get_segment, list_segments
from engine.segments.selection import Selection, SelectionMode
from engine.segments.sizes import SizeCause, SizePoint, list_sizes, record_daily_sizes, record_size
from engine.segments.speech import Speech
from engine.segments.store import (
    archive_segment,
    bring_back_segment,
    duplicate_segment,
    load_context,
    name_segment,
    save_segment,
)
from engine.segments.usage import SegmentUse, segment_uses
from engine.segments.versions import SegmentVersion, get_version, list_versions

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
    "Overlap",
    "Reach",
    "Rule",
    "SavedSegment",
    "Segment",
    "SegmentUse",
    "SegmentVersion",
    "Selection",
    "SelectionMode",
    "SizeCause",
    "SizePoint",
    "Sort",
    "Speech",
    "add_to_list",
    "archive_list",
    "archive_segment",
    "audience_frame",
    "bring_back_segment",
    "change_list",
    "compare",
    "compile_rule",
    "count_audience",
    "create_list",
    "describe",
    "duplicate_segment",
    "filled_counts",
    "find_list",
    "find_segment",
    "freshness",
    "get_list",
    "get_segment",
    "get_version",
    "growth",
    "is_narrowed",
    "list_lists",
    "list_segments",
    "list_sizes",
    "list_uses",
    "list_versions",
    "load_context",
    "name_segment",
    "page_of",
    "parse_segment",
    "reach",
    "record_daily_sizes",
    "record_size",
    "remove_from_list",
    "restore_list",
    "save_segment",
    "segment_uses",
    "top_values",
]
