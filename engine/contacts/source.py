"""A file that somebody gave: spooled, read record by record, and left as a clean table that any reader takes.

In the import's folder lie `text.csv` (UTF-8), `table.csv` (the whole records without header, each with the
header's number of cells), `lines.npy` (the physical line of each) and `broken.parquet` (the records that don't fit,
with the reason), and `source.json`, this module's own account of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from engine.contacts.encodings import spool_text
from engine.contacts.records import Bytes, Records, find_records
from engine.contacts.splitting import cells_of, split_records
from engine.errors import UnreadableFile
from engine.words import N_

MOST_COLUMNS = 300
DELIMITERS = (",", ";", "\t", "|")
_HEAD_BYTES = 256 << 10


class ReadOptions(BaseModel):
    """How a person wants a file read; what is None is found out."""

    model_config = ConfigDict(frozen=True)

    encoding: str | None = None  # a key of `ENCODING_LABELS`
    delimiter: str | None = None  # one of `DELIMITERS`
    has_header: bool | None = None
    part: str | None = None  # a workbook's sheet, or the file in a zip


DETECT = ReadOptions()


class SourceFile(BaseModel):
    """What a file turned out to be."""

    model_config = ConfigDict(frozen=True)

    import_id: str
    folder: Path
    file_name: str
    file_hash: str
    byte_count: int
    encoding: str
    damaged_count: int
    delimiter: str
    headers: tuple[str, ...]
    row_count: int  # the file's data lines: records under the header that are not blank
    whole_count: int
    broken_count: int
    blank_count: int
    has_unseen: bool  # holds marks that surround a cell unseen, besides spaces
    samples: tuple[tuple[str | None, ...], ...]
    kind: Literal["csv", "xlsx", "parquet"] = "csv"
    parts: tuple[str, ...] = ()  # a workbook's sheets, or the files in a zip
    part: str | None = None  # the one that was read
    has_header: bool = True
    known_export: str | None = None  # the program it comes from
    options: ReadOptions = DETECT

    def save(self) -> None:
        """Keep the account beside the table."""
        (self.folder / "source.json").write_text(self.model_dump_json(), "utf-8")

    def lines(self) -> npt.NDArray[np.int64]:
        """The physical line of each record of the table, in order."""
        return np.asarray(np.load(self.folder / "lines.npy"))


def open_source(folder: Path) -> SourceFile:
    """The account that `read_source` left."""
    return SourceFile.model_validate_json((folder / "source.json").read_text("utf-8"))


def read_source(
    path: Path,
    folder: Path,
    import_id: str,
    *,
    file_name: str,
    options: ReadOptions = DETECT,
    on_progress: Callable[[str, float], None] = lambda step, share: None,
) -> SourceFile:
    """Read a CSV into the import's folder.

    Args:
        options: what a person chose.
        on_progress: told the step (`copying`, `scanning`, `splitting`) and how much of the whole reading is done.

    Raises:
        UnreadableFile: it is no CSV, is empty, or has too many columns.
    """
    folder.mkdir(parents=True, exist_ok=True)
    on_progress("copying", 0.0)
    spooled = spool_text(path, folder / "text.csv", options.encoding)
    on_progress("scanning", 0.3)
    content = _content(folder / "text.csv")
    content, told = _without_separator_line(content)
    mark = options.delimiter or told or find_delimiter(content[:_HEAD_BYTES])
    records = find_records(content, mark)
    headers = _headers(cells_of(content, records, 0, mark)) if len(records) else ()
    _refuse_useless(records, headers)
    on_progress("splitting", 0.7)
    split = split_records(content, records, mark, len(headers), folder, line_shift=1 if told else 0)
    source = SourceFile(
        import_id=import_id,
        folder=folder,
        file_name=file_name,
        file_hash=spooled.file_hash,
        byte_count=path.stat().st_size,
        encoding=spooled.encoding,
        damaged_count=spooled.damaged_count,
        delimiter=mark,
        headers=headers,
        row_count=len(records) - 1,
        whole_count=split.whole_count,
        broken_count=split.broken_count,
        blank_count=records.blank_count,
        has_unseen=split.has_unseen,
        samples=split.samples,
        options=options,
    )
    assert source.whole_count + source.broken_count == source.row_count
    source.save()
    (folder / "text.csv").unlink()
    return source


def find_delimiter(head: Bytes) -> str:
    """The delimiter that gives the header and the records under it the same number of cells."""
    best, chosen = (0.0, 1), ","
    for delimiter in DELIMITERS:
        widths = find_records(head, delimiter).cells[:100].tolist()
        widths = widths[:-1] if len(widths) > 2 else widths  # the last may be cut off
        if widths and widths[0] > 1:
            best_here = (widths.count(widths[0]) / len(widths), widths[0])
            if best_here > best:
                best, chosen = best_here, delimiter
    return chosen


def _content(path: Path) -> Bytes:
    return np.memmap(path, dtype=np.uint8, mode="r")


def _without_separator_line(content: Bytes) -> tuple[Bytes, str | None]:
    """Excel's first line `sep=;` says the delimiter and is no row."""
    first = bytes(content[:6]).decode("utf-8", "replace").lower()
    if first.startswith("sep=") and len(first) == 6 and first[5] == "\n" and first[4] in DELIMITERS:
        return content[6:], first[4]
    return content, None


def _headers(cells: list[str]) -> tuple[str, ...]:
    """Each with a name of its own: empty ones are numbered, repeated ones too."""
    headers: list[str] = []
    taken = set[str]()
    for number, cell in enumerate(cells, start=1):
        plain = " ".join(cell.replace("\ufeff", "").split())[:200] or f"Column {number}"
        name, repeat = plain, 2
        while name.casefold() in taken:
            name, repeat = f"{plain} ({repeat})", repeat + 1
        taken.add(name.casefold())
        headers.append(name)
    return tuple(headers)


def _refuse_useless(records: Records, headers: tuple[str, ...]) -> None:
    if len(headers) > MOST_COLUMNS:
        raise UnreadableFile(reason=N_("it has more than 300 columns; keep those you need"))
    if len(records) < 2:
        raise UnreadableFile(reason=N_("it has no rows under its header"))
