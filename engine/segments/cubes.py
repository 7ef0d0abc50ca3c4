"""A cube: how many people have each combination of a few columns' values, rolled up in numpy for one click."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

from engine.segments.rules import FacetChoice

MOST_CELLS = 500_000


@dataclass(frozen=True, slots=True)
class Tally:
    """One value's count given the choices in all other columns, and without any choice in the cube's columns."""

    value: str | None
    now: int
    always: int


@dataclass(frozen=True, slots=True)
class Cube:
    """A row per combination of values that occurs: codes into `values` per field, and how many people it has."""

    fields: tuple[str, ...]
    values: tuple[tuple[str | None, ...], ...]
    codes: tuple[npt.NDArray[np.uint32], ...]
    counts: npt.NDArray[np.int64]

    def rolled_up(self, choices: Mapping[str, FacetChoice], wanted: Sequence[str]) -> dict[str, list[Tally]]:
        """The values of the wanted fields, each field's given the choices in all others."""
        failing = np.zeros(len(self.counts), np.uint32)
        for position, name in enumerate(self.fields):
            choice = choices.get(name)
            if choice is not None and not choice.is_empty:
                fails = np.array([not _passes(choice, value) for value in self.values[position]], np.uint32)
                failing |= (fails << np.uint32(position))[self.codes[position]]
        passing = np.flatnonzero(failing == 0) if failing.any() else None
        return {name: self._tallies(self.fields.index(name), failing, passing) for name in wanted}

    def _tallies(
        self, position: int, failing: npt.NDArray[np.uint32], passing: npt.NDArray[np.intp] | None
    ) -> list[Tally]:
        codes, size = self.codes[position], len(self.values[position])
        always = np.bincount(codes, weights=self.counts, minlength=size)
        if passing is None:
            now = always
        else:
            bit = np.uint32(1 << position)
            own = np.flatnonzero((failing & ~bit) == 0) if (failing & bit).any() else passing
            now = np.bincount(codes[own], weights=self.counts[own], minlength=size)
        return [
            Tally(value, int(count), int(total))
            for value, count, total in zip(self.values[position], now, always, strict=True)
        ]


def build_cube(columns: duckdb.DuckDBPyRelation, fields: Sequence[str]) -> Cube | None:
    """The cube of a relation of text columns, or None when it would have more than `MOST_CELLS` cells."""
    names = ", ".join(f'"{name}"' for name in fields)
    table = columns.aggregate(f'{names}, count(*) AS "@count"', names).limit(MOST_CELLS + 1).to_arrow_table()
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


def _passes(choice: FacetChoice, value: str | None) -> bool:
    return (not choice.include or value in choice.include) and value not in choice.exclude
