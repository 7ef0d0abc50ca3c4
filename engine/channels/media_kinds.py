"""What a file really is: told by its content, never by its name; refused where the provider wouldn't take it.

Source: whatsapp.md §3.2 (types, sizes, 8-bit RGB, H.264 with AAC, one audio stream at most).
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from engine.errors import InputError
from engine.words import N_

MediaKind = Literal["image", "video", "document"]
MEGABYTE = 1024 * 1024
BYTES_LIMITS: dict[MediaKind, int] = {"image": 5 * MEGABYTE, "video": 16 * MEGABYTE, "document": 100 * MEGABYTE}
TOO_LARGE: dict[MediaKind, str] = {
    "image": N_("the image is larger than 5 MB"),
    "video": N_("the video is larger than 16 MB"),
    "document": N_("the document is larger than 100 MB"),
}
OFFICE = "application/vnd.openxmlformats-officedocument."
ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "video/mp4": ".mp4",
    "video/3gpp": ".3gp",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    f"{OFFICE}wordprocessingml.document": ".docx",
    f"{OFFICE}spreadsheetml.sheet": ".xlsx",
    f"{OFFICE}presentationml.presentation": ".pptx",
}
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
PNG_KINDS = frozenset({b"\x08\x02", b"\x08\x06"})  # bit depth 8, colour type RGB or RGBA
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
OLE_KINDS = {
    "WordDocument": "application/msword",
    "Workbook": "application/vnd.ms-excel",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
}
ZIP_KINDS = {
    "word/": f"{OFFICE}wordprocessingml.document",
    "xl/": f"{OFFICE}spreadsheetml.sheet",
    "ppt/": f"{OFFICE}presentationml.presentation",
}
CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
TEXT_CONTROLS = bytes(frozenset(range(32)) - {9, 10, 12, 13})
DEEPEST = 8


@dataclass(frozen=True)
class Looked:
    """What a file is; its size in pixels where it has one and tells it."""

    mime_type: str
    width: int | None = None
    height: int | None = None


def look_at_file(content: bytes, kind: MediaKind, file_name: str = "") -> Looked:
    """Tell what a file is.

    Raises:
        InputError: it is none that the provider takes as that kind, or too large.
    """
    reason = TOO_LARGE[kind] if len(content) > BYTES_LIMITS[kind] else None
    found = None if reason else LOOKS[kind](content)
    if isinstance(found, Looked):
        return found
    raise InputError(reason=reason or found or "", file_name=file_name)


def _image(content: bytes) -> Looked | str:
    if content.startswith(PNG):
        if content[24:26] not in PNG_KINDS:
            return N_("save the PNG with 8 bits per colour, in RGB")
        width, height = struct.unpack(">II", content[16:24])
        return Looked("image/png", width, height)
    if content.startswith(JPEG):
        return Looked("image/jpeg", *_jpeg_size(content))
    return N_("the file is no JPEG or PNG image")


def _jpeg_size(content: bytes) -> tuple[int | None, int | None]:
    """Width and height from the frame's head; nothing where the segments can't be followed."""
    place = 2
    while place + 9 < len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return width, height
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return None, None


def _video(content: bytes) -> Looked | str:
    brand = content[8:12]
    if content[4:8] != b"ftyp" or brand == b"qt  ":
        return N_("the file is no MP4 or 3GP video")
    entries = list(_sample_entries(content))
    pictures = [entry for entry in entries if entry[0] == b"vide"]
    sounds = [entry for entry in entries if entry[0] == b"soun"]
    if len(pictures) != 1 or pictures[0][1] not in {b"avc1", b"avc3"}:
        return N_("save the video with the H.264 codec")
    if len(sounds) > 1 or any(codec != b"mp4a" for _, codec, _ in sounds):
        return N_("save the video with one AAC audio stream, or none")
    width, height = struct.unpack(">HH", pictures[0][2].ljust(36, b"\0")[32:36])
    return Looked("video/3gpp" if brand.startswith(b"3g") else "video/mp4", width, height)


def _sample_entries(content: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(vide or soun, codec, the entry's box) of each track's first sample entry."""
    handler = b""
    for kind, start, end in _boxes(content, 0, len(content), 0):
        if kind == b"hdlr":
            handler = content[start + 8 : start + 12]
        elif kind == b"stsd" and handler in {b"vide", b"soun"} and start + 16 <= end:
            yield handler, content[start + 12 : start + 16], content[start + 8 : end]


def _boxes(content: bytes, start: int, end: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
    """Every box (kind, where its content begins and ends), boxes in boxes too; stops at what is no box."""
    while start + 8 <= end:
        size, head = int.from_bytes(content[start : start + 4], "big"), 8
        kind = content[start + 4 : start + 8]
        if size == 1:
            size, head = int.from_bytes(content[start + 8 : start + 16], "big"), 16
        stop = end if size == 0 else start + size
        if stop < start + head or stop > end:
            return
        yield kind, start + head, stop
        if kind in CONTAINERS and depth < DEEPEST:
            yield from _boxes(content, start + head, stop, depth + 1)
        start = stop


def _document(content: bytes) -> Looked | str:
    mime_type = None
    if b"%PDF-" in content[:1024]:
        mime_type = "application/pdf"
    elif content.startswith(b"PK\x03\x04"):
        mime_type = _zip_kind(content)
    elif content.startswith(OLE):
        mime_type = next((kind for name, kind in OLE_KINDS.items() if name.encode("utf-16-le") in content), None)
    elif _is_text(content):
        mime_type = "text/plain"
    return Looked(mime_type) if mime_type else N_("the file is no PDF, Word, Excel, PowerPoint or text document")


def _zip_kind(content: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError):
        return None
    if "[Content_Types].xml" not in names:
        return None
    return next((kind for start, kind in ZIP_KINDS.items() if any(name.startswith(start) for name in names)), None)


def _is_text(content: bytes) -> bool:
    if not content or len(content.translate(None, TEXT_CONTROLS)) < len(content):
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


LOOKS: dict[MediaKind, Callable[[bytes], Looked | str]] = {"image": _image, "video": _video, "document": _document}
