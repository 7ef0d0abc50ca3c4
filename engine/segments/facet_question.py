"""One question about facets: which cube answers which field, and the queries where none does yet.

Facets of values share one cube; a number or date has its own; what has several values a contact is counted by a
query. Among millions the cubes come from `row_codes`, once those are there. `facets` keeps the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import duckdb

from engine.contacts.fields import Field, FieldType
from engine.segments.activity import ACTIVITY
from engine.segments.audience import count_frame, segment_frame
from engine.segments.context import Context
from engine.segments.cubes import Cube, Tally, build_cube
from engine.segments.facet_columns import Bins, as_text, choose_bins, column_sql, grouping_sql
from engine.segments.facet_members import count_members
from engine.segments.facet_values import FacetCounts, FacetValue, by_size
from engine.segments.joins import MEMBERSHIP_FIELDS
from engine.segments.row_codes import Mask, RowCodes, can_be_masked, read_mask, read_row_codes
from engine.segments.rules import FacetChoice, Segment

BINNED = frozenset({FieldType.NUMBER, FieldType.DATE})
MOST_INLINE = 500_000
"""The cube of more people than this is built behind queries: it would take longer than a click may last."""
Key = tuple[Any, ...]
Build = Callable[[duckdb.DuckDBPyConnection], Cube | RowCodes | None]


class Keeper(Protocol):
    """Keeps answers."""

    def kept(self, key: Key) -> tuple[bool, Any]:
        """(known, what is kept)."""

    def keep(self, key: Key, value: Any) -> None:
        """Keep an answer."""


class FacetQuestion:
    """One question: the fields, and the segment they are counted for."""

    def __init__(
        self, keeper: Keeper, cursor: duckdb.DuckDBPyConnection, segment: Segment, context: Context,
        state: Key, fields: tuple[str, ...],
    ) -> None:  # fmt: skip
        self.keeper, self.cursor, self.context, self.state = keeper, cursor, context, state
        self.segment, self.fields = segment, fields
        self.later: dict[Key, Build] = {}
        self.masks: dict[str, Mask | None] = {}
        self.flat = tuple(name for name in fields if _kind(name, context) == "values")
        self.own = {name: choice for name, choice in segment.facets.items() if name in self.flat}
        self.rest = _without(segment, self.own)

    def answer(self) -> FacetCounts:
        """The counts of every field asked for; what `later` holds is to be built when they are on their way."""
        counted: FacetCounts = {}
        if self.flat:
            tallies = self._flat()
            for name in self.flat:
                counted[name] = by_size(tallies[name], self.own.get(name))
        for name in self.fields:
            if name not in counted:
                binned = _kind(name, self.context) == "bins"
                counted[name] = self._binned(name) if binned else self._members(name)
        return {name: counted[name] for name in self.fields}

    def _flat(self) -> dict[str, list[Tally]]:
        cube = self._cube(self.rest, self.flat, {name: column_sql(self._field(name)) for name in self.flat})
        if cube is not None:
            return cube.rolled_up(self.own, self.flat)
        free = [name for name in self.flat if name not in self.own]
        found = self._by_query(self.segment, free) if free else {}
        for name in self.own:
            found |= self._by_query(_without(self.segment, {name: None}), [name])
        return found

    def _by_query(self, segment: Segment, names: Sequence[str]) -> dict[str, list[Tally]]:
        """The counts of each field over the people of a segment, all fields in one pass."""
        columns = self._columns(self.cursor, segment, {name: grouping_sql(self._field(name)) for name in names})
        listed = ", ".join(f'"{name}"' for name in names)
        counts: dict[str, dict[str | None, int]] = {name: {} for name in names}
        sets = ", ".join(f'("{name}")' for name in names)
        rows = columns.aggregate(f"{listed}, grouping_id({listed}), count(*)", f"GROUPING SETS ({sets})").fetchall()
        for *values, absent, count in rows:
            place = next(place for place in range(len(names)) if not absent >> (len(names) - 1 - place) & 1)
            own, value = counts[names[place]], as_text(values[place])
            own[value] = own.get(value, 0) + int(count)
        return {name: [Tally(value, count, count) for value, count in each.items()] for name, each in counts.items()}

    def _binned(self, name: str) -> tuple[FacetValue, ...]:
        bins = self._bins(name)
        choice = self.segment.facets.get(name, FacetChoice())
        counts = {each.value: each.now for each in self._bin_tallies(name, f"({bins.sql(_column(name))})::VARCHAR")}
        values = [FacetValue(token, counts.get(str(place), 0)) for place, token in enumerate(bins.tokens)]
        values += [self._alone(name, token) for token in _ordered(choice, bins.tokens)]
        if counts.get(None) or None in choice.include | choice.exclude:
            values.append(FacetValue(None, counts.get(None, 0)))
        return tuple(values)

    def _bin_tallies(self, name: str, sql: str) -> list[Tally]:
        """How many are in each bin, by its number."""
        rest, others = _without(self.rest, {name: None}), _without(self.segment, {name: None})
        cube = self._coded(others, (name,), {name: sql})
        if cube is not None:
            return cube.rolled_up({}, [name])[name]
        if self._is_costly(others, (name,)):
            columns = self._columns(self.cursor, others, {name: sql})
            rows = columns.aggregate(f'"{name}", count(*)').fetchall()
            return [Tally(value, int(count), int(count)) for value, count in rows]
        beside = {each: column_sql(self._field(each)) for each in self.own}
        cube = self._cube(rest, (name, *self.own), {name: sql, **beside})
        if cube is None:
            cube = build_cube(self._columns(self.cursor, others, {name: sql}), (name,))
            return [] if cube is None else cube.rolled_up({}, [name])[name]
        return cube.rolled_up(self.own, [name])[name]

    def _alone(self, name: str, token: str) -> FacetValue:
        """The count of a chosen range that is no bin: a query of its own."""
        segment = _without(self.segment, {name: None}).with_facet(name, FacetChoice(include=frozenset({token})))
        return FacetValue(token, self._count(segment))

    def _members(self, name: str) -> tuple[FacetValue, ...]:
        choice = self.segment.facets.get(name)
        now = self._member_counts(name, _without(self.segment, {name: None}))
        always = self._member_counts(name, Segment()) if name not in MEMBERSHIP_FIELDS else now
        tallies = [Tally(value, now.get(value, 0), count) for value, count in always.items()]
        return by_size(tallies, choice)

    def _member_counts(self, name: str, segment: Segment) -> dict[str | None, int]:
        key = (*self.state, "members", name, segment.fingerprint)
        known, counts = self.keeper.kept(key)
        if not known:
            people = segment_frame(self.cursor, segment, self.context).to_native()
            counts = count_members(self.cursor, name, people, self.context)
            self.keeper.keep(key, counts)
        found: dict[str | None, int] = counts
        return found

    def _bins(self, name: str) -> Bins:
        key = (*self.state, "bins", name)
        known, bins = self.keeper.kept(key)
        if not known:
            everybody = segment_frame(self.cursor, Segment(), self.context, _beside([name])).to_native()
            bins = choose_bins(everybody, self._field(name), self.context)
            self.keeper.keep(key, bins)
        found: Bins = bins
        return found

    def _cube(self, rest: Segment, fields: tuple[str, ...], columns: Mapping[str, str]) -> Cube | None:
        """The cube of these fields over the people of `rest`, or None when queries must do for now."""
        key = (*self.state, "cube", fields, rest.fingerprint)
        known, found = self.keeper.kept(key)
        cube: Cube | None = found
        if known:
            return cube
        cube = self._coded(rest, fields, columns)
        if cube is None and self._is_costly(rest, fields):
            if not self.later:
                self.later[key] = lambda cursor: build_cube(self._columns(cursor, rest, columns), fields)
            return None
        if cube is None:
            cube = build_cube(self._columns(self.cursor, rest, columns), fields)
        self.keeper.keep(key, cube)
        return cube

    def _coded(self, segment: Segment, fields: tuple[str, ...], columns: Mapping[str, str]) -> Cube | None:
        """The cube from the codes of all contacts, or None; codes that pay are built behind the answer."""
        if any(name in ACTIVITY for name in fields) or not can_be_masked(segment, self.context):
            return None
        key = (*self.state, "codes", fields)
        known, codes = self.keeper.kept(key)
        if not known and self._is_large(Segment()):
            self.later[key] = lambda cursor: read_row_codes(self._columns(cursor, Segment(), columns), fields)
        if codes is None:
            return None
        own = (*self.state, "coded", fields, segment.fingerprint)
        known, cube = self.keeper.kept(own)
        if not known:
            if segment.fingerprint not in self.masks:
                self.masks[segment.fingerprint] = read_mask(self.cursor, segment, self.context)
            cube = codes.cube_of(self.masks[segment.fingerprint])
            self.keeper.keep(own, cube)
        found: Cube | None = cube
        return found

    def _is_costly(self, segment: Segment, fields: tuple[str, ...]) -> bool:
        """Codes answer the next click anyway, so that not even a count pays; or it has too many people."""
        return (*self.state, "codes", fields) in self.later or self._is_large(segment)

    def _is_large(self, segment: Segment) -> bool:
        """A cube of its people would take longer to build than a click may last."""
        return self._count(segment) > MOST_INLINE

    def _count(self, segment: Segment) -> int:
        key = (*self.state, "count", segment.fingerprint)
        known, count = self.keeper.kept(key)
        if not known:
            count = count_frame(segment_frame(self.cursor, segment, self.context))
            self.keeper.keep(key, count)
        return int(count)

    def _columns(
        self, cursor: duckdb.DuckDBPyConnection, segment: Segment, columns: Mapping[str, str]
    ) -> duckdb.DuckDBPyRelation:
        people = segment_frame(cursor, segment, self.context, _beside(columns)).to_native()
        projected: duckdb.DuckDBPyRelation = people.project(
            ", ".join(f'{sql} AS "{name}"' for name, sql in columns.items())
        )
        return projected

    def _field(self, name: str) -> Field:
        return self.context.known_field(name)


def _kind(name: str, context: Context) -> str:
    """How a field's facet is counted: `values` of a cube, `bins`, or `members`."""
    if name in MEMBERSHIP_FIELDS:
        return "members"
    kind = context.known_field(name).type
    return "members" if kind is FieldType.LIST else "bins" if kind in BINNED else "values"


def _without(segment: Segment, names: Mapping[str, Any]) -> Segment:
    return Segment(
        facets={name: each for name, each in segment.facets.items() if name not in names}, rule=segment.rule
    )


def _beside(names: Any) -> tuple[str, ...]:
    return tuple(name for name in names if name in ACTIVITY)


def _column(name: str) -> str:
    return f'"{name}"'


def _ordered(choice: FacetChoice, known: Sequence[str]) -> list[str]:
    return sorted(value for value in choice.include | choice.exclude if value is not None and value not in known)
