"""How large a saved segment was over time: written once a day for each, and whenever one is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import duckdb

from engine.clock import from_store, to_store
from engine.errors import InvalidRule
from engine.segments.audience import Audience, count_audience
from engine.segments.context import Context
from engine.segments.saved import list_segments
from engine.warehouse import Warehouse

MOST_POINTS = 400
FEW_POINTS = 40
"""Points of a small line in a table."""


class SizeCause(StrEnum):
    """Why a size was written down."""

    DAILY = "daily"
    SAVED = "saved"
    SHOWN = "shown"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class SizePoint:
    """How many it had, when, and why it was counted."""

    count: int
    counted_at: datetime
    cause: str


def record_size(warehouse: Warehouse, segment_id: str, count: int, cause: SizeCause | str, *, now: datetime) -> bool:
    """Write down a size.

    Returns: false when the last one written on this day says the same, and nothing was written.
    """
    with warehouse.exclusive() as cursor:  # no `writing`: caches of contacts stay good
        written = cursor.execute(
            """INSERT INTO segment_sizes SELECT $id, $count, $moment, $cause
            WHERE $cause = 'daily' OR NOT EXISTS (
                SELECT 1 FROM segment_sizes WHERE segment_id = $id AND counted_at >= date_trunc('day', $moment)
                HAVING arg_max(count, counted_at) = $count)""",
            {"id": segment_id, "count": count, "moment": to_store(now), "cause": str(cause)},
        ).fetchall()
    return bool(written[0][0])


def record_daily_sizes(warehouse: Warehouse, context: Context, now: datetime) -> int:
    """Count every active segment that has no size of today's round yet; one that can't be compiled is passed over.

    Returns: how many were counted. Call it as often as you like: the day is the business's.
    """
    cursor, counted = warehouse.cursor(), 0
    since = context.day_start(now.astimezone(context.zone).date())
    done = {
        row[0]
        for row in cursor.execute(
            "SELECT segment_id FROM segment_sizes WHERE cause = 'daily' AND counted_at >= ?", [since]
        ).fetchall()
    }
    for saved in list_segments(cursor):
        if saved.segment_id in done:
            continue
        try:
            count = count_audience(cursor, Audience(segment=saved.segment), context)
        except InvalidRule:
            continue
        counted += record_size(warehouse, saved.segment_id, count, SizeCause.DAILY, now=now)
    return counted


def record_used_sizes(warehouse: Warehouse, segment_ids: tuple[str, ...], context: Context, *, now: datetime) -> None:
    """Count the saved segments that a message just went to, and write it down; one that is no more is passed over."""
    cursor = warehouse.cursor()
    for segment_id in segment_ids:
        try:
            count = count_audience(cursor, Audience(segment_ids=(segment_id,)), context)
        except InvalidRule:
            continue
        record_size(warehouse, segment_id, count, SizeCause.SENT, now=now)


def recent_sizes(cursor: duckdb.DuckDBPyConnection) -> dict[str, tuple[SizePoint, ...]]:
    """The last sizes of every segment that was ever counted, the oldest first: for a line in a table."""
    rows = cursor.execute(
        "SELECT segment_id, count, counted_at, cause FROM segment_sizes"
        " QUALIFY row_number() OVER (PARTITION BY segment_id ORDER BY counted_at DESC) <= ? ORDER BY counted_at",
        [FEW_POINTS],
    ).fetchall()
    found: dict[str, list[SizePoint]] = {}
    for segment_id, count, moment, cause in rows:
        found.setdefault(segment_id, []).append(SizePoint(int(count), from_store(moment), cause))
    return {segment_id: tuple(points) for segment_id, points in found.items()}


def list_sizes(cursor: duckdb.DuckDBPyConnection, segment_id: str) -> tuple[SizePoint, ...]:
    """The sizes of a segment, oldest first; the last few hundred."""
    rows = cursor.execute(
        "SELECT count, counted_at, cause FROM segment_sizes WHERE segment_id = ? ORDER BY counted_at DESC LIMIT ?",
        [segment_id, MOST_POINTS],
    ).fetchall()
    return tuple(SizePoint(int(count), from_store(moment), cause) for count, moment, cause in reversed(rows))
