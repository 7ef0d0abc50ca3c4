"""A person's files: kept once by content, uploaded to the provider once per channel, refreshed before they expire.

Source: whatsapp.md §3 (ids live 30 days, belong to the number they were uploaded with).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from engine.channels.client import make_client
from engine.channels.cloud_api import CloudApi
from engine.channels.media_kinds import ENDINGS, MediaKind, look_at_file
from engine.channels.provider import Channel, ChannelSecrets
from engine.channels.store import get_channel, get_secrets
from engine.clock import from_store, to_store
from engine.errors import NotFound
from engine.settings import Settings
from engine.templates.bindings import MEDIA_MARK, Binding
from engine.warehouse import Warehouse, audit

REFRESH_AFTER = timedelta(days=20)
"""An operation frozen on the last of these days still has ten in which the provider knows its files."""


@dataclass(frozen=True)
class Media:
    """One kept file; `kind` is image, video or document, its size in pixels is there where the file tells it."""

    media_hash: str
    file_name: str
    mime_type: str
    path: Path
    kind: MediaKind = "image"
    width: int | None = None
    height: int | None = None

    @property
    def mark(self) -> str:
        """What stands for it in a binding."""
        return MEDIA_MARK + self.media_hash


def keep_image(
    warehouse: Warehouse, settings: Settings, content: bytes, file_name: str, *, who: str, now: datetime
) -> Media:
    """As `keep_media`, an image."""
    return keep_media(warehouse, settings, content, file_name, "image", who=who, now=now)


def keep_media(
    warehouse: Warehouse,
    settings: Settings,
    content: bytes,
    file_name: str,
    kind: MediaKind,
    *,
    who: str,
    now: datetime,
) -> Media:
    """Check a file by its content and keep it; the same content is kept once.

    Raises:
        InputError: it is no such file as the provider takes it, or it is too large.
    """
    looked = look_at_file(content, kind, file_name)
    media_hash = hashlib.sha256(content).hexdigest()
    path = settings.media_folder / f"{media_hash}{ENDINGS[looked.mime_type]}"
    _write_once(path, content)
    with warehouse.writing(is_about_people=False) as cursor:
        if not cursor.execute("SELECT 1 FROM media WHERE media_hash = ?", [media_hash]).fetchall():
            size = [looked.width, looked.height]
            cursor.execute(
                "INSERT INTO media (media_hash, file_name, mime_type, byte_count, created_by, created_at, kind,"
                " width, height) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [media_hash, file_name, looked.mime_type, len(content), who, to_store(now), kind, *size],
            )
            audit(cursor, who=who, verb="uploaded", subject=("media", media_hash[:12]), now=now, bytes=len(content))
    return Media(media_hash, file_name, looked.mime_type, path, kind, looked.width, looked.height)


def get_media(warehouse: Warehouse, settings: Settings, media_hash: str) -> Media:
    """A kept file.

    Raises:
        NotFound: it was never kept, or its file is missing.
    """
    found = "SELECT file_name, mime_type, coalesce(kind, 'image'), width, height FROM media WHERE media_hash = ?"
    rows = warehouse.cursor().execute(found, [media_hash]).fetchall()
    if rows:
        file_name, mime_type, kind, width, height = rows[0]
        path = settings.media_folder / f"{media_hash}{ENDINGS[mime_type]}"
        if path.exists():
            return Media(media_hash, file_name, mime_type, path, kind, width, height)
    raise NotFound(kind="image", id=media_hash[:12])


def ensure_uploaded(
    warehouse: Warehouse, settings: Settings, channel_id: str, media_hash: str, *, now: datetime
) -> str:
    """The provider's id of a kept file on one channel; uploads it when there is none or it is about to expire.

    Raises:
        NotFound: the file or the channel isn't there.
        ProviderError: the provider refused the file or can't be reached.
    """
    cursor = warehouse.cursor()
    rows = cursor.execute(
        "SELECT media_id, uploaded_at FROM media_uploads WHERE media_hash = ? AND channel_id = ?"
        " ORDER BY uploaded_at DESC LIMIT 1",
        [media_hash, channel_id],
    ).fetchall()
    if rows and now - from_store(rows[0][1]) < REFRESH_AFTER:
        return str(rows[0][0])
    media = get_media(warehouse, settings, media_hash)
    channel, secrets = get_channel(cursor, channel_id), get_secrets(cursor, settings, channel_id)
    media_id = asyncio.run(_upload(channel, secrets, media))
    with warehouse.writing(is_about_people=False) as writing:
        writing.execute(
            "INSERT INTO media_uploads VALUES (?, ?, ?, ?)", [media_hash, channel_id, media_id, to_store(now)]
        )
    return media_id


def media_ids_for(
    warehouse: Warehouse, settings: Settings, channel_id: str, bindings: Mapping[str, Binding], *, now: datetime
) -> dict[str, str]:
    """The provider's id of each kept file that the bindings name, by content hash; uploads what is missing.

    Raises:
        NotFound, ProviderError: as `ensure_uploaded`.
    """
    hashes = {binding.media_hash for binding in bindings.values() if binding.media_hash}
    return {name: ensure_uploaded(warehouse, settings, channel_id, name, now=now) for name in sorted(hashes)}


async def _upload(channel: Channel, secrets: ChannelSecrets, media: Media) -> str:
    async with make_client() as client:
        api = CloudApi(channel, secrets, client)
        return await api.upload_media(media.path.read_bytes(), media.mime_type, media.file_name)


def _write_once(path: Path, content: bytes) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
