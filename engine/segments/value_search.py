"""The values of a field that has too many of them for a cube: the most frequent ones, or those found by a needle.

One query, conditional on the rest of the segment as facets are: the field's own choice plays no part in its counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from engine.contacts.fields import Field, FieldType
from engine.segments.audience import segment_frame
from engine.segments.context import Context
from engine.segments.facet_columns import column_sql
from engine.segments.facet_values import FacetValue
from engine.segments.folding import loose_pattern
from engine.segments.rules import FacetChoice, Segment

_FOUND = """WITH people AS (SELECT nullif("{name}", '') AS value FROM ({people})),
    counted AS (SELECT value, count(*) AS people FROM people GROUP BY value),
    kept AS (SELECT * FROM counted WHERE {holds})
SELECT value, people, (SELECT count(*) FROM kept WHERE value IS NOT NULL) FROM kept
ORDER BY coalesce(list_contains($chosen::VARCHAR[], value), value IS NULL AND $none) DESC, value IS NULL DESC,
    people DESC, value LIMIT $limit"""


@dataclass(frozen=True, slots=True)
class ValuesFound:
    """Values with their counts, most people first and no value last; `size`: how many there are in all."""

    values: tuple[FacetValue, ...]
    size: int


def find_values(
    cursor: duckdb.DuckDBPyConnection, segment: Segment, context: Context, name: str, *, needle: str = "", limit: int
) -> ValuesFound:
    """The values that most people have, those chosen among them in any case.

    Args:
        name: a text, choice or list field; a contact counts under each entry of its list.
        needle: only values in which it is found; case, İ/ı and Turkish letters typed plainly don't matter.

    Raises:
        InvalidRule: there is no such field, or the segment can't be compiled.
    """
    target = context.known_field(name)
    choice = segment.facets.get(name, FacetChoice())
    chosen = choice.include | choice.exclude
    rest = segment.with_facet(name, FacetChoice())
    people = segment_frame(cursor, rest, context).to_native().project(f'{_value_sql(target)} AS "{name}"')
    found = _rows(cursor, people, name, needle, chosen, limit)
    counts = {value: int(count) for value, count, _ in found}
    values = [FacetValue(value, counts.get(value, 0)) for value in _ordered(counts, () if needle else tuple(chosen))]
    return ValuesFound(tuple(values), int(found[0][2]) if found else 0)


def _value_sql(target: Field) -> str:
    if target.type is not FieldType.LIST:
        return column_sql(target)
    own = f'"{target.name}"'
    return f"unnest(CASE WHEN len({own}) > 0 THEN list_distinct({own}) ELSE [NULL]::VARCHAR[] END)"


def _rows(
    cursor: duckdb.DuckDBPyConnection, people: duckdb.DuckDBPyRelation, name: str, needle: str,
    chosen: frozenset[str | None], limit: int,
) -> list[tuple[str | None, int, int]]:  # fmt: skip
    cursor.register("counted_people", people)
    bound = {
        "chosen": [] if needle else sorted(value for value in chosen if value is not None),
        "none": not needle, "limit": limit + len(chosen) + 1,
    }  # fmt: skip
    holds = "true"
    if needle:
        holds, bound["needle"] = "regexp_matches(value, $needle)", loose_pattern(needle)
    sql = _FOUND.format(name=name, people="FROM counted_people", holds=holds)
    return cursor.sql(sql, params=bound).fetchall()


def _ordered(counts: dict[str | None, int], chosen: Sequence[str | None]) -> list[str | None]:
    return sorted({*counts, *chosen}, key=lambda value: (value is None, -counts.get(value, 0), value or ""))
