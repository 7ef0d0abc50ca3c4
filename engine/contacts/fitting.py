"""How well a file's columns fit the fields they are mapped to, over its first rows.

Quick enough to ask at each choice, and read as staging reads them. What staging says of the whole file may differ:
there all rows are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping as Map

import duckdb
from pydantic import BaseModel, ConfigDict

from engine.contacts.cells import Kind, Style
from engine.contacts.fields import FieldRegistry, FieldType
from engine.contacts.head import read_head
from engine.contacts.mapping import ColumnTarget, Mapping
from engine.contacts.phones_bulk import normalise_phones
from engine.contacts.source import SourceFile
from engine.contacts.values import Column, read_column
from engine.warehouse import open_scratch

_EXAMPLES = 3
_EXAMPLE_TEXT = 80
_DATED = (Kind.DATE, Kind.MOMENT)
_SLASHED = r"^(\d{1,2})[-/](\d{1,2})[-/]\d{4}"  # with dots the day always comes first


class Fit(BaseModel):
    """How the cells of one column fit its field: of `looked_at` rows `filled` hold something, `fitting` what fits."""

    model_config = ConfigDict(frozen=True)

    filled: int
    fitting: int
    misfits: tuple[tuple[int, str], ...]  # the first: (line, text)
    looked_at: int
    month_first: bool | None = None  # how 03/04/2026 is read; None where no cell is written so
    is_ambiguous: bool = False  # it could be read either way, and no cell tells


def fit_columns(
    source: SourceFile,
    mapping: Mapping,
    registry: FieldRegistry,
    *,
    region: str,
    zone: str,
    month_first: Map[str, bool] | None = None,
) -> dict[int, Fit]:
    """Look at the mapped columns.

    Args:
        region: ISO country of numbers without a country code; a mapped country column goes before it.
        zone: IANA name; moments without an offset are in it.
        month_first: by header, what a person said about a column's dates.

    Returns: by column number; columns that are left out are not in it.
    """
    with open_scratch() as cursor:
        read_head(cursor, source.folder)
        columns = {
            number: read_column(
                cursor,
                each.target or "",
                number,
                _type_of(each, registry),
                zone=zone,
                month_first=(month_first or {}).get(each.header),
                is_composed=True,
            )
            for number, each in mapping
            if each.target != "phone"
        }
        phones = [number for number, each in mapping if each.target == "phone"]
        country = next((each for each in columns.values() if each.target == "country"), None)
        for number in phones[:1]:
            columns[number] = _read_phones(cursor, number, country, region)
        return _fits(cursor, columns, source)


def _type_of(column: ColumnTarget, registry: FieldRegistry) -> FieldType:
    if column.new:
        return column.new.type
    return registry.get(column.target or "").type if column.target in registry else FieldType.TEXT


def _read_phones(cursor: duckdb.DuckDBPyConnection, number: int, country: Column | None, region: str) -> Column:
    region_sql = f"coalesce({country.value}, '{region}')" if country else f"'{region}'"
    texts = f"SELECT raw.rowid AS n, c{number} AS text, {region_sql} AS region FROM raw"
    cursor.execute(f"CREATE TABLE texts AS {texts} {country.join if country else ''} WHERE c{number} IS NOT NULL")
    phones_frame = normalise_phones(cursor.sql("SELECT DISTINCT text, region FROM texts").pl())
    cursor.register("phones_frame", phones_frame.select("text", "region", "e164"))
    cursor.execute("CREATE TABLE phones AS SELECT n, e164 FROM texts JOIN phones_frame USING (text, region)")
    return Column("phone", number, Kind.TEXT, Style(), "p.e164", "LEFT JOIN phones p ON p.n = raw.rowid")


def _fits(cursor: duckdb.DuckDBPyConnection, columns: dict[int, Column], source: SourceFile) -> dict[int, Fit]:
    if not columns:
        return {}
    joins = " ".join(each.join for each in columns.values())
    counts = ", ".join(f"count(raw.c{n}), count(*) FILTER ({each.unfit})" for n, each in columns.items())
    ((looked_at, *found),) = cursor.execute(f"SELECT count(*), {counts} FROM raw {joins}").fetchall()
    lines = source.lines() if any(found[1::2]) else None
    fits = {}
    for (number, each), filled, unfit in zip(columns.items(), found[0::2], found[1::2], strict=True):
        rows = _misfits(cursor, each) if unfit and lines is not None else []
        fits[number] = Fit(
            filled=filled,
            fitting=filled - unfit,
            misfits=tuple((int(lines[row]), text[:_EXAMPLE_TEXT]) for row, text in rows) if lines is not None else (),
            looked_at=looked_at,
            **(_order_of_dates(cursor, each) if each.kind in _DATED else {}),
        )
    return dict(sorted(fits.items()))


def _misfits(cursor: duckdb.DuckDBPyConnection, column: Column) -> list[tuple[int, str]]:
    return cursor.execute(
        f"SELECT raw.rowid, raw.c{column.number} FROM raw {column.join} WHERE {column.unfit} "
        f"ORDER BY raw.rowid LIMIT {_EXAMPLES}"
    ).fetchall()


def _order_of_dates(cursor: duckdb.DuckDBPyConnection, column: Column) -> dict[str, bool]:
    parts = [f"try_cast(regexp_extract(c{column.number}, '{_SLASHED}', {group}) AS INT)" for group in (1, 2)]
    ((days, months, unlike, dotted),) = cursor.execute(
        f"SELECT count(*) FILTER (a > 12), count(*) FILTER (b > 12), count(*) FILTER (a <> b), "
        f"count(*) FILTER (regexp_matches(cell, '^\\d{{1,2}}[.]\\d{{1,2}}[.]\\d{{4}}')) "
        f"FROM (SELECT {parts[0]} AS a, {parts[1]} AS b, c{column.number} AS cell FROM raw)"
    ).fetchall()
    if not (unlike or dotted):
        return {}
    return {"month_first": column.style.month_first, "is_ambiguous": bool(unlike) and not (days or months or dotted)}
