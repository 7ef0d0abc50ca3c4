"""The controls of a message's holes, as one component: text in which `@` offers the contacts' fields.

The browser holds what is typed and sends the whole of it, numbered; an older answer never takes newer typing back.
A field is a chip in the text; its format, and what becomes of people who have no value, stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from pydantic import ValidationError

from engine.templates import Binding
from pages.ui.i18n import t

COUNTS = "message_holes.counts"
"""Session state: the number of the last typing that each panel's bindings know of."""


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field that `@` offers: its formats are (name, label, example)."""

    name: str
    label: str
    sample: str = ""
    formats: Sequence[tuple[str, str, str]] = ()


@dataclass(frozen=True, slots=True)
class HoleView:
    """One control.

    Attributes:
        hole: its mark in the text.
        samples: (whose, value) of real contacts; None is no value.
        notes: (tone, text); the tone is "bad" or "".
    """

    key: str
    label: str
    kind: str
    binding: Binding
    hole: str = ""
    hint: str = ""
    prefix: str = ""
    is_optional: bool = False
    samples: Sequence[tuple[str, str | None]] = ()
    notes: Sequence[tuple[str, str]] = ()


def hole_panel(
    views: Sequence[HoleView], fields: Sequence[FieldView], *, key: str, on_typed: Callable[[], None]
) -> None:
    """Draw the controls. `on_typed` is called after something was typed; `typed_holes(key, …)` has it."""
    _panel(
        key=key,
        data={
            "count": st.session_state.get(COUNTS, {}).get(key, 0),
            "words": _words(),
            "fields": [asdict(field) for field in fields],
            "slots": [_slot(view) for view in views],
        },
        on_typed_change=on_typed,
    )


def typed_holes(key: str, known: Collection[str]) -> dict[str, Binding] | None:
    """What was typed (in the callback), by slot; None when it isn't in the panel's shape."""
    sent: Any = st.session_state[key].get("typed")
    try:
        count = int(sent["count"])
        values = {name: Binding.model_validate(value) for name, value in sent["values"].items() if name in known}
    except (TypeError, KeyError, ValueError, AttributeError, ValidationError):
        return None
    st.session_state[COUNTS] = {**st.session_state.get(COUNTS, {}), key: count}
    return values


def _slot(view: HoleView) -> dict[str, Any]:
    return {
        "key": view.key,
        "label": view.label,
        "ifEmpty": t("{slot}, if empty", slot=view.label),
        "kind": view.kind,
        "hole": view.hole,
        "hint": view.hint,
        "prefix": view.prefix,
        "optional": view.is_optional,
        "pieces": [piece.model_dump() for piece in view.binding.pieces],
        "fallback": view.binding.fallback,
        "samples": list(view.samples),
        "notes": list(view.notes),
    }


def _words() -> dict[str, str]:
    return {
        "format": t("Click for its format"),
        "strange": t("There is no such field"),
        "remove": t("Remove"),
        "text": t("Text"),
        "ifEmpty": t("Who has no value:"),
        "out": t("is left out"),
        "instead": t("gets instead"),
        "nothing": t("no value"),
        "more": t("Optional"),
    }


_panel = st.components.v2.component(
    "ulak_message_holes",
    html="""<div class="holes">
  <div class="rows"></div>
  <div class="list" id="fields" role="listbox" hidden></div>
</div>""",
    css=Path(__file__).with_suffix(".css").read_text("utf-8"),
    js=Path(__file__).with_name("message_holes_text.js").read_text("utf-8")
    + Path(__file__).with_suffix(".js").read_text("utf-8"),
)
