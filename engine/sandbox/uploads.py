"""Resumable uploads of example files: a session, its bytes, and the handle that a new template names.

Source: reference §3.3.
"""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import msgspec

from engine.sandbox.refusals import invalid, unknown_object

TYPES = ("application/pdf", "image/jpeg", "image/jpg", "image/png", "video/mp4")
LARGEST = 100 * 1_048_576


class Upload(msgspec.Struct):
    """One session: what was announced, and the handle once all bytes are here."""

    id: str
    file_name: str
    file_type: str
    file_length: int
    handle: str = ""


class Uploads:
    """The sessions, in a folder, so that an example outlives a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        found = [msgspec.json.decode(path.read_bytes(), type=Upload) for path in sorted(folder.glob("*.json"))]
        self.sessions = {upload.id: upload for upload in found}

    @property
    def handles(self) -> dict[str, Upload]:
        """What can be named by a template."""
        return {upload.handle: upload for upload in self.sessions.values() if upload.handle}

    def begin(self, file_name: str, file_type: str, file_length: str) -> Upload:
        """Open a session.

        Raises:
            Refusal: a type or a length that isn't taken.
        """
        if file_type not in TYPES:
            raise invalid(f"Param file_type must be one of {{{', '.join(TYPES)}}}.")
        if not (file_length.isascii() and file_length.isdigit() and 0 < int(file_length) <= LARGEST):
            raise invalid("Param file_length is not valid.")
        upload = Upload(secrets.token_urlsafe(18), file_name[:200], file_type, int(file_length))
        self.sessions[upload.id] = upload
        self._keep(upload)
        return upload

    def offset(self, upload_id: str) -> int:
        """How many bytes are here."""
        path = self._bytes_path(self._session(upload_id))
        return path.stat().st_size if path.exists() else 0

    def take(self, upload_id: str, offset: int, content: bytes) -> Upload:
        """Append bytes; with the last one comes the handle.

        Raises:
            Refusal: no such session, a wrong offset, or too many bytes.
        """
        upload = self._session(upload_id)
        here = self.offset(upload_id)
        if offset != here or here + len(content) > upload.file_length:
            raise invalid(f"The file offset {offset} does not match {here}, or the file is longer than announced.")
        with self._bytes_path(upload).open("ab") as file:
            file.write(content)
        if here + len(content) == upload.file_length and not upload.handle:
            kind = base64.b64encode(upload.file_type.encode()).decode()
            upload.handle = f"4::{kind}:{secrets.token_urlsafe(48)}"
            self._keep(upload)
        return upload

    def content(self, upload_id: str) -> tuple[bytes, str]:
        """The bytes and their type."""
        upload = self._session(upload_id)
        return self._bytes_path(upload).read_bytes(), upload.file_type

    def _session(self, upload_id: str) -> Upload:
        if upload_id not in self.sessions:
            raise unknown_object("post", f"upload:{upload_id}")
        return self.sessions[upload_id]

    def _bytes_path(self, upload: Upload) -> Path:
        return self.folder / f"{upload.id}.bin"

    def _keep(self, upload: Upload) -> None:
        (self.folder / f"{upload.id}.json").write_bytes(msgspec.json.encode(upload))
