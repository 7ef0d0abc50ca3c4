"""A number per contact that says which combination of facet values it has: the way to a cube for any rule.

Grouping millions of texts takes longer than a click may last. So the combination of each contact is worked out once
for each state of the store (behind the answers); a rule then costs one pass of DuckDB that says of each contact
whether it holds, and a count of numbers in numpy. Both passes read the table in its own order, which stands as long
as nothing is written; whatever needs a join, and so may come in another order, goes another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import numpy.typing as npt

from engine.segments.compile import compile_rule, is_constant
from engine.segments.context import Context
from engine.segments.cubes import Cube
from engine.segments.joins import joins_of
from engine.segments.rules import Segment

MOST_COMBINATIONS = 32_000_000
"""Thinkable ones; those that occur are few of them, and are numbered anew."""
MOST_OCCURRING = 2_000_000
MOST_VALUES = 2_000
FEW = 0.3
HALVES = 2
"""numpy counts without holding the interpreter: two threads take little more than half as long as one."""
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RowCodes:
    """`codes[row]`: the combination of a contact's values, as its place in `everybody`, the cube of all."""

    codes: npt.NDArray[np.uint32]
    everybody: Cube

    def cube_of(self, mask: Mask | None) -> Cube | None:
        """The cube of the rows for which the mask is true (None: all), or None when the table changed meanwhile."""
        if mask is None:
            return self.everybody
        if len(mask) != len(self.codes):
            return None
        return replace(self.everybody, counts=self._counts(mask))

    def _counts(self, mask: Mask) -> npt.NDArray[np.int64]:
        """How many rows have each combination: those that hold are counted, or those that don't and taken away."""
        held = int(np.count_nonzero(mask))
        is_most = held > len(mask) // 2
        fewer = ~mask if is_most else mask
        counted = self._tally(fewer, is_few=min(held, len(mask) - held) <= len(mask) * FEW)
        counts: npt.NDArray[np.int64] = self.everybody.counts - counted if is_most else counted
        return counts

    def _tally(self, mask: Mask, *, is_few: bool) -> npt.NDArray[np.int64]:
        size, middle = len(self.everybody.counts), len(mask) // HALVES
        halves = (slice(0, middle), slice(middle, len(mask)))
        with ThreadPoolExecutor(HALVES) as pool:
            return sum(pool.map(lambda half: _tally(self.codes[half], mask[half], size, is_few), halves), _ZERO)


_ZERO = np.zeros((), np.int64)


def _tally(codes: npt.NDArray[np.uint32], mask: Mask, size: int, is_few: bool) -> npt.NDArray[np.int64]:
    if is_few:
        return np.bincount(codes[np.flatnonzero(mask)], minlength=size)
    tally = np.bincount(codes * mask, minlength=size)  # all others counted as combination 0: quicker
    tally[0] -= len(mask) - int(np.count_nonzero(mask))
    return tally


def read_row_codes(columns: duckdb.DuckDBPyRelation, fields: Sequence[str]) -> RowCodes | None:
    """The codes of a relation of text columns over the bare table of contacts; None: too many combinations."""
    values: list[tuple[str | None, ...]] = []
    for name in fields:
        found = columns.project(f'"{name}"').distinct().limit(MOST_VALUES + 1).fetchall()
        if len(found) > MOST_VALUES:
            return None
        values.append((None, *sorted(row[0] for row in found if row[0])))
    combinations = int(np.prod([len(each) for each in values], dtype=np.float64))
    if combinations > MOST_COMBINATIONS:
        return None
    packed = "0"
    for name, known in zip(fields, values, strict=True):
        packed = f"({packed}) * {len(known)} + {_code_sql(name, known)}"
    return _numbered_anew(_one_column(columns.project(f"({packed})::UINTEGER AS code")), fields, values, combinations)


def _numbered_anew(
    packed: npt.NDArray[np.uint32], fields: Sequence[str], values: Sequence[tuple[str | None, ...]], combinations: int
) -> RowCodes | None:
    """Codes in the mixed radix of `values`, as places among those that occur: a table that a core's cache holds."""
    occurs = np.zeros(combinations, np.bool_)
    occurs[packed] = True
    cells = np.flatnonzero(occurs)
    if len(cells) > MOST_OCCURRING:
        return None
    places = np.zeros(combinations, np.uint32)
    places[cells] = np.arange(len(cells), dtype=np.uint32)
    codes = places[packed]
    columns, left = [], cells
    for known in reversed(values):
        left, own = np.divmod(left, len(known))
        columns.append(own.astype(np.uint32))
    counts = np.bincount(codes, minlength=len(cells))
    return RowCodes(codes, Cube(tuple(fields), tuple(values), tuple(reversed(columns)), counts))


def can_be_masked(segment: Segment, context: Context) -> bool:
    """The segment can be told of each row by itself, in the table's order."""
    return not joins_of(segment, context)


def read_mask(cursor: duckdb.DuckDBPyConnection, segment: Segment, context: Context) -> Mask | None:
    """Of each contact, in the table's order, whether it is in the segment; None: everybody is."""
    if segment.is_empty:
        return None
    rule = compile_rule(segment, nw, context)
    if is_constant(segment, context):
        rule = rule & ~nw.col("contact_id").is_null()
    told = nw.from_native(cursor.table("contacts")).select(rule.fill_null(False).alias("holds"))
    return _one_column(told.to_native().project("holds::UTINYINT AS holds")).view(np.bool_)


def _code_sql(name: str, values: Sequence[str | None]) -> str:
    if len(values) == 1:
        return "0"
    listed = ", ".join("'" + str(value).replace("'", "''") + "'" for value in values[1:])
    return f'coalesce(list_position([{listed}], "{name}"), 0)'


def _one_column(relation: duckdb.DuckDBPyRelation) -> npt.NDArray[Any]:
    chunks = relation.to_arrow_table().column(0).chunks
    return np.concatenate([each.to_numpy() for each in chunks]) if chunks else np.zeros(0, np.uint8)
