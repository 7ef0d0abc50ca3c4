"""The sandbox's templates, and values that fill every kind of slot as the product resolves them."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from engine.templates import Binding, Template, parse_template, resolve_parameters
from tests.engine.templates_world import SHIPPED

LINK = "https://cdn.example/file"
ALL = [
    parse_template("sandbox", node)
    for path in sorted(SHIPPED.glob("*.json"))
    for node in json.loads(path.read_text("utf-8"))
]
SENDABLE = [found for found in ALL if found.unsendable_reason is None]
TYPED = {"url_suffix": "a1", "number": "41.5", "moment": "2099-12-31", "code": "KOD15"}


def bindings_for(found: Template, media: str = LINK) -> dict[str, Binding]:
    """Text slots get the field `word`, the others a constant of their kind."""
    return {slot.key: Binding.of(TYPED.get(slot.kind, media if slot.is_media else "@word")) for slot in found.slots}


def filled(found: Template, word: str = "Ayşe", media: str = LINK) -> dict[str, Any]:
    """The row of one person."""
    return resolve_parameters(pl.DataFrame({"word": [word]}), found, bindings_for(found, media)).row(0, named=True)


def values_of(found: Template, row: dict[str, Any]) -> list[str]:
    """The parameters of a row."""
    return [row[f"p_{index}"] or "" for index in range(len(found.slots))]
