"""A template as the provider describes it, read into frozen records; its slots, and why it can't be sent.

All kinds of components are read; those that can't be sent yet say so. Source: whatsapp.md §1.2–§1.5.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.templates.kinds import unsendable_reason
from engine.words import N_

VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
HEADER_TEXT_LIMIT, BODY_LIMIT, BODY_ONLY_LIMIT, URL_LIMIT = 60, 1024, 32_768, 2000
"""Characters of a part once it is filled. Source: whatsapp.md §10."""


class Button(BaseModel):
    """One button, in the order of the template."""

    model_config = ConfigDict(frozen=True)

    kind: str
    text: str = ""
    url: str = ""
    phone_number: str = ""
    example: str = ""

    @property
    def is_dynamic(self) -> bool:
        """A URL button that ends in a variable."""
        return self.kind == "URL" and VARIABLE.search(self.url) is not None


class Component(BaseModel):
    """One component: HEADER, BODY, FOOTER, BUTTONS, or a kind that can only be listed."""

    model_config = ConfigDict(frozen=True)

    kind: str
    format: str = ""
    text: str = ""
    example: Mapping[str, Any] = {}
    buttons: tuple[Button, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """The names in its text: digits in order of number, names in order of appearance."""
        names = list(dict.fromkeys(VARIABLE.findall(self.text)))
        return tuple(sorted(names, key=int) if all(name.isdigit() for name in names) else names)


class Slot(BaseModel):
    """A hole of a template.

    Attributes:
        key: `header.text:1`, `header.image`, `body:1`, `body:first_name`, `button.1.url`.
        kind: text, image or url_suffix.
        caption: how a person calls it: an English text with `{name}`, to be translated.
        name: the variable's name or the button's text.
        example: what the template's author gave as an example.
        prefix: the part of the URL that the template holds itself (url_suffix alone).
    """

    model_config = ConfigDict(frozen=True)

    key: str
    kind: Literal["text", "image", "url_suffix"]
    caption: str
    name: str = ""
    example: str = ""
    prefix: str = ""

    @property
    def label(self) -> str:
        """The caption in English, its name filled in."""
        return self.caption.format(name=self.name)

    @property
    def title(self) -> str:
        """The label in English, whole."""
        return self.label.format(name=self.name)


class Template(BaseModel):
    """One approved (or not) text in one language; keyed by (channel, name, language)."""

    model_config = ConfigDict(frozen=True, ignored_types=(cached_property,))

    channel_id: str
    name: str
    language: str
    template_id: str
    status: str
    category: str
    parameter_format: str = "POSITIONAL"
    components: tuple[Component, ...] = Field(default=())
    quality: str | None = None
    rejected_reason: str | None = None
    content_hash: str = ""
    is_gone: bool = False

    def component(self, kind: str) -> Component | None:
        """The component of that kind, if there is one."""
        return next((part for part in self.components if part.kind == kind), None)

    @property
    def buttons(self) -> tuple[Button, ...]:
        """All buttons in order; their place is the index that sending needs."""
        part = self.component("BUTTONS")
        return part.buttons if part else ()

    @property
    def is_named(self) -> bool:
        """Whether parameters travel by name."""
        if self.parameter_format == "NAMED":
            return True
        names = [name for part in self.components for name in part.variables]
        return any(not name.isdigit() for name in names)

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Every hole, in the order of the message."""
        return (*_header_slots(self), *_body_slots(self), *_button_slots(self))

    @property
    def has_variables(self) -> bool:
        """Whether it carries the `{ }` mark."""
        return bool(self.slots)

    @property
    def unsendable_reason(self) -> str | None:
        """Why it can't be sent, as an English text to be translated; None when it can."""
        return unsendable_reason(self)


