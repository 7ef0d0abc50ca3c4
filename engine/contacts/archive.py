"""Unpacks what came compressed, within limits: a small file that unpacks without end fills no disk.

A member's name is shown and compared, never used as a path.
"""

from __future__ import annotations

import gzip
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from engine.errors import UnreadableFile
from engine.words import N_

MOST_UNPACKED = 4 << 30  # bytes
MOST_RATIO = 250  # a table of equal rows comes to about 100
ALWAYS_FINE = 64 << 20  # bytes: below it the ratio says nothing
_BLOCK = 1 << 20
_TABLE_ENDS = (".csv", ".tsv", ".tab", ".txt", ".parquet")
_WORKBOOK_ENDS = (".xlsx", ".xlsm", ".xls", ".zip", ".gz")
_DAMAGED = N_("the compressed file is damaged; export it again")
_TOO_MUCH = N_("it unpacks to more than it could hold; it may be a trap, so it wasn't opened")


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The file inside, and what else there is to choose from."""

    path: Path
    parts: tuple[str, ...]
    part: str | None


def unpack_gzip(path: Path, target: Path) -> Unpacked:
    """Unpack a .gz.

    Raises:
        UnreadableFile: it is damaged, or unpacks without end.
    """
    try:
        with gzip.open(path) as packed:
            _copy(packed, target, path.stat().st_size)
    except (OSError, EOFError, zlib.error) as problem:
        raise _refusal(problem) from None
    return Unpacked(target, (), None)


def unpack_zip(path: Path, target: Path, part: str | None) -> Unpacked:
    """Unpack one file of a .zip; the first table in it when none is asked for.

    Raises:
        UnreadableFile: it is damaged, locked, holds no table or not that one, or unpacks without end.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {each.filename: each for each in archive.infolist() if _is_table(each)}
            chosen = _choose(archive, members, part)
            if chosen.flag_bits & 1:
                raise UnreadableFile(reason=N_("it has a password; unpack it and choose the file inside"))
            refuse_swelling(path, [chosen])
            with archive.open(chosen) as packed:
                _copy(packed, target, chosen.compress_size)
    except NotImplementedError:
        raise UnreadableFile(reason=N_("it is packed in a rare way; unpack it and choose the file inside")) from None
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error) as problem:
        raise _refusal(problem) from None
    return Unpacked(target, tuple(members), chosen.filename)


def refuse_swelling(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse members that say of themselves that they unpack to too much.

    Raises:
        UnreadableFile: so.
    """
    unpacked, packed = sum(each.file_size for each in members), sum(each.compress_size for each in members)
    if _is_swelling(unpacked, packed):
        raise UnreadableFile(reason=_TOO_MUCH)
    if unpacked > shutil.disk_usage(path.parent).free:
        raise UnreadableFile(reason=N_("there isn't enough room on the disk to unpack it"))


def _choose(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], part: str | None) -> zipfile.ZipInfo:
    if part is not None and part not in members:
        raise UnreadableFile(reason=N_("it holds no file of that name"))
    if not members:
        inside = [each.filename.lower() for each in archive.infolist()]
        if any(name.endswith(_WORKBOOK_ENDS) for name in inside):
            raise UnreadableFile(reason=N_("it holds a workbook or another archive; unpack it and choose that file"))
        raise UnreadableFile(reason=N_("it holds no table (.csv, .tsv, .txt, .parquet)"))
    return members[part] if part is not None else next(iter(members.values()))


def _is_table(member: zipfile.ZipInfo) -> bool:
    name = member.filename.rsplit("/", 1)[-1]
    hidden = name.startswith(".") or member.filename.startswith("__MACOSX/")
    return not member.is_dir() and not hidden and name.lower().endswith(_TABLE_ENDS)


def _copy(packed: IO[bytes] | gzip.GzipFile, target: Path, packed_size: int) -> None:
    """Copy block by block; what a header says of the size may be a lie."""
    written = 0
    with target.open("wb") as file:
        while block := packed.read(_BLOCK):
            written += len(block)
            if _is_swelling(written, packed_size):
                raise UnreadableFile(reason=_TOO_MUCH)
            file.write(block)


def _is_swelling(unpacked: int, packed: int) -> bool:
    return unpacked > MOST_UNPACKED or (unpacked > ALWAYS_FINE and unpacked > MOST_RATIO * max(1, packed))


def _refusal(problem: Exception) -> UnreadableFile:
    if isinstance(problem, OSError) and problem.errno == 28:
        return UnreadableFile(reason=N_("there isn't enough room on the disk to unpack it"))
    return UnreadableFile(reason=_DAMAGED)
