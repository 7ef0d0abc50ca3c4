"""The message as a phone shows it. It draws what `render_message` read from the payload, and nothing else.

All text is written as text, never as markup; *bold*, _italic_, ~strike~ and ```mono``` are WhatsApp's own marks
(`message_marks`). Nothing is fetched from elsewhere: an uploaded picture is shown small, a link is named, a place is
a drawn card.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import streamlit as st

from engine.clock import utc_now
from engine.templates import Rendered, RenderedButton
from pages.ui import formats
from pages.ui.i18n import t
from pages.ui.message_marks import runs_of, without_signs
from pages.ui.message_media import media_view

FAR_AHEAD = datetime(2099, 1, 1, tzinfo=UTC)
"""An end later than this stands for one that isn't chosen yet."""


def phone_preview(message: Rendered, *, key: str, at: datetime | None = None, holes: Sequence[str] = ()) -> None:
    """Draw one message.

    Args:
        at: when it was sent, this moment if it wasn't yet.
        holes: slot keys of the texts that `message_marks.enclose` numbered; those values are highlighted in place,
            and a click on one leads to its control.
    """
    _phone(
        key=key,
        data={"words": _words(), "holes": list(holes), "message": {**_message(message), "clock": _clock(at)}},
    )


def _clock(at: datetime | None) -> str:
    return formats.clock(at or utc_now())


def _message(message: Rendered) -> dict[str, Any]:
    return {
        "head": _head(message),
        "body": runs_of(message.body),
        "footer": message.footer,
        "offer": _offer(message),
        "buttons": [_button(button) for button in message.buttons],
        "cards": [
            {
                "head": media_view(card.header_kind, card.media) if card.header_kind not in {"", "text"} else None,
                "body": runs_of(card.body),
                "buttons": [_button(button) for button in card.buttons],
            }
            for card in message.cards
        ],
        "isRightToLeft": message.is_right_to_left,
    }


def _head(message: Rendered) -> dict[str, Any] | None:
    """The header: its text, its file or its place."""
    if message.location is not None:
        latitude, longitude, name, address = message.location
        where = t("{latitude}, {longitude}", latitude=latitude, longitude=longitude)
        known = latitude not in {"", "0.0"} or longitude not in {"", "0.0"}
        return {"kind": "location", "name": name, "address": address, "note": where if known else t("No place yet")}
    if message.media is not None:
        return media_view(message.header_kind, message.media, without_signs(message.filename))
    return {"kind": "text", "runs": runs_of(message.header)} if message.header else None


def _offer(message: Rendered) -> dict[str, str] | None:
    """The box of a limited-time offer: its title, when it ends, its code."""
    if not message.offer and message.offer_expires_ms is None:
        return None
    ends = ""
    if message.offer_expires_ms is not None:
        end = datetime.fromtimestamp(message.offer_expires_ms / 1000, UTC)
        ends = t("Ends {moment}", moment=formats.moment(end)) if end < FAR_AHEAD else t("No end chosen yet")
    code = t("Code {code}", code=message.code) if message.code and "{{" not in message.code else ""
    return {"title": without_signs(message.offer), "ends": ends, "code": code}


def _button(button: RenderedButton) -> dict[str, str]:
    return {"kind": button.kind, "text": button.text, "title": button.code or button.url}


def _words() -> dict[str, str]:
    return {
        "phone": t("The message as a phone shows it"),
        "all": t("See all options"),
        "fewer": t("Close the options"),
        "cards": t("Cards; scroll sideways"),
        "hole": t("Filled in here; go to its control"),
    }


_phone = st.components.v2.component(
    "ulak_phone_preview",
    html="""<div class="phone" role="group">
  <div class="screen"></div>
</div>""",
    css=Path(__file__).with_suffix(".css").read_text("utf-8"),
    js=Path(__file__).with_suffix(".js").read_text("utf-8"),
)
