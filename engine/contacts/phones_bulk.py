"""Many phone numbers at once, inside DuckDB; the library itself looks at what the expressions leave undecided.

First the digits of each plain text, then the home region's rules on all rows, then those of other regions and calling
codes that have enough rows to be worth compiling. What is left (letters, signs, unknown codes, rare countries) goes
to `parse_phone`, distinct text by distinct text, so results never differ: a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import polars as pl

from engine.contacts.phone_judging import (
    KINDS,
    VERDICT,
    asked_sql,
    at_home_sql,
    can_compile,
    from_abroad_sql,
    judged_sql,
)
from engine.contacts.phone_rules import CODES, main_region
from engine.contacts.phones import parse_phone
from engine.errors import InvalidPhone
from engine.warehouse import open_scratch

SCHEMA = {
    "text": pl.String,
    "region": pl.String,
    "e164": pl.String,
    "match_key": pl.String,
    "country": pl.String,
    "is_valid": pl.Boolean,
    "code": pl.String,
}
_ENOUGH = 500  # numbers that make a region worth compiling
_SLICE = 20_000
_COLUMNS = (
    "n BIGINT, e164 VARCHAR, match_key VARCHAR, country VARCHAR, is_valid BOOLEAN, code VARCHAR, abroad VARCHAR"
)
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How a query over the judged table has its verdicts, the mended ones among them, without joining `phones`."""

    table: str
    has_others: bool

    @property
    def join(self) -> str:
        """What the query needs beside the table."""
        return f"LEFT JOIN others ON others.n = {self.table}.rowid" if self.has_others else ""

    def column(self, name: str) -> str:
        """The expression for one of `KINDS`."""
        own = f"{self.table}.{name}"
        return f"CASE WHEN others.n IS NULL THEN {own} ELSE others.{name} END" if self.has_others else own


def normalise_phones(texts_frame: pl.DataFrame, on_progress: Progress = lambda share: None) -> pl.DataFrame:
    """Read many numbers.

    Args:
        texts_frame: text, region (String), no nulls.
        on_progress: told the share that is done.

    Returns: **Shape** `SCHEMA`, one row per input row, in order. A number that can't be used has `code` (a key of
        `phones.REASONS`) and nothing else.
    """
    if texts_frame.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    home = texts_frame["region"].mode().sort()[0]
    with open_scratch() as cursor:
        cursor.register("texts_frame", texts_frame.select(pl.col("text", "region").cast(pl.String)))
        given = "SELECT text, region FROM texts_frame"
        cursor.execute(f"CREATE TABLE texts AS {judged_sql(given, home, 'text, region')}")
        finish_judging(cursor, "texts", "SELECT rowid AS n, text, region, e164, code FROM texts", home, on_progress)
        found = cursor.sql(
            "SELECT texts.text, texts.region, phones.* EXCLUDE (n) FROM texts JOIN phones ON phones.n = texts.rowid "
            "ORDER BY texts.rowid"
        )
        return pl.DataFrame(found.pl()).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def finish_judging(
    cursor: duckdb.DuckDBPyConnection, table: str, texts: str, home: str, on_progress: Progress
) -> Verdicts:
    """Make the view `phones`: n, e164, match_key, country, is_valid, code; one row per row of the table.

    Args:
        table: made by `judged_sql`, so that it holds the verdicts of the home region.
        texts: a query for its n (rowid), text (not NULL), region, e164, code.
    """
    cursor.execute(
        f"CREATE TABLE unjudged AS SELECT n, text, region FROM ({texts}) "
        f"WHERE region <> '{home}' OR (e164 IS NULL AND code IS NULL)"
    )
    ((count,),) = cursor.execute("SELECT count(*) FROM unjudged").fetchall()
    if count:
        _judge_others(cursor, on_progress)
    verdicts = Verdicts(table, has_others=count > 0)
    columns = ", ".join(f"{verdicts.column(name)} AS {name}" for name, _ in KINDS)
    cursor.execute(f"CREATE VIEW phones AS SELECT {table}.rowid AS n, {columns} FROM {table} {verdicts.join}")
    cursor.execute("DROP TABLE unjudged")
    on_progress(1.0)
    return verdicts


def _judge_others(cursor: duckdb.DuckDBPyConnection, on_progress: Progress) -> None:
    """The table `others`: the verdicts on the rows of `unjudged`."""
    cursor.execute(f"CREATE TABLE asked AS {asked_sql('SELECT * FROM unjudged')}")
    regions = cursor.execute("SELECT region, count(*) FROM asked GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()
    compiled = [region for region, count in regions if count >= _ENOUGH and can_compile(region)]
    names = ", ".join(f"'{region}'" for region in compiled) or "NULL"
    cursor.execute(f"CREATE TABLE judged ({_COLUMNS})")
    cursor.execute(
        f"INSERT INTO judged (n, code, abroad) SELECT n, told, CASE WHEN has_plus THEN digits END FROM asked "
        f"WHERE (region IN ({names})) IS NOT TRUE"
    )
    for number, region in enumerate(compiled):
        cursor.execute(f"INSERT INTO judged {at_home_sql(region)}")
        on_progress(0.4 * (number + 1) / len(compiled))
    cursor.execute(f"CREATE TABLE others AS SELECT {VERDICT} FROM judged WHERE e164 IS NOT NULL OR code IS NOT NULL")
    cursor.execute(
        f"CREATE TABLE abroad AS SELECT n, abroad, regexp_extract(abroad, '{CODES}', 1) AS calling "
        f"FROM judged WHERE e164 IS NULL AND code IS NULL"
    )
    codes = "SELECT calling, count(*) FROM abroad WHERE calling <> '' GROUP BY 1 ORDER BY 1"
    for calling, count in cursor.execute(codes).fetchall():
        if count >= _ENOUGH and main_region(int(calling)):
            cursor.execute(f"INSERT INTO others SELECT {VERDICT} FROM ({from_abroad_sql(int(calling))})")
    _ask_library(cursor, lambda share: on_progress(0.4 + 0.6 * share))
    for table in ("asked", "judged", "abroad"):
        cursor.execute(f"DROP TABLE {table}")


def _ask_library(cursor: duckdb.DuckDBPyConnection, on_progress: Progress) -> None:
    """Look up what is left, each text once."""
    cursor.execute("CREATE TABLE odd AS SELECT n, text, region FROM unjudged ANTI JOIN others USING (n)")
    pairs = cursor.execute("SELECT DISTINCT text, region FROM odd").fetchall()
    rows: list[tuple[str | bool | None, ...]] = []
    for number, (text, region) in enumerate(pairs):
        if number % _SLICE == 0:
            on_progress(number / len(pairs))
        try:
            phone = parse_phone(text, region)
        except InvalidPhone as problem:
            rows.append((text, region, None, None, None, None, problem.code))
        else:
            rows.append((text, region, phone.e164, phone.match_key, phone.country, phone.is_valid, None))
    cursor.register("answers_frame", pl.DataFrame(rows, schema=SCHEMA, orient="row"))
    cursor.execute(f"INSERT INTO others SELECT {VERDICT} FROM odd JOIN answers_frame USING (text, region)")
    cursor.unregister("answers_frame")
    cursor.execute("DROP TABLE odd")
