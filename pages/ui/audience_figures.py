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
from engine.contacts.fields import FieldType
from engine.segments import Audience, Context, FacetCounts, FacetCubes, Matches, Reach, Sort
from engine.segments.joins import freshness
from engine.segments.overview import GrowthPoint
from pages.ui.services import warehouse

FACETS_OPEN_AT_FIRST = 6
FIRST_FACETS = ("origin", "language", "city", "country", "consent")
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

    def page(self, audience: Audience, columns: tuple[str, ...], sort: Sort, limit: int, offset: int) -> pl.DataFrame:
        """One page of rows."""
        return segments.page_of(
            self.cursor, audience, self.context, columns=columns, sort=sort, limit=limit, offset=offset
        )

    def facet_counts(self, audience: Audience, fields: tuple[str, ...]) -> FacetCounts:
        """The counts of the open facets."""
        if not fields:
            return {}
        return _cubes().counts(self.cursor, audience, self.context, fields, self.version)

    def facet_fields(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(all fields that have a facet, those that are open at first), the ones that tell most first."""
        return _facet_fields((*self.version, self.context.today), self.cursor, self.context)

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


@st.cache_data(show_spinner=False, max_entries=20)
def _facet_fields(
    state: Version, _cursor: duckdb.DuckDBPyConnection, _context: Context
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = _context.registry.names(FieldType.CHOICE, FieldType.BOOL)
    filled = segments.filled_counts(_cursor, _context, names)
    known = [name for name in FIRST_FACETS if name in names]
    # sorted is stable: those with values first, then as a person looks for them, then as they were added
    ordered = sorted(dict.fromkeys([*known, *names]), key=lambda name: not filled[name])
    return tuple(ordered), tuple(name for name in ordered if filled[name])[:FACETS_OPEN_AT_FIRST]
