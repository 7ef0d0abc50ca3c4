"""Facet counts, each conditional on the other facets, from cubes kept in memory and rolled up in numpy.

A cube is the `GROUP BY` of the open facets of values over everything but their own choices; one click then costs a
few milliseconds at any size. Numbers and dates have a cube each, with the fields in which something is chosen. Where
a cube would be too large, or takes longer to build than a click may last, each facet is one query, and the cube is
built behind it. Nothing is estimated.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import duckdb

from engine.errors import InvalidRule
from engine.segments.audience import Audience
from engine.segments.context import Context
from engine.segments.cubes import Cube
from engine.segments.facet_question import Build, FacetQuestion, Key
from engine.segments.facet_values import FacetCounts, FacetValue
from engine.segments.joins import freshness
from engine.segments.row_codes import RowCodes
from engine.words import N_

__all__ = ["FacetCounts", "FacetCubes", "FacetValue"]

MOST_KEPT = 200
MOST_KEPT_CELLS = 4_000_000
MOST_FIELDS = 24


class FacetCubes:
    """The counts of one process, the least used thrown out first; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Any] = OrderedDict()
        self._building: set[Key] = set()
        self._builder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="facets")

    def counts(
        self,
        cursor: duckdb.DuckDBPyConnection,
        audience: Audience,
        context: Context,
        fields: Sequence[str],
        version: tuple[Any, ...],
    ) -> FacetCounts:
        """The values of each field with their counts, "no value" last.

        Values come with those first that most people have without any facet, so they don't move under the pointer;
        ranges in their order. The selection of the audience plays no part.

        Args:
            version: tells one state of contacts, segments and lists from another, such as (epoch, data version).

        Raises:
            InvalidRule: there is no such field, or the audience can't be compiled.
        """
        if not 0 < len(fields) <= MOST_FIELDS or len(set(fields)) < len(fields):
            raise InvalidRule(reason=f"between 1 and {MOST_FIELDS} different facets", problem=N_("too many facets"))
        segment = audience.as_segment()
        state = (*version, context.today, freshness(segment, context, tuple(fields)))
        question = FacetQuestion(self, cursor, segment, context, state, tuple(fields))
        counted = question.answer()
        for key, build in question.later.items():
            self._build_behind(key, cursor, build)
        return counted

    def kept(self, key: Key) -> tuple[bool, Any]:
        """(known, what is kept)."""
        with self._lock:
            if key not in self._kept:
                return False, None
            self._kept.move_to_end(key)
            return True, self._kept[key]

    def keep(self, key: Key, value: Any) -> None:
        """Keep an answer; the least used go when there are too many, or too many cells."""
        with self._lock:
            self._kept[key] = value
            self._building.discard(key)
            cells = sum(_cells(each) for each in self._kept.values())
            while len(self._kept) > 1 and (len(self._kept) > MOST_KEPT or cells > MOST_KEPT_CELLS):
                cells -= _cells(self._kept.popitem(last=False)[1])

    def _build_behind(self, key: Key, cursor: duckdb.DuckDBPyConnection, build: Build) -> None:
        """Build a cube in the background, one at a time, unless it is being built already."""
        with self._lock:
            if key in self._building:
                return
            self._building.add(key)
        own = cursor.cursor()

        def work() -> None:
            try:
                self.keep(key, build(own))
            except duckdb.Error:  # the store was closed, or changed under it: the next click asks again
                with self._lock:
                    self._building.discard(key)
            finally:
                own.close()

        self._builder.submit(work)

    def settle(self) -> None:
        """Wait for what is being built (tests, benchmarks)."""
        self._builder.submit(lambda: None).result()


def _cells(kept: Any) -> int:
    """How much memory it takes, in cells of a cube (about 40 bytes)."""
    if isinstance(kept, RowCodes):
        return kept.codes.nbytes // 40 + len(kept.everybody.counts)
    return len(kept.counts) if isinstance(kept, Cube) else 0
