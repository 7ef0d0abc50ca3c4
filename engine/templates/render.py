"""The message as a phone shows it, read back from the payload that is posted: a preview can't differ from it.

No polars here. Source: whatsapp.md §2.2–§2.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.templates.components import Template
from engine.templates.parts import VARIABLE, Button, Card, Component
from engine.templates.payload import Payload, PayloadBuilder
from engine.templates.slots import MEDIA_KINDS

__all__ = ["Payload", "PayloadBuilder", "Rendered", "RenderedButton", "RenderedCard", "render_message"]

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "ps", "sd", "yi"})
Parameters = Sequence[Mapping[str, Any]]
Parts = Mapping[str, Parameters]


@dataclass(frozen=True)
class RenderedButton:
    """One button as a phone shows it.

    Attributes:
        kind: as in the template; OTP too where the provider gives it back as a URL.
        url: where it leads, or the phone number it calls.
        code: what it copies.
    """

    kind: str
    text: str
    url: str = ""
    code: str = ""


@dataclass(frozen=True)
class RenderedCard:
    """One card of a carousel.

    Attributes:
        media: a link or a media id.
    """

    header_kind: str
    media: str
    body: str
    buttons: tuple[RenderedButton, ...] = ()


@dataclass(frozen=True)
class Rendered:
    """One message as a phone shows it: WhatsApp's own marks (*bold*) are still in the texts.

    Attributes:
        header_kind: "", text, image, video, document or location.
        media: a link or a media id; None without a media header.
        location: latitude, longitude, name, address.
        offer: the title of a limited-time offer.
        offer_expires_ms: when it ends; None where it has no end.
        code: what the message lets people copy: a coupon or a one-time code.
        is_code: it is an authentication message.
        holes: variables that the payload leaves unfilled; empty in what may be sent.
    """

    body: str
    header: str = ""
    footer: str = ""
    buttons: tuple[RenderedButton, ...] = ()
    is_right_to_left: bool = False
    holes: tuple[str, ...] = ()
    header_kind: str = ""
    media: str | None = None
    filename: str = ""
    location: tuple[str, str, str, str] | None = None
    offer: str = ""
    offer_expires_ms: int | None = None
    code: str = ""
    cards: tuple[RenderedCard, ...] = ()
    is_code: bool = False

    @property
    def image(self) -> str | None:
        """The picture of an image header."""
        return self.media if self.header_kind == "image" else None


def render_message(payload: Mapping[str, Any], template: Template) -> Rendered:
    """What one recipient will see, read from the payload that would be posted."""
    components = payload["template"].get("components", ())
    parts = _parts(components)
    given = _given_cards(components)
    header, footer, offer = (template.component(kind) for kind in ("HEADER", "FOOTER", "LIMITED_TIME_OFFER"))
    buttons = _buttons(template.buttons, parts)
    kind, media = _media_of(header, parts)
    cards = tuple(_card(card, _parts(given.get(number, ()))) for number, card in enumerate(template.cards))
    holes = list(_holes(template, parts))
    for number, card in enumerate(template.cards):
        holes += _holes(card, _parts(given.get(number, ())))
    return Rendered(
        body=_text(template.component("BODY"), parts, "body"),
        header=_text(header, parts, "header"),
        footer=footer.text if footer else "",
        buttons=buttons,
        is_right_to_left=template.language.split("_")[0] in RIGHT_TO_LEFT,
        holes=tuple(holes),
        header_kind=kind,
        media=media.get("link") or media.get("id") or "" if kind in MEDIA_KINDS else None,
        filename=str(media.get("filename", "")),
        location=_location(parts) if kind == "location" else None,
        offer=offer.text if offer else "",
        offer_expires_ms=_expiry(parts),
        code=next((button.code for button in buttons if button.code), ""),
        cards=cards,
        is_code=template.otp_index is not None or template.category == "AUTHENTICATION",
    )


def _parts(components: Sequence[Mapping[str, Any]]) -> dict[str, Parameters]:
    """The parameters of each component, by its place."""
    return {_place(part): part["parameters"] for part in components if "parameters" in part}


def _place(part: Mapping[str, Any]) -> str:
    return f"button.{part['index']}" if part["type"] == "button" else str(part["type"])


def _given_cards(components: Sequence[Mapping[str, Any]]) -> dict[int, Sequence[Mapping[str, Any]]]:
    found = (card for part in components if part["type"] == "carousel" for card in part["cards"])
    return {int(card["card_index"]): card["components"] for card in found}


def _card(card: Card, parts: Parts) -> RenderedCard:
    kind, media = _media_of(card.component("HEADER"), parts)
    return RenderedCard(
        header_kind=kind,
        media=str(media.get("link") or media.get("id") or ""),
        body=_text(card.component("BODY"), parts, "body"),
        buttons=_buttons(card.buttons, parts),
    )


def _text(part: Component | None, parts: Parts, place: str) -> str:
    """A component's text with its values; holes stay as they are."""
    if part is None:
        return ""
    values = _values(part, parts.get(place, ()))
    return VARIABLE.sub(lambda match: values.get(match.group(1), match.group(0)), part.text)


