"""The message as a phone shows it. It draws what `render_message` read from the payload, and nothing else.

All text is written as text, never as markup; *bold*, _italic_, ~strike~ and ```mono``` are WhatsApp's own marks. No
picture is fetched from elsewhere: an uploaded one is shown small, a link is named.
"""

from __future__ import annotations

import base64
import io
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from PIL import Image

from engine.channels.media import get_media
from engine.clock import utc_now
from engine.errors import NotFound
from engine.templates import Rendered
from engine.templates.bindings import MEDIA_MARK
from pages.ui import formats
from pages.ui.i18n import t
from pages.ui.services import settings, warehouse

WIDEST_PIXELS = 640


def phone_preview(message: Rendered, *, key: str, at: datetime | None = None) -> None:
    """Draw one message; `at` is when it was sent, this moment if it wasn't yet."""
    image = message.image or ""
    _phone(
        key=key,
        data={
            "words": {
                "phone": t("The message as a phone shows it"),
                "image": t("Header image"),
                "none": t("No image yet"),
                "all": t("See all options"),
            },
            "message": {
                "hasImage": message.image is not None,
                "picture": _small(image.removeprefix(MEDIA_MARK)) if image.startswith(MEDIA_MARK) else None,
                "link": t("Image from {host}", host=urlsplit(image).hostname or "") if "://" in image else "",
                "header": message.header,
                "body": message.body,
                "footer": message.footer,
                "clock": formats.clock(at or utc_now()),
                "buttons": [
                    {"kind": button.kind, "text": button.text, "url": button.url} for button in message.buttons
                ],
                "isRightToLeft": message.is_right_to_left,
            },
        },
    )


def _small(media_hash: str) -> str | None:
    """A small copy of a kept image as a data URL; None when it isn't there or can't be drawn."""
    try:
        return _drawn(str(get_media(warehouse(), settings(), media_hash).path))
    except NotFound:
        return None


@st.cache_data(show_spinner=False, max_entries=64)
def _drawn(path: str) -> str | None:
    try:
        with Image.open(path) as image:
            image.thumbnail((WIDEST_PIXELS, WIDEST_PIXELS))
            out = io.BytesIO()
            image.convert("RGB").save(out, "JPEG", quality=82)
    except (OSError, Image.DecompressionBombError):
        return None
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


_phone = st.components.v2.component(
    "ulak_phone_preview",
    html="""<div class="phone" role="group">
  <div class="screen"></div>
</div>""",
    css=Path(__file__).with_suffix(".css").read_text("utf-8"),
    js=Path(__file__).with_suffix(".js").read_text("utf-8"),
)
