"""The message as it is posted: what a worker builds for one person from a template and a value per slot.

Each part of the template becomes a component with makers of its parameters, worked out once. No polars here.
Source: whatsapp.md §2.2–§2.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from engine.errors import MissingParameter
from engine.templates.bindings import MEDIA_MARK
from engine.templates.components import Button, Template
from engine.templates.slots import Slot

_encode = msgspec.json.Encoder().encode
FLOW_TOKEN = "unused"
"""What the provider itself puts where a flow gets no token."""

Payload = dict[str, Any]
Values = Sequence[str]
MakeParameter = Callable[[Values], dict[str, Any]]
Part = tuple[dict[str, Any], list[MakeParameter]]
Numbered = tuple[int, Slot]


class PayloadBuilder:
    """Builds the messages of one template.

    Args:
        media_ids: the provider's media id for each content hash that parameters may name (`media:<hash>`).
    """

    def __init__(self, template: Template, media_ids: Mapping[str, str] | None = None) -> None:
        self._language = {"code": template.language}
        self._name = template.name
        self._media_ids = media_ids or {}
        self._slot_count = len(template.slots)
        self._is_named = template.is_named
        numbered = list(enumerate(template.slots))
        own = [pair for pair in numbered if pair[1].card is None]
        self._parts = self._parts_of(own, template.buttons)
        self._cards = [
            self._parts_of([pair for pair in numbered if pair[1].card == number], card.buttons, is_card=True)
            for number, card in enumerate(template.cards)
        ]

    def build(self, to: str | None, user_id: str | None, parameters: Values, callback_data: str) -> Payload:
        """Exactly what is posted to one person.

        Args:
            to: the phone, E.164 with +; it wins when there is a `user_id` too.
            parameters: a value per slot, in the template's order, as `resolve_parameters` made them; "" for an
                optional one that stays empty.

        Raises:
            MissingParameter: a value is missing or empty, or names a file that was never uploaded.
        """
        if len(parameters) != self._slot_count:
            raise MissingParameter(slot=f"{len(parameters)}/{self._slot_count}")
        template: Payload = {"name": self._name, "language": self._language}
        components = _filled(self._parts, parameters)
        if self._cards:
            cards = [
                {"card_index": number, "components": _filled(parts, parameters)}
                for number, parts in enumerate(self._cards)
            ]
            components.append({"type": "carousel", "cards": cards})
        if components:
            template["components"] = components
        address = {"to": to} if to else {"recipient": user_id}
        return {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            **address,
            "type": "template",
            "biz_opaque_callback_data": callback_data,
            "template": template,
        }

    def build_bytes(self, to: str | None, user_id: str | None, parameters: Values, callback_data: str) -> bytes:
        """The same as JSON."""
        return _encode(self.build(to, user_id, parameters, callback_data))

    def _parts_of(self, slots: list[Numbered], buttons: tuple[Button, ...], *, is_card: bool = False) -> list[Part]:
        """The components that need parameters, in the order of the message."""
        parts: list[Part] = []
        if header := [pair for pair in slots if pair[1].place.startswith("header.")]:
            parts.append(({"type": "header"}, self._header(header)))
        if body := [pair for pair in slots if pair[1].place.startswith("body:") or pair[1].place.endswith(".otp")]:
            makers = [_text(index, slot, is_named=self._is_named) for index, slot in body]
            parts.append(({"type": "body"}, makers))
        for index, slot in slots:
            if slot.place == "offer.expires":
                parts.append(({"type": "limited_time_offer"}, [_offer(index, slot)]))
        filling = {number: pair for pair in slots if (number := pair[1].button_index) is not None}
        for number, button in enumerate(buttons):
            if number in filling:
                parts.append(_button(number, filling[number]))
            elif is_card and button.kind == "QUICK_REPLY":
                parts.append((_button_head("quick_reply", number), [_payload(button.text)]))
        return parts

    def _header(self, slots: list[Numbered]) -> list[MakeParameter]:
        index, slot = slots[0]
        if slot.is_media:
            return [self._media(index, slot, slots[1][0] if len(slots) > 1 else None)]
        if slot.kind == "number":
            return [_location(slots)]
        return [_text(index, slot, is_named=self._is_named) for index, slot in slots]

    def _media(self, index: int, slot: Slot, name_index: int | None) -> MakeParameter:
        kind = slot.kind

        def make(values: Values) -> dict[str, Any]:
            value = _given(values, index, slot)
            media = {"link": value}
            if value.startswith(MEDIA_MARK):
                media_id = self._media_ids.get(value.removeprefix(MEDIA_MARK))
                if media_id is None:
                    raise MissingParameter(slot=slot.key)
                media = {"id": media_id}
            if name_index is not None and values[name_index]:
                media["filename"] = values[name_index]
            return {"type": kind, kind: media}

        return make


def _filled(parts: Iterable[Part], values: Values) -> list[dict[str, Any]]:
    return [{**head, "parameters": [make(values) for make in makers]} for head, makers in parts]


def _given(values: Values, index: int, slot: Slot) -> str:
    value = values[index]
    if not value:
        raise MissingParameter(slot=slot.label)
    return value


def _text(index: int, slot: Slot, *, is_named: bool) -> MakeParameter:
    fixed = {"type": "text", "parameter_name": slot.name} if is_named and slot.name else {"type": "text"}
    return lambda values: {**fixed, "text": _given(values, index, slot)}


def _location(slots: list[Numbered]) -> MakeParameter:
    def make(values: Values) -> dict[str, Any]:
        place: dict[str, Any] = {}
        for index, slot in slots:
            name = slot.key.rpartition(".")[2]
            if slot.kind == "number":
                place[name] = float(_given(values, index, slot))
            elif values[index]:
                place[name] = values[index]
        return {"type": "location", "location": place}

    return make


def _offer(index: int, slot: Slot) -> MakeParameter:
    return lambda values: {
        "type": "limited_time_offer",
        "limited_time_offer": {"expiration_time_ms": int(_given(values, index, slot))},
    }


def _button(number: int, pair: Numbered) -> Part:
    index, slot = pair
    if slot.key.endswith(".code"):
        return _button_head("copy_code", number), [
            lambda values: {"type": "coupon_code", "coupon_code": _given(values, index, slot)}
        ]
    if slot.key.endswith(".flow_token"):
        return _button_head("flow", number), [
            lambda values: {"type": "action", "action": {"flow_token": values[index] or FLOW_TOKEN}}
        ]
    return _button_head("url", number), [lambda values: {"type": "text", "text": _given(values, index, slot)}]


def _button_head(sub_type: str, number: int) -> dict[str, Any]:
    return {"type": "button", "sub_type": sub_type, "index": str(number)}


def _payload(text: str) -> MakeParameter:
    """A card's quick reply says its text, as it would without a parameter."""
    return lambda _: {"type": "payload", "payload": text}
