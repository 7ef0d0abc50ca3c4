"""Finds the records of a CSV in its bytes, with numpy, so that every line of a file is accounted for.

A CSV reader drops, pads or swallows what it doesn't like (measured; docs/architecture.md). Here each record gets
its place, its line and its number of cells before any reader sees it. Quotes that break the rules (one inside a
bare cell, one never closed) are resolved one by one; a file without them never takes that way.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
_QUOTE, _NEWLINE, _SPACE = 34, 10, 32
_BLOCK = 4 << 20
_THREADS = 2
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
    if len(line_places) >= len(ends) - 1 and np.array_equal(line_places[: len(ends) - 1], ends[:-1]):
        lines = np.arange(1, len(starts) + 1)  # no line end inside quotes
    else:
        lines = np.searchsorted(line_places, starts) + 1
    kept = ends > starts
    if not kept.all():
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
    if not quotes:
        return [cell.decode("utf-8", "replace") for cell in record.split(delimiter.encode())]
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
    """(record ends, cells per record, places of all line ends); None when a quote is out of place.

    Blocks are looked at side by side: numpy leaves the interpreter meanwhile.
    """
    offsets = range(0, len(content), _BLOCK)
    with ThreadPoolExecutor(_THREADS) as pool:
        counts = list(pool.map(lambda offset: _count_quotes(content, offset, real), offsets))
        before = np.cumsum([0, *counts]) % 2 == 1
        if before[-1] and real is None:
            return None
        blocks = list(
            pool.map(lambda at, inside: _look(content, at, inside, mark, real), offsets, before[:-1].tolist())
        )
    if not all(block.is_in_place for block in blocks):
        return None
    first_edges = np.cumsum([0, *(block.edge_count for block in blocks)])
    record_ends = np.concatenate([block.ends for block in blocks])
    numbers = np.concatenate([block.numbers + first for block, first in zip(blocks, first_edges, strict=False)])
    if not len(record_ends) or record_ends[-1] != len(content) - 1:
        record_ends, numbers = np.append(record_ends, len(content)), np.append(numbers, first_edges[-1])
    return record_ends, np.diff(numbers, prepend=-1), np.concatenate([block.lines for block in blocks])


@dataclass(frozen=True, slots=True)
class _Block:
    """Of one block: record ends and line ends (places), each end's number among the block's cell ends."""

    ends: Places
    numbers: Places
    edge_count: int
    lines: Places
    is_in_place: bool


def _count_quotes(content: Bytes, offset: int, real: Places | None) -> int:
    if real is None:
        return int(np.count_nonzero(content[offset : offset + _BLOCK] == _QUOTE))
    first, last = np.searchsorted(real, [offset, offset + _BLOCK])
    return int(last - first)


def _look(content: Bytes, offset: int, is_inside: bool, mark: int, real: Places | None) -> _Block:
    block = np.asarray(content[offset : offset + _BLOCK])
    newlines = block == _NEWLINE
    is_edge, lines, is_in_place = newlines | (block == mark), None, True
    is_quote = block == _QUOTE if real is None else _mask(real, offset, len(block))
    if is_inside or is_quote.any():
        quoted = np.bitwise_xor.accumulate(is_quote) ^ np.bool_(is_inside)
        if real is None:
            is_in_place = _are_in_place(content, offset, np.flatnonzero(is_quote), quoted, mark)
        is_edge &= ~quoted
        lines = np.flatnonzero(newlines) + offset
    edges = np.flatnonzero(is_edge)
    numbers = np.flatnonzero(newlines[edges])
    ends = edges[numbers] + offset
    return _Block(ends, numbers, len(edges), ends if lines is None else lines, is_in_place)


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
