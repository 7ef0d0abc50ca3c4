"""Small files of every kind that the provider takes, made of their heads alone."""

from __future__ import annotations

import io
import struct
import zipfile

JPEG_FRAME = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\0"
    + b"\0" * 9
    + b"\xff\xc0\x00\x11\x08"
    + struct.pack(">HH", 630, 1200)
    + b"\3"
    + b"\0" * 9
)
PDF = b"%PDF-1.4\n%%EOF\n"


def box(kind: bytes, content: bytes) -> bytes:
    """A box of an MP4."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def track(handler: bytes, codec: bytes, width: int = 0, height: int = 0) -> bytes:
    """A track whose first sample entry has a codec."""
    entry = box(codec, b"\0" * 24 + struct.pack(">HH", width, height) + b"\0" * 50)
    table = box(b"stbl", box(b"stsd", b"\0\0\0\0\0\0\0\1" + entry))
    head = box(b"hdlr", b"\0" * 8 + handler + b"\0" * 12)
    return box(b"trak", box(b"tkhd", b"\0" * 84) + box(b"mdia", head + box(b"minf", table)))


def film(*tracks: bytes, brand: bytes = b"isom") -> bytes:
    """A video of these tracks; without any, an H.264 picture of 640 × 360 with AAC."""
    usual = (track(b"vide", b"avc1", 640, 360), track(b"soun", b"mp4a"))
    head = box(b"ftyp", brand + b"\0\0\2\0" + brand + b"mp41")
    return head + box(b"moov", box(b"mvhd", b"\0" * 100) + b"".join(tracks or usual)) + box(b"mdat", b"\0" * 64)


def office(folder: str) -> bytes:
    """An Office file of the newer form."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(f"{folder}/document.xml", "<w/>")
    return target.getvalue()


def old_office(stream: str) -> bytes:
    """An Office file of the older form."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 64 + stream.encode("utf-16-le")
