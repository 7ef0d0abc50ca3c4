"""Tells by a file's first bytes what it is; what holds no table is refused with what to do instead."""

from __future__ import annotations

import zipfile
from enum import StrEnum
from pathlib import Path

from engine.errors import UnreadableFile
from engine.words import N_

_SAVE_AS = N_("it is an old Excel workbook or one with a password; save it as .xlsx without a password")
DAMAGED_ZIP = N_("the Excel workbook or zip is damaged; save or export it again")
_OTHER_KINDS = (
    (b"\xd0\xcf\x11\xe0", _SAVE_AS),
    (b"%PDF", N_("it is a PDF; export the table as CSV or .xlsx")),
    (b"\xff\xd8\xff", N_("it is a picture; export the table as CSV or .xlsx")),
    (b"\x89PNG", N_("it is a picture; export the table as CSV or .xlsx")),
    (b"GIF8", N_("it is a picture; export the table as CSV or .xlsx")),
    (b"Rar!", N_("it is a RAR archive; unpack it and choose the file inside")),
    (b"7z\xbc\xaf", N_("it is a 7-Zip archive; unpack it and choose the file inside")),
)
_OTHER_TEXTS = (
    (b"begin:vcard", N_("it holds contact cards (vCard); export the contacts as CSV")),
    (b"<!doctype", N_("it is a web page; open it in Excel and save it as .xlsx or CSV")),
    (b"<html", N_("it is a web page; open it in Excel and save it as .xlsx or CSV")),
    (b"<table", N_("it is a web page; open it in Excel and save it as .xlsx or CSV")),
    (b"<?xml", N_("it is XML; open it in Excel and save it as .xlsx or CSV")),
    (b"[{", N_("it is JSON; export the table as CSV or .xlsx")),
    (b'{"', N_("it is JSON; export the table as CSV or .xlsx")),
)
_OTHER_ZIPS = (
    ("xl/workbook.bin", N_("it is a binary Excel workbook; save it as .xlsx")),
    ("word/document.xml", N_("it is a Word document; copy the table into a sheet and save it as .xlsx")),
    ("content.xml", N_("it is an OpenDocument file; save the sheet as .xlsx or CSV")),
)


class FileKind(StrEnum):
    """The kinds that can be opened."""

    TEXT = "text"
    GZIP = "gzip"
    ZIP = "zip"
    WORKBOOK = "workbook"
    PARQUET = "parquet"


def kind_of_file(path: Path) -> FileKind:
    """What a file is.

    Raises:
        UnreadableFile: it is empty, or of a kind that holds no table we read.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _kind_of_zip(path)
    if head.startswith(b"PAR1"):
        return FileKind.PARQUET
    if head.startswith(b"\x1f\x8b"):
        return FileKind.GZIP
    if head.startswith(b"PARE"):
        raise UnreadableFile(reason=N_("it is an encrypted Parquet file; export it without a password"))
    for magic, reason in _OTHER_KINDS:
        if head.startswith(magic):
            raise UnreadableFile(reason=reason)
    _refuse_other_texts(head)
    return FileKind.TEXT


def _refuse_other_texts(head: bytes) -> None:
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, reason in _OTHER_TEXTS:
        if bare.startswith(start):
            raise UnreadableFile(reason=reason)


def _kind_of_zip(path: Path) -> FileKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise UnreadableFile(reason=DAMAGED_ZIP) from None
    if "xl/workbook.xml" in names:
        return FileKind.WORKBOOK
    for member, reason in _OTHER_ZIPS:
        if member in names:
            raise UnreadableFile(reason=reason)
    return FileKind.ZIP
