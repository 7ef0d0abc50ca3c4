"""The rows of a file that the store makes unclear or double (`identity.py`), in the form that staging leaves."""

from __future__ import annotations

import duckdb
import polars as pl

from engine.contacts.source import SourceFile
from engine.contacts.traits import open_table


def unclear_rows(cursor: duckdb.DuckDBPyConnection, source: SourceFile) -> pl.DataFrame | None:
    """The rows of `resolved` that are refused, as `rejects.parquet` has them; None when there are none."""
    found_frame = pl.DataFrame(cursor.sql("SELECT n, code FROM resolved WHERE code IS NOT NULL").pl())
    if found_frame.is_empty():
        return None
    names = [f"c{number}" for number in range(len(source.headers))]
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    # The rows are numbered as they are read, and only those that are wanted are kept.
    cells_frame = cursor.sql(
        f"SELECT * FROM (SELECT row_number() OVER () - 1 AS n, {', '.join(names)} FROM read_csv($path, "
        f"columns = {{{columns}}}, auto_detect = false, header = false, skip = {open_table(source.folder).skip}, "
        f"delim = $mark, quote = '\"', escape = '\"', new_line = '\\n', max_line_size = 4000000)) "
        f"WHERE n IN (SELECT n FROM resolved WHERE code IS NOT NULL)",
        params={"path": str(source.folder / "table.csv"), "mark": source.delimiter},
    ).pl()
    unclear_frame = found_frame.join(pl.DataFrame(cells_frame), on="n", how="left")
    return unclear_frame.select(
        pl.Series("line", source.lines()[unclear_frame["n"].to_numpy()], dtype=pl.Int64),
        "code",
        *names,
        pl.lit(None, pl.String).alias("extra"),
    )


def double_rows(cursor: duckdb.DuckDBPyConnection, source: SourceFile, staged: str) -> pl.DataFrame | None:
    """The rows of `resolved` that tell of another row's contact, as `duplicates.parquet` has them; None: none."""
    found_frame = pl.DataFrame(
        cursor.sql(
            "SELECT n, kept_n, phone FROM resolved JOIN read_parquet($staged) USING (n) "
            "WHERE code IS NULL AND n <> kept_n ORDER BY n",
            params={"staged": staged},
        ).pl()
    )
    if found_frame.is_empty():
        return None
    lines = source.lines()
    return found_frame.select(
        pl.Series("line", lines[found_frame["n"].to_numpy()], dtype=pl.Int64),
        pl.Series("kept", lines[found_frame["kept_n"].to_numpy()], dtype=pl.Int64),
        "phone",
    )
