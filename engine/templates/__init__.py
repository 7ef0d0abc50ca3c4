"""Templates: what the provider approved, its slots, what fills them, and the exact message that comes of it."""

from __future__ import annotations

from engine.templates.bindings import (
    Binding,
    Bindings,
    Piece,
    empty_slots,
    fields_of_bindings,
    media_of_bindings,
    parse_pieces,
    unknown_fields,
)
from engine.templates.components import Button, Card, Component, Slot, Template, content_hash, parse_template
from engine.templates.render import PayloadBuilder, Rendered, RenderedButton, RenderedCard, render_message
from engine.templates.store import (
    KeptBindings,
    dump_bindings,
    get_template,
    list_templates,
    load_bindings,
    parse_bindings,
    save_bindings,
)

__all__ = [
    "Binding",
    "Bindings",
    "Button",
    "Card",
    "Component",
    "KeptBindings",
    "PayloadBuilder",
    "Piece",
    "Rendered",
    "RenderedButton",
    "RenderedCard",
    "Slot",
    "Template",
    "content_hash",
    "dump_bindings",
    "empty_slots",
    "fields_of_bindings",
    "get_template",
    "list_templates",
    "load_bindings",
    "media_of_bindings",
    "parse_bindings",
    "parse_pieces",
    "parse_template",
    "render_message",
    "resolve_parameters",
    "save_bindings",
    "unknown_fields",
]


def __getattr__(name: str) -> object:
    """`resolve_parameters` loads polars, which must not start in a worker: only when it is asked for."""
    if name == "resolve_parameters":
        from engine.templates.parameters import resolve_parameters

        return resolve_parameters
    raise AttributeError(name)
