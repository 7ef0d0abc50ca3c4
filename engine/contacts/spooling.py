"""Makes any file that holds a table one text on disk (UTF-8, \\n), whatever it came as; the rest knows text alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine.contacts.archive import Unpacked, unpack_gzip, unpack_zip
from engine.contacts.encodings import spool_text
from engine.contacts.file_kinds import FileKind, kind_of_file
from engine.contacts.parquet import spool_parquet
from engine.contacts.workbook import spool_workbook
from engine.errors import UnreadableFile
from engine.words import N_


@dataclass(frozen=True, slots=True)
class Spool:
    """What lies in the text, and what it came from.

    `rows`: for each record the row of the sheet it stands in; None: the record's own line is what a person counts.
    `delimiter`, `has_header`: known beforehand; None: to be found.
    """

    kind: Literal["csv", "xlsx", "parquet"]
    file_hash: str
    encoding: str = "utf-8"
    clue: str = "own"
    damaged_count: int = 0
    parts: tuple[str, ...] = ()
    part: str | None = None
    rows: npt.NDArray[np.int64] | None = None
    blank_count: int = 0
    delimiter: str | None = None
    has_header: bool | None = None


def spool_file(path: Path, target: Path, *, encoding: str | None, part: str | None) -> Spool:
    """Write a file's table to `target` as text.

    Args:
        encoding, part: as in `ReadOptions`.

    Raises:
        UnreadableFile: with what to do instead.
    """
    kind = kind_of_file(path)
    if kind not in (FileKind.GZIP, FileKind.ZIP):
        return _spool(path, target, kind, encoding, part)
    inside = target.with_name("unpacked")
    try:
        unpacked = unpack_gzip(path, inside) if kind is FileKind.GZIP else unpack_zip(path, inside, part)
        spool = _spool_inside(unpacked, target, encoding)
    finally:
        inside.unlink(missing_ok=True)
    return replace(spool, file_hash=_hash(path))


def _spool_inside(unpacked: Unpacked, target: Path, encoding: str | None) -> Spool:
    kind = kind_of_file(unpacked.path)
    if kind not in (FileKind.TEXT, FileKind.PARQUET):
        raise UnreadableFile(reason=N_("it holds a workbook or another archive; unpack it and choose that file"))
    spool = _spool(unpacked.path, target, kind, encoding, None)
    return replace(spool, parts=unpacked.parts, part=unpacked.part)


def _spool(path: Path, target: Path, kind: FileKind, encoding: str | None, part: str | None) -> Spool:
    if kind is FileKind.TEXT:
        text = spool_text(path, target, encoding)
        return Spool("csv", text.file_hash, text.encoding, text.clue, text.damaged_count)
    if kind is FileKind.WORKBOOK:
        sheet = spool_workbook(path, target, part)
        return Spool(
            "xlsx",
            _hash(path),
            parts=sheet.parts,
            part=sheet.part,
            rows=sheet.rows,
            blank_count=sheet.blank_count,
            delimiter=",",
        )
    table = spool_parquet(path, target)
    return Spool(
        "parquet", _hash(path), rows=table.rows, blank_count=table.blank_count, delimiter=",", has_header=True
    )


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
