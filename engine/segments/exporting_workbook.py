"""Turns a Parquet file into an Excel workbook in constant memory; when it is long, in a process of its own.

`python -m engine.segments.exporting_workbook` takes one JSON request on stdin and writes JSON lines: shares, then the
end. More rows than a sheet can hold go on in the next sheet.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import xlsxwriter

from engine import errors
from engine.errors import InputError, StoreError
from engine.words import N_

SHEET_ROWS = 1_048_575
"""Rows of a sheet under its heading."""
LONGEST_CELL = 32_767
FEW_ROWS = 5_000
_TOO_LONG = N_("a text of more than 32,767 characters doesn't fit into a cell of a workbook; choose CSV or Parquet")
_DIED = N_("the process that builds the workbook ended unexpectedly")
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}
_BLOCK = 5_000
Progress = Callable[[float], None]


def write_workbook_apart(
    source: Path, target: Path, headings: Sequence[str], count: int, on_progress: Progress
) -> None:
    """`write_workbook`, in a process of its own when there are many rows."""
    if count <= FEW_ROWS:
        write_workbook(source, target, headings, on_progress)
        return
    root = str(Path(errors.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    child = subprocess.Popen(
        [sys.executable, "-m", "engine.segments.exporting_workbook"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment,
    )  # fmt: skip
    request = {"source": str(source), "target": str(target), "headings": list(headings)}
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(json.dumps(request))
            child.stdin.close()
            _listen(child.stdout, on_progress)
        except BaseException:
            child.kill()
            raise


def _listen(answers: Any, on_progress: Progress) -> None:
    for line in answers:
        answer = json.loads(line)
        if "share" in answer:
            on_progress(answer["share"])
        elif "reason" in answer:
            raise InputError(reason=answer["reason"])
        else:
            return
    raise StoreError(reason=_DIED)


def write_workbook(
    source: Path, target: Path, headings: Sequence[str], on_progress: Progress, *, sheet_rows: int = SHEET_ROWS
) -> None:
    """Write the rows of a Parquet file as sheets: texts as texts, numbers, days and moments as what they are.

    Raises:
        InputError: a text is too long for a cell.
    """
    rows = pq.ParquetFile(source)
    total = max(1, rows.metadata.num_rows)
    book = xlsxwriter.Workbook(str(target), {**_OPTIONS, "tmpdir": str(source.parent)})
    book.use_zip64()
    sheets = _Sheets(book, headings, sheet_rows)
    for batch in rows.iter_batches(_BLOCK):
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            sheets.write(row)
        on_progress(sheets.written / total)
    book.close()


class _Sheets:
    """Fills sheet after sheet, each with the heading."""

    def __init__(self, book: Any, headings: Sequence[str], sheet_rows: int) -> None:
        self._book, self._headings, self._rows = book, headings, sheet_rows
        self._bold = book.add_format({"bold": True})
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self.written = 0
        self._begin()

    def _begin(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, max(0, len(self._headings) - 1), 18)
        for place, heading in enumerate(self._headings):
            self._sheet.write_string(0, place, heading, self._bold)
        self._at = 1

    def write(self, row: tuple[Any, ...]) -> None:
        """Write one row under the last."""
        if self._at > self._rows:
            self._begin()
        sheet, at = self._sheet, self._at
        for place, value in enumerate(row):
            if isinstance(value, str):
                if len(value) > LONGEST_CELL:
                    raise InputError(reason=_TOO_LONG)
                sheet.write_string(at, place, value)
            elif isinstance(value, bool):
                sheet.write_boolean(at, place, value)
            elif isinstance(value, int | float):
                sheet.write_number(at, place, value)
            elif isinstance(value, datetime):
                sheet.write_datetime(at, place, value, self._moment)
            elif isinstance(value, date):
                sheet.write_datetime(at, place, value, self._day)
        self._at, self.written = at + 1, self.written + 1


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer

    def say(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    def tell(share: float) -> None:
        say({"share": share})

    try:
        write_workbook(Path(request["source"]), Path(request["target"]), request["headings"], tell)
    except InputError as problem:
        say({"reason": problem.fields["reason"]})
    else:
        say({"done": True})


if __name__ == "__main__":
    main()
