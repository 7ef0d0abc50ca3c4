"""A person's images: checked, kept once by content, uploaded once per channel, refreshed in time."""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime, timedelta

import pytest

from engine.channels import media
from engine.channels.media import Media, ensure_uploaded, get_media, keep_image, media_ids_for
from engine.channels.store import Channel, ChannelSecrets, add_channel
from engine.errors import InputError, NotFound
from engine.settings import Settings
from engine.templates import Binding
from engine.warehouse import Warehouse
from tests.engine.test_channels_store import SECRETS, shop

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def png(colour_type: int = 2, depth: int = 8, padding: int = 0) -> bytes:
    """A PNG of one pixel; only its head is right for other kinds."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", 1, 1, depth, colour_type, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0\0\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts + b"\0" * padding


JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 32


def keep(warehouse: Warehouse, settings: Settings, content: bytes = png(), name: str = "banner.png") -> Media:
    return keep_image(warehouse, settings, content, name, who="Elif", now=NOW)


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The uploads that reach the provider: (channel, file)."""
    seen: list[tuple[str, str]] = []

    async def upload(channel: Channel, secrets: ChannelSecrets, kept: Media) -> str:
        seen.append((channel.channel_id, kept.media_hash))
        return f"id-{len(seen)}"

    monkeypatch.setattr(media, "_upload", upload)
    return seen


def test_the_same_content_is_kept_once_whatever_its_name(warehouse: Warehouse, settings: Settings) -> None:
    first, second = keep(warehouse, settings), keep(warehouse, settings, name="other.png")
    assert first.media_hash == second.media_hash
    assert first.path.read_bytes() == png()
    assert len(list(settings.media_folder.iterdir())) == 1
    assert get_media(warehouse, settings, first.media_hash).file_name == "banner.png"
    assert Binding.of(first.mark).media_hash == first.media_hash


def test_a_jpeg_is_an_image_whatever_its_name_says(warehouse: Warehouse, settings: Settings) -> None:
    assert keep(warehouse, settings, JPEG, "photo.png").mime_type == "image/jpeg"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"%PDF-1.7",
        b"RIFF\0\0\0\0WEBP",
        png(colour_type=3),
        png(depth=16),
        png(padding=5 * 1024 * 1024),
    ],
    ids=["empty", "gif", "pdf", "webp", "palette", "16 bits", "too large"],
)
def test_what_the_provider_wouldnt_take_is_refused_before_it_travels(
    warehouse: Warehouse, settings: Settings, content: bytes
) -> None:
    with pytest.raises(InputError):
        keep(warehouse, settings, content)
    assert not settings.media_folder.exists()


def test_a_file_that_was_never_kept_is_not_found(warehouse: Warehouse, settings: Settings) -> None:
    with pytest.raises(NotFound):
        get_media(warehouse, settings, "ab" * 32)


def test_a_file_is_uploaded_once_per_channel(
    warehouse: Warehouse, settings: Settings, uploads: list[tuple[str, str]]
) -> None:
    kept = keep(warehouse, settings)
    one = add_channel(warehouse, settings, shop(), SECRETS, who="Elif", now=NOW).channel_id
    two = add_channel(warehouse, settings, shop(phone_number_id="56"), SECRETS, who="Elif", now=NOW).channel_id
    ids = [ensure_uploaded(warehouse, settings, each, kept.media_hash, now=NOW) for each in (one, one, two, one)]
    assert ids == ["id-1", "id-1", "id-2", "id-1"]
    assert uploads == [(one, kept.media_hash), (two, kept.media_hash)]


def test_an_upload_is_refreshed_long_before_its_30_days_are_over(
    warehouse: Warehouse, settings: Settings, uploads: list[tuple[str, str]]
) -> None:
    kept = keep(warehouse, settings)
    channel = add_channel(warehouse, settings, shop(), SECRETS, who="Elif", now=NOW).channel_id
    days = (0, 19, 21, 22)
    ids = [
        ensure_uploaded(warehouse, settings, channel, kept.media_hash, now=NOW + timedelta(days=day)) for day in days
    ]
    assert ids == ["id-1", "id-1", "id-2", "id-2"]


def test_only_uploaded_files_of_the_bindings_get_an_id(
    warehouse: Warehouse, settings: Settings, uploads: list[tuple[str, str]]
) -> None:
    kept = keep(warehouse, settings)
    channel = add_channel(warehouse, settings, shop(), SECRETS, who="Elif", now=NOW).channel_id
    bindings = {"header.image": Binding.of(kept.mark), "body:1": Binding.of("@name")}
    assert media_ids_for(warehouse, settings, channel, bindings, now=NOW) == {kept.media_hash: "id-1"}
    links = {"header.image": Binding.of("https://cdn.example/a.png")}
    assert media_ids_for(warehouse, settings, channel, links, now=NOW) == {}
