"""Turns a Parquet file into the same text that a CSV is, one record a row; DuckDB streams it from disk to disk."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from engine.contacts.workbook import SheetRows
from engine.errors import UnreadableFile
from engine.warehouse import open_scratch
from engine.words import N_

_MOST_COLUMNS = 300
_WHOLE_UP_TO = "1e15"  # a float holds whole numbers exactly that far


def spool_parquet(path: Path, target: Path) -> SheetRows:
    """Write the columns as CSV (UTF-8, commas, a header); lists are joined with `;`, times are ISO text in UTC.

    Raises:
        UnreadableFile: it is damaged, or can't be read without a key.
    """
    with open_scratch(memory_limit="400MB", temp_directory=str(target.parent / "spill")) as cursor:
        cursor.execute("SET TimeZone = 'UTC'")
        try:
            return _spool(cursor, path, target)
        except duckdb.Error:
            raise UnreadableFile(reason=N_("it is damaged or needs a password; export it again")) from None


def _spool(cursor: duckdb.DuckDBPyConnection, path: Path, target: Path) -> SheetRows:
    cursor.execute(f"CREATE VIEW given AS FROM read_parquet({_text(path)}, binary_as_string = true)")
    columns = [(row[0], row[1]) for row in cursor.execute("DESCRIBE given").fetchall()]
    if len(columns) > _MOST_COLUMNS:
        raise UnreadableFile(reason=N_("it has more than 300 columns; keep those you need"))
    cells = ", ".join(f"{_plain_sql(_name(name), type)} AS {_name(name)}" for name, type in columns)
    cursor.execute(f"CREATE VIEW cells AS SELECT {cells} FROM given")
    is_filled = " OR ".join(f"{_name(name)} IS NOT NULL" for name, _ in columns)
    cursor.execute(f"COPY (FROM cells WHERE {is_filled}) TO {_text(target)} (FORMAT csv, HEADER true, DELIM ',')")
    filled = cursor.sql(f"SELECT {is_filled} AS f FROM cells").pl().to_series()
    rows = np.concatenate([[0], filled.arg_true().to_numpy().astype(np.int64) + 1])
    return SheetRows(rows, int((~filled).sum()))


def _plain_sql(cell: str, type: str) -> str:
    lines = f"replace(replace({_text_sql(cell, type)}, chr(13) || chr(10), chr(10)), chr(13), ' ')"
    return f"nullif(replace({lines}, chr(0), ''), '')"


def _text_sql(cell: str, type: str) -> str:
    """The text of a value of this DuckDB type."""
    if type.endswith("[]"):
        return f"array_to_string(list_transform({cell}, lambda x: {_text_sql('x', type[:-2])}), ';')"
    if type.startswith(("STRUCT", "MAP", "UNION")) or type.endswith("]"):
        return f"CAST(to_json({cell}) AS VARCHAR)"
    if type in ("DOUBLE", "FLOAT"):
        whole = f"{cell} = trunc({cell}) AND abs({cell}) < {_WHOLE_UP_TO}"
        return (
            f"CASE WHEN NOT isfinite({cell}) THEN NULL "
            f"WHEN {whole} THEN CAST(CAST({cell} AS BIGINT) AS VARCHAR) ELSE CAST({cell} AS VARCHAR) END"
        )
    if type.startswith("TIMESTAMP") and "ZONE" not in type:
        return f"regexp_replace(CAST({cell} AS VARCHAR), ' 00:00:00$', '')"
    return f"CAST({cell} AS VARCHAR)"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
