"""What a template asks of whoever sends it, compiled once from its components, and the check of one message.

The check refuses what the Cloud API refuses, with its codes: 132000 count, 132012 format, 131008 missing,
132018 a value with line breaks, tabs or five spaces, 132005 too long. Source: reference §1.4, §1.5, §10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.sandbox.lines import BODY_LIMIT, VARIABLE, Line, check_line, line_of
from engine.sandbox.payloads import CardParts, Component, Parameter
from engine.sandbox.refusals import Refusal, invalid, refuse
from engine.sandbox.values import check_media, check_place, check_text

__all__ = ["VARIABLE", "Button", "Line", "Shape", "check_components", "shape_of"]

BODY_ONLY_LIMIT = 32_768
OFFER_BODY_LIMIT = 600
CARD_BODY_LIMIT = 160
HEADER_LIMIT = 60
URL_LIMIT = 2000
CODE_LIMIT = 15
MEDIA_KINDS = ("image", "video", "document")
KNOWN_COMPONENTS = ("header", "body", "limited_time_offer", "button", "carousel")
OTP_URL = "whatsapp.com/otp/"


@dataclass(frozen=True, slots=True)
class Button:
    """One button of the template; `needs` is the parameter it requires, None for a button that takes none."""

    kind: str
    text: str
    sub_type: str
    needs: str | None
    rest_length: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """What a message with this template, or one of its cards, has to carry."""

    is_named: bool
    header_kind: str | None
    header: Line
    body: Line
    buttons: tuple[Button, ...]
    needs_expiry: bool = False
    cards: tuple[Shape, ...] = ()

    @property
    def is_fixed(self) -> bool:
        """Whether a message needs no component at all."""
        header = self.header_kind in (*MEDIA_KINDS, "location") or self.header.names
        needy = any(button.needs for button in self.buttons)
        return not (header or self.body.names or needy or self.needs_expiry or self.cards)


def shape_of(node: dict[str, Any]) -> Shape:
    """Compile a template node."""
    parts = {component["type"]: component for component in node["components"]}
    offer = parts.get("LIMITED_TIME_OFFER")
    limit = BODY_ONLY_LIMIT if set(parts) == {"BODY"} else BODY_LIMIT
    return _shape(parts, node.get("parameter_format") == "NAMED", OFFER_BODY_LIMIT if offer else limit)


def _shape(parts: dict[str, Any], is_named: bool, body_limit: int) -> Shape:
    header, offer = parts.get("HEADER"), parts.get("LIMITED_TIME_OFFER", {})
    cards = parts.get("CAROUSEL", {}).get("cards", [])
    card_parts = [{component["type"]: component for component in card["components"]} for card in cards]
    return Shape(
        is_named=is_named,
        header_kind=header["format"].lower() if header else None,
        header=line_of("header", (header or {}).get("text", ""), is_named, HEADER_LIMIT),
        body=line_of("body", parts.get("BODY", {}).get("text", ""), is_named, body_limit),
        buttons=tuple(_button(button) for button in parts.get("BUTTONS", {}).get("buttons", [])),
        needs_expiry=bool(offer.get("limited_time_offer", {}).get("has_expiration")),
        cards=tuple(_shape(card, is_named, CARD_BODY_LIMIT) for card in card_parts),
    )


def check_components(
    shape: Shape, components: list[Component], media_types: dict[str, str], now_ms: int = 0
) -> dict[int, str]:
    """Refuse what doesn't fit the template; return the payloads given to quick replies, by button index.

    Raises:
        Refusal: a component is missing, unknown, doubled, or has the wrong parameters.
    """
    if not components and shape.is_fixed:
        return {}
    singles, buttons = _sorted_parts(components)
    _check_header(shape, _parameters(singles, "header"), media_types)
    check_line(shape.body, _parameters(singles, "body"), shape.is_named)
    _check_expiry(shape, _parameters(singles, "limited_time_offer"), now_ms)
    carousel = singles.get("carousel")
    _check_cards(shape, carousel.cards if carousel else [], media_types, now_ms)
    payloads: dict[int, str] = {}
    for position, button in enumerate(shape.buttons):
        given = buttons.pop(position, None)
        if given is not None and (given.sub_type or "").lower() != button.sub_type:
            raise _button_refusal(132012, position, button, f"does not match sub_type {given.sub_type}")
        payload = _check_button(position, button, given.parameters if given else [])
        if payload is not None:
            payloads[position] = payload
    for position in buttons:
        raise refuse(131009, f"buttons: Button index {position} is not in the template")
    return payloads


def _check_expiry(shape: Shape, given: list[Parameter], now_ms: int) -> None:
    part = "limited_time_offer"
    if len(given) != shape.needs_expiry:
        raise refuse(132000, f"{part}: number of params ({len(given)}) does not match {int(shape.needs_expiry)}")
    for parameter in given:
        if parameter.type != part or parameter.limited_time_offer is None:
            raise refuse(132012, f"{part}: Format mismatch, expected LIMITED_TIME_OFFER")
        if parameter.limited_time_offer.expiration_time_ms <= now_ms:
            raise refuse(131009, f"{part}: expiration_time_ms must be in the future")


def _check_cards(shape: Shape, given: list[CardParts], media_types: dict[str, str], now_ms: int) -> None:
    if len(given) != len(shape.cards):
        raise refuse(132000, f"carousel: number of cards ({len(given)}) does not match ({len(shape.cards)})")
    if sorted(card.card_index for card in given) != list(range(len(given))):
        raise refuse(131009, "carousel: card_index must count the cards from 0, each once")
    for card in given:
        check_components(shape.cards[card.card_index], card.components, media_types, now_ms)


def _parameters(singles: dict[str, Component], kind: str) -> list[Parameter]:
    return singles[kind].parameters if kind in singles else []


def _sorted_parts(components: list[Component]) -> tuple[dict[str, Component], dict[int, Component]]:
    singles: dict[str, Component] = {}
    buttons: dict[int, Component] = {}
    for position, component in enumerate(components):
        kind = component.type.lower()
        if kind not in KNOWN_COMPONENTS:
            known = ", ".join(name.upper() for name in KNOWN_COMPONENTS)
            raise invalid(f"Param template['components'][{position}]['type'] must be one of {{{known}}}.")
        if kind == "button":
            index = _index(position, component.index)
            if index in buttons:
                raise invalid(f"Param template['components'][{position}]['index'] is duplicated.")
            buttons[index] = component
        elif kind in singles:
            raise invalid(f"Param template['components'][{position}]['type'] is duplicated.")
        else:
            singles[kind] = component
    return singles, buttons


def _index(position: int, given: int | str | None) -> int:
    text = str(given)
    if not (text.isascii() and text.isdigit()):
        raise refuse(131008, f"template['components'][{position}]['index'] is required for buttons")
    return int(text)


def _check_header(shape: Shape, given: list[Parameter], media_types: dict[str, str]) -> None:
    kind = shape.header_kind
    if kind is None or kind == "text":
        check_line(shape.header, given, shape.is_named)
        return
    received = given[0].type.upper() if len(given) == 1 else "UNKNOWN"
    if len(given) != 1 or given[0].type != kind:
        raise refuse(132012, f"header: Format mismatch, expected {kind.upper()}, received {received}")
    if kind == "location":
        check_place(given[0].location)
        return
    check_media(kind, getattr(given[0], kind), media_types)


def _check_button(position: int, button: Button, given: list[Parameter]) -> str | None:
    """Check one button's parameters; the payload, if it is a quick reply and was given one."""
    if button.needs is None and button.sub_type != "quick_reply":
        if given:
            raise _button_refusal(132018, position, button, "does not have parameters")
        return None
    if not given:
        if button.needs:
            raise _button_refusal(131008, position, button, "requires a parameter")
        return None
    wanted = button.needs or "payload"
    value = getattr(given[0], wanted) if given[0].type == wanted else None
    if len(given) != 1 or value is None:
        raise _button_refusal(132012, position, button, f"expects one parameter of type {wanted}")
    if wanted == "action":
        if not value.flow_token:
            raise _button_refusal(131008, position, button, "requires a flow_token")
        return None
    check_text("buttons", value)
    if button.kind == "OTP" and len(value) > CODE_LIMIT:
        raise refuse(131009, f"buttons: code of button at index {position} is too long")
    if wanted == "text" and button.rest_length + len(value) > URL_LIMIT:
        raise refuse(132005, f"buttons: URL of button at index {position} is too long")
    if wanted == "coupon_code" and not (value.isalnum() and len(value) <= 20):
        raise refuse(131009, f"buttons: coupon_code of button at index {position} is not valid")
    if wanted == "payload" and len(value) > 256:
        raise refuse(131009, f"buttons: payload of button at index {position} is too long")
    return str(value) if wanted == "payload" else None


def _button_refusal(code: int, position: int, button: Button, sentence: str) -> Refusal:
    return refuse(code, f"buttons: Button at index {position} of type {button.kind.title()} {sentence}")


def _button(button: dict[str, Any]) -> Button:
    kind, url = button["type"], button.get("url", "")
    if kind == "OTP" or OTP_URL in url:
        return Button("OTP", button.get("text", ""), "url", "text")
    needs = {"COPY_CODE": "coupon_code", "FLOW": "action"}.get(kind)
    if VARIABLE.search(url):
        needs = "text"
    return Button(kind, button.get("text", ""), kind.lower(), needs, len(VARIABLE.sub("", url)))
