"""A template as the provider describes it, read into frozen records; its slots, and why it can't be sent.

All kinds of components are read; those that can't be sent say so. Source: whatsapp.md §1.2–§1.5.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.templates.codes import code_body, code_footer, copy_text
from engine.templates.kinds import unsendable_reason
from engine.templates.parts import VARIABLE, Button, Card, Component, first_example
from engine.templates.slots import Slot, slots_of

__all__ = ["VARIABLE", "Button", "Card", "Component", "Slot", "Template", "content_hash", "parse_template"]

HEADER_TEXT_LIMIT, BODY_LIMIT, BODY_ONLY_LIMIT = 60, 1024, 32_768
OFFER_BODY_LIMIT, CARD_BODY_LIMIT = 600, 160
"""Characters of a part once it is filled. Source: whatsapp.md §10."""


class Template(BaseModel):
    """One approved (or not) text in one language; keyed by (channel, name, language).

    Attributes:
        channel_name: what `@channel` stands for: the sender's verified name, else the channel's own.
    """

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
    channel_name: str = ""

    def component(self, kind: str) -> Component | None:
        """The component of that kind, if there is one."""
        return next((part for part in self.components if part.kind == kind), None)

    @property
    def buttons(self) -> tuple[Button, ...]:
        """All buttons in order; their place is the index that sending needs."""
        part = self.component("BUTTONS")
        return part.buttons if part else ()

    @property
    def cards(self) -> tuple[Card, ...]:
        """The cards of its carousel."""
        part = self.component("CAROUSEL")
        return part.cards if part else ()

    @property
    def otp_index(self) -> int | None:
        """The place of the button of a one-time code; None where there is none."""
        return next((index for index, button in enumerate(self.buttons) if button.is_otp), None)

    @property
    def is_named(self) -> bool:
        """Whether parameters travel by name."""
        if self.parameter_format == "NAMED":
            return True
        parts = [*self.components, *(part for card in self.cards for part in card.components)]
        return any(not name.isdigit() for part in parts for name in part.variables)

    @property
    def body_limit(self) -> int:
        """The most characters its body may have once it is filled."""
        if self.component("LIMITED_TIME_OFFER") is not None:
            return OFFER_BODY_LIMIT
        return BODY_ONLY_LIMIT if len(self.components) == 1 else BODY_LIMIT

    def part_of(self, slot: Slot) -> Component | None:
        """The header or body that a text slot stands in."""
        kind = "HEADER" if slot.place.startswith("header") else "BODY"
        return (self if slot.card is None else self.cards[slot.card]).component(kind)

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Every hole, in the order of the message."""
        return slots_of(self)

    @property
    def has_variables(self) -> bool:
        """Whether it carries the `{ }` mark."""
        return any(not slot.is_optional for slot in self.slots)

    @property
    def unsendable_reason(self) -> str | None:
        """Why it can't be sent, as an English text to be translated; None when it can."""
        return unsendable_reason(self)


def parse_template(channel_id: str, node: Mapping[str, Any]) -> Template:
    """Read one node of the provider's list. What isn't known is kept as it is and listed."""
    nodes = node.get("components") or ()
    quality = node.get("quality_score")
    rejected = str(node.get("rejected_reason") or "NONE")
    language = str(node["language"]).replace("-", "_")
    category = str(node.get("category") or "UNKNOWN").upper()
    return Template(
        channel_id=channel_id,
        name=str(node["name"]),
        language=language,
        template_id=str(node.get("id") or ""),
        status=str(node.get("status") or "UNKNOWN").upper(),
        category=category,
        parameter_format=str(node.get("parameter_format") or "POSITIONAL").upper(),
        components=tuple(_component(_with_fixed_text(part, category, language), language) for part in nodes),
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


def _with_fixed_text(node: Mapping[str, Any], category: str, language: str) -> Mapping[str, Any]:
    """An authentication template's texts are the provider's own; where the node leaves them out, they are these."""
    if category != "AUTHENTICATION" or node.get("text"):
        return node
    kind = str(node.get("type") or "").upper()
    if kind == "BODY":
        return {**node, "text": code_body(language, bool(node.get("add_security_recommendation")))}
    minutes = node.get("code_expiration_minutes")
    return {**node, "text": code_footer(language, int(minutes))} if kind == "FOOTER" and minutes else node


def _component(node: Mapping[str, Any], language: str) -> Component:
    offer = node.get("limited_time_offer") or {}
    return Component(
        kind=str(node.get("type") or "UNKNOWN").upper(),
        format=str(node.get("format") or "").upper(),
        text=str(node.get("text") or offer.get("text") or ""),
        example=dict(node.get("example") or {}),
        buttons=tuple(_button(button, language) for button in node.get("buttons") or ()),
        cards=tuple(_card(card, language) for card in node.get("cards") or () if isinstance(card, Mapping)),
        has_expiration=bool(offer.get("has_expiration")),
    )


def _card(node: Mapping[str, Any], language: str) -> Card:
    return Card(components=tuple(_component(part, language) for part in node.get("components") or ()))


def _button(node: Mapping[str, Any], language: str) -> Button:
    kind = str(node.get("type") or "UNKNOWN").upper()
    return Button(
        kind=kind,
        text=str(node.get("text") or (copy_text(language) if kind == "COPY_CODE" else "")),
        url=str(node.get("url") or ""),
        phone_number=str(node.get("phone_number") or ""),
        example=first_example(node.get("example")),
    )
