"""Turns a sheet of an Excel workbook into the same text that a CSV is, one record a row; `calamine` reads the cells.

Numbers come as their digits (905321234567, never 9.05E+11), dates as ISO text, formulas as the value that Excel
kept. Empty rows are left out and their numbers kept, so that a line shown is the sheet's own row.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import fastexcel
import numpy as np
import numpy.typing as npt
import polars as pl

from engine.contacts.archive import refuse_swelling
from engine.errors import UnreadableFile
from engine.words import N_

_SLICE = 50_000
_DAY = r"^(\d{4}-\d{2}-\d{2}) 00:00:00$"
_TIME = r"^18(?:99-12-3[01]) (\d{2}:\d{2}:\d{2})$"


@dataclass(frozen=True, slots=True)
class SheetRows:
    """A table that was turned into text: the row of each record, the rows without a value, what else there is."""

    rows: npt.NDArray[np.int64]
    blank_count: int
    parts: tuple[str, ...] = ()
    part: str | None = None


def spool_workbook(path: Path, target: Path, part: str | None) -> SheetRows:
    """Write a sheet as CSV (UTF-8, commas); the first that holds anything when none is asked for.

    Raises:
        UnreadableFile: it is damaged, or has no such sheet, or nothing in it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            refuse_swelling(path, archive.infolist())
        reader = fastexcel.read_excel(path)
        names = tuple(reader.sheet_names)
        if part is not None and part not in names:
            raise UnreadableFile(reason=N_("it has no sheet of that name"))
        for name in names if part is None else (part,):
            cells_frame = _cells(reader, name)
            if len(cells_frame):
                rows, blank_count = _write(cells_frame, target)
                return SheetRows(rows, blank_count, names, name)
    except fastexcel.FastExcelError:
        raise UnreadableFile(reason=N_("it is damaged; open it in Excel and save it again")) from None
    raise UnreadableFile(reason=N_("the sheet is empty") if part else N_("it is empty"))


def _cells(reader: fastexcel.ExcelReader, name: str) -> pl.DataFrame:
    """The sheet's cells as text, from its first row to the last that holds any, without empty columns at the end."""
    sheet = reader.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
    if not sheet.width or not sheet.height:
        return pl.DataFrame()
    cells_frame = sheet.to_polars()
    filled = [number for number, column in enumerate(cells_frame.columns) if cells_frame[column].count()]
    return cells_frame[:, : filled[-1] + 1] if filled else pl.DataFrame()


def _write(cells_frame: pl.DataFrame, target: Path) -> tuple[npt.NDArray[np.int64], int]:
    filled = cells_frame.select(~pl.all_horizontal(pl.all().is_null() | (pl.all() == ""))).to_series()
    rows = filled.arg_true().to_numpy().astype(np.int64) + 1
    with target.open("wb") as file:
        for start in range(0, len(cells_frame), _SLICE):
            kept_frame = cells_frame[start : start + _SLICE].filter(filled[start : start + _SLICE])
            plain_frame = kept_frame.select(_plain_expr(column) for column in kept_frame.columns)
            plain_frame.write_csv(file, include_header=False, line_terminator="\n", null_value="")
    return rows, (int(rows[-1]) if len(rows) else 0) - len(rows)


def _plain_expr(column: str) -> pl.Expr:
    text = pl.col(column).str.replace_all("\r\n", "\n", literal=True).str.replace_all("\r", " ", literal=True)
    text = text.str.replace_all("\0", "", literal=True).str.replace(_DAY, "$1").str.replace(_TIME, "$1")
    return pl.when(text != "").then(text)
