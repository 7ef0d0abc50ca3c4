"""What the bytes of a table tell about all its cells at once, so that reading may leave out work that would change
nothing: no trimming where nothing surrounds a cell, no normalising where no letter has two forms.
"""

from __future__ import annotations

import mmap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

_NEWLINE, _QUOTE, _SPACE, _TAB = 10, 34, 32, 9
_BLOCK = 4 << 20
_FIRST_COMBINING = 0xCC  # the first byte of U+0300: text of lower letters alone is in normal form C
_UNSEEN = tuple(mark.encode() for mark in ("\u00a0", "\u200b", "\ufeff"))


class Table(BaseModel):
    """How `table.csv` is to be read; kept beside it as `table.json`.

    Args:
        skip: physical lines before the first row.
        has_unseen: marks besides spaces may surround a cell.
        is_padded: spaces may.
        is_composed: all text is in normal form C.
    """

    model_config = ConfigDict(frozen=True)

    skip: int = 0
    has_unseen: bool = True
    is_padded: bool = True
    is_composed: bool = False

    def save(self, folder: Path) -> None:
        """Keep it beside the table."""
        (folder / "table.json").write_text(self.model_dump_json(), "utf-8")


def open_table(folder: Path) -> Table:
    """What `find_traits` found; without it, nothing is taken for granted."""
    path = folder / "table.json"
    return Table.model_validate_json(path.read_text("utf-8")) if path.exists() else Table()


def find_traits(path: Path, delimiter: str, *, skip: int, has_inner_lines: bool) -> Table:
    """Look at a table's bytes.

    Args:
        has_inner_lines: a cell holds a line end, which may surround it.
    """
    if not path.stat().st_size:
        return Table(skip=skip)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        with ThreadPoolExecutor(2) as pool:
            looks = list(pool.map(lambda at: _look(content, at, ord(delimiter)), range(0, len(content), _BLOCK)))
        highest = max(look[0] for look in looks)
        leading = set().union(*(look[3] for look in looks))
        found = any(content.find(mark) >= 0 for mark in _UNSEEN if mark[0] in leading)
        starts_padded = content[:1] == b" "
    has_tab = any(look[2] for look in looks) and delimiter != "\t"
    return Table(
        skip=skip,
        has_unseen=has_inner_lines or has_tab or found,
        is_padded=starts_padded or any(look[1] for look in looks),
        is_composed=highest < _FIRST_COMBINING,
    )


def _look(content: mmap.mmap, offset: int, mark: int) -> tuple[int, bool, bool, set[int]]:
    """Of one block and the byte after it: the highest byte, spaces beside an edge, tabs, first bytes of marks."""
    block = np.frombuffer(content[offset : offset + _BLOCK + 1], dtype=np.uint8)
    is_space = block == _SPACE
    is_edge = (block == mark) | (block == _NEWLINE) | (block == _QUOTE)
    padded = bool((is_space[1:] & is_edge[:-1]).any() or (is_space[:-1] & is_edge[1:]).any())
    is_last = offset + _BLOCK >= len(content)
    highest = int(block.max())
    leading = {unseen[0] for unseen in _UNSEEN if unseen[0] <= highest and bool((block == unseen[0]).any())}
    return highest, padded or bool(is_last and is_space[-1]), bool((block == _TAB).any()), leading
