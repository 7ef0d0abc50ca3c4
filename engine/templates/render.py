"""Builds what is posted, and draws what a person sees from that very payload.

`PayloadBuilder` works out everything that is the same for all recipients once; a row only fills values in. The
preview reads the payload back, so it can't show something else than what is sent. Source: whatsapp.md §2.1–§2.4.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.errors import InvalidTemplate
from engine.templates.components import VARIABLE, Slot, Template

ID_PREFIX = "id:"
_encode = msgspec.json.Encoder().encode


class PayloadBuilder:
    """Builds the payload of each recipient of one template.

    Raises:
        InvalidTemplate: the template can't be sent.
    """

    def __init__(self, template: Template) -> None:
        reason = template.unsendable_reason
        if reason is not None:
            raise InvalidTemplate(name=template.name, language=template.language, reason=reason)
        self._slot_count = len(template.slots)
        self._head = {"name": template.name, "language": {"code": template.language}}
        groups: dict[str, list[tuple[int, Slot]]] = {}
        for index, slot in enumerate(template.slots):
            groups.setdefault(slot.key.partition(":")[0], []).append((index, slot))
        self._groups = [
            (_component_head(key), [(index, _parameter_head(slot, template.is_named)) for index, slot in slots])
            for key, slots in groups.items()
        ]

    def build(self, to: str, user_id: str | None, parameters: Sequence[str], callback_data: str) -> dict[str, Any]:
        """One recipient's payload.

        Args:
            to: E.164 with +, or empty when only the user id is known.
            parameters: the values in slot order.
            callback_data: comes back in each status webhook.
        """
        template: dict[str, Any] = dict(self._head)
        if self._groups:
            template["components"] = [
                head | {"parameters": [_fill(parameter, parameters[index]) for index, parameter in slots]}
                for head, slots in self._groups
            ]
        address = {"to": to} if to else {"recipient": user_id}
        return {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            **address,
            "type": "template",
            "biz_opaque_callback_data": callback_data,
            "template": template,
        }

    def encode(self, to: str, user_id: str | None, parameters: Sequence[str], callback_data: str) -> bytes:
        """The same as the JSON that is posted."""
        return _encode(self.build(to, user_id, parameters, callback_data))


@dataclass(frozen=True)
class RenderedButton:
    """A button as a phone shows it."""

    kind: str
    text: str
    target: str = ""


@dataclass(frozen=True)
class Rendered:
    """A message as a phone shows it. Texts hold WhatsApp's own marks (*bold*), nothing is escaped yet."""

    header_text: str = ""
    header_image: str = ""
    body: str = ""
    footer: str = ""
    buttons: tuple[RenderedButton, ...] = field(default=())
    is_right_to_left: bool = False

    @property
    def length(self) -> int:
        """Characters of the body."""
        return len(self.body)


def render_message(payload: Mapping[str, Any], template: Template) -> Rendered:
    """What the recipient of this payload sees."""
    components = payload["template"].get("components", [])
    header = _parameters_of(components, "header")
    body = template.component("BODY")
    footer = template.component("FOOTER")
    head = template.component("HEADER")
    image = next((_media_of(row["image"]) for row in header if row["type"] == "image"), "")
    text = _filled(body.text, _parameters_of(components, "body")) if body else ""
    return Rendered(
        header_text=_filled(head.text, header) if head and head.format in {"", "TEXT"} else "",
        header_image=image,
        body=text,
        footer=footer.text if footer else "",
        buttons=tuple(_buttons(template, components)),
        is_right_to_left=is_right_to_left(text),
    )


def is_right_to_left(text: str) -> bool:
    """Whether the first letter with a direction runs right to left."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in {"R", "AL"}:
            return True
        if direction == "L":
            return False
    return False


def _component_head(key: str) -> dict[str, Any]:
    if key.startswith("button."):
        return {"type": "button", "sub_type": "url", "index": key.split(".")[1]}
    return {"type": "header" if key.startswith("header") else "body"}


def _parameter_head(slot: Slot, is_named: bool) -> dict[str, Any]:
    if slot.kind == "image":
        return {"type": "image"}
    if is_named and slot.kind == "text":
        return {"type": "text", "parameter_name": slot.name}
    return {"type": "text"}


def _fill(head: dict[str, Any], value: str) -> dict[str, Any]:
    if head["type"] == "image":
        media = {"id": value.removeprefix(ID_PREFIX)} if value.startswith(ID_PREFIX) else {"link": value}
        return {"type": "image", "image": media}
    return head | {"text": value}


def _parameters_of(components: Sequence[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [row for part in components if part["type"] == kind for row in part["parameters"]]


def _media_of(media: Mapping[str, str]) -> str:
    return media.get("link") or ID_PREFIX + media["id"]


def _filled(text: str, parameters: Sequence[Mapping[str, Any]]) -> str:
    """The template's text with the payload's values in it."""
    named = {str(row["parameter_name"]): str(row["text"]) for row in parameters if "parameter_name" in row}
    plain = [str(row["text"]) for row in parameters if "text" in row]
    values = named or {str(number): value for number, value in enumerate(plain, start=1)}
    return VARIABLE.sub(lambda match: values.get(match.group(1), match.group(0)), text)


def _buttons(template: Template, components: Sequence[Mapping[str, Any]]) -> list[RenderedButton]:
    suffixes = {str(part["index"]): part["parameters"][0]["text"] for part in components if part["type"] == "button"}
    drawn = []
    for index, button in enumerate(template.buttons):
        target = button.url or button.phone_number
        if button.is_dynamic and (suffix := suffixes.get(str(index))) is not None:
            target = VARIABLE.split(button.url)[0] + str(suffix)
        drawn.append(RenderedButton(button.kind, button.text, target))
    return drawn
