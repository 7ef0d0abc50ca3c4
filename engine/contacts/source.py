"""A file that somebody gave: spooled, read record by record, and left as a clean table that any reader takes.

In the import's folder lie `text.csv` (UTF-8), `table.csv` (the whole records without header, each with the
header's number of cells), `lines.npy` (the physical line of each) and `broken.parquet` (the records that don't fit,
with the reason), `head.parquet` (the first rows), and `source.json`, this module's own account of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict

from engine.contacts.encodings import ENCODING_LABELS
from engine.contacts.head import MOST_ROWS, keep_head
from engine.contacts.heading import is_header, name_headers
from engine.contacts.known_exports import find_export
from engine.contacts.records import Bytes, Records, find_records
from engine.contacts.splitting import Split, cells_of, split_records
from engine.contacts.spooling import Spool, spool_file
from engine.errors import UnreadableFile
from engine.words import N_

MOST_COLUMNS = 300
DELIMITERS = (",", ";", "\t", "|")
_HEAD_BYTES = 256 << 10
_SEPARATOR_LINE = 6  # bytes of `sep=;` and its line end
_LOOKED_AT = 50  # records, to tell a header from a row


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
    encoding_clue: str = "given"  # how it was found: a key of `ENCODING_CLUES`
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
    """Read a table (CSV, .gz, .zip, .xlsx, Parquet) into the import's folder.

    Args:
        options: what a person chose.
        on_progress: told the step (`copying`, `scanning`, `splitting`) and how much of the whole reading is done.

    Raises:
        UnreadableFile: it is no table, is empty, or has too many columns.
    """
    _refuse_unknown(options)
    folder.mkdir(parents=True, exist_ok=True)
    on_progress("copying", 0.0)
    text = folder / "text.csv"
    spool = spool_file(path, text, encoding=options.encoding, part=options.part)
    on_progress("scanning", 0.3)
    content, told = _without_separator_line(_content(text)) if spool.rows is None else (_content(text), None)
    mark = spool.delimiter or options.delimiter or told or find_delimiter(content[:_HEAD_BYTES])
    records = find_records(content, mark)
    has_header, headers = _heading(content, records, mark, spool.has_header or options.has_header)
    _refuse_useless(len(records) - has_header, headers)
    export = find_export(headers) if has_header else None
    on_progress("splitting", 0.7)
    split = split_records(
        content, records, mark, len(headers), folder, line_shift=1 if told else 0, has_header=has_header
    )
    if spool.rows is not None:
        _renumber(folder, records, spool.rows)
    source = SourceFile(
        blank_count=records.blank_count + spool.blank_count,
        **_counted(records, split, is_headed=has_header),
        **_told_by(spool),
        import_id=import_id,
        folder=folder,
        file_name=file_name,
        byte_count=path.stat().st_size,
        delimiter=mark,
        headers=headers,
        has_header=has_header,
        known_export=export.name if export else None,
        options=options,
    )
    assert source.whole_count + source.broken_count == source.row_count
    source.save()
    keep_head(folder, len(headers), mark, end=_head_end(folder, records, has_header, told))
    text.unlink()
    return source


def _head_end(folder: Path, records: Records, has_header: bool, told: str | None) -> int | None:
    """Where in the table the first rows end, if the table is the text itself."""
    if not (folder / "text.csv").samefile(folder / "table.csv"):
        return None
    last = min(len(records), MOST_ROWS + has_header) - 1
    return int(records.ends[last]) + 1 + (_SEPARATOR_LINE if told else 0)


def _counted(records: Records, split: Split, *, is_headed: bool) -> dict[str, Any]:
    """What the records come to, as fields of `SourceFile`."""
    return {
        "row_count": len(records) - is_headed,
        "whole_count": split.whole_count,
        "broken_count": split.broken_count,
        "has_unseen": split.has_unseen,
        "samples": split.samples,
    }


def _told_by(spool: Spool) -> dict[str, Any]:
    """What the spooled file is, as fields of `SourceFile`."""
    return {
        "file_hash": spool.file_hash,
        "encoding": spool.encoding,
        "encoding_clue": spool.clue,
        "damaged_count": spool.damaged_count,
        "kind": spool.kind,
        "parts": spool.parts,
        "part": spool.part,
    }


def _refuse_unknown(options: ReadOptions) -> None:
    if options.delimiter is not None and options.delimiter not in DELIMITERS:
        raise UnreadableFile(reason=N_("a file's cells are parted by a comma, a semicolon, a tab or a bar"))
    if options.encoding is not None and options.encoding not in ENCODING_LABELS:
        raise UnreadableFile(reason=N_("the chosen encoding isn't known"))


def _heading(content: Bytes, records: Records, mark: str, chosen: bool | None) -> tuple[bool, tuple[str, ...]]:
    """Whether the first record is a header, and the columns' names."""
    if not len(records):
        return True, ()
    first = cells_of(content, records, 0, mark)
    below = [cells_of(content, records, number, mark) for number in range(1, min(len(records), _LOOKED_AT))]
    has_header = is_header(first, below) if chosen is None else chosen
    if has_header:
        return True, name_headers(first)
    width = int(np.bincount(np.minimum(records.cells, MOST_COLUMNS + 1)).argmax())  # that of most records
    return False, name_headers([""] * width)


def _renumber(folder: Path, records: Records, rows: npt.NDArray[np.int64]) -> None:
    """Say the sheet's rows instead of the lines of the text."""
    lines = np.load(folder / "lines.npy")
    np.save(folder / "lines.npy", rows[np.searchsorted(records.lines, lines)])
    broken_frame = pl.read_parquet(folder / "broken.parquet")
    numbers = rows[np.searchsorted(records.lines, broken_frame["line"].to_numpy())]
    broken_frame.with_columns(line=pl.Series(numbers, dtype=pl.Int64)).write_parquet(folder / "broken.parquet")


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
    if not path.stat().st_size:
        raise UnreadableFile(reason=N_("it is empty"))
    return np.memmap(path, dtype=np.uint8, mode="r")


def _without_separator_line(content: Bytes) -> tuple[Bytes, str | None]:
    """Excel's first line `sep=;` says the delimiter and is no row."""
    first = bytes(content[:6]).decode("utf-8", "replace").lower()
    is_told = first.startswith("sep=") and len(first) == 6 and first[5] == "\n" and first[4] in DELIMITERS
    if is_told and len(content) > _SEPARATOR_LINE:
        return content[_SEPARATOR_LINE:], first[4]
    return content, None


def _refuse_useless(row_count: int, headers: tuple[str, ...]) -> None:
    if len(headers) > MOST_COLUMNS:
        raise UnreadableFile(reason=N_("it has more than 300 columns; keep those you need"))
    if row_count < 1:
        raise UnreadableFile(reason=N_("it has no rows under its header"))
