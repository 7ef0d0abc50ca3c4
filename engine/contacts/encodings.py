"""Makes any text file one shape: UTF-8 without BOM, lines that end in \\n, on disk. Never the whole file in memory.

The encoding is found by its byte order mark, its zeros, by being valid UTF-8, or by its letters, and a person may
say another; one that can't be is refused. A file that is UTF-8 but for a few damaged bytes stays UTF-8, and the
damage is counted.
"""

from __future__ import annotations

import codecs
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from engine.errors import UnreadableFile
from engine.words import N_

ENCODING_LABELS = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "cp1254": "Windows-1254",
    "iso-8859-9": "ISO-8859-9",
    "cp1252": "Windows-1252",
}
ENCODING_CLUES = {
    "bom": N_("by the mark at its beginning"),
    "zeros": N_("by the zeros between its letters"),
    "valid": N_("every byte of it fits"),
    "mostly": N_("all but a few damaged bytes fit"),
    "turkish": N_("by its Turkish letters; ISO-8859-9 would read the same"),
    "western": N_("by its accented letters"),
    "controls": N_("by its Turkish letters and control codes"),
    "own": N_("the file says it itself"),
    "given": N_("chosen by you"),
}
_BLOCK = 4 << 20
_HEAD = 1 << 20
_LONGEST_LETTER = 4  # bytes in UTF-8
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\0")) + b"\x7f"
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_TURKISH = tuple("ĞİŞğış".encode("cp1254"))  # the six bytes by which Windows-1252 differs
_WESTERN = tuple("ÁÍÓÚÆáíóúæÄäßÑñŽž".encode("cp1252"))
_IN_NO_WINDOWS = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_WRONG = N_("it isn't written in the chosen encoding; choose another or have it detected")


@dataclass(frozen=True, slots=True)
class Spooled:
    """What was found while a file was copied."""

    encoding: str
    clue: str  # a key of `ENCODING_CLUES`
    file_hash: str
    damaged_count: int


def spool_text(source: Path, target: Path, encoding: str | None = None) -> Spooled:
    """Copy a file of any known encoding to `target` as UTF-8 with \\n, hashing the original on the way.

    Args:
        encoding: a key of `ENCODING_LABELS`; None: find out.

    Raises:
        UnreadableFile: empty, no text, or not in that encoding.
    """
    with source.open("rb") as file:
        head = file.read(_HEAD)
    if not head.strip():
        raise UnreadableFile(reason=N_("it is empty"))
    marked, skip = _by_bom(head)
    by_zeros = None if marked else _by_zeros(head)
    if encoding is not None:
        _refuse_wrong(head[skip:], encoding, marked or by_zeros)
        return _copy(source, target, encoding, "given", skip=skip)
    if marked or by_zeros:
        return _copy(source, target, marked or by_zeros or "", "bom" if marked else "zeros", skip=skip)
    try:
        return _copy(source, target, "utf-8", "valid", skip=0, errors="strict")
    except UnicodeDecodeError:
        found, clue = ("utf-8", "mostly") if _is_mostly_utf8(head) else _by_letters(source)
    return _copy(source, target, found, clue, skip=0)


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
        raise UnreadableFile(reason=N_("it is no text; export the table as CSV or .xlsx"))
    return None


def _is_mostly_utf8(head: bytes) -> bool:
    """Text of another encoding hardly ever holds whole UTF-8 sequences by chance."""
    text = head.decode("utf-8", "replace")
    whole = sum(1 for mark in text if ord(mark) > 127 and mark != "\ufffd")
    return whole > text.count("\ufffd")


def _by_letters(source: Path) -> tuple[str, str]:
    """Which of the one-byte encodings, by how often their letters occur in the whole file."""
    counts = np.zeros(256, dtype=np.int64)
    with source.open("rb") as file:
        while block := file.read(_BLOCK):
            counts += np.bincount(np.frombuffer(block, dtype=np.uint8), minlength=256)
    turkish, western = counts[list(_TURKISH)].sum(), counts[list(_WESTERN)].sum()
    if turkish and counts[list(_IN_NO_WINDOWS)].any():
        return "iso-8859-9", "controls"
    return ("cp1252", "western") if western > turkish else ("cp1254", "turkish")


def _refuse_wrong(text: bytes, encoding: str, seen: str | None) -> None:
    """Refuse an encoding that a person chose and that can't be.

    Args:
        seen: the encoding that a byte order mark or zeros show.
    """
    if encoding not in ENCODING_LABELS:
        raise UnreadableFile(reason=N_("the chosen encoding isn't known"))
    if seen is not None:
        is_wrong = seen != encoding
    elif encoding.startswith("utf-16"):
        sample = text[:4096].decode(encoding, "replace")
        is_wrong = sum(mark < "\x7f" for mark in sample) < 0.05 * len(sample)
    elif encoding == "utf-8":
        is_wrong = not _is_utf8(text) and not _is_mostly_utf8(text)
    else:
        is_wrong = _is_utf8(text) and sum(byte >= 0xC0 for byte in text[:_HEAD]) >= 3
    if is_wrong:
        raise UnreadableFile(reason=_WRONG)


def _is_utf8(text: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(text)
    except UnicodeDecodeError:
        return False
    return True


def _copy(source: Path, target: Path, encoding: str, clue: str, *, skip: int, errors: str = "replace") -> Spooled:
    digest, damaged, is_strict = hashlib.sha256(), 0, errors == "strict"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    with source.open("rb") as reading, target.open("wb") as writing:
        digest.update(reading.read(skip))
        lines, checked = _Lines(writing), _Utf8()
        while block := reading.read(_BLOCK):
            digest.update(block)
            if is_strict:
                checked.take(block)
                lines.write(block)
                continue
            text = decoder.decode(block)
            damaged += text.count("\ufffd")
            lines.write(text.encode("utf-8", "replace"))
        checked.finish()
        rest = decoder.decode(b"", final=True)
        if not is_strict:
            damaged += rest.count("\ufffd")
            lines.write(rest.encode("utf-8", "replace"))
        lines.finish()
    return Spooled(encoding, clue, digest.hexdigest(), damaged)


class _Utf8:
    """Refuses bytes that are no UTF-8, three times as fast as decoding them; a letter may fall between two blocks."""

    def __init__(self) -> None:
        self._held = b""

    def take(self, block: bytes) -> None:
        block = self._held + block
        cut = len(block)
        while cut and len(block) - cut < _LONGEST_LETTER and block[cut - 1] >= 0x80:
            cut -= 1
        self._held = block[cut:]
        try:
            pl.Series([block[:cut]]).cast(pl.String)
        except pl.exceptions.PolarsError:
            block[:cut].decode()  # raises as whoever asks expects

    def finish(self) -> None:
        self._held.decode()


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

    def _put(self, block: bytes) -> None:
        if b"\r" in block:
            if self._lone is None:  # an old Mac's file ends its lines in \r alone
                self._lone = b" " if b"\n" in block else b"\n"
            block = block.replace(b"\r\n", b"\n").replace(b"\r", self._lone)
        self._file.write(block.replace(b"\0", b""))
