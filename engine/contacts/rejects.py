"""The rows of a file that can't be taken: gathered with line and reason, written as a CSV to mend."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl

from engine.contacts.phones import REASONS
from engine.contacts.source import SourceFile
from engine.words import N_

REJECT_REASONS: dict[str, str] = REASONS | {
    "too_few_cells": N_("the row has fewer cells than the header"),
    "too_many_cells": N_("the row has more cells than the header"),
    "unclosed_quote": N_("a quotation mark is opened and never closed"),
    "record_too_long": N_("the row is longer than a megabyte"),
    "empty_row": N_("the row is empty"),
    "nobody": N_("there is neither a phone number nor a WhatsApp user id"),
}
LINE_HEADER = N_("line")
REASON_HEADER = N_("reason")
_MORE_CELLS = N_("cells too many")


def gather_rejects(cursor: duckdb.DuckDBPyConnection, source: SourceFile, *, has_user_id: bool) -> pl.DataFrame:
    """Write `rejects.parquet` from the staging tables and the file's broken records.

    Returns: **Shape** line, code, c0 … (the original cells), extra; in the order of lines.
    """
    names = [f"c{number}" for number in range(len(source.headers))]
    is_empty = " AND ".join(f"{name} IS NULL" for name in names)
    nobody = "nobody" if has_user_id else "empty"
    code = f"CASE WHEN {is_empty} THEN 'empty_row' ELSE coalesce(phone_code, '{nobody}') END"
    found = cursor.sql(
        f"SELECT people.n AS line, {code} AS code, "
        f"{', '.join(f'raw.{name}' for name in names)}, CAST(NULL AS VARCHAR) AS extra "
        f"FROM people JOIN raw ON raw.rowid = people.n WHERE person_key IS NULL"
    )
    rejected_frame = pl.DataFrame(found.pl())
    lines = source.lines()[rejected_frame["line"].to_numpy()]
    rejected_frame = rejected_frame.with_columns(pl.Series("line", lines, dtype=pl.Int64))
    broken_frame = pl.read_parquet(source.folder / "broken.parquet")
    all_frame = pl.concat([rejected_frame, broken_frame]).sort("line")
    all_frame.write_parquet(source.folder / "rejects.parquet")
    return all_frame


def write_rejects_file(source: SourceFile, translate: Callable[[str], str] = str) -> Path | None:
    """Write `rejects.csv`: line, reason in a person's language, the original columns; None when there are none.

    UTF-8 with a BOM and the file's own delimiter, so that the spreadsheet it came from opens it again.
    """
    rejects_frame = pl.read_parquet(source.folder / "rejects.parquet")
    if rejects_frame.is_empty():
        return None
    reasons = {code: translate(reason) for code, reason in REJECT_REASONS.items()}
    shown_frame = rejects_frame.with_columns(pl.col("code").replace(reasons))
    headers = [translate(LINE_HEADER), translate(REASON_HEADER), *source.headers]
    if shown_frame["extra"].null_count() == len(shown_frame):
        shown_frame = shown_frame.drop("extra")
    else:
        headers.append(translate(_MORE_CELLS))
    first = io.StringIO(newline="")
    csv.writer(first, delimiter=source.delimiter, lineterminator="\r\n").writerow(headers)
    path = source.folder / "rejects.csv"
    with path.open("wb") as file:
        file.write(b"\xef\xbb\xbf" + first.getvalue().encode())
        shown_frame.write_csv(file, include_header=False, separator=source.delimiter, line_terminator="\r\n")
    return path
