"""Remembers whom a costly rule matches, so that the many questions a page asks about it read the texts once.

Matching a text in a million contacts takes 50–200 ms; a join with the ids it found takes a tenth of that. A cheap
rule (numbers, dates, facets) is faster without.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Any

import duckdb

from engine.segments.audience import segment_frame
from engine.segments.context import Context
from engine.segments.joins import freshness, join_of
from engine.segments.operators import TEXT
from engine.segments.rules import PERSON_FIELD, SEGMENT_FIELD, Segment

MOST_IDS = 500_000
MOST_RULES = 16


class Matches:
    """The ids of costly rules by rule and version of the data; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def prepared(
        self, cursor: duckdb.DuckDBPyConnection, segment: Segment, context: Context, version: tuple[Any, ...]
    ) -> Context:
        """The context, which also knows whom the segment's rule matches when that saves time.

        Raises:
            InvalidRule: the rule can't be compiled.
        """
        rule = Segment(rule=segment.rule)
        if not is_costly(rule, context):
            return context
        key = (*version, context.today, freshness(rule, context), rule.fingerprint)
        with self._lock:
            known, ids = key in self._ids, self._ids.get(key)
        if not known:
            frame = segment_frame(cursor, rule, context).select("contact_id").head(MOST_IDS + 1)
            table = frame.collect("pyarrow").to_native()
            ids = table if table.num_rows <= MOST_IDS else None
            with self._lock:
                self._ids[key] = ids
                while len(self._ids) > MOST_RULES:
                    self._ids.popitem(last=False)
        return context if ids is None else replace(context, matched={rule.fingerprint: ids})


def is_costly(segment: Segment, context: Context) -> bool:
    """It matches texts, or looks at a list, a file, an operation, what people did, or another segment."""
    for comparison in segment.comparisons():
        if comparison.field in (PERSON_FIELD, SEGMENT_FIELD) or join_of(comparison, context) is not None:
            return True
        kind = context.known_field(comparison.field).type if not comparison.field.startswith("@") else None
        if kind in TEXT and comparison.operator not in ("empty", "not_empty"):
            return True
    return False
