"""The engine's answers for the Audience page, kept by what was asked and the version of the data.

The count is a query of its own and never waits for the facets. Nothing here is kept in the session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl
import streamlit as st

from engine import segments
from engine.segments import Audience, Context, FacetChoice, FacetCounts, FacetCubes, Matches, Reach, Segment, Sort
from engine.segments.facets import MOST_FIELDS
from engine.segments.field_use import fields_of_many, filled_beside, filled_fields
from engine.segments.joins import freshness
from engine.segments.overview import GrowthPoint
from engine.segments.value_search import ValuesFound, find_values
from pages.ui.services import warehouse

Version = tuple[Any, ...]


@dataclass(frozen=True)
class Figures:
    """The doors to the answers: one cursor and one context per page run."""

    cursor: duckdb.DuckDBPyConnection
    context: Context
    version: Version

    def prepared(self, audience: Audience) -> Figures:
        """The same, knowing already whom a costly rule matches."""
        known = _matches().prepared(self.cursor, audience.as_segment(), self.context, self.version)
        return Figures(self.cursor, known, self.version)

    def count(self, audience: Audience) -> int:
        """How many the audience has."""
        return _count(self._state(audience), audience.model_dump_json(), self.cursor, self.context)

    def reach(self, audience: Audience) -> Reach:
        """How many can be messaged, and why not the others."""
        return _reach(self._state(audience), audience.model_dump_json(), self.cursor, self.context)

    def top_values(self, audience: Audience, name: str, limit: int) -> tuple[tuple[str | None, int], ...]:
        """The most frequent values of a field."""
        return _top(self._state(audience), audience.model_dump_json(), name, limit, self.cursor, self.context)

    def growth(self, audience: Audience) -> tuple[GrowthPoint, ...]:
        """How the audience came to be."""
        return _growth(self._state(audience), audience.model_dump_json(), self.cursor, self.context)

    def page(
        self, audience: Audience, columns: tuple[str, ...], sort: Sort, limit: int, offset: int, total: int
    ) -> pl.DataFrame:  # fmt: skip
        """One page of rows of an audience that has `total`."""
        return segments.page_of(
            self.cursor, audience, self.context, columns=columns, sort=sort, limit=limit, offset=offset, total=total
        )

    def facet_counts(self, audience: Audience, fields: tuple[str, ...]) -> FacetCounts:
        """The counts of facets. The same fields, in whatever order, are one question: its cubes serve everybody."""
        counted: FacetCounts = {}
        asked = sorted(fields)
        for place in range(0, len(asked), MOST_FIELDS):
            part = tuple(asked[place : place + MOST_FIELDS])
            counted |= _cubes().counts(self.cursor, audience, self.context, part, self.version)
        return counted

    def facet_bins(self, name: str) -> frozenset[str | None]:
        """The bins of a number or date: the same whatever is chosen."""
        everybody = _cubes().counts(self.cursor, Audience(), self.context, (name,), self.version)
        return frozenset(each.value for each in everybody[name]) - {None}

    def values_found(self, audience: Audience, name: str, needle: str, limit: int) -> ValuesFound:
        """The most frequent values of a field with very many, or those with the needle in them."""
        segment = audience.as_segment()
        chosen = segment.facets.get(name, FacetChoice())
        if needle and not chosen.is_empty:  # what is found doesn't depend on it
            segment = segment.with_facet(name, FacetChoice())
        state = self._state(Audience(segment=segment))
        return _values_found(state, segment.model_dump_json(), name, needle, limit, self.cursor, self.context)

    def facet_use(self) -> tuple[frozenset[str], frozenset[str]]:
        """(fields in which somebody has a value, fields with very many different values)."""
        filled, many = _field_use(self.version, self.cursor, self.context)
        return filled | filled_beside(self.cursor, self.context), many

    def _state(self, audience: Audience) -> Version:
        """What an answer depends on: the data, the day, and what people do if the audience looks at that."""
        return (*self.version, self.context.today, *freshness(audience.as_segment(), self.context))


def figures(cursor: duckdb.DuckDBPyConnection, context: Context) -> Figures:
    """The answers of the store as it is now."""
    return Figures(cursor, context, (warehouse().epoch, warehouse().data_version))


@st.cache_resource(show_spinner=False)
def _cubes() -> FacetCubes:
    return FacetCubes()


@st.cache_resource(show_spinner=False)
def _matches() -> Matches:
    return Matches()


@st.cache_data(show_spinner=False, max_entries=500)
def _count(state: Version, audience: str, _cursor: duckdb.DuckDBPyConnection, _context: Context) -> int:
    return segments.count_audience(_cursor, Audience.model_validate_json(audience), _context)


@st.cache_data(show_spinner=False, max_entries=200)
def _reach(state: Version, audience: str, _cursor: duckdb.DuckDBPyConnection, _context: Context) -> Reach:
    return segments.reach(_cursor, Audience.model_validate_json(audience), _context)


@st.cache_data(show_spinner=False, max_entries=200)
def _top(
    state: Version, audience: str, name: str, limit: int, _cursor: duckdb.DuckDBPyConnection, _context: Context
) -> tuple[tuple[str | None, int], ...]:
    return segments.top_values(_cursor, Audience.model_validate_json(audience), _context, name, limit)


@st.cache_data(show_spinner=False, max_entries=200)
def _growth(
    state: Version, audience: str, _cursor: duckdb.DuckDBPyConnection, _context: Context
) -> tuple[GrowthPoint, ...]:
    return segments.growth(_cursor, Audience.model_validate_json(audience), _context)


@st.cache_data(show_spinner=False, max_entries=200)
def _values_found(
    state: Version, segment: str, name: str, needle: str, limit: int,
    _cursor: duckdb.DuckDBPyConnection, _context: Context,
) -> ValuesFound:  # fmt: skip
    return find_values(_cursor, Segment.model_validate_json(segment), _context, name, needle=needle, limit=limit)


@st.cache_data(show_spinner=False, max_entries=20)
def _field_use(
    version: Version, _cursor: duckdb.DuckDBPyConnection, _context: Context
) -> tuple[frozenset[str], frozenset[str]]:
    people_count = segments.count_audience(_cursor, Audience(), _context)
    return filled_fields(_cursor, _context), fields_of_many(_cursor, _context, people_count)
