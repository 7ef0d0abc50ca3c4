"""The golden payload of each kind: a template, a value per slot, and the components that are posted for them.

Source: whatsapp.md §2.2–§2.5.
"""

from __future__ import annotations

from typing import Any

from tests.engine.templates_filled import LINK
from tests.engine.templates_world import (
    COPY,
    FLOW,
    IMAGE,
    OTP,
    OTP_AS_URL,
    body,
    buttons,
    card,
    carousel,
    offer,
    template,
)

Message = dict[str, Any]
QUICK = {"type": "QUICK_REPLY", "text": "Tell me"}
SHOP = {"type": "URL", "text": "Shop", "url": "https://shop.example/k/{{1}}"}
VIDEO, DOCUMENT, LOCATION = ({"type": "HEADER", "format": kind} for kind in ("VIDEO", "DOCUMENT", "LOCATION"))
HASH, ENDS_MS = "ab" * 32, "1796115600000"
MEDIA = {HASH: "8800"}
"""The provider's id of the one uploaded file."""
CODE = [
    {"type": "body", "parameters": [{"type": "text", "text": "481920"}]},
    {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "481920"}]},
]


def header(**parameter: Any) -> Message:
    return {"type": "header", "parameters": [{"type": next(iter(parameter)), **parameter}]}


def card_parts(number: int, link: str, *more: Message) -> Message:
    return {"card_index": number, "components": [header(image={"link": link}), *more]}


def text(*values: str) -> Message:
    return {"type": "body", "parameters": [{"type": "text", "text": value} for value in values]}


def press(sub_type: str, index: str, **parameter: Any) -> Message:
    kind = {"url": "text"}.get(sub_type, next(iter(parameter)))
    return {"type": "button", "sub_type": sub_type, "index": index, "parameters": [{"type": kind, **parameter}]}


GOLDEN = {
    "video by link": (template(VIDEO, body("Hi")), [LINK], [header(video={"link": LINK})]),
    "video by id": (template(VIDEO, body("Hi")), [f"media:{HASH}"], [header(video={"id": "8800"})]),
    "document with a name": (
        template(DOCUMENT, body("Hi")),
        [f"media:{HASH}", "Teklif.pdf"],
        [header(document={"id": "8800", "filename": "Teklif.pdf"})],
    ),
    "document without a name": (template(DOCUMENT, body("Hi")), [LINK, ""], [header(document={"link": LINK})]),
    "location": (
        template(LOCATION, body("Hi")),
        ["41.0082", "28.9784", "Ulak", ""],
        [header(location={"latitude": 41.0082, "longitude": 28.9784, "name": "Ulak"})],
    ),
    "copy code and offer": (
        template(IMAGE, body(), offer(), buttons(COPY, SHOP)),
        [LINK, "Ayşe", ENDS_MS, "KIS20", "k1"],
        [
            header(image={"link": LINK}),
            text("Ayşe"),
            {
                "type": "limited_time_offer",
                "parameters": [
                    {
                        "type": "limited_time_offer",
                        "limited_time_offer": {"expiration_time_ms": 1796115600000},
                    }
                ],
            },
            press("copy_code", "0", coupon_code="KIS20"),
            press("url", "1", text="k1"),
        ],
    ),
    "one-time code": (template(body("*{{1}}* is it."), buttons(OTP)), ["481920"], CODE),
    "one-time code as a link": (template(body("*{{1}}* is it."), buttons(OTP_AS_URL)), ["481920"], CODE),
    "form": (
        template(body("Hi"), buttons(QUICK, FLOW)),
        [""],
        [press("flow", "1", action={"flow_token": "unused"})],
    ),
    "form with a token": (
        template(body("Hi"), buttons(FLOW)),
        ["r-9"],
        [press("flow", "0", action={"flow_token": "r-9"})],
    ),
    "carousel": (
        template(body(), carousel(card(buttons(QUICK, SHOP)), card(buttons(QUICK, SHOP), text="Plain."))),
        ["Ayşe", LINK, "Mont", "mont", LINK, "bot"],
        [
            text("Ayşe"),
            {
                "type": "carousel",
                "cards": [
                    card_parts(
                        0,
                        LINK,
                        text("Mont"),
                        press("quick_reply", "0", payload="Tell me"),
                        press("url", "1", text="mont"),
                    ),
                    card_parts(1, LINK, press("quick_reply", "0", payload="Tell me"), press("url", "1", text="bot")),
                ],
            },
        ],
    ),
}
