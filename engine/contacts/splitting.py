"""Parts the records of a file into whole ones, which any CSV reader takes, and broken ones, each with its reason."""

from __future__ import annotations

import csv
import io
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from engine.contacts.records import Bytes, Places, Records, split_record

LONGEST_RECORD = 1_000_000  # bytes
_SAMPLES, _SAMPLE_CELLS = 1_000, 20_000
_SAMPLE_TEXT = 200
_NEWLINE = 10


@dataclass(frozen=True, slots=True)
class Split:
    """How many records are whole, how many broken, and the first whole ones."""

    whole_count: int
    broken_count: int
    has_unseen: bool
    samples: tuple[tuple[str | None, ...], ...]


def cells_of(content: Bytes, records: Records, number: int, delimiter: str) -> list[str]:
    """The cells of one record."""
    start, end = int(records.starts[number]), int(records.ends[number])
    text = bytes(content[start:end])
    if records.quotes is None:
        quotes = [place for place, byte in enumerate(text) if byte == 34]
    else:
        first, last = np.searchsorted(records.quotes, [start, end])
        quotes = (records.quotes[first:last] - start).tolist()
    return split_record(text, delimiter, quotes)


def split_records(
    content: Bytes, records: Records, delimiter: str, width: int, folder: Path, *, line_shift: int
) -> Split:
    """Write the whole records under the header to `table.csv` and `lines.npy`, the others to `broken.parquet`.

    Shape of `broken.parquet`: line, code (why), c0 … c<width-1> (String, as far as they go), extra (cells too many).
    """
    too_long = (records.ends - records.starts) > LONGEST_RECORD
    whole = (records.cells == width) & ~records.is_unclosed & ~too_long
    broken = np.flatnonzero(~whole[1:]) + 1
    numbers = np.flatnonzero(whole[1:]) + 1
    np.save(folder / "lines.npy", records.lines[numbers] + line_shift)
    with (folder / "table.csv").open("wb") as table:
        _write_whole(content, records, numbers, delimiter, table)
    names = {"line": pl.Int64, "code": pl.String} | {f"c{n}": pl.String for n in range(width)} | {"extra": pl.String}
    rows = [_broken(content, records, int(number), delimiter, width, line_shift) for number in broken]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(folder / "broken.parquet")
    shown = [
        cells_of(content, records, int(number), delimiter)
        for number in numbers[: min(_SAMPLES, _SAMPLE_CELLS // width)]
    ]
    samples = tuple(tuple(cell[:_SAMPLE_TEXT] or None for cell in cells) for cells in shown)
    has_unseen = _has_unseen(folder / "table.csv", delimiter, len(numbers))
    return Split(len(numbers), len(broken), has_unseen, samples)


def _has_unseen(table: Path, delimiter: str, row_count: int) -> bool:
    """Whether a cell may begin or end with a tab, a line end, a non-breaking or zero-width space, or a BOM."""
    if not row_count:
        return False
    marks = [mark.encode() for mark in ("\t", "\u00a0", "\u200b", "\ufeff") if mark != delimiter]
    with table.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if any(content.find(mark) >= 0 for mark in marks):
            return True
        return int((np.frombuffer(content, dtype=np.uint8) == _NEWLINE).sum()) != row_count


def _write_whole(content: Bytes, records: Records, numbers: Places, delimiter: str, table: BinaryIO) -> None:
    """Copy neighbouring records in one go; rewrite those that hold a quote out of place."""
    if not len(numbers):
        return
    starts, ends, odd = records.starts[numbers], records.ends[numbers], records.is_odd[numbers]
    is_break = (starts[1:] != ends[:-1] + 1) | odd[1:] | odd[:-1]
    edges = np.concatenate([[0], np.flatnonzero(is_break) + 1, [len(numbers)]])
    for first, following in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if odd[first]:
            row = io.StringIO(newline="")
            cells = cells_of(content, records, int(numbers[first]), delimiter)
            csv.writer(row, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(cells)
            table.write(row.getvalue().encode())
        else:
            table.write(content[starts[first] : ends[following - 1]].tobytes())
            table.write(b"\n")


def _broken(
    content: Bytes, records: Records, number: int, delimiter: str, width: int, line_shift: int
) -> list[str | int | None]:
    line = int(records.lines[number]) + line_shift
    if records.ends[number] - records.starts[number] > LONGEST_RECORD:
        return [line, "record_too_long", *[None] * width, None]
    cells = cells_of(content, records, number, delimiter)
    if records.is_unclosed[number]:
        code = "unclosed_quote"
    else:
        code = "too_few_cells" if len(cells) < width else "too_many_cells"
    return [line, code, *(cells + [None] * width)[:width], delimiter.join(cells[width:]) or None]
