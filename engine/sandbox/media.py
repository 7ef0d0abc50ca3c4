"""Uploaded media: bytes and a description beside each other in a folder, so that they outlive a restart."""

from __future__ import annotations

import base64
import hashlib
import secrets
from pathlib import Path

import msgspec

from engine.sandbox.refusals import refuse

MEGABYTE = 1_048_576
# Source: reference §3.2.
LIMITS: dict[str, int] = {
    "image/jpeg": 5 * MEGABYTE,
    "image/png": 5 * MEGABYTE,
    "image/webp": 512_000,
    "video/mp4": 16 * MEGABYTE,
    "video/3gpp": 16 * MEGABYTE,
    "audio/aac": 16 * MEGABYTE,
    "audio/amr": 16 * MEGABYTE,
    "audio/mpeg": 16 * MEGABYTE,
    "audio/mp4": 16 * MEGABYTE,
    "audio/ogg": 16 * MEGABYTE,
    "text/plain": 100 * MEGABYTE,
    "application/pdf": 100 * MEGABYTE,
    "application/msword": 100 * MEGABYTE,
    "application/vnd.ms-excel": 100 * MEGABYTE,
    "application/vnd.ms-powerpoint": 100 * MEGABYTE,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": 100 * MEGABYTE,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": 100 * MEGABYTE,
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": 100 * MEGABYTE,
}


class Medium(msgspec.Struct, frozen=True):
    """One uploaded file."""

    id: str
    mime_type: str
    sha256: str
    file_size: int


class MediaStore:
    """The media of the one phone number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        found = [msgspec.json.decode(path.read_bytes(), type=Medium) for path in sorted(folder.glob("*.json"))]
        self.media = {medium.id: medium for medium in found}
        self.types = {medium.id: medium.mime_type for medium in found}

    def add(self, content: bytes, mime_type: str) -> Medium:
        """Keep a file.

        Raises:
            Refusal: a type or size that WhatsApp doesn't take.
        """
        limit = LIMITS.get(mime_type)
        if limit is None:
            known = ", ".join(LIMITS)
            raise refuse(100, text=f"(#100) Param file must be a file with one of the following types: {known}. "
                         f"Received file of type '{mime_type}'.")  # fmt: skip
        if len(content) > limit or not content:
            raise refuse(131053, f"The file has {len(content)} bytes; {mime_type} takes up to {limit}.")
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        medium = Medium(str(10**15 + secrets.randbelow(9 * 10**15)), mime_type, digest, len(content))
        (self.folder / f"{medium.id}.bin").write_bytes(content)
        (self.folder / f"{medium.id}.json").write_bytes(msgspec.json.encode(medium))
        self.media[medium.id] = medium
        self.types[medium.id] = mime_type
        return medium

    def content(self, medium: Medium) -> bytes:
        """The bytes of a file."""
        return (self.folder / f"{medium.id}.bin").read_bytes()

    def remove(self, medium: Medium) -> None:
        """Forget a file."""
        del self.media[medium.id], self.types[medium.id]
        for suffix in ("json", "bin"):
            (self.folder / f"{medium.id}.{suffix}").unlink(missing_ok=True)
