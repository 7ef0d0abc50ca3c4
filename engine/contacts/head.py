"""The first rows of a file, kept apart, so that a look at its columns costs no look at the whole of it."""

from __future__ import annotations

from pathlib import Path

import duckdb

from engine.contacts.cells import trimmed_sql
from engine.contacts.traits import open_table
from engine.warehouse import open_scratch

MOST_ROWS = 20_000


def keep_head(folder: Path, width: int, delimiter: str, *, end: int | None = None) -> None:
    """Write `head.parquet` (c0 … c<width-1>, trimmed) from an import's `table.csv`.

    Args:
        end: where in the table the first `MOST_ROWS` rows end, if that is known: a reader asked for so many rows
            takes megabytes of others along.
    """
    table = folder / "table.csv"
    if end is not None:
        table = folder / "head.csv"
        with (folder / "table.csv").open("rb") as whole:
            table.write_bytes(whole.read(end))
    names = [f"c{number}" for number in range(width)]
    cells = ", ".join(f"{trimmed_sql(name)} AS {name}" for name in names)
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    with open_scratch() as cursor:
        cursor.execute(
            f"COPY (SELECT {cells} FROM read_csv({_text(table)}, columns = {{{columns}}}, "
            f"auto_detect = false, header = false, skip = {open_table(folder).skip}, delim = '{delimiter}', "
            f"quote = '\"', escape = '\"', new_line = '\\n', max_line_size = 4000000) LIMIT {MOST_ROWS}) "
            f"TO {_text(folder / 'head.parquet')} (FORMAT parquet)"
        )
    (folder / "head.csv").unlink(missing_ok=True)


def read_head(cursor: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The table `raw`: the first rows; a row's number in the file is its rowid."""
    cursor.execute(f"CREATE TABLE raw AS FROM read_parquet({_text(folder / 'head.parquet')})")


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