def _values(part: Component, parameters: Parameters) -> dict[str, str]:
    """Variable -> text, by name where the payload names them, else by place."""
    texts = [parameter for parameter in parameters if "text" in parameter]
    names = part.variables
    return {
        str(parameter.get("parameter_name") or (names[place] if place < len(names) else "")): str(parameter["text"])
        for place, parameter in enumerate(texts)
    }


def _holes(scope: Template | Card, parts: Parts) -> list[str]:
    """What the payload leaves empty in a message or a card."""
    found: list[str] = []
    for kind, place in (("HEADER", "header"), ("BODY", "body")):
        if part := scope.component(kind):
            values = _values(part, parts.get(place, ()))
            found += [name for name in part.variables if name not in values]
            wanted = kind == "HEADER" and part.format.lower() in {*MEDIA_KINDS, "location"}
            found += [part.format.lower()] if wanted and not parts.get(place) else []
    if (offer := scope.component("LIMITED_TIME_OFFER")) and offer.has_expiration and _expiry(parts) is None:
        found.append("offer")
    for index, button in enumerate(scope.buttons):
        needs = button.is_dynamic or button.is_otp or button.kind == "COPY_CODE"
        if needs and not parts.get(f"button.{index}"):
            found.append(button.text)
    return found


def _buttons(buttons: Sequence[Button], parts: Parts) -> tuple[RenderedButton, ...]:
    return tuple(_button(button, parts.get(f"button.{index}", ())) for index, button in enumerate(buttons))


def _button(button: Button, parameters: Parameters) -> RenderedButton:
    given = parameters[0] if parameters else {}
    if button.is_otp:
        return RenderedButton("OTP", button.text, code=str(given.get("text", "")))
    if button.kind == "COPY_CODE":
        return RenderedButton(button.kind, button.text, code=str(given.get("coupon_code", "")))
    url = VARIABLE.sub(lambda _: str(given["text"]), button.url) if "text" in given else button.url
    return RenderedButton(button.kind, button.text, url or button.phone_number)


def _media_of(header: Component | None, parts: Parts) -> tuple[str, Mapping[str, Any]]:
    """The kind of a header, and the file in it."""
    if header is None:
        return "", {}
    kind = header.format.lower() or "text"
    given = next(iter(parts.get("header", ())), {})
    return kind, given.get(kind) or {} if kind in MEDIA_KINDS else {}


def _location(parts: Parts) -> tuple[str, str, str, str]:
    place: Mapping[str, Any] = next(
        (given["location"] for given in parts.get("header", ()) if "location" in given), {}
    )
    latitude, longitude, name, address = (
        str(place.get(part, "")) for part in ("latitude", "longitude", "name", "address")
    )
    return latitude, longitude, name, address


def _expiry(parts: Parts) -> int | None:
    for given in parts.get("limited_time_offer", ()):
        return int(given["limited_time_offer"]["expiration_time_ms"])
    return None
