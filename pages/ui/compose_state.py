"""What the compose page remembers while a person types: rows of buttons and cards by stable ids, and versions.

The draft itself is in the store; a control that isn't drawn yet begins with what the draft has.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from engine.templates.composing import DraftButton, DraftCard, TemplateDraft

PARAMETER = "compose"
PROBLEM = "compose.problem"


@dataclass
class Row:
    """One button or card: its id names its controls, wherever it stands."""

    uid: str
    begun: DraftButton | DraftCard
    buttons: list[Row] = field(default_factory=list)


@dataclass
class Form:
    """The rows of one draft, in order, and how often a text was changed from here."""

    buttons: list[Row]
    cards: list[Row]
    version: int = 0


def chosen_draft() -> str | None:
    """The draft that the address names."""
    return str(st.query_params.get(PARAMETER, "")) or None


def open_draft(draft_id: str) -> None:
    """Show the compose page."""
    st.query_params.clear()
    st.query_params[PARAMETER] = draft_id


def close_draft() -> None:
    """Back to the list."""
    st.query_params.pop(PARAMETER, None)


def form_of(draft_id: str, draft: TemplateDraft) -> Form:
    """The rows of a draft, made when it is opened."""
    key = f"compose.{draft_id}.form"
    if key not in st.session_state:
        cards = [Row(_uid(), card, [Row(_uid(), button) for button in card.buttons]) for card in draft.cards]
        st.session_state[key] = Form([Row(_uid(), button) for button in draft.buttons], cards)
    form: Form = st.session_state[key]
    return form


def forget_form(draft_id: str) -> None:
    """Forget what was typed: the controls begin anew with the draft."""
    for key in [name for name in st.session_state if str(name).startswith(f"compose.{draft_id}.")]:
        del st.session_state[key]


def seed(key: str, value: Any) -> str:
    """Let a control begin with a value, and return its key."""
    if key not in st.session_state:
        st.session_state[key] = value
    return key


def add_row(rows: list[Row], begun: DraftButton | DraftCard) -> None:
    """Add a row at the end; a card gets the same kinds of buttons as the last one."""
    kinds = [each.begun for each in rows[-1].buttons] if rows and isinstance(begun, DraftCard) else []
    fresh = [Row(_uid(), DraftButton(kind=each.kind)) for each in kinds if isinstance(each, DraftButton)]
    rows.append(Row(_uid(), begun, fresh))


def add_to_all(cards: list[Row], begun: DraftButton) -> None:
    """Give every card one more button of a kind."""
    for card in cards:
        card.buttons.append(Row(_uid(), begun))


def remove_row(rows: list[Row], place: int) -> None:
    """Take a row out."""
    del rows[place]


def remove_from_all(cards: list[Row], place: int) -> None:
    """Take the button of that place from every card."""
    for card in cards:
        del card.buttons[place]


def move_row(rows: list[Row], place: int, step: int) -> None:
    """Let a row change places with its neighbour."""
    rows[place], rows[place + step] = rows[place + step], rows[place]


def _uid() -> str:
    return secrets.token_hex(4)
