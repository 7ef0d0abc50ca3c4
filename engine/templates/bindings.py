"""What fills a template's slots: text and fields mixed, as a person types it ("Sayın @surname"), and what happens
where the value is empty.

Typed: `@field` stands for a contact's value, `@field:short` for its short form (dates), `@@` for an @. `@today` is
the day on which the audience is frozen, `@channel` the name of who sends; no contact has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict

from engine.templates.components import Template
from engine.templates.slots import Slot

FORMATS = ("long", "short", "number", "plain", "money", "upper", "lower", "title")
"""How a value is written: dates long or short, numbers grouped or plain, money (also `money_TRY`), letters."""

FIELD = re.compile(rf"@(?:@|([a-z][a-z0-9_]*)(?::(money_[A-Z]{{3}}|{'|'.join(FORMATS)})(?![A-Za-z0-9_]))?)")
TODAY, CHANNEL = "today", "channel"
OF_NO_CONTACT = frozenset({TODAY, CHANNEL})
MEDIA_MARK = "media:"
"""A slot's value that is this and a content hash is an uploaded file."""


class Piece(BaseModel):
    """A part of a binding: constant text, or a field of the contact in a format."""

    model_config = ConfigDict(frozen=True)

    text: str = ""
    field: str = ""
    format: str = ""

    @property
    def typed(self) -> str:
        """As a person types it."""
        if not self.field:
            return self.text.replace("@", "@@")
        return f"@{self.field}:{self.format}" if self.format else f"@{self.field}"


class Binding(BaseModel):
    """What fills one slot.

    Attributes:
        pieces: constant text and fields, joined.
        fallback: the whole value where a field is empty. Without one, such people are left out.
    """

    model_config = ConfigDict(frozen=True)

    pieces: tuple[Piece, ...] = ()
    fallback: str = ""

    @classmethod
    def of(cls, typed: str, fallback: str = "") -> Binding:
        """The binding of typed text."""
        return cls(pieces=parse_pieces(typed), fallback=fallback)

    @property
    def typed(self) -> str:
        """As a person types it; `Binding.of` reads it back."""
        return "".join(piece.typed for piece in self.pieces)

    @property
    def fields(self) -> tuple[str, ...]:
        """The contact's fields that it reads, each once, in order."""
        return tuple(dict.fromkeys(piece.field for piece in self.pieces if piece.field not in {"", *OF_NO_CONTACT}))

    @property
    def is_empty(self) -> bool:
        """Nothing was typed."""
        return not self.typed.strip()

    @property
    def leaves_out(self) -> bool:
        """Whether people with an empty value are left out."""
        return bool(self.fields) and not self.fallback.strip()

    @property
    def media_hash(self) -> str | None:
        """The content hash of the uploaded file it stands for, if it does."""
        return self.typed.removeprefix(MEDIA_MARK) if self.typed.startswith(MEDIA_MARK) else None


Bindings = Mapping[str, Binding]
"""Slot key -> what fills it."""


def parse_pieces(typed: str) -> tuple[Piece, ...]:
    """Take typed text apart: `Sayın @surname` -> text, field. An @ that names nothing is an @."""
    pieces: list[Piece] = []
    text, place = "", 0
    for match in FIELD.finditer(typed):
        text += typed[place : match.start()]
        place = match.end()
        if match.group(1) is None:
            text += "@"
            continue
        if text:
            pieces.append(Piece(text=text))
        pieces.append(Piece(field=match.group(1), format=match.group(2) or ""))
        text = ""
    if text := text + typed[place:]:
        pieces.append(Piece(text=text))
    return tuple(pieces)


def fields_of_bindings(bindings: Bindings) -> tuple[str, ...]:
    """Every field the bindings read, each once."""
    return tuple(dict.fromkeys(field for binding in bindings.values() for field in binding.fields))


def media_of_bindings(bindings: Bindings) -> tuple[str, ...]:
    """The content hashes of the uploaded files that the bindings use."""
    return tuple(dict.fromkeys(found for binding in bindings.values() if (found := binding.media_hash)))


def empty_slots(template: Template, bindings: Bindings) -> tuple[Slot, ...]:
    """The slots that nothing fills and that can't stay empty."""
    needed = (slot for slot in template.slots if not slot.is_optional)
    return tuple(slot for slot in needed if slot.key not in bindings or bindings[slot.key].is_empty)


def unknown_fields(bindings: Bindings, known: Iterable[str]) -> tuple[str, ...]:
    """Fields that a binding names and no contact has."""
    names = set(known)
    return tuple(field for field in fields_of_bindings(bindings) if field not in names)
