"""Checks of single values in a message: a text, a picture or film, a phone number."""

from __future__ import annotations

import re

from engine.sandbox.payloads import Location, Media, Parameter
from engine.sandbox.refusals import refuse

# Source: reference §10: no newline, no tab, not more than four spaces in a row.
_FORBIDDEN = re.compile(r"[\n\r\t]| {5}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]*")
_LINK = re.compile(r"https://[^\s/]+\S*|http://(127\.0\.0\.1|localhost|\[::1\]|testserver)(:\d+)?/\S*")
_BSUID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")


def text_of(part: str, parameter: Parameter) -> str:
    """The text of a header's or body's parameter.

    Raises:
        Refusal: 132012 when it is no text, 131008 when the value is missing.
    """
    if parameter.type == "text":
        value = parameter.text
    elif parameter.type in ("currency", "date_time") and part == "body":
        legacy = parameter.currency if parameter.type == "currency" else parameter.date_time
        value = legacy.fallback_value if legacy else None
    else:
        raise refuse(132012, f"{part}: Format mismatch, expected TEXT, received {parameter.type.upper()}")
    if value is None:
        raise refuse(131008, f"{part}: Parameter of type {parameter.type} is missing {parameter.type} value")
    return value


def check_text(part: str, value: str) -> None:
    """Refuse an empty value (131008) and one with a line break, a tab or five spaces (132018)."""
    if not value.strip():
        raise refuse(131008, f"{part}: Parameter of type text is missing text value")
    if _FORBIDDEN.search(value):
        raise refuse(
            132018, f"{part}: Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        )


def check_media(kind: str, media: Media | None, media_types: dict[str, str]) -> None:
    """Refuse a media header without id or link, with an id that isn't here, of another kind, or with a bad link."""
    if media is None or (media.id is None) == (media.link is None):
        raise refuse(131008, f"header: Parameter of type {kind} needs either id or link")
    if media.id is not None:
        found = media_types.get(media.id)
        if found is None:
            raise refuse(131053, f"header: media id {media.id} does not exist or has expired")
        if not fits_kind(kind, found):
            raise refuse(132012, f"header: Format mismatch, expected {kind.upper()}, received {found}")
    elif not _LINK.fullmatch(media.link or ""):
        raise refuse(131053, "header: the link is not a public HTTPS address")


def check_place(place: Location | None) -> None:
    """Refuse a location header without a place (131008), or with one that isn't on the globe (131009)."""
    if place is None:
        raise refuse(131008, "header: Parameter of type location is missing location value")
    try:
        is_there = abs(float(place.latitude)) <= 90 and abs(float(place.longitude)) <= 180
    except ValueError:
        is_there = False
    if not is_there:
        raise refuse(131009, "header: latitude and longitude must be degrees")


def fits_kind(kind: str, mime_type: str) -> bool:
    """Whether a media type can stand where the template wants this kind."""
    family = mime_type.partition("/")[0]
    return family == kind if kind in ("image", "video") else family in ("application", "text")


def phone_digits(text: str) -> str:
    """The digits of a phone number as the API reads it (no leading 00, no national 0).

    Raises:
        Refusal: it is no international number.
    """
    digits = "".join(filter(str.isdigit, text))
    if not _PHONE.fullmatch(text) or not 7 <= len(digits) <= 15 or digits.startswith("0"):
        raise refuse(100, "Invalid parameter: recipient phone number format is incorrect")
    return digits


def check_bsuid(text: str) -> str:
    """A business-scoped user id.

    Raises:
        Refusal: it doesn't look like one.
    """
    if not _BSUID.fullmatch(text):
        raise refuse(100, "Invalid parameter: recipient is not a business-scoped user id")
    return text
