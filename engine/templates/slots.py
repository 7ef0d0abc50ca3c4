"""The holes of a template: one record a hole, in the order of the message; cards of a carousel after all else.

Keys are fixed: bindings are kept by them. `card.2.button.1.url` is the hole `button.1.url` of the third card.
Source: whatsapp.md §1.4, §1.5, §10.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from engine.words import N_

if TYPE_CHECKING:
    from engine.templates.components import Template
    from engine.templates.parts import Button, Card, Component

SlotKind = Literal["text", "image", "video", "document", "number", "moment", "url_suffix", "code"]
MEDIA_KINDS = frozenset({"image", "video", "document"})
CODE_LIMIT, URL_LIMIT, FILE_NAME_LIMIT = 15, 2000, 240
MEDIA_CAPTIONS = {
    "IMAGE": N_("Header image"),
    "VIDEO": N_("Header video"),
    "DOCUMENT": N_("Header document"),
}


class Slot(BaseModel):
    """A hole of a template.

    Attributes:
        key: `header.text:1`, `header.image`, `body:first_name`, `button.1.url`, `card.0.body:1` …
        caption: how a person calls it: an English text with `{name}`, to be translated.
        name: the variable's name or the button's text.
        example: what the template's author gave as an example.
        prefix: the part of the URL that the template holds itself (url_suffix alone).
        card: which card of the carousel it is in, from 0.
        is_optional: it may stay empty; then the parameter isn't sent.
        limit: the most characters its value may have; 0 where only the whole part has a limit.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    kind: SlotKind
    caption: str
    name: str = ""
    example: str = ""
    prefix: str = ""
    card: int | None = None
    is_optional: bool = False
    limit: int = 0

    @property
    def place(self) -> str:
        """The key inside the card, or the key."""
        return self.key if self.card is None else self.key.removeprefix(f"card.{self.card}.")

    @property
    def is_media(self) -> bool:
        """Whether a file fills it: an uploaded one or a link."""
        return self.kind in MEDIA_KINDS

    @property
    def button_index(self) -> int | None:
        """Which button it belongs to, from 0; None for another part."""
        kind, _, rest = self.place.partition(".")
        return int(rest.partition(".")[0]) if kind == "button" else None

    @property
    def label(self) -> str:
        """The caption in English, its name filled in."""
        label = self.caption.format(name=self.name)
        return label if self.card is None else f"Card {self.card + 1}: {label}"

    @property
    def title(self) -> str:
        """The label in English, whole."""
        return self.label


def slots_of(template: Template) -> tuple[Slot, ...]:
    """Every hole of a template, in the order of the message."""
    found = [
        *_header_slots(template.component("HEADER")),
        *_body_slots(template.component("BODY"), template),
        *_offer_slots(template.component("LIMITED_TIME_OFFER")),
        *_button_slots(template.buttons),
    ]
    for number, card in enumerate(template.cards):
        found += [_in_card(slot, number) for slot in _card_slots(card)]
    return tuple(found)


def _card_slots(card: Card) -> Iterator[Slot]:
    yield from _header_slots(card.component("HEADER"))
    yield from _text_slots(card.component("BODY"), "body", N_("Body {name}"))
    yield from _button_slots(card.buttons)


def _in_card(slot: Slot, number: int) -> Slot:
    return slot.model_copy(update={"key": f"card.{number}.{slot.key}", "card": number})


def _header_slots(header: Component | None) -> Iterator[Slot]:
    if header is None:
        return
    if caption := MEDIA_CAPTIONS.get(header.format):
        kind: SlotKind = header.format.lower()  # type: ignore[assignment]
        yield Slot(key=f"header.{kind}", kind=kind, caption=caption, example=header.header_example)
        if kind == "document":
            yield Slot(
                key="header.document.filename", kind="text", caption=N_("File name of the document"),
                is_optional=True, limit=FILE_NAME_LIMIT,
            )  # fmt: skip
    elif header.format == "LOCATION":
        yield Slot(key="header.location.latitude", kind="number", caption=N_("Latitude"), example="41.0082")
        yield Slot(key="header.location.longitude", kind="number", caption=N_("Longitude"), example="28.9784")
        yield Slot(key="header.location.name", kind="text", caption=N_("Name of the place"), is_optional=True)
        yield Slot(key="header.location.address", kind="text", caption=N_("Address of the place"), is_optional=True)
    elif header.format in {"", "TEXT"}:
        yield from _text_slots(header, "header.text", N_("Header {name}"))


def _body_slots(body: Component | None, template: Template) -> Iterator[Slot]:
    """The variables of the body; of an authentication template's, the code takes the place of the first."""
    slots = _text_slots(body, "body", N_("Body {name}"))
    if template.otp_index is not None:
        next(slots, None)
        key = f"button.{template.otp_index}.otp"
        yield Slot(key=key, kind="code", caption=N_("One-time code"), example="481920", limit=CODE_LIMIT)
    yield from slots


def _text_slots(part: Component | None, start: str, caption: str) -> Iterator[Slot]:
    examples = part.examples if part else {}
    for name in part.variables if part else ():
        example = examples.get(name, "")
        yield Slot(key=f"{start}:{name}", kind="text", caption=caption, name=name, example=example)


def _offer_slots(offer: Component | None) -> Iterator[Slot]:
    if offer is not None and offer.has_expiration:
        yield Slot(key="offer.expires", kind="moment", caption=N_("End of the offer"))


def _button_slots(buttons: tuple[Button, ...]) -> Iterator[Slot]:
    for index, button in enumerate(buttons):
        if slot := _button_slot(button, index):
            yield slot


def _button_slot(button: Button, index: int) -> Slot | None:
    if button.is_dynamic:
        prefix = button.url_prefix
        return Slot(
            key=f"button.{index}.url",
            kind="url_suffix",
            caption=N_("Link of the button “{name}”"),
            name=button.text,
            example=button.example.removeprefix(prefix),
            prefix=prefix,
            limit=max(0, URL_LIMIT - len(prefix)),
        )
    if button.kind == "COPY_CODE":
        return Slot(
            key=f"button.{index}.code", kind="code", caption=N_("Code to copy"), example=button.example,
            limit=CODE_LIMIT,
        )  # fmt: skip
    if button.kind == "FLOW":
        return Slot(
            key=f"button.{index}.flow_token", kind="text", caption=N_("Token of the form “{name}”"),
            name=button.text, is_optional=True,
        )  # fmt: skip
    return None
