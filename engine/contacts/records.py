"""Finds the records of a CSV in its bytes, with numpy, so that every line of a file is accounted for.

A CSV reader drops, pads or swallows what it doesn't like (measured; docs/architecture.md). Here each record gets
its place, its line and its number of cells before any reader sees it. Quotes that break the rules (one inside a
bare cell, one never closed) are resolved one by one; a file without them never takes that way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
_QUOTE, _NEWLINE, _SPACE = 34, 10, 32
_BLOCK = 8 << 20
LONGEST_CELL = 64 << 10  # bytes; a quote that is open for longer was never closed


@dataclass(frozen=True, slots=True)
class Records:
    """Every record of a file, in order; blank lines are left out and counted.

    Shape: arrays of one length: `starts`, `ends` (byte offsets, the line end excluded), `lines` (the physical line
    a record starts on, from 1), `cells` (how many), `is_odd` (holds a quote out of place), `is_unclosed`.
    """

    starts: Places
    ends: Places
    lines: Places
    cells: Places
    is_odd: npt.NDArray[np.bool_]
    is_unclosed: npt.NDArray[np.bool_]
    blank_count: int
    quotes: Places | None

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True, slots=True)
class _Quotes:
    real: Places
    stray: Places
    unclosed: Places


def find_records(content: Bytes, delimiter: str) -> Records:
    """Find the records of a UTF-8 text with \\n lines (a memory map will do)."""
    mark = ord(delimiter)
    quotes: _Quotes | None = None
    found = _pass(content, mark, None)
    if found is None:
        quotes = _resolve_quotes(content, mark)
        found = _pass(content, mark, quotes.real)
    assert found is not None
    ends, cells, line_places = found
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64) if len(ends) else ends
    lines = np.searchsorted(line_places, starts) + 1
    kept = ends > starts
    starts, ends, lines, cells = starts[kept], ends[kept], lines[kept], cells[kept]
    return Records(
        starts,
        ends,
        lines.astype(np.int64),
        cells,
        _records_with(quotes.stray if quotes else None, starts, ends),
        _records_with(quotes.unclosed if quotes else None, starts, ends),
        int((~kept).sum()),
        quotes.real if quotes else None,
    )


def split_record(record: bytes, delimiter: str, quotes: list[int]) -> list[str]:
    """The cells of one record; `quotes` are the offsets in it of the quotes that open and close."""
    mark, cells, start, inside = ord(delimiter), [], 0, False
    real = set(quotes)
    for place, byte in enumerate(record):
        if place in real:
            inside = not inside
        elif byte == mark and not inside:
            cells.append(_cell(record, start, place, real))
            start = place + 1
    cells.append(_cell(record, start, len(record), real))
    return cells


def _cell(record: bytes, start: int, end: int, real: set[int]) -> str:
    text = record[start:end]
    bare = text.strip(b" ")
    first = start + len(text) - len(text.lstrip(b" "))
    if len(bare) >= 2 and first in real and first + len(bare) - 1 in real:
        text = bare[1:-1].replace(b'""', b'"')
    return text.decode("utf-8", "replace")


def _pass(content: Bytes, mark: int, real: Places | None) -> tuple[Places, Places, Places] | None:
    """(record ends, cells per record, places of all line ends); None when a quote is out of place."""
    inside, ends, delimiters, all_lines = np.False_, [], [], []
    for offset in range(0, len(content), _BLOCK):
        block = np.asarray(content[offset : offset + _BLOCK])
        is_quote = block == _QUOTE if real is None else _mask(real, offset, len(block))
        quoted = np.bitwise_xor.accumulate(is_quote) ^ inside
        if real is None and not _are_in_place(content, offset, np.flatnonzero(is_quote), quoted, mark):
            return None
        inside = quoted[-1]
        newlines = block == _NEWLINE
        all_lines.append(np.flatnonzero(newlines) + offset)
        ends.append(np.flatnonzero(newlines & ~quoted) + offset)
        delimiters.append(np.flatnonzero((block == mark) & ~quoted) + offset)
    if inside and real is None:
        return None
    record_ends = np.concatenate(ends)
    if not len(record_ends) or record_ends[-1] != len(content) - 1:
        record_ends = np.append(record_ends, len(content))
    before = np.searchsorted(np.concatenate(delimiters), record_ends)
    return record_ends, np.diff(before, prepend=0) + 1, np.concatenate(all_lines)


def _mask(places: Places, offset: int, length: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(length, dtype=np.bool_)
    first, last = np.searchsorted(places, [offset, offset + length])
    mask[places[first:last] - offset] = True
    return mask


def _are_in_place(content: Bytes, offset: int, places: Places, quoted: Any, mark: int) -> bool:
    """Whether each opening quote follows a cell's edge and each closing quote is followed by one."""
    if not len(places):
        return True
    is_opening = quoted[places]
    opening, closing = places[is_opening] + offset, places[~is_opening] + offset
    before = content[np.maximum(opening - 1, 0)]
    good = (before == mark) | (before == _NEWLINE) | (before == _QUOTE) | (opening == 0)
    after = content[np.minimum(closing + 1, len(content) - 1)]
    closed = (after == mark) | (after == _NEWLINE) | (after == _QUOTE) | (closing == len(content) - 1)
    return bool(good.all() and closed.all())


