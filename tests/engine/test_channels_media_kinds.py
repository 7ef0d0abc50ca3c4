"""A film or a document is told by its content and refused before it travels; cards' files are uploaded too."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest

from engine.channels.media import get_media, keep_media
from engine.channels.media_kinds import BYTES_LIMITS, MediaKind, look_at_file
from engine.errors import InputError
from engine.settings import Settings
from engine.templates import Binding, media_of_bindings
from engine.warehouse import Warehouse
from tests.engine.media_files import JPEG_FRAME, PDF, film, office, old_office, track
from tests.engine.test_channels_media import png

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
PICTURE, SOUND = track(b"vide", b"avc1", 640, 360), track(b"soun", b"mp4a")
OFFICE = "application/vnd.openxmlformats-officedocument."


@pytest.mark.parametrize(
    ("content", "kind", "mime_type", "size"),
    [
        (png(), "image", "image/png", (1, 1)),
        (JPEG_FRAME, "image", "image/jpeg", (1200, 630)),
        (film(), "video", "video/mp4", (640, 360)),
        (film(PICTURE), "video", "video/mp4", (640, 360)),
        (film(SOUND, PICTURE, brand=b"3gp5"), "video", "video/3gpp", (640, 360)),
        (PDF, "document", "application/pdf", (None, None)),
        (b"\xef\xbb\xbf" + PDF, "document", "application/pdf", (None, None)),
        (office("word"), "document", f"{OFFICE}wordprocessingml.document", (None, None)),
        (office("xl"), "document", f"{OFFICE}spreadsheetml.sheet", (None, None)),
        (office("ppt"), "document", f"{OFFICE}presentationml.presentation", (None, None)),
        (old_office("WordDocument"), "document", "application/msword", (None, None)),
        (old_office("Workbook"), "document", "application/vnd.ms-excel", (None, None)),
        ("Fiyat listesi: ₺1.250\n".encode(), "document", "text/plain", (None, None)),
    ],
)
def test_a_file_is_what_its_content_says(
    content: bytes, kind: MediaKind, mime_type: str, size: tuple[int | None, int | None]
) -> None:
    looked = look_at_file(content, kind, "misleading.exe")
    assert (looked.mime_type, (looked.width, looked.height)) == (mime_type, size)


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (b"", "video", "no MP4"),
        (PDF, "video", "no MP4"),
        (film(brand=b"qt  "), "video", "no MP4"),
        (film(track(b"vide", b"hvc1"), SOUND), "video", "H.264"),
        (film(SOUND), "video", "H.264"),
        (film(PICTURE, SOUND, SOUND), "video", "one AAC"),
        (film(PICTURE, track(b"soun", b"ac-3")), "video", "one AAC"),
        (film()[:40], "video", "H.264"),
        (film() + b"\0" * BYTES_LIMITS["video"], "video", "16 MB"),
        (b"", "document", "no PDF"),
        (png(), "document", "no PDF"),
        (b"PK\x03\x04 not really", "document", "no PDF"),
        (old_office("EncryptedPackage"), "document", "no PDF"),
        (b"binary\0text", "document", "no PDF"),
        (b"%PDF-" + b"0" * BYTES_LIMITS["document"], "document", "100 MB"),
        (film(), "image", "no JPEG"),
    ],
)
def test_what_the_provider_wouldnt_take_is_refused_with_the_reason(
    content: bytes, kind: MediaKind, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        look_at_file(content, kind, "file.bin")


@pytest.mark.parametrize("place", range(0, len(film()), 3))
def test_a_film_cut_anywhere_is_judged_without_a_traceback(place: int) -> None:
    with suppress(InputError):
        look_at_file(film()[:place], "video")


def test_a_film_and_a_document_are_kept_with_their_kind(warehouse: Warehouse, settings: Settings) -> None:
    movie = keep_media(warehouse, settings, film(), "tour.mov", "video", who="Elif", now=NOW)
    paper = keep_media(warehouse, settings, PDF, "offer.pdf", "document", who="Elif", now=NOW)
    assert get_media(warehouse, settings, movie.media_hash) == movie
    assert get_media(warehouse, settings, paper.media_hash) == paper
    assert (movie.path.suffix, movie.kind, movie.width) == (".mp4", "video", 640)
    assert (paper.path.suffix, paper.kind, paper.width) == (".pdf", "document", None)


def test_the_files_of_cards_are_found_among_the_bindings() -> None:
    one, two = "ab" * 32, "cd" * 32
    bindings = {
        "card.0.header.image": Binding.of(f"media:{one}"),
        "card.1.header.video": Binding.of(f"media:{two}"),
        "card.1.body:1": Binding.of("@name"),
        "card.2.header.image": Binding.of(f"media:{one}"),
    }
    assert media_of_bindings(bindings) == (one, two)
