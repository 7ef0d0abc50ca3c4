"""Who an audience is, in a few figures: who can be messaged and why not the others, top values, growth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import duckdb
import narwhals as nw

from engine.segments.audience import Audience, audience_frame
from engine.segments.context import Context
from engine.words import N_

OPTED_OUT, SUPPRESSED, NO_PHONE, MESSAGEABLE = "opted_out", "suppressed", "no_phone", "messageable"
REACH_LABELS: dict[str, str] = {
    MESSAGEABLE: N_("Can be messaged"),
    OPTED_OUT: N_("Opted out"),
    SUPPRESSED: N_("Suppressed"),
    NO_PHONE: N_("No phone"),
}
SUPPRESSED_COLUMN = "@suppressed"


@dataclass(frozen=True, slots=True)
class Reach:
    """Each contact of an audience counted once: in `messageable`, or under its first reason not to be."""

    total: int
    messageable: int
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GrowthPoint:
    """How many of the audience's contacts were there at the end of a period that begins at `start`."""

    start: date
    total: int


def reach_expr(ns: Any) -> Any:
    """The one reason of each contact, in the order no phone, opted out, suppressed; else `messageable`.

    A number that is possible though not valid by the numbering plan is tried all the same, as preflight does. Needs
    the column `@suppressed` of `with_suppressions`.
    """
    unreachable = ns.col("phone").is_null() & ns.col("user_id").is_null()
    opted_out = (ns.col("consent") == "opted_out").fill_null(False)
    suppressed = ns.col(SUPPRESSED_COLUMN).fill_null(False)
    rest = ns.when(suppressed).then(ns.lit(SUPPRESSED)).otherwise(ns.lit(MESSAGEABLE))
    rest = ns.when(opted_out).then(ns.lit(OPTED_OUT)).otherwise(rest)
    return ns.when(unreachable).then(ns.lit(NO_PHONE)).otherwise(rest)


def with_suppressions(cursor: duckdb.DuckDBPyConnection, frame: Any) -> Any:
    """Join the column `@suppressed`: true for people with a standing suppression of any scope, else null."""
    standing = cursor.sql(
        f'SELECT DISTINCT person_key, true AS "{SUPPRESSED_COLUMN}" FROM suppressions WHERE lifted_at IS NULL'
    )
    return frame.join(nw.from_native(standing), on="person_key", how="left")


def reach(cursor: duckdb.DuckDBPyConnection, audience: Audience, context: Context) -> Reach:
    """Count who can be messaged now, and the others by reason."""
    needed = audience_frame(cursor, audience, context).select("person_key", "phone", "user_id", "consent")
    reasons = with_suppressions(cursor, needed).select(reach_expr(nw).alias("reason")).to_native()
    rows = reasons.aggregate("reason, count(*)").fetchall()
    found = {str(reason): int(count) for reason, count in rows}
    left_out = {reason: found.get(reason, 0) for reason in (OPTED_OUT, NO_PHONE, SUPPRESSED)}
    return Reach(sum(found.values()), found.get(MESSAGEABLE, 0), left_out)


def top_values(
    cursor: duckdb.DuckDBPyConnection, audience: Audience, context: Context, name: str, limit: int = 5
) -> tuple[tuple[str | None, int], ...]:
    """The values of a field that most of the audience have, with their counts."""
    context.known_field(name)
    frame = audience_frame(cursor, audience, context).select(name).group_by(name).agg(nw.len().alias("@count"))
    rows = frame.sort("@count", name, descending=[True, False]).head(limit).to_native().fetchall()
    return tuple((None if value is None else str(value), int(count)) for value, count in rows)


def growth(cursor: duckdb.DuckDBPyConnection, audience: Audience, context: Context) -> tuple[GrowthPoint, ...]:
    """How the audience of today came to be: its contacts by the day, week or month they were created, summed up.

    Returns: oldest first, at most about 120 points; days for two months, weeks for two years, else months (all UTC).
    """
    moments = audience_frame(cursor, audience, context).select("created_at").to_native()
    days = moments.aggregate("created_at::DATE AS start, count(*) AS n").order("start").fetchall()
    unit = _unit(days[-1][0] - days[0][0]) if days else "day"
    totals: dict[date, int] = {}
    total = 0
    for day, count in days:
        total += int(count)
        totals[_start(day, unit)] = total
    return tuple(GrowthPoint(start, reached) for start, reached in totals.items())


def _unit(span: timedelta) -> str:
    if span <= timedelta(days=62):
        return "day"
    return "week" if span <= timedelta(days=730) else "month"


def _start(day: date, unit: str) -> date:
    if unit == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if unit == "week" else day


def filled_counts(cursor: duckdb.DuckDBPyConnection, context: Context, names: Sequence[str]) -> dict[str, int]:
    """How many contacts have a value in each of these fields."""
    if not names:
        return {}
    columns = ", ".join(f'count("{context.known_field(name).name}")' for name in names)
    row = cursor.execute(f"SELECT {columns} FROM contacts").fetchall()[0]
    return {name: int(count) for name, count in zip(names, row, strict=True)}
