"""The body of `POST /{phone number id}/messages` as types, decoded strictly.

Unknown keys, wrong types and missing keys become the Graph API's own code 100. Only templates, plain text and
read marks are known here: what a bulk sender has no use for is refused.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from engine.sandbox.refusals import Refusal, invalid


class Media(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A picture, film or document: by id or by link."""

    id: str | None = None
    link: str | None = None
    filename: str | None = None


class Location(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place of a location header."""

    latitude: float | str
    longitude: float | str
    name: str | None = None
    address: str | None = None


class Action(msgspec.Struct, frozen=True):
    """What a flow button carries."""

    flow_token: str | None = None
    flow_action_data: dict[str, Any] | None = None


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a limited-time offer ends."""

    expiration_time_ms: int


class Fallback(msgspec.Struct, frozen=True):
    """The legacy currency and date parameters: Cloud API shows the fallback."""

    fallback_value: str


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One parameter; which key it needs follows from its type."""

    type: str
    text: str | None = None
    parameter_name: str | None = None
    image: Media | None = None
    video: Media | None = None
    document: Media | None = None
    location: Location | None = None
    payload: str | None = None
    coupon_code: str | None = None
    currency: Fallback | None = None
    date_time: Fallback | None = None
    action: Action | None = None
    limited_time_offer: Offer | None = None

    @property
    def shown(self) -> str | None:
        """What the person sees of it as text: a text, a code, the end of an offer."""
        if self.limited_time_offer is not None:
            return str(self.limited_time_offer.expiration_time_ms)
        return self.coupon_code if self.text is None else self.text


class Component(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of one part of the template."""

    type: str
    sub_type: str | None = None
    index: int | str | None = None
    parameters: list[Parameter] = []
    cards: list[CardParts] = []

    @property
    def texts(self) -> list[str]:
        """Everything in it that a person sees as text, in order."""
        own = [parameter.shown for parameter in self.parameters if parameter.shown is not None]
        return own + [text for card in self.cards for part in card.components for text in part.texts]


class CardParts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One card of a carousel: its place from 0, and the parameters of its parts."""

    card_index: int
    components: list[Component] = []


class Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The template's exact language code."""

    code: str
    policy: str | None = None


class TemplateMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which template, and what fills it."""

    name: str
    language: Language
    components: list[Component] = []


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A free-form text."""

    body: str
    preview_url: bool = False


class Context(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The message that this one answers."""

    message_id: str


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole body."""

    messaging_product: str
    type: str = "text"
    to: str | None = None
    recipient: str | None = None
    recipient_type: str = "individual"
    template: TemplateMessage | None = None
    text: Text | None = None
    biz_opaque_callback_data: str | None = None
    context: Context | None = None
    status: str | None = None
    message_id: str | None = None


_decoder = msgspec.json.Decoder(Message)
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]*)`")
_WRONG = re.compile(r"Expected `(?P<wanted>[^`]*)`")


def decode_message(raw: bytes) -> Message:
    """The typed body.

    Raises:
        Refusal: code 100: no JSON, an unknown key, a missing one, or a value of the wrong type.
    """
    try:
        message = _decoder.decode(raw)
    except msgspec.ValidationError as problem:
        raise _as_graph_says(str(problem)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid("The parameter messaging_product is required.") from None
    if message.messaging_product != "whatsapp":
        raise invalid('Param messaging_product must be one of {WHATSAPP} - got "' + message.messaging_product + '".')
    return message


def _as_graph_says(problem: str) -> Refusal:
    found = _AT.search(problem)
    path = _subscripted(found["path"] if found else "")
    if unknown := _UNKNOWN.search(problem):
        return invalid(f'Unexpected key "{unknown["name"]}" on param "{path}".')
    if missing := _MISSING.search(problem):
        return invalid(f"The parameter {_joined(path, missing['name'])} is required.")
    wrong = _WRONG.search(problem)
    kinds = {
        "str": "a string",
        "int": "an integer",
        "array": "an array",
        "object": "a JSON object",
        "bool": "a boolean",
    }
    wanted = kinds.get((wrong["wanted"] if wrong else "").split(" | ")[0], "valid")
    return invalid(f"Param {path} must be {wanted}.")


def _subscripted(path: str) -> str:
    """`template.components[...].type` the way Graph writes it: `template['components'][0]['type']`."""
    first, *rest = path.split(".")
    return first + "".join(_subscript(part) for part in rest)


def _subscript(part: str) -> str:
    name, bracket, tail = part.partition("[")
    return f"['{name}']" + bracket + tail


def _joined(path: str, name: str) -> str:
    return f"{path}['{name}']" if path else name
