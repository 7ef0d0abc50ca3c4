"""Makes any text file one shape: UTF-8 without BOM, lines that end in \\n, on disk. Never the whole file in memory.

UTF-8 (with or without BOM), UTF-16 and Windows-1254 are told apart; a file that is UTF-8 but for a few damaged
bytes stays UTF-8, and the damage is counted. What is no text is refused with what to do instead.
"""

from __future__ import annotations

import codecs
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.errors import UnreadableFile
from engine.words import N_

ENCODING_LABELS = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1254": "Windows-1254"}
_BLOCK = 4 << 20
_HEAD = 1 << 20
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\0")) + b"\x7f"
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_OTHER_KINDS = (
    (b"PK\x03\x04", N_("it is an Excel workbook or a zip; save the sheet as “CSV UTF-8” and choose that file")),
    (b"\xd0\xcf\x11\xe0", N_("it is an old Excel workbook; save the sheet as “CSV UTF-8” and choose that file")),
    (b"\x1f\x8b", N_("it is compressed; unpack it and choose the CSV file inside")),
    (b"PAR1", N_("it is a Parquet file; export it as CSV")),
    (b"%PDF", N_("it is a PDF; export the table as CSV")),
)


@dataclass(frozen=True, slots=True)
class Spooled:
    """What was found while a file was copied."""

    encoding: str
    file_hash: str
    damaged_count: int


def spool_text(source: Path, target: Path, encoding: str | None = None) -> Spooled:
    """Copy a file of any known encoding to `target` as UTF-8 with \\n, hashing the original on the way.

    Args:
        encoding: a key of `ENCODING_LABELS`; None: find out.

    Raises:
        UnreadableFile: empty, or no text.
    """
    with source.open("rb") as file:
        head = file.read(_HEAD)
    _refuse_other_kinds(head)
    chosen, skip = _by_bom(head) if encoding is None else (encoding, 0)
    chosen = chosen or _by_zeros(head)
    if chosen is None:
        try:
            return _copy(source, target, "utf-8", skip=0, errors="strict")
        except UnicodeDecodeError:
            chosen = "utf-8" if _is_mostly_utf8(head) else "cp1254"
    return _copy(source, target, chosen, skip=skip, errors="replace")


def _refuse_other_kinds(head: bytes) -> None:
    if not head.strip():
        raise UnreadableFile(reason=N_("it is empty"))
    for magic, reason in _OTHER_KINDS:
        if head.startswith(magic):
            raise UnreadableFile(reason=reason)


def _by_bom(head: bytes) -> tuple[str | None, int]:
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding, len(bom)
    return None, 0


def _by_zeros(head: bytes) -> str | None:
    """UTF-16 without a BOM shows zeros on one side of each pair; zeros on both sides are no text."""
    sample = head[:4096]
    half = max(1, len(sample) // 2)
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if odd > 0.3 and even < 0.05:
        return "utf-16-le"
    if even > 0.3 and odd < 0.05:
        return "utf-16-be"
    if even + odd > 0.2 or len(sample.translate(None, _CONTROLS)) < 0.95 * len(sample):
        raise UnreadableFile(reason=N_("it is no text; export the table as CSV"))
    return None


def _is_mostly_utf8(head: bytes) -> bool:
    """Text of another encoding hardly ever holds whole UTF-8 sequences by chance."""
    text = head.decode("utf-8", "replace")
    whole = sum(1 for mark in text if ord(mark) > 127 and mark != "\ufffd")
    return whole > text.count("\ufffd")


def _copy(source: Path, target: Path, encoding: str, *, skip: int, errors: str) -> Spooled:
    digest, damaged = hashlib.sha256(), 0
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    with source.open("rb") as reading, target.open("wb") as writing:
        digest.update(reading.read(skip))
        lines = _Lines(writing)
        while block := reading.read(_BLOCK):
            digest.update(block)
            text = decoder.decode(block)
            damaged += text.count("\ufffd") if errors == "replace" else 0
            lines.write(text.encode("utf-8", "replace"))
        lines.write(decoder.decode(b"", final=True).encode("utf-8", "replace"))
        lines.finish()
    return Spooled(encoding, digest.hexdigest(), damaged)


class _Lines:
    """Writes bytes with each line end as \\n and without NULs; a \\r\\n may fall between two blocks."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._held = b""
        self._lone: bytes | None = None

    def write(self, block: bytes) -> None:
        block = self._held + block
        self._held = b"\r" if block.endswith(b"\r") else b""
        self._put(block[:-1] if self._held else block)

    def finish(self) -> None:
        self._put(self._held)
        self._file.flush()
        os.fsync(self._file.fileno())

    def _put(self, block: bytes) -> None:
        if b"\r" in block:
            if self._lone is None:  # an old Mac's file ends its lines in \r alone
                self._lone = b" " if b"\n" in block else b"\n"
            block = block.replace(b"\r\n", b"\n").replace(b"\r", self._lone)
        self._file.write(block.replace(b"\0", b""))
