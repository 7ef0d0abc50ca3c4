"""An audience: segments, lists, a segment of its own and a selection, which intersect; its frame, count and pages.

Everything is one query inside DuckDB; at most a page of rows comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import narwhals as nw
import polars as pl

from engine.contacts.fields import FieldType
from engine.errors import InvalidRule
from engine.segments.compile import compile_rule, is_constant
from engine.segments.context import Context
from engine.segments.joined import with_joins
from engine.segments.joins import activity_join, joins_of
from engine.segments.rules import LIST_FIELD, SEGMENT_FIELD, AllOf, Comparison, Model, Segment
from engine.segments.selection import Selection, SelectionMode
from engine.words import N_

FEW_IDS = 200
"""Up to here ids are part of the expression; more are joined."""
FAR_ROWS = 2_000
"""A page that begins behind so many rows is found by its ids first: sorting whole rows costs several times that."""


class Audience(Model):
    """Whom an action is for, resolved anew each time it is asked; frozen, with a JSON round trip."""

    segment_ids: tuple[str, ...] = ()
    list_ids: tuple[str, ...] = ()
    segment: Segment = Segment()
    selection: Selection = Selection()

    def as_segment(self) -> Segment:
        """All of it but the selection, as one segment."""
        parts: list[Any] = [Comparison(field=SEGMENT_FIELD, operator="in", value=each) for each in self.segment_ids]
        parts += [Comparison(field=LIST_FIELD, operator="in", value=each) for each in self.list_ids]
        if self.segment.rule is not None:
            own = self.segment.rule
            parts += own.rules if isinstance(own, AllOf) else [own]
        return Segment(facets=self.segment.facets, rule=AllOf(rules=tuple(parts)) if parts else None)


@dataclass(frozen=True, slots=True)
class Sort:
    """The order of a page: one column; ties and equals by contact id, so pages never overlap."""

    field: str = "contact_id"
    descending: bool = False


def is_narrowed(audience: Audience) -> bool:
    """Something leaves somebody out: a facet, a rule, a segment, a list or a selection."""
    return not audience.as_segment().is_empty or audience.selection.is_narrowing


def audience_frame(cursor: duckdb.DuckDBPyConnection, audience: Audience, context: Context) -> nw.LazyFrame[Any]:
    """The contacts of an audience, lazily.

    Returns:
        Shape: all columns of `contacts`, one row per contact, in no order.

    Raises:
        InvalidRule: as `compile_rule`.
    """
    frame = segment_frame(cursor, audience.as_segment(), context)
    return _selected(cursor, frame, audience.selection)


def segment_frame(
    cursor: duckdb.DuckDBPyConnection, segment: Segment, context: Context, beside: Sequence[str] = ()
) -> nw.LazyFrame[Any]:
    """The contacts of a segment, lazily; the shape of `audience_frame`.

    Args:
        beside: fields of `activity` that are wanted as columns too.
    """
    frame: nw.LazyFrame[Any] = nw.from_native(cursor.table("contacts"))
    if segment.is_empty and not beside:
        return frame
    matched = context.matched.get(Segment(rule=segment.rule).fingerprint)
    if matched is not None:
        frame = frame.join(nw.from_native(cursor.from_arrow(matched)), on="contact_id", how="semi")
        segment = segment.with_rule(None)
    rule = compile_rule(segment, nw, context)  # first: it refuses what can't be joined either
    if is_constant(segment, context):  # Narwhals takes no bare constant; a test all rows pass makes it a filter
        rule = rule & ~nw.col("contact_id").is_null()
    joins = joins_of(segment, context) | {name: activity_join(name) for name in beside}
    if not joins:
        return frame.filter(rule)
    columns = [*frame.collect_schema().names(), *beside]
    return with_joins(cursor, frame, joins, context).filter(rule).select(columns)


def count_audience(cursor: duckdb.DuckDBPyConnection, audience: Audience, context: Context) -> int:
    """How many contacts it has now, as one query of its own."""
    return count_frame(audience_frame(cursor, audience, context))


def count_frame(frame: nw.LazyFrame[Any]) -> int:
    """The number of rows of a frame over DuckDB."""
    return int(frame.to_native().aggregate("count(*)").fetchall()[0][0])


def page_of(
    cursor: duckdb.DuckDBPyConnection,
    audience: Audience,
    context: Context,
    *,
    columns: Sequence[str],
    sort: Sort = Sort(),
    limit: int = 50,
    offset: int = 0,
    total: int | None = None,
) -> pl.DataFrame:
    """One page of the audience.

    Args:
        total: how many the audience has, if that is known: pages near the end are then found from the end.

    Returns:
        Shape: `contact_id` and the columns asked for, one row per contact, in the order of `sort`, empty values last.

    Raises:
        InvalidRule: the sort or a column is no field.
    """
    wanted = list(dict.fromkeys(("contact_id", *columns)))
    for name in {*wanted, sort.field} - {"contact_id", "phone_valid"}:
        if name not in context.registry:
            raise InvalidRule(reason=f"there is no field {name!r}", field=name, problem=N_("there is no such field"))
    frame = audience_frame(cursor, audience, context)
    rows, projected = frame.to_native(), ", ".join(f'"{name}"' for name in wanted)
    if offset < FAR_ROWS:
        return pl.DataFrame(rows.order(_order_sql(sort, context)).limit(limit, offset).project(projected).pl())
    ids = _far_ids(rows, sort, context, limit, offset, total)
    kept = rows.filter(f"contact_id IN ({', '.join(map(str, ids))})") if ids else rows.limit(0)
    return pl.DataFrame(kept.order(_order_sql(sort, context)).project(projected).pl())


def _far_ids(
    rows: duckdb.DuckDBPyRelation, sort: Sort, context: Context, limit: int, offset: int, total: int | None
) -> list[int]:
    """The ids of a page far in: only what is sorted by is read, and from the end if that is nearer."""
    narrow = rows.project(", ".join(dict.fromkeys(("contact_id", f'"{sort.field}"'))))
    from_end = total is not None and offset < total < 2 * offset + limit
    if from_end and total is not None:
        limit = min(limit, total - offset)
        offset = total - offset - limit
    found = narrow.order(_order_sql(sort, context, backwards=from_end)).limit(limit, offset).project("contact_id")
    return [int(row[0]) for row in found.fetchall()]


def _order_sql(sort: Sort, context: Context, *, backwards: bool = False) -> str:
    """The `ORDER BY` of a sort whose field is known: words in the order of the Turkish alphabet."""
    collated = sort.field in context.registry.names(FieldType.TEXT, FieldType.CHOICE) and sort.field != "phone"
    words = " COLLATE tr" if collated else ""
    direction = "DESC" if sort.descending is not backwards else "ASC"
    ends = "NULLS FIRST, contact_id DESC" if backwards else "NULLS LAST, contact_id"
    return f'"{sort.field}"{words} {direction} {ends}'


def _selected(cursor: duckdb.DuckDBPyConnection, frame: nw.LazyFrame[Any], selection: Selection) -> nw.LazyFrame[Any]:
    if selection.mode is SelectionMode.NONE:
        return frame
    inside = selection.mode is SelectionMode.ONLY
    ids = sorted(selection.ids)
    if len(ids) <= FEW_IDS:
        chosen = nw.col("contact_id").is_in(ids) if ids else nw.lit(False)
        return frame.filter(chosen if inside else ~chosen)
    table = nw.from_native(cursor.sql("SELECT unnest(?::BIGINT[]) AS contact_id", params=[ids]))
    return frame.join(table, on="contact_id", how="semi" if inside else "anti")
