"""A header's file as the phone preview shows it: a small picture of what is kept, the name of a document, a host."""

from __future__ import annotations

import base64
import io
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from PIL import Image

from engine.channels.media import get_media
from engine.errors import NotFound
from engine.templates.bindings import MEDIA_MARK
from pages.ui.i18n import t
from pages.ui.services import settings, warehouse

WIDEST_PIXELS = 640


def media_view(kind: str, media: str, file_name: str = "") -> dict[str, Any]:
    """What the preview draws of an image, a video or a document: a link is named and never fetched."""
    labels = {"image": t("Header image"), "video": t("Header video"), "document": t("Header document")}
    nothing = {"image": t("No image yet"), "video": t("No video yet"), "document": t("No document yet")}
    view = {"kind": kind, "label": labels.get(kind, kind), "note": nothing.get(kind, ""), "picture": None, "name": ""}
    if "://" in media:
        host = urlsplit(media).hostname or ""
        name = file_name or media.split("?")[0].rpartition("/")[2] or host
        return {**view, "note": t("From {host}", host=host), "name": name, "type": _ending(name)}
    if media.startswith(MEDIA_MARK):
        try:
            kept = get_media(warehouse(), settings(), media.removeprefix(MEDIA_MARK))
        except NotFound:
            return view
        picture = drawn(str(kept.path)) if kind == "image" else None
        name = file_name or kept.file_name
        return {**view, "picture": picture, "note": name, "name": name, "type": _ending(str(kept.path))}
    return {**view, "note": labels.get(kind, ""), "name": file_name} if media else view


def _ending(name: str) -> str:
    ending = name.rpartition(".")[2]
    return ending.upper() if "." in name and len(ending) <= 5 else ""


@st.cache_data(show_spinner=False, max_entries=64)
def drawn(path: str) -> str | None:
    """A small copy of a picture as a data URL; None when it can't be drawn."""
    try:
        with Image.open(path) as image:
            image.thumbnail((WIDEST_PIXELS, WIDEST_PIXELS))
            out = io.BytesIO()
            image.convert("RGB").save(out, "JPEG", quality=82)
    except (OSError, Image.DecompressionBombError):
        return None
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
