"""The rows of a file that can't be taken: gathered with line and reason, written as a CSV to mend; and those that
tell of somebody whom another row is about, written as a list.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

from engine.contacts.identity import IDENTITY_REASONS
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
    **IDENTITY_REASONS,
}
LINE_HEADER = N_("line")
REASON_HEADER = N_("reason")
_MORE_CELLS = N_("cells too many")
KEPT_LINE_HEADER = N_("line that counts")
PHONE_HEADER = N_("phone")
_DUPLICATES = pl.Schema({"line": pl.Int64, "kept": pl.Int64, "phone": pl.String})


def gather_rejects(
    cursor: duckdb.DuckDBPyConnection, source: SourceFile, rows: npt.NDArray[np.int64], *, has_other_names: bool
) -> pl.DataFrame:
    """Write `rejects.parquet` from the staging tables and the file's broken records.

    Args:
        rows: numbers of the rows of `raw` in which nobody is named.
        has_other_names: a row without phone could have had another name.

    Returns: **Shape** line, code, c0 … (the original cells), extra; in the order of lines.
    """
    all_frame = pl.read_parquet(source.folder / "broken.parquet")
    if len(rows):
        all_frame = pl.concat([_nobodies(cursor, source, rows, "nobody" if has_other_names else "empty"), all_frame])
    all_frame = all_frame.sort("line")
    all_frame.write_parquet(source.folder / "rejects.parquet")
    return all_frame


def _nobodies(
    cursor: duckdb.DuckDBPyConnection, source: SourceFile, rows: npt.NDArray[np.int64], nobody: str
) -> pl.DataFrame:
    names = [f"c{number}" for number in range(len(source.headers))]
    is_empty = " AND ".join(f"{name} IS NULL" for name in names)
    code = f"CASE WHEN {is_empty} THEN 'empty_row' ELSE coalesce(phones.code, '{nobody}') END"
    cursor.register("rejected_frame", pl.DataFrame({"n": rows}))
    cells = ", ".join(f"raw.{name}" for name in names)
    found = cursor.sql(
        f"SELECT r.n AS line, {code} AS code, {cells}, CAST(NULL AS VARCHAR) AS extra "
        f"FROM raw JOIN rejected_frame r ON r.n = raw.rowid LEFT JOIN phones ON phones.n = r.n"
    )
    rejected_frame = pl.DataFrame(found.pl())
    cursor.unregister("rejected_frame")
    lines = source.lines()[rejected_frame["line"].to_numpy()]
    return rejected_frame.with_columns(pl.Series("line", lines, dtype=pl.Int64))


def gather_duplicates(
    cursor: duckdb.DuckDBPyConnection,
    source: SourceFile,
    rows: npt.NDArray[np.int64],
    kept: npt.NDArray[np.int64],
) -> pl.DataFrame:
    """Write `duplicates.parquet`: the rows that tell of somebody whom another row, the one that counts, is about.

    Returns: **Shape** line, kept (the line that counts), phone; in the order of lines.
    """
    lines = source.lines() if len(rows) else np.zeros(0, dtype=np.int64)
    duplicates_frame = pl.DataFrame({"n": rows, "line": lines[rows], "kept": lines[kept]})
    cursor.register("duplicates_frame", duplicates_frame)
    found = cursor.sql(
        "SELECT line, kept, phones.e164 AS phone FROM duplicates_frame d LEFT JOIN phones ON phones.n = d.n"
    )
    duplicates_frame = pl.DataFrame(found.pl()).cast(_DUPLICATES).sort("line")
    cursor.unregister("duplicates_frame")
    duplicates_frame.write_parquet(source.folder / "duplicates.parquet")
    return duplicates_frame


def write_rejects_file(
    source: SourceFile, translate: Callable[[str], str] = str, more_frame: pl.DataFrame | None = None
) -> Path | None:
    """Write `rejects.csv`: line, reason in a person's language, the original columns; None when there are none.

    UTF-8 with a BOM and the file's own delimiter, so that the spreadsheet it came from opens it again.
    """
    rejects_frame = pl.read_parquet(source.folder / "rejects.parquet")
    if more_frame is not None:
        rejects_frame = pl.concat([rejects_frame, more_frame.select(rejects_frame.columns)]).sort("line")
    if rejects_frame.is_empty():
        return None
    reasons = {code: translate(reason) for code, reason in REJECT_REASONS.items()}
    shown_frame = rejects_frame.with_columns(pl.col("code").replace(reasons))
    headers = [translate(LINE_HEADER), translate(REASON_HEADER), *source.headers]
    if shown_frame["extra"].null_count() == len(shown_frame):
        shown_frame = shown_frame.drop("extra")
    else:
        headers.append(translate(_MORE_CELLS))
    return _write_csv(source, "rejects.csv", headers, shown_frame)


def _write_csv(source: SourceFile, name: str, headers: list[str], rows_frame: pl.DataFrame) -> Path:
    first = io.StringIO(newline="")
    csv.writer(first, delimiter=source.delimiter, lineterminator="\r\n").writerow(headers)
    path = source.folder / name
    with path.open("wb") as file:
        file.write(b"\xef\xbb\xbf" + first.getvalue().encode())
        rows_frame.write_csv(file, include_header=False, separator=source.delimiter, line_terminator="\r\n")
    return path


def write_duplicates_file(
    source: SourceFile, translate: Callable[[str], str] = str, more_frame: pl.DataFrame | None = None
) -> Path | None:
    """Write `duplicates.csv`: line, the line that counts, the phone number; None when there are none."""
    duplicates_frame = pl.read_parquet(source.folder / "duplicates.parquet")
    if more_frame is not None:
        duplicates_frame = pl.concat([duplicates_frame, more_frame.select(duplicates_frame.columns)]).sort("line")
    if duplicates_frame.is_empty():
        return None
    headers = [translate(each) for each in (LINE_HEADER, KEPT_LINE_HEADER, PHONE_HEADER)]
    return _write_csv(source, "duplicates.csv", headers, duplicates_frame)
