"""The message as it is posted, and as a phone shows it. Both come from the same payload.

`PayloadBuilder` is what workers post with; `render_message` reads a payload back, so a preview can't differ from what
is sent. No polars here. Source: whatsapp.md §2.2–§2.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from engine.errors import MissingParameter
from engine.templates.bindings import MEDIA_MARK
from engine.templates.components import VARIABLE, Button, Component, Slot, Template

_encode = msgspec.json.Encoder().encode
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "ps", "sd", "yi"})

Payload = dict[str, Any]
MakeParameter = Callable[[str], dict[str, Any]]


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
        self._parts = [
            (head, [(index, self._maker(slot, template.is_named)) for index, slot in slots])
            for head, slots in _grouped(template)
        ]

    def build(self, to: str | None, user_id: str | None, parameters: Sequence[str], callback_data: str) -> Payload:
        """Exactly what is posted to one person.

        Args:
            to: the phone, E.164 with +; it wins when there is a `user_id` too.
            parameters: a value per slot, in the template's order, as `resolve_parameters` made them.

        Raises:
            MissingParameter: a value is missing or empty, or names a file that was never uploaded.
        """
        if len(parameters) != self._slot_count:
            raise MissingParameter(slot=f"{len(parameters)}/{self._slot_count}")
        template: Payload = {"name": self._name, "language": self._language}
        if self._parts:
            template["components"] = [
                {**head, "parameters": [make(parameters[index]) for index, make in makers]}
                for head, makers in self._parts
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

    def build_bytes(
        self, to: str | None, user_id: str | None, parameters: Sequence[str], callback_data: str
    ) -> bytes:
        """The same as JSON."""
        return _encode(self.build(to, user_id, parameters, callback_data))

    def _maker(self, slot: Slot, is_named: bool) -> MakeParameter:
        if slot.kind == "image":
            return self._image
        fixed = (
            {"type": "text", "parameter_name": slot.name} if is_named and slot.kind == "text" else {"type": "text"}
        )

        def make(value: str) -> dict[str, Any]:
            if not value:
                raise MissingParameter(slot=slot.label)
            return {**fixed, "text": value}

        return make

    def _image(self, value: str) -> dict[str, Any]:
        if not value.startswith(MEDIA_MARK):
            return {"type": "image", "image": {"link": value}}
        media_id = self._media_ids.get(value.removeprefix(MEDIA_MARK))
        if media_id is None:
            raise MissingParameter(slot="header.image")
        return {"type": "image", "image": {"id": media_id}}


@dataclass(frozen=True)
class RenderedButton:
    """One button as a phone shows it."""

    kind: str
    text: str
    url: str = ""


@dataclass(frozen=True)
class Rendered:
    """One message as a phone shows it: WhatsApp's own marks (*bold*) are still in the texts.

    Attributes:
        image: a link or a media id; None without an image header.
        holes: variables that the payload leaves unfilled; empty in what may be sent.
    """

    body: str
    header: str = ""
    image: str | None = None
    footer: str = ""
    buttons: tuple[RenderedButton, ...] = ()
    is_right_to_left: bool = False
    holes: tuple[str, ...] = ()


def render_message(payload: Mapping[str, Any], template: Template) -> Rendered:
    """What one recipient will see, read from the payload that would be posted."""
    parts = {_place(part): part["parameters"] for part in payload["template"].get("components", ())}
    header, body, footer = (template.component(kind) for kind in ("HEADER", "BODY", "FOOTER"))
    header_values = _values(header, parts.get("header", ()))
    body_values = _values(body, parts.get("body", ()))
    suffixes = {
        index: str(parts[place][0]["text"])
        for index in range(len(template.buttons))
        if (place := f"button.{index}") in parts
    }
    holes = [*_unfilled(header, header_values), *_unfilled(body, body_values)]
    holes += [
        button.text for index, button in enumerate(template.buttons) if button.is_dynamic and index not in suffixes
    ]
    return Rendered(
        body=_filled(body, body_values),
        header=_filled(header, header_values),
        image=_image_of(parts.get("header", ())),
        footer=footer.text if footer else "",
        buttons=tuple(_button(button, suffixes.get(index)) for index, button in enumerate(template.buttons)),
        is_right_to_left=template.language.split("_")[0] in RIGHT_TO_LEFT,
        holes=tuple(holes),
    )


def _grouped(template: Template) -> list[tuple[dict[str, Any], list[tuple[int, Slot]]]]:
    """The components that need parameters, each with its slots and their place among the parameters."""
    groups: dict[str, tuple[dict[str, Any], list[tuple[int, Slot]]]] = {}
    for index, slot in enumerate(template.slots):
        kind, _, rest = slot.key.partition(".")
        if kind == "button":
            number = rest.partition(".")[0]
            head: dict[str, Any] = {"type": "button", "sub_type": "url", "index": number}
            groups[slot.key] = (head, [(index, slot)])
        else:
            name = kind.partition(":")[0]
            groups.setdefault(name, ({"type": name}, []))[1].append((index, slot))
    return list(groups.values())


def _place(part: Mapping[str, Any]) -> str:
    return f"button.{part['index']}" if part["type"] == "button" else str(part["type"])


def _values(part: Component | None, parameters: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Variable -> text, by name where the payload names them, else by place."""
    texts = [parameter for parameter in parameters if "text" in parameter]
    names = part.variables if part else ()
    return {
        str(parameter.get("parameter_name") or (names[place] if place < len(names) else "")): str(parameter["text"])
        for place, parameter in enumerate(texts)
    }


def _filled(part: Component | None, values: Mapping[str, str]) -> str:
    """A component's text with its values; holes stay as they are."""
    if part is None:
        return ""
    return VARIABLE.sub(lambda match: values.get(match.group(1), match.group(0)), part.text)


def _unfilled(part: Component | None, values: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name in part.variables if name not in values) if part else ()


def _button(button: Button, suffix: str | None) -> RenderedButton:
    url = button.url if suffix is None else VARIABLE.sub(lambda _: suffix, button.url)
    return RenderedButton(button.kind, button.text, url or button.phone_number)


def _image_of(parameters: Sequence[Mapping[str, Any]]) -> str | None:
    for parameter in parameters:
        if image := parameter.get("image"):
            return str(image.get("link") or image.get("id") or "")
    return None
