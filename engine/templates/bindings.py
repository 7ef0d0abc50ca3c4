"""What fills a template's slots: text and fields mixed, as a person types it ("Sayın @surname"), and what to do when
the value is empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from engine.templates.components import Slot, Template

FIELD = re.compile(r"@([a-z][a-z0-9_]*)")
MEDIA_ID_PREFIX = "media:"


class Piece(BaseModel):
    """A part of a binding: constant text, or a field of the contact."""

    model_config = ConfigDict(frozen=True)

    text: str = ""
    field: str = ""


class Binding(BaseModel):
    """What fills one slot.

    Attributes:
        text: as typed; `@field` stands for the contact's value, `@@` for an @.
        fallback: the whole value where a field is empty; without one, such people are left out.
    """

    model_config = ConfigDict(frozen=True, ignored_types=(cached_property,))

    text: str = ""
    fallback: str = ""

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The text taken apart."""
        return parse_pieces(self.text)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields it reads, in order."""
        return tuple(dict.fromkeys(piece.field for piece in self.pieces if piece.field))

    @property
    def is_empty(self) -> bool:
        """Nothing was typed."""
        return not self.text.strip()

    @property
    def leaves_out(self) -> bool:
        """Whether people with an empty value are left out."""
        return bool(self.fields) and not self.fallback.strip()


Bindings = Mapping[str, Binding]
"""Slot key -> what fills it."""


def parse_pieces(text: str) -> tuple[Piece, ...]:
    """Take typed text apart: `Sayın @surname` -> text, field."""
    pieces: list[Piece] = []
    place = 0
    escaped = text.replace("@@", "\0")
    for match in FIELD.finditer(escaped):
        if match.start() > place:
            pieces.append(Piece(text=escaped[place : match.start()].replace("\0", "@")))
        pieces.append(Piece(field=match.group(1)))
        place = match.end()
    if place < len(escaped):
        pieces.append(Piece(text=escaped[place:].replace("\0", "@")))
    return tuple(pieces)


def fields_of_bindings(bindings: Bindings) -> tuple[str, ...]:
    """Every field the bindings read, each once."""
    return tuple(dict.fromkeys(field for binding in bindings.values() for field in binding.fields))


def empty_slots(template: Template, bindings: Bindings) -> tuple[Slot, ...]:
    """The slots that nothing fills."""
    return tuple(slot for slot in template.slots if slot.key not in bindings or bindings[slot.key].is_empty)


def unknown_fields(bindings: Bindings, known: Iterable[str]) -> tuple[str, ...]:
    """Fields that a binding names and no contact has."""
    names = set(known)
    return tuple(field for field in fields_of_bindings(bindings) if field not in names)
