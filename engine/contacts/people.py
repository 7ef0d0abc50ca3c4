"""The tables in which a file's rows become people: `raw`, `phones`, `persons`; what is asked of them.

All are DuckDB's, in the staging's own connection; the only text Python looks at one by one is a phone number that
the column expressions leave undecided, and what a person's key is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl
from pydantic import BaseModel, ConfigDict

from engine.contacts.cells import spaceless_sql, trimmed_sql
from engine.contacts.fields import FieldType
from engine.contacts.known_exports import find_export
from engine.contacts.mapping import Mapping
from engine.contacts.naming import Named
from engine.contacts.phone_judging import judged_sql
from engine.contacts.phones_bulk import Verdicts, finish_judging
from engine.contacts.source import SourceFile
from engine.contacts.traits import Table
from engine.contacts.values import Column, read_column
from engine.errors import StoreError

# Distinct values of a column: the Parquet writer gives up on more at once, which saves a third of its time.
_MOST_IN_DICTIONARY = 2_000


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


def read_table(cursor: duckdb.DuckDBPyConnection, request: StageRequest, source: SourceFile, table: Table) -> None:
    """The table `raw`; a row's number is its rowid. Phones are judged on the way, as if all were at home."""
    names = [f"c{number}" for number in range(len(source.headers))]
    trim = trimmed_sql if table.has_unseen else spaceless_sql if table.is_padded else str
    cells = ", ".join(f"{trim(name)} AS {name}" for name in names)
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    read = (
        f"SELECT {cells} FROM read_csv(?, columns = {{{columns}}}, auto_detect = false, header = false, "
        f"skip = {table.skip}, delim = ?, quote = '\"', escape = '\"', new_line = '\\n', max_line_size = 4000000)"
    )
    judged = judged_sql(f"SELECT *, {_phone_cell(request)} AS text FROM ({read})", request.region, ", ".join(names))
    cursor.execute(f"CREATE TABLE raw AS {judged}", [str(source.folder / "table.csv"), source.delimiter])
    ((found,),) = cursor.execute("SELECT count(*) FROM raw").fetchall()
    if found != source.whole_count:
        raise StoreError(reason=f"the file has {source.whole_count} whole rows and {found} were read")


def read_phones(
    cursor: duckdb.DuckDBPyConnection,
    request: StageRequest,
    country: Column | None,
    on_progress: Callable[[float], None],
) -> Verdicts:
    """The view `phones`, one row per row of `raw`: rows of other regions and odd forms are judged too."""
    cell = _phone_cell(request)
    region = f"coalesce({country.value}, '{request.region}')" if country else f"'{request.region}'"
    return finish_judging(
        cursor,
        "raw",
        f"SELECT raw.rowid AS n, {cell} AS text, {region} AS region, e164, code "
        f"FROM raw {country.join if country else ''} WHERE {cell} IS NOT NULL",
        request.region,
        on_progress,
    )


def _phone_cell(request: StageRequest) -> str:
    number = request.mapping.targets().get("phone")
    return "NULL::VARCHAR" if number is None else f"c{number}"


def read_target(
    cursor: duckdb.DuckDBPyConnection, request: StageRequest, target: str, source: SourceFile, table: Table
) -> Column:
    """A mapped column, ready to be asked for."""
    number = request.mapping.targets()[target]
    column = read_column(
        cursor,
        target,
        number,
        request.types.get(target, FieldType.TEXT),
        zone=request.zone,
        month_first=request.month_first.get(source.headers[number]),
        is_composed=table.is_composed,
    )
    export = find_export(source.headers) if source.known_export and target == "consent" else None
    return column.refusing if export and export.tells_refusals_alone(source.headers[number]) else column


def keep_named(cursor: duckdb.DuckDBPyConnection, named: Named) -> None:
    """The table `persons`: row number, person key, the row that counts."""
    persons_frame = pl.DataFrame({"n": named.rows, "person_key": named.keys, "kept": named.kept})
    cursor.register("persons_frame", persons_frame)
    cursor.execute("CREATE TABLE persons AS SELECT * FROM persons_frame")
    cursor.unregister("persons_frame")


def write_people(
    cursor: duckdb.DuckDBPyConnection,
    columns: Sequence[Column],
    verdicts: Verdicts,
    named: Named,
    folder: Path,
) -> None:
    """Write `staged.parquet`: one row a person; an opt-out in any of their rows stays one."""
    consent = next((each for each in columns if each.target == "consent"), None)
    refused = consent if consent and _find_refused(cursor, consent, named) else None
    phone = {"phone": "e164", "match_key": "match_key", "phone_country": "country", "phone_valid": "is_valid"}
    cells = [f"{verdicts.column(name)} AS {target}" for target, name in phone.items()]
    cells += [f'{_value(each, refused)} AS "{each.target}"' for each in columns]
    joins = [verdicts.join, *(each.join for each in columns)]
    joins += ["LEFT JOIN refused ON refused.n = raw.rowid"] if refused else []
    path = str(folder / "staged.parquet").replace("'", "''")
    cursor.execute(
        f"COPY (SELECT persons.n, person_key, {', '.join(cells)} FROM raw JOIN persons ON persons.n = raw.rowid "
        f"{' '.join(joins)} WHERE persons.n = persons.kept) TO '{path}' "
        f"(FORMAT parquet, DICTIONARY_SIZE_LIMIT {_MOST_IN_DICTIONARY})"
    )


def _find_refused(cursor: duckdb.DuckDBPyConnection, consent: Column, named: Named) -> bool:
    """The table `refused`: the kept rows of people with several rows, one of which opts out."""
    if bool(named.is_kept.all()):
        return False
    several = "SELECT DISTINCT kept FROM persons WHERE n <> kept"
    cursor.execute(
        f"CREATE TABLE refused AS SELECT DISTINCT persons.kept AS n FROM raw JOIN persons ON persons.n = raw.rowid "
        f"{consent.join} WHERE persons.kept IN ({several}) AND {consent.value} = 'opted_out'"
    )
    return True


def _value(column: Column, refused: Column | None) -> str:
    if refused is None or column.target not in ("consent", "consent_source", "consent_at", "consent_channel"):
        return column.value
    if column.target == "consent":
        return f"CASE WHEN refused.n IS NOT NULL THEN 'opted_out' ELSE {column.value} END"
    return f"CASE WHEN refused.n IS NULL OR {refused.value} = 'opted_out' THEN {column.value} END"
