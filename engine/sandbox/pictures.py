"""The example files behind the templates' `header_handle` links, drawn by code: nothing is shipped as a binary."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache

import numpy as np

from engine.sandbox.chance import rolls

WIDTH, HEIGHT = 640, 336


@lru_cache(maxsize=32)
def banner(name: str) -> bytes:
    """A calm banner as PNG, its colours chosen by the name. **Shape**: 640 × 336, RGB."""
    roll = rolls(0, "banner", name)
    high, low = _colour(roll[0]), _colour(roll[0] + 0.12)
    down = np.linspace(0, 1, HEIGHT)[:, None, None]
    across = np.linspace(0, 1, WIDTH)[None, :, None]
    mix = 0.65 * down + 0.35 * across
    canvas = high * (1 - mix) + low * mix
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    for number in range(3):
        centre = (HEIGHT * (0.2 + 0.6 * roll[1 + number]), WIDTH * (0.15 + 0.7 * roll[4 + number]))
        distance = np.hypot(rows - centre[0], columns - centre[1])
        edge = np.clip((60 + 40 * number) - distance, 0, 1.5)[:, :, None] / 1.5
        canvas = canvas * (1 - 0.16 * edge) + 255 * 0.16 * edge
    return _png(canvas.clip(0, 255).astype(np.uint8))


def invoice() -> bytes:
    """A one-page PDF."""
    stream = b"BT /F1 24 Tf 72 760 Td (Ulak - sample document) Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    text, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(text))
        text += b"%d 0 obj%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(text)
    text += b"xref\n0 6\n0000000000 65535 f \n" + table
    return text + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start


def film() -> bytes:
    """The head of an MP4 without a picture in it: enough for a link that answers with the right type."""
    brand = b"isom\x00\x00\x02\x00isomiso2mp41"
    return struct.pack(">I", 8 + len(brand)) + b"ftyp" + brand + struct.pack(">I", 8) + b"mdat"


def _colour(turn: float) -> np.ndarray:
    """A muted colour at a turn of the wheel, as three floats up to 255."""
    phase = np.array([0.0, 1 / 3, 2 / 3]) + turn
    return np.asarray(128 + 72 * np.cos(2 * np.pi * phase))


def _png(pixels: np.ndarray) -> bytes:
    height, width, _ = pixels.shape
    rows = b"".join(b"\x00" + row.tobytes() for row in pixels)
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    chunks = _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
