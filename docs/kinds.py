"""A sheet of every kind of message on the phone, for a picture: `make pictures` runs it as a page of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import streamlit as st

from engine.templates import PayloadBuilder, Template, parse_template, render_message
from pages.ui.message_marks import enclose
from pages.ui.phone_preview import phone_preview

REPLY = {"type": "QUICK_REPLY", "text": "İlgileniyorum"}
LINK = {
    "type": "URL",
    "text": "Siparişi izle",
    "url": "https://magaza.example/k/{{1}}",
    "example": ["https://magaza.example/k/a"],
}
CALL = {"type": "PHONE_NUMBER", "text": "Bizi arayın", "phone_number": "+902125550100"}
PICTURE = "https://resim.example/kis.jpg"
Kind = tuple[str, Template, list[str]]


def body(text: str) -> dict[str, Any]:
    """A body."""
    return {"type": "BODY", "text": text}


def header(form: str, text: str = "") -> dict[str, Any]:
    """A header."""
    return {"type": "HEADER", "format": form, "text": text}


def buttons(*each: dict[str, Any]) -> dict[str, Any]:
    """The buttons."""
    return {"type": "BUTTONS", "buttons": list(each)}


def template(language: str, category: str, *components: dict[str, Any]) -> Template:
    """An approved template."""
    node = {"name": "sheet", "language": language, "status": "APPROVED", "category": category}
    return parse_template("sheet", {**node, "components": list(components)})


def card() -> dict[str, Any]:
    """A card of a carousel."""
    return {"components": [header("IMAGE"), body("{{1}} şimdi *%30* indirimli"), buttons(REPLY, LINK)]}


def kinds() -> list[Kind]:
    """(title, template, values) of each."""
    marks = "Merhaba *{{1}}*, _bu hafta_ ~499~ 399 TL ve ```KOD-{{2}}```.\n\n*_Kaçırma_* 🎉 https://magaza.example"
    footer = {"type": "FOOTER", "text": "Çıkmak için DUR yazın"}
    offer = {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Bitmeden yakala", "has_expiration": True}}
    copy = {"type": "COPY_CODE", "example": "KIS20"}
    code = (
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "FOOTER", "code_expiration_minutes": 10},
        buttons({"type": "OTP", "otp_type": "COPY_CODE", "text": "Kodu kopyala"}),
    )
    cards = {"type": "CAROUSEL", "cards": [card(), card(), card()]}
    shown = [text for name in ("Mont", "Bot", "Çanta") for text in (PICTURE, name, "kis")]
    arabic = "مرحبا *{{1}}*، لديك خصم {{2}} حتى نهاية الشهر."
    form = {"type": "FLOW", "text": "Book now"}
    later = {"type": "QUICK_REPLY", "text": "Later"}
    invoice = ["https://magaza.example/f.pdf", "Fatura 2026-11.pdf", "Çağrı"]
    market = "MARKETING"
    return [
        (
            "text",
            template("tr", market, header("TEXT", "Kış indirimi {{1}}"), body(marks), footer, buttons(REPLY)),
            ["26", "<script>alert(1)</script>", "KIS_20"],
        ),
        (
            "image",
            template("tr", market, header("IMAGE"), body("Yeni sezon geldi {{1}}."), buttons(LINK, CALL)),
            [PICTURE, "Ayşe", "a1b2"],
        ),
        ("video", template("en", market, header("VIDEO"), body("See our film.")), ["https://magaza.example/f.mp4"]),
        ("document", template("tr", "UTILITY", header("DOCUMENT"), body("Faturanız ekte, {{1}}.")), invoice),
        (
            "location",
            template("tr", "UTILITY", header("LOCATION"), body("Mağazamız açıldı, bekleriz.")),
            ["41.0369", "28.9850", "Taksim Mağazası", "İstiklal Cd. 12, Beyoğlu"],
        ),
        (
            "limited-time offer",
            template("tr", market, header("IMAGE"), body("Sana özel {{1}}"), offer, buttons(copy, LINK)),
            [PICTURE, "Ayşe", "1796000000000", "KIS20", "kis"],
        ),
        ("one-time code", template("tr", "AUTHENTICATION", *code), ["481920"]),
        (
            "form, many buttons",
            template("en", "UTILITY", body("Book a visit, {{1}}."), buttons(REPLY, later, form, CALL, LINK)),
            ["Zoë 🎉", "", "x"],
        ),
        (
            "right to left",
            template("ar", market, header("TEXT", "عرض الشتاء"), body(arabic), buttons({**REPLY, "text": "مهتم"})),
            ["محمد", "20%"],
        ),
        ("carousel", template("tr", market, body("Merhaba {{1}}, senin için seçtik:"), cards), ["Ayşe", *shown]),
    ]


def draw() -> None:
    """All of them, in four columns."""
    st.set_page_config(layout="wide")
    columns = st.columns(4)
    for number, (title, each, values) in enumerate(kinds()):
        payload = PayloadBuilder(each).build("+905320000000", None, values, "sheet")
        with columns[number % 4]:
            st.caption(title)
            phone_preview(render_message(enclose(payload), each), key=title)


if __name__ == "__main__":
    draw()
