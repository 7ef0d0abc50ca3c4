"""Parts the records of a file into whole ones, which any CSV reader takes, and broken ones, each with its reason."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from engine.contacts.records import Bytes, Places, Records, split_record
from engine.contacts.traits import find_traits

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
    content: Bytes,
    records: Records,
    delimiter: str,
    width: int,
    folder: Path,
    *,
    line_shift: int,
    has_header: bool = True,
) -> Split:
    """Write the whole records under the header to `table.csv` and `lines.npy`, the others to `broken.parquet`.

    A text without fault is not written again: its `table.csv` is the text itself, and `table.json` says how many
    lines to skip. Shape of `broken.parquet`: line, code (why), c0 … c<width-1> (String, as far as they go), extra
    (cells too many).

    Args:
        line_shift: lines of the text before `content`.
        has_header: the first record is no row.
    """
    too_long = (records.ends - records.starts) > LONGEST_RECORD
    whole = (records.cells == width) & ~records.is_unclosed & ~too_long
    first = 1 if has_header else 0
    broken = np.flatnonzero(~whole[first:]) + first
    numbers = np.flatnonzero(whole[first:]) + first
    np.save(folder / "lines.npy", records.lines[numbers] + line_shift)
    skip = _take_text(records, numbers, folder, line_shift=line_shift)
    if skip is None:
        with (folder / "table.csv").open("wb") as table:
            _write_whole(content, records, numbers, delimiter, table)
    traits = find_traits(
        folder / "table.csv", delimiter, skip=skip or 0, has_inner_lines=_has_inner_lines(content, records, numbers)
    )
    traits.save(folder)
    names = {"line": pl.Int64, "code": pl.String} | {f"c{n}": pl.String for n in range(width)} | {"extra": pl.String}
    rows = [_broken(content, records, int(number), delimiter, width, line_shift) for number in broken]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(folder / "broken.parquet")
    shown = [
        cells_of(content, records, int(number), delimiter)
        for number in numbers[: min(_SAMPLES, _SAMPLE_CELLS // width)]
    ]
    samples = tuple(tuple(cell[:_SAMPLE_TEXT] or None for cell in cells) for cells in shown)
    return Split(len(numbers), len(broken), traits.has_unseen, samples)


def _take_text(records: Records, numbers: Places, folder: Path, *, line_shift: int) -> int | None:
    """Give the text the name of the table, if all of it but the lines above is rows. Returns how many those are."""
    text, first = folder / "text.csv", len(records) - len(numbers)
    is_whole = bool(len(numbers)) and first <= 1 and numbers[0] == first and records.lines[numbers[0]] == first + 1
    if not (is_whole and records.blank_count == 0 and records.quotes is None and text.is_file()):
        return None
    (folder / "table.csv").unlink(missing_ok=True)
    try:
        os.link(text, folder / "table.csv")
    except OSError:
        return None  # this file system has no links
    return first + line_shift


def _has_inner_lines(content: Bytes, records: Records, numbers: Places) -> bool:
    """Whether a cell may hold a line end; blank lines between records count as if."""
    if not len(numbers):
        return False
    last = numbers[-1]
    is_one_line = not bool((content[records.starts[last] : records.ends[last]] == _NEWLINE).any())
    return not (is_one_line and records.lines[last] - records.lines[numbers[0]] == last - numbers[0])


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
