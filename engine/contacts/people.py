"""The tables in which a file's rows become people: `raw`, `phones`, `users`, `people`, `last`.

All are DuckDB's, in the staging's own connection; the only text Python looks at one by one is a phone number that
the column expressions leave undecided.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl
from pydantic import BaseModel, ConfigDict

from engine.contacts.cells import (
    BY_WORDS,
    Kind,
    Style,
    find_style,
    kind_of,
    spaceless_sql,
    trimmed_sql,
    value_sql,
    word_sql,
)
from engine.contacts.fields import FieldType
from engine.contacts.mapping import Mapping
from engine.contacts.person import person_numbers
from engine.contacts.phones_bulk import normalise_phones
from engine.contacts.source import SourceFile
from engine.contacts.traits import open_table
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


def read_table(cursor: duckdb.DuckDBPyConnection, source: SourceFile) -> None:
    """The table `raw`; a row's number in the file is its rowid."""
    names = [f"c{number}" for number in range(len(source.headers))]
    trim = trimmed_sql if source.has_unseen else spaceless_sql
    cells = ", ".join(f"{trim(name)} AS {name}" for name in names)
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    cursor.execute(
        f"CREATE TABLE raw AS SELECT {cells} FROM read_csv(?, columns = {{{columns}}}, auto_detect = false, "
        f"header = false, skip = {open_table(source.folder).skip}, delim = ?, quote = '\"', escape = '\"', new_line = '\\n', max_line_size = 4000000)",
        [str(source.folder / "table.csv"), source.delimiter],
    )
    ((found,),) = cursor.execute("SELECT count(*) FROM raw").fetchall()
    if found != source.whole_count:
        raise StoreError(reason=f"the file has {source.whole_count} whole rows and {found} were read")


def read_phones(
    cursor: duckdb.DuckDBPyConnection, request: StageRequest, on_progress: Callable[[float], None]
) -> None:
    """The tables `phones` and `users`: each distinct text once, with its person."""
    targets, salt = request.mapping.targets(), bytes.fromhex(request.salt)
    texts_frame = pl.DataFrame(schema={"text": pl.String, "region": pl.String})
    if "phone" in targets:
        cell = f"c{targets['phone']}"
        texts_frame = cursor.sql(
            f"SELECT DISTINCT {cell} AS text, {_region_sql(request)} AS region FROM raw {_country_join(request)} "
            f"WHERE {cell} IS NOT NULL"
        ).pl()
    phones_frame = normalise_phones(texts_frame, on_progress)
    people_frame = _with_person(phones_frame.select("match_key").drop_nulls().unique(), salt)
    phones_frame = phones_frame.join(people_frame, on="match_key", how="left")
    users_frame = pl.DataFrame(schema={"user_id": pl.String})
    if "user_id" in targets:
        value = value_sql(f"c{targets['user_id']}", Kind.USER_ID, Style(), request.zone)
        users_frame = cursor.sql(f"SELECT DISTINCT {value} AS user_id FROM raw").pl().drop_nulls()
    users_frame = _with_person(users_frame, salt)
    for name, frame in (("phones", phones_frame), ("users", users_frame)):
        cursor.register("frame", frame)
        cursor.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
        cursor.unregister("frame")


def _with_person(identities_frame: pl.DataFrame, salt: bytes) -> pl.DataFrame:
    numbers = person_numbers(salt, identities_frame.to_series(0).to_list())
    return identities_frame.with_columns(pl.Series("person_key", numbers, dtype=pl.UInt64))


def _region_sql(request: StageRequest) -> str:
    return (
        f"coalesce(nation.value, '{request.region}')"
        if "country" in request.mapping.targets()
        else f"'{request.region}'"
    )


def _country_join(request: StageRequest) -> str:
    targets = request.mapping.targets()
    if "country" not in targets:
        return ""
    word = word_sql(f"raw.c{targets['country']}", Kind.COUNTRY)
    return f"LEFT JOIN words nation ON nation.kind = '{Kind.COUNTRY}' AND nation.word = {word}"


def find_styles(cursor: duckdb.DuckDBPyConnection, request: StageRequest) -> dict[str, Style]:
    return {
        target: find_style(cursor, "raw", f"c{number}", _kind(request, target))
        for target, number in request.mapping.targets().items()
    }


def _kind(request: StageRequest, target: str) -> Kind:
    return kind_of(target, request.types.get(target, FieldType.TEXT))


def read_rows(cursor: duckdb.DuckDBPyConnection, request: StageRequest, styles: dict[str, Style]) -> None:
    """The table `people`: every whole row with its values; `u_<column>` marks a cell that doesn't fit."""
    targets = request.mapping.targets()
    columns, joins = [], [_country_join(request)]
    for target, number in targets.items():
        if target == "phone":
            continue
        cell, kind = f"raw.c{number}", _kind(request, target)
        if kind in BY_WORDS:
            joins.append(
                f"LEFT JOIN words w{number} ON w{number}.kind = '{kind}' AND w{number}.word = {word_sql(cell, kind)}"
            )
            value = f"w{number}.value = 'true'" if kind is Kind.BOOL else f"w{number}.value"
        else:
            value = value_sql(cell, kind, styles[target], request.zone)
        columns += [f'{value} AS "{target}"', f'{cell} IS NOT NULL AND "{target}" IS NULL AS u_{number}']
    number_of_phone = targets.get("phone")
    phone_cell = f"raw.c{number_of_phone}" if number_of_phone is not None else "NULL"
    joins.append(f"LEFT JOIN phones p ON p.text = {phone_cell} AND p.region = {_region_sql(request)}")
    person, user = "p.person_key", "NULL"
    if "user_id" in targets:
        user = value_sql(f"raw.c{targets['user_id']}", Kind.USER_ID, Style(), request.zone)
        joins.append(f"LEFT JOIN users ON users.user_id = {user}")
        person = "coalesce(p.person_key, users.person_key)"
    if number_of_phone is not None:
        columns.append(f"{phone_cell} IS NOT NULL AND p.e164 IS NULL AS u_{number_of_phone}")
    cursor.execute(
        f"CREATE TABLE people AS SELECT raw.rowid AS n, {person} AS person_key, p.e164 AS phone, p.match_key, "
        f"p.country AS phone_country, p.is_valid AS phone_valid, p.code AS phone_code"
        f"{''.join(', ' + column for column in columns)} FROM raw {' '.join(joins)}"
    )


def keep_last(cursor: duckdb.DuckDBPyConnection, request: StageRequest) -> None:
    """One row a person: the file's last; an opt-out in any of their rows stays one."""
    targets = [each for each in request.mapping.targets() if each != "phone"]
    refused = "bool_or(consent = 'opted_out')" if "consent" in targets else "false"
    cursor.execute(
        f"CREATE TABLE last AS SELECT person_key, max(n) AS n, coalesce({refused}, false) AS refused "
        f"FROM people WHERE person_key IS NOT NULL GROUP BY person_key"
    )
    values = []
    for target in targets:
        if target == "consent":
            values.append("CASE WHEN last.refused THEN 'opted_out' ELSE consent END AS consent")
        elif target in ("consent_source", "consent_at"):
            values.append(f"CASE WHEN NOT last.refused OR consent = 'opted_out' THEN {target} END AS {target}")
        else:
            values.append(f'"{target}"')
    path = str(request.folder / "staged.parquet").replace("'", "''")
    cursor.execute(
        f"COPY (SELECT people.n, people.person_key, phone, match_key, phone_country, phone_valid"
        f"{''.join(', ' + value for value in values)} FROM people JOIN last USING (n)) TO '{path}' (FORMAT parquet)"
    )
