"""Facet counts, each conditional on the other facets, from a cube kept in memory and rolled up in numpy.

A cube is the `GROUP BY` of the counted columns over everything but their own facets; one click then costs a few
milliseconds at any size. Where a cube would be too large (independent columns), each facet is one query.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import numpy.typing as npt

from engine.contacts.fields import FieldType
from engine.errors import InvalidRule
from engine.segments.audience import Audience, count_frame, segment_frame
from engine.segments.context import Context
from engine.segments.rules import FacetChoice, Segment
from engine.words import N_

MOST_CELLS = 500_000
MOST_CUBES = 12
MOST_KEPT_CELLS = 2_000_000
MOST_FIELDS = 24


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet (None: no value) and how many have it, given the other facets."""

    value: str | None
    count: int


FacetCounts = dict[str, tuple[FacetValue, ...]]


@dataclass(frozen=True, slots=True)
class Cube:
    """A row per combination of values that occurs: codes into `values` per field, and how many people it has."""

    fields: tuple[str, ...]
    values: tuple[tuple[str | None, ...], ...]
    codes: tuple[npt.NDArray[np.uint32], ...]
    counts: npt.NDArray[np.int64]

    def rolled_up(self, facets: dict[str, FacetChoice]) -> FacetCounts:
        """The counts of each field's values, given the choices in all other fields."""
        failing = np.zeros(len(self.counts), np.uint32)
        for position, name in enumerate(self.fields):
            choice = facets.get(name)
            if choice is not None and not choice.is_empty:
                fails = np.array([not _passes(choice, value) for value in self.values[position]], np.uint32)
                failing |= (fails << np.uint32(position))[self.codes[position]]
        counted: FacetCounts = {}
        for position, name in enumerate(self.fields):
            rows = (failing & ~np.uint32(1 << position)) == 0
            size = len(self.values[position])
            now = np.bincount(self.codes[position][rows], weights=self.counts[rows], minlength=size)
            always = np.bincount(self.codes[position], weights=self.counts, minlength=size)
            counted[name] = _ordered(self.values[position], now, always, facets.get(name))
        return counted


class FacetCubes:
    """The cubes of one process, the least used thrown out first; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cubes: OrderedDict[tuple[Any, ...], Cube | None] = OrderedDict()

    def counts(
        self,
        cursor: duckdb.DuckDBPyConnection,
        audience: Audience,
        context: Context,
        fields: Sequence[str],
        version: tuple[Any, ...],
    ) -> FacetCounts:
        """The values of each field with their counts, those most people have first, "no value" last.

        The order is that of the counts without any facet, so values don't move under the pointer. The selection
        of the audience plays no part.

        Args:
            version: tells one state of contacts, segments and lists from another, such as (epoch, data version).

        Raises:
            InvalidRule: a field has no facet, or the audience can't be compiled.
        """
        segment = audience.as_segment()
        own = {name: choice for name, choice in segment.facets.items() if name in fields}
        rest = Segment(
            facets={name: choice for name, choice in segment.facets.items() if name not in fields}, rule=segment.rule
        )
        cube = self._cube(cursor, rest, context, (*version, context.today, tuple(fields)))
        if cube is not None:
            return cube.rolled_up(own)
        return counts_by_query(cursor, rest, own, context, fields)

    def _cube(
        self, cursor: duckdb.DuckDBPyConnection, rest: Segment, context: Context, state: tuple[Any, ...]
    ) -> Cube | None:
        key = (*state, rest.fingerprint)
        with self._lock:
            if key in self._cubes:
                self._cubes.move_to_end(key)
                return self._cubes[key]
            none_fits = self._cubes.get((*state, Segment().fingerprint), False) is None
        hopeless = none_fits and count_frame(segment_frame(cursor, rest, context)) > MOST_CELLS
        cube = None if hopeless else build_cube(cursor, rest, context, state[-1])
        self._keep(key, cube)
        return cube

    def _keep(self, key: tuple[Any, ...], cube: Cube | None) -> None:
        with self._lock:
            self._cubes[key] = cube
            cells = [0 if each is None else len(each.counts) for each in self._cubes.values()]
            while len(self._cubes) > 1 and (len(self._cubes) > MOST_CUBES or sum(cells) > MOST_KEPT_CELLS):
                self._cubes.popitem(last=False)
                cells.pop(0)


def build_cube(
    cursor: duckdb.DuckDBPyConnection, segment: Segment, context: Context, fields: Sequence[str]
) -> Cube | None:
    """The cube of these fields over a segment, or None when it would have more than `MOST_CELLS` cells."""
    frame = _facet_columns(segment_frame(cursor, segment, context), context, fields)
    grouped = frame.group_by(list(fields)).agg(nw.len().alias("@count")).head(MOST_CELLS + 1)
    table = grouped.collect("pyarrow").to_native()
    if table.num_rows > MOST_CELLS:
        return None
    values, codes = [], []
    for name in fields:
        column = table.column(name).combine_chunks().dictionary_encode()
        words = column.dictionary.to_pylist()
        code = column.indices.fill_null(len(words)).to_numpy(zero_copy_only=False).astype(np.uint32)
        words.append(None)
        if "" in words:
            code[code == words.index("")] = len(words) - 1
        values.append(tuple(words))
        codes.append(code)
    counts = table.column("@count").to_numpy().astype(np.int64)
    return Cube(tuple(fields), tuple(values), tuple(codes), counts)


def counts_by_query(
    cursor: duckdb.DuckDBPyConnection,
    rest: Segment,
    own: dict[str, FacetChoice],
    context: Context,
    fields: Sequence[str],
) -> FacetCounts:
    """The same counts with one query per field, for where no cube fits. A value that nobody has now isn't listed."""
    counted: FacetCounts = {}
    for name in fields:
        others = {field: choice for field, choice in own.items() if field != name}
        segment = Segment(facets={**rest.facets, **others}, rule=rest.rule)
        frame = _facet_columns(segment_frame(cursor, segment, context), context, [name])
        grouped = frame.group_by(name).agg(nw.len().alias("@count")).to_native().fetchall()
        counts: dict[str | None, int] = {}
        for value, count in grouped:
            counts[value or None] = counts.get(value or None, 0) + int(count)
        figures = np.array(list(counts.values()), np.int64)
        counted[name] = _ordered(tuple(counts), figures, figures, own.get(name))
    return counted


def _facet_columns(frame: Any, context: Context, fields: Sequence[str]) -> Any:
    """The fields as text columns."""
    if not 0 < len(fields) <= MOST_FIELDS or len(set(fields)) < len(fields):
        raise InvalidRule(reason=f"between 1 and {MOST_FIELDS} different facets", problem=N_("too many facets"))
    columns = []
    for name in fields:
        kind = context.known_field(name).type
        columns.append(nw.col(name).cast(nw.String) if kind is FieldType.BOOL else nw.col(name))
    return frame.select(columns)


def _passes(choice: FacetChoice, value: str | None) -> bool:
    return (not choice.include or value in choice.include) and value not in choice.exclude


def _ordered(
    values: tuple[str | None, ...], now: npt.NDArray[Any], always: npt.NDArray[Any], choice: FacetChoice | None
) -> tuple[FacetValue, ...]:
    chosen = choice.include | choice.exclude if choice is not None else frozenset()
    seen = [
        (value is None, -int(total), value or "", FacetValue(value, int(count)))
        for value, count, total in zip(values, now, always, strict=True)
        if total or value in chosen
    ]
    seen += [(value is None, 0, value or "", FacetValue(value, 0)) for value in chosen - set(values)]
    return tuple(each[-1] for each in sorted(seen, key=lambda row: row[:3]))
