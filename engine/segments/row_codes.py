"""A number per contact that says which combination of facet values it has: the way to a cube for any rule.

Grouping millions of texts takes longer than a click may last. So the combination of each contact is worked out once
for each state of the store (behind the answers); a rule then costs one pass of DuckDB that says of each contact
whether it holds, and a count of numbers in numpy. Both passes read the table in its own order, which stands as long
as nothing is written; whatever needs a join, and so may come in another order, goes another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

MOST_COMBINATIONS = 8_000_000
MOST_VALUES = 2_000
FEW = 0.3
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RowCodes:
    """`codes[row]`: the combination of a contact's values, as one number in the mixed radix of `values`."""

    fields: tuple[str, ...]
    values: tuple[tuple[str | None, ...], ...]
    codes: npt.NDArray[Any]

    def cube_of(self, mask: Mask | None) -> Cube | None:
        """The cube of the rows for which the mask is true (None: all), or None when the table changed meanwhile."""
        if mask is not None and len(mask) != len(self.codes):
            return None
        sizes = [len(each) for each in self.values]
        tally = self._tally(mask, int(np.prod(sizes)))
        cells = np.flatnonzero(tally)
        codes, left = [], cells
        for size in reversed(sizes):
            left, own = np.divmod(left, size)
            codes.append(own.astype(np.uint32))
        return Cube(self.fields, self.values, tuple(reversed(codes)), tally[cells])

    def _tally(self, mask: Mask | None, size: int) -> npt.NDArray[np.int64]:
        """How many rows have each combination."""
        if mask is None:
            return np.bincount(self.codes, minlength=size)
        held = int(np.count_nonzero(mask))
        if held < len(mask) * FEW:
            return np.bincount(self.codes[np.flatnonzero(mask)], minlength=size)
        tally = np.bincount(self.codes * mask, minlength=size)  # all others counted as combination 0: quicker
        tally[0] -= len(mask) - held
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
    kind = "UTINYINT" if combinations <= 1 << 8 else "USMALLINT" if combinations <= 1 << 16 else "UINTEGER"
    codes = _one_column(columns.project(f"({packed})::{kind} AS code"))
    return RowCodes(tuple(fields), tuple(values), codes)


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
