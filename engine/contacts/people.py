"""The tables in which a file's rows become people: `raw`, `phones`, `persons`; what is asked of them.

All are DuckDB's, in the staging's own connection; the only text Python looks at one by one is a phone number that
the column expressions leave undecided, and what a person's key is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl
from pydantic import BaseModel, ConfigDict

from engine.contacts.cells import spaceless_sql, trimmed_sql
from engine.contacts.fields import FieldType
from engine.contacts.mapping import Mapping
from engine.contacts.naming import Named
from engine.contacts.phones_bulk import judge_phones
from engine.contacts.source import SourceFile
from engine.contacts.traits import Table
from engine.contacts.values import Column, read_column
from engine.errors import StoreError


class StageRequest(BaseModel):
    """All that staging needs to know."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    mapping: Mapping
    types: dict[str, FieldType]  # of each target but the user id
    region: str
    zone: str
    salt: str  # hex
    duplicates: Literal["last", "first"] = "last"  # which of a person's rows counts
    month_first: dict[str, bool] = {}  # by header: what a person said about a column's dates
    identity: str | None = None  # a target that names a person whose row has neither phone nor user id


def read_table(cursor: duckdb.DuckDBPyConnection, source: SourceFile, table: Table) -> None:
    """The table `raw`; a row's number in the file is its rowid."""
    names = [f"c{number}" for number in range(len(source.headers))]
    trim = trimmed_sql if table.has_unseen else spaceless_sql if table.is_padded else str
    cells = ", ".join(f"{trim(name)} AS {name}" for name in names)
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    cursor.execute(
        f"CREATE TABLE raw AS SELECT {cells} FROM read_csv(?, columns = {{{columns}}}, auto_detect = false, "
        f"header = false, skip = {table.skip}, delim = ?, quote = '\"', escape = '\"', new_line = '\\n', "
        f"max_line_size = 4000000)",
        [str(source.folder / "table.csv"), source.delimiter],
    )
    ((found,),) = cursor.execute("SELECT count(*) FROM raw").fetchall()
    if found != source.whole_count:
        raise StoreError(reason=f"the file has {source.whole_count} whole rows and {found} were read")


def read_phones(
    cursor: duckdb.DuckDBPyConnection,
    request: StageRequest,
    country: Column | None,
    on_progress: Callable[[float], None],
) -> None:
    """The view `phones`, one row per filled phone cell."""
    number = request.mapping.targets().get("phone")
    cell = "NULL::VARCHAR" if number is None else f"raw.c{number}"
    region = f"coalesce({country.value}, '{request.region}')" if country else f"'{request.region}'"
    judge_phones(
        cursor,
        f"SELECT raw.rowid AS n, {cell} AS text, {region} AS region FROM raw {country.join if country else ''} "
        f"WHERE {cell} IS NOT NULL",
        on_progress,
    )


def read_target(
    cursor: duckdb.DuckDBPyConnection, request: StageRequest, target: str, source: SourceFile, table: Table
) -> Column:
    """A mapped column, ready to be asked for."""
    number = request.mapping.targets()[target]
    return read_column(
        cursor,
        target,
        number,
        request.types.get(target, FieldType.TEXT),
        zone=request.zone,
        month_first=request.month_first.get(source.headers[number]),
        is_composed=table.is_composed,
    )


def keep_named(cursor: duckdb.DuckDBPyConnection, named: Named) -> None:
    """The table `persons`: row number, person key, the row that counts."""
    persons_frame = pl.DataFrame({"n": named.rows, "person_key": named.keys, "kept": named.kept})
    cursor.register("persons_frame", persons_frame)
    cursor.execute("CREATE TABLE persons AS SELECT * FROM persons_frame")
    cursor.unregister("persons_frame")


def write_people(cursor: duckdb.DuckDBPyConnection, columns: dict[str, Column], named: Named, folder: Path) -> None:
    """Write `staged.parquet`: one row a person; an opt-out in any of their rows stays one."""
    refused = _find_refused(cursor, columns.get("consent"), named)
    values = "".join(f', {_value(columns, each, refused)} AS "{each.target}"' for each in columns.values())
    joins = " ".join(each.join for each in columns.values())
    joins += " LEFT JOIN refused ON refused.n = raw.rowid" if refused else ""
    path = str(folder / "staged.parquet").replace("'", "''")
    cursor.execute(
        f"COPY (SELECT persons.n, person_key, p.e164 AS phone, p.match_key, p.country AS phone_country, "
        f"p.is_valid AS phone_valid{values} FROM raw JOIN persons ON persons.n = raw.rowid "
        f"LEFT JOIN phones p ON p.n = raw.rowid {joins} WHERE persons.n = persons.kept) TO '{path}' (FORMAT parquet)"
    )


def _find_refused(cursor: duckdb.DuckDBPyConnection, consent: Column | None, named: Named) -> bool:
    """The table `refused`: the kept rows of people with several rows, one of which opts out."""
    if consent is None or bool(named.is_kept.all()):
        return False
    several = "SELECT DISTINCT kept FROM persons WHERE n <> kept"
    cursor.execute(
        f"CREATE TABLE refused AS SELECT DISTINCT persons.kept AS n FROM raw JOIN persons ON persons.n = raw.rowid "
        f"{consent.join} WHERE persons.kept IN ({several}) AND {consent.value} = 'opted_out'"
    )
    return True


def _value(columns: dict[str, Column], column: Column, refused: bool) -> str:
    if not refused or column.target not in ("consent", "consent_source", "consent_at"):
        return column.value
    if column.target == "consent":
        return f"CASE WHEN refused.n IS NOT NULL THEN 'opted_out' ELSE {column.value} END"
    own = f"{columns['consent'].value} = 'opted_out'"
    return f"CASE WHEN refused.n IS NULL OR {own} THEN {column.value} END"
