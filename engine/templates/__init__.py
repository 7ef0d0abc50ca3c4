"""Templates: read from the provider's description, their slots, what fills them, the payload and its preview.

`resolve_parameters` is imported on first use: it needs polars, which a worker must not touch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.templates.bindings import (
    Binding,
    Bindings,
    empty_slots,
    fields_of_bindings,
    parse_pieces,
    unknown_fields,
)
from engine.templates.components import Slot, Template, parse_template
from engine.templates.render import PayloadBuilder, Rendered, render_message

if TYPE_CHECKING:
    from engine.templates.parameters import resolve_parameters
    from engine.templates.store import get_template, list_templates, load_bindings, save_bindings

_LATE = {
    "resolve_parameters": "parameters",
    "get_template": "store",
    "list_templates": "store",
    "load_bindings": "store",
    "save_bindings": "store",
}

__all__ = [
    "Binding",
    "Bindings",
    "PayloadBuilder",
    "Rendered",
    "Slot",
    "Template",
    "empty_slots",
    "fields_of_bindings",
    "get_template",
    "list_templates",
    "load_bindings",
    "parse_pieces",
    "parse_template",
    "render_message",
    "resolve_parameters",
    "save_bindings",
    "unknown_fields",
]


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"engine.templates.{_LATE[name]}"), name)
