"""One question about facets: which cube answers which field, and the queries where none does yet.

Facets of values share one cube; a number or date has its own, with the fields in which something is chosen; what
has several values a contact is counted by a query. `facets` keeps the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import duckdb

from engine.contacts.fields import Field, FieldType
from engine.segments.activity import ACTIVITY
from engine.segments.audience import count_frame, segment_frame
from engine.segments.context import Context
from engine.segments.cubes import Cube, Tally, build_cube
from engine.segments.facet_columns import Bins, choose_bins, column_sql
from engine.segments.facet_members import count_members
from engine.segments.joins import MEMBERSHIP_FIELDS
from engine.segments.rules import FacetChoice, Segment

BINNED = frozenset({FieldType.NUMBER, FieldType.DATE})
MOST_INLINE = 500_000
"""The cube of more people than this is built behind queries: it would take longer than a click may last."""
Key = tuple[Any, ...]
Build = Callable[[duckdb.DuckDBPyConnection], Cube | None]


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet (None: no value) and how many have it, given the other facets."""

    value: str | None
    count: int


FacetCounts = dict[str, tuple[FacetValue, ...]]


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
        self.flat = tuple(name for name in fields if _kind(name, context) == "values")
        self.own = {name: choice for name, choice in segment.facets.items() if name in self.flat}
        self.rest = _without(segment, self.own)

    def answer(self) -> FacetCounts:
        """The counts of every field asked for; what `later` holds is to be built when they are on their way."""
        counted: FacetCounts = {}
        if self.flat:
            tallies = self._flat()
            for name in self.flat:
                counted[name] = _by_size(tallies[name], self.own.get(name))
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
        columns = self._columns(self.cursor, segment, {name: column_sql(self._field(name)) for name in names})
        listed = ", ".join(f'"{name}"' for name in names)
        counts: dict[str, dict[str | None, int]] = {name: {} for name in names}
        sets = ", ".join(f'("{name}")' for name in names)
        rows = columns.aggregate(f"{listed}, grouping_id({listed}), count(*)", f"GROUPING SETS ({sets})").fetchall()
        for *values, absent, count in rows:
            place = next(place for place in range(len(names)) if not absent >> (len(names) - 1 - place) & 1)
            own, value = counts[names[place]], values[place] or None
            own[value] = own.get(value, 0) + int(count)
        return {name: [Tally(value, count, count) for value, count in each.items()] for name, each in counts.items()}

    def _binned(self, name: str) -> tuple[FacetValue, ...]:
        bins = self._bins(name)
        choice = self.segment.facets.get(name, FacetChoice())
        rest = _without(self.rest, {name: None})
        beside = {each: column_sql(self._field(each)) for each in self.own}
        cube = self._cube(rest, (name, *self.own), {name: f"({bins.sql(_column(name))})::VARCHAR", **beside})
        if cube is not None:
            tallies = cube.rolled_up(self.own, [name])[name]
        else:
            columns = self._columns(
                self.cursor, _without(self.segment, {name: None}), {name: bins.sql(_column(name))}
            )
            tallies = [
                Tally(None if number is None else str(number), int(count), int(count))
                for number, count in columns.aggregate(f'"{name}", count(*)').fetchall()
            ]
        counts = {each.value: each.now for each in tallies}
        values = [FacetValue(token, counts.get(str(place), 0)) for place, token in enumerate(bins.tokens)]
        values += [self._alone(name, token) for token in _ordered(choice, bins.tokens)]
        if None in counts or None in choice.include | choice.exclude:
            values.append(FacetValue(None, counts.get(None, 0)))
        return tuple(values)

    def _alone(self, name: str, token: str) -> FacetValue:
        """The count of a chosen range that is no bin: a query of its own."""
        segment = _without(self.segment, {name: None}).with_facet(name, FacetChoice(include=frozenset({token})))
        key = (*self.state, "count", segment.fingerprint)
        known, count = self.keeper.kept(key)
        if not known:
            count = count_frame(segment_frame(self.cursor, segment, self.context))
            self.keeper.keep(key, count)
        return FacetValue(token, count)

    def _members(self, name: str) -> tuple[FacetValue, ...]:
        choice = self.segment.facets.get(name)
        now = self._member_counts(name, _without(self.segment, {name: None}))
        always = self._member_counts(name, Segment()) if name not in MEMBERSHIP_FIELDS else now
        tallies = [Tally(value, now.get(value, 0), count) for value, count in always.items()]
        return _by_size(tallies, choice)

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
        known, cube = self.keeper.kept(key)
        if known:
            found: Cube | None = cube
            return found

        def build(cursor: duckdb.DuckDBPyConnection) -> Cube | None:
            return build_cube(self._columns(cursor, rest, columns), fields)

        if count_frame(segment_frame(self.cursor, rest, self.context)) > MOST_INLINE:
            self.later[key] = build
            return None
        cube = build(self.cursor)
        self.keeper.keep(key, cube)
        return cube

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


def _by_size(tallies: Sequence[Tally], choice: FacetChoice | None) -> tuple[FacetValue, ...]:
    chosen = choice.include | choice.exclude if choice is not None else frozenset()
    seen = [
        (each.value is None, -each.always, each.value or "", FacetValue(each.value, each.now))
        for each in tallies
        if each.always or each.value in chosen
    ]
    absent = chosen - {each.value for each in tallies}
    seen += [(value is None, 0, value or "", FacetValue(value, 0)) for value in absent]
    return tuple(each[-1] for each in sorted(seen, key=lambda row: row[:3]))