def _records_with(places: Places | None, starts: Places, ends: Places) -> npt.NDArray[np.bool_]:
    """Which records hold one of these places."""
    if places is None or not len(places):
        return np.zeros(len(starts), dtype=np.bool_)
    held = np.searchsorted(places, ends) - np.searchsorted(places, starts)
    return np.asarray(held > 0)


def _resolve_quotes(content: Bytes, mark: int) -> _Quotes:
    """Decide for each quote of a file that breaks the rules whether it opens or closes a cell, or is a letter.

    A quote opens at a cell's edge and closes before one. One that stays open past a line end and meets a quote
    that can't close it, or stays open for `LONGEST_CELL` bytes, was never closed: it is a letter.
    """
    steps = range(0, len(content), _BLOCK)
    found = [np.flatnonzero(np.asarray(content[at : at + _BLOCK]) == _QUOTE) + at for at in steps]
    places = np.concatenate(found).tolist()
    real, stray, unclosed, index = [], [], [], 0
    while index < len(places):
        opening = places[index]
        if _neighbour(content, opening, -1) not in (mark, _NEWLINE, None):
            stray.append(opening)
            index += 1
            continue
        closing, letters, following = _find_closing(content, places, index, mark)
        if closing is None:
            unclosed.append(opening)
            index += 1
            continue
        real += [opening, closing]
        stray += letters
        if _is_padded(content, opening, closing):
            stray.append(opening)  # rewritten, so that a reader sees the quote at the cell's very edge
        index = following
    return _Quotes(*(np.array(sorted(each), dtype=np.int64) for each in (real, stray, unclosed)))


def _find_closing(content: Bytes, places: list[int], index: int, mark: int) -> tuple[int | None, list[int], int]:
    opening, letters, at = places[index], list[int](), index + 1
    while at < len(places) and places[at] - opening <= LONGEST_CELL:
        place = places[at]
        if at + 1 < len(places) and places[at + 1] == place + 1:
            at += 2  # a doubled quote is one letter
        elif _neighbour(content, place, +1) in (mark, _NEWLINE, None):
            return place, letters, at + 1
        elif bool((np.asarray(content[opening:place]) == _NEWLINE).any()):
            return None, [], index + 1
        else:
            letters.append(place)
            at += 1
    return None, [], index + 1


def _neighbour(content: Bytes, place: int, step: int) -> int | None:
    """The next byte that is no space; None at the file's edge."""
    place += step
    while 0 <= place < len(content) and content[place] == _SPACE:
        place += step
    return int(content[place]) if 0 <= place < len(content) else None


def _is_padded(content: Bytes, opening: int, closing: int) -> bool:
    before = opening > 0 and content[opening - 1] == _SPACE
    return bool(before or (closing + 1 < len(content) and content[closing + 1] == _SPACE))