def parse_template(channel_id: str, node: Mapping[str, Any]) -> Template:
    """Read one node of the provider's list. What isn't known is kept as it is and listed."""
    nodes = node.get("components") or ()
    quality = node.get("quality_score")
    rejected = str(node.get("rejected_reason") or "NONE")
    return Template(
        channel_id=channel_id,
        name=str(node["name"]),
        language=str(node["language"]).replace("-", "_"),
        template_id=str(node.get("id") or ""),
        status=str(node.get("status") or "UNKNOWN").upper(),
        category=str(node.get("category") or "UNKNOWN").upper(),
        parameter_format=str(node.get("parameter_format") or "POSITIONAL").upper(),
        components=tuple(_component(part) for part in nodes),
        quality=str(quality.get("score") or "UNKNOWN") if isinstance(quality, Mapping) else None,
        rejected_reason=None if rejected == "NONE" else rejected,
        content_hash=content_hash(str(node.get("parameter_format") or "POSITIONAL"), nodes),
    )


def content_hash(parameter_format: str, nodes: Iterable[Mapping[str, Any]]) -> str:
    """A hash of what a recipient sees and of the holes; examples don't count (their media links change daily)."""
    text = json.dumps([parameter_format.upper(), [_without_examples(node) for node in nodes]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_examples(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _without_examples(value) for key, value in node.items() if key != "example"}
    return [_without_examples(part) for part in node] if isinstance(node, list) else node


def _component(node: Mapping[str, Any]) -> Component:
    return Component(
        kind=str(node.get("type") or "UNKNOWN").upper(),
        format=str(node.get("format") or "").upper(),
        text=str(node.get("text") or ""),
        example=dict(node.get("example") or {}),
        buttons=tuple(
            Button(
                kind=str(button.get("type") or "UNKNOWN").upper(),
                text=str(button.get("text") or ""),
                url=str(button.get("url") or ""),
                phone_number=str(button.get("phone_number") or ""),
                example=_first(button.get("example")),
            )
            for button in node.get("buttons") or ()
        ),
    )


def _header_slots(template: Template) -> list[Slot]:
    header = template.component("HEADER")
    if header is None:
        return []
    if header.format == "IMAGE":
        handles = header.example.get("header_handle") or [""]
        return [Slot(key="header.image", kind="image", caption=N_("Header image"), example=str(handles[0]))]
    examples = _examples(header, "header_text", "header_text_named_params")
    return [
        Slot(
            key=f"header.text:{name}",
            kind="text",
            caption=N_("Header {name}"),
            name=name,
            example=examples.get(name, ""),
        )
        for name in header.variables
        if header.format in {"", "TEXT"}
    ]


def _body_slots(template: Template) -> list[Slot]:
    body = template.component("BODY")
    if body is None:
        return []
    examples = _examples(body, "body_text", "body_text_named_params")
    return [
        Slot(key=f"body:{name}", kind="text", caption=N_("Body {name}"), name=name, example=examples.get(name, ""))
        for name in body.variables
    ]


def _button_slots(template: Template) -> list[Slot]:
    slots = []
    for index, button in enumerate(template.buttons):
        if button.is_dynamic:
            prefix = VARIABLE.split(button.url)[0]
            slots.append(
                Slot(
                    key=f"button.{index}.url",
                    kind="url_suffix",
                    caption=N_("Link of the button “{name}”"),
                    name=button.text,
                    example=str(button.example).removeprefix(prefix),
                    prefix=prefix,
                )
            )
    return slots


def _examples(component: Component, positional: str, named: str) -> dict[str, str]:
    if rows := component.example.get(named):
        return {str(row["param_name"]): str(row.get("example", "")) for row in rows}
    values = component.example.get(positional) or []
    first = values[0] if values and isinstance(values[0], list) else values
    return {str(number): str(value) for number, value in enumerate(first, start=1)}


def _first(value: Any) -> str:
    """Buttons give their example as a list or as a text."""
    first = value[0] if isinstance(value, list) and value else value
    return str(first) if isinstance(first, str | int) else ""
