"""Rows of buttons, added, removed and put in another order, each with what its kind needs; and a carousel's cards."""

from __future__ import annotations

import streamlit as st

from engine.templates.components import VARIABLE
from engine.templates.composing import (
    CARD_BUTTONS,
    CARD_FORMATS,
    MOST_BUTTONS,
    MOST_CARD_BUTTONS,
    MOST_CARDS,
    ButtonKind,
    DraftButton,
    DraftCard,
)
from engine.templates.composing_buttons import TEXT_LIMIT
from engine.templates.composing_rules import CARD_BODY_LIMIT
from pages.ui import t
from pages.ui.compose_parts import Spots, draw_body, draw_header
from pages.ui.compose_state import Form, Row, add_row, add_to_all, move_row, remove_from_all, remove_row, seed
from pages.ui.compose_words import BUTTONS

ADDABLE: tuple[ButtonKind, ...] = ("QUICK_REPLY", "URL", "PHONE_NUMBER", "COPY_CODE", "FLOW")


def draw_buttons(rows: list[Row], prefix: str, spots: Spots) -> tuple[DraftButton, ...]:
    """The buttons of a message, and the menu that adds one."""
    found = []
    for place, row in enumerate(rows):
        found.append(_draw_row(rows, place, row, prefix, f"buttons.{place}", spots))
    if len(rows) < MOST_BUTTONS:
        with st.container(horizontal=True, gap="small"):
            for kind in ADDABLE:
                st.button(
                    t(BUTTONS[kind]),
                    icon=":material/add:",
                    type="tertiary",
                    key=f"{prefix}.add.{kind}",
                    on_click=add_row,
                    args=(rows, DraftButton(kind=kind)),
                )
    spots["buttons"] = st.container(gap=None)
    return tuple(found)


def draw_cards(form: Form, prefix: str, spots: Spots) -> tuple[DraftCard, ...]:
    """The cards, which all have the same kinds of buttons."""
    found = []
    for place, row in enumerate(form.cards):
        with st.expander(t("Card {number}", number=place + 1), expanded=place == 0, key=f"{prefix}.card.{row.uid}"):
            found.append(_draw_card(form, place, row, prefix, spots))
    with st.container(horizontal=True, gap="small"):
        if len(form.cards) < MOST_CARDS:
            st.button(
                t("Add a card"),
                icon=":material/add:",
                key=f"{prefix}.add.card",
                on_click=add_row,
                args=(form.cards, DraftCard()),
            )
        if form.cards and len(form.cards[0].buttons) < MOST_CARD_BUTTONS:
            for kind in CARD_BUTTONS:
                st.button(
                    t("{kind} on every card", kind=t(BUTTONS[kind])),
                    icon=":material/add:",
                    type="tertiary",
                    key=f"{prefix}.add.card.{kind}",
                    on_click=add_to_all,
                    args=(form.cards, DraftButton(kind=kind)),
                )
    spots["cards"] = st.container(gap=None)
    return tuple(found)


def _draw_card(form: Form, place: int, row: Row, prefix: str, spots: Spots) -> DraftCard:
    begun = row.begun if isinstance(row.begun, DraftCard) else DraftCard()
    own, part = f"{prefix}.{row.uid}", f"card.{place}"
    header = draw_header(begun.header, f"{own}.header", f"{part}.header", spots, CARD_FORMATS)
    label = t("Text of the card")
    text, examples = draw_body(label, begun.body, begun.examples, CARD_BODY_LIMIT, own, form, part, spots)
    buttons = tuple(
        _draw_row(row.buttons, at, each, prefix, f"{part}.{at}", spots, cards=form.cards)
        for at, each in enumerate(row.buttons)
    )
    _draw_tools(form.cards, place, f"{own}.tools", t("Card {number}", number=place + 1))
    row.begun = DraftCard(header=header, body=text, examples=examples, buttons=buttons)
    return row.begun


def _draw_row(
    rows: list[Row], place: int, row: Row, prefix: str, part: str, spots: Spots, cards: list[Row] | None = None
) -> DraftButton:
    """One button: its kind in words, what it needs, and its place. In a carousel all cards lose it together."""
    begun = row.begun if isinstance(row.begun, DraftButton) else DraftButton()
    own = f"{prefix}.{row.uid}"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{place + 1}.** {t(BUTTONS[begun.kind])}", width="content")
        if cards is None:
            _draw_tools(rows, place, f"{own}.tools", t("Button {number}", number=place + 1))
        else:
            st.button(
                t("Remove from every card"),
                icon=":material/close:",
                type="tertiary",
                key=f"{own}.remove",
                on_click=remove_from_all,
                args=(cards, place),
            )
    row.begun = _read(begun, own)
    spots[part] = st.container(gap=None)
    return row.begun


def _read(begun: DraftButton, own: str) -> DraftButton:
    update: dict[str, str] = {}
    if begun.kind == "COPY_CODE":
        update["example"] = _line(t("Example of a code"), begun.example, f"{own}.example", "WINTER20")
        return begun.model_copy(update=update)
    left, right = st.columns([1, 1.5], vertical_alignment="top")
    with left:
        update["text"] = _line(t("Text, up to {limit} characters", limit=TEXT_LIMIT), begun.text, f"{own}.text")
    with right:
        if begun.kind == "URL":
            url = update["url"] = _line(t("Link"), begun.url, f"{own}.url", "https://shop.example/{{1}}")
            if VARIABLE.search(url):
                label = t("The whole link as one person gets it")
                update["example"] = _line(label, begun.example, f"{own}.example", "https://shop.example/a1b2")
        elif begun.kind == "PHONE_NUMBER":
            update["phone_number"] = _line(t("Phone number"), begun.phone_number, f"{own}.phone", "+902125550100")
        elif begun.kind == "FLOW":
            update["flow_id"] = _line(t("Id of the flow"), begun.flow_id, f"{own}.flow")
            update["screen"] = _line(t("Its first screen"), begun.screen, f"{own}.screen", "WELCOME")
    return begun.model_copy(update=update)


def _line(label: str, begun: str, key: str, placeholder: str = "") -> str:
    return st.text_input(label, key=seed(key, begun), placeholder=placeholder, live="300ms") or ""


def _draw_tools(rows: list[Row], place: int, key: str, name: str) -> None:
    """Up, down, out."""
    with st.container(horizontal=True, gap=None, width="content", horizontal_alignment="right"):
        for step, icon, label in (
            (-1, ":material/arrow_upward:", t("Move {name} up", name=name)),
            (1, ":material/arrow_downward:", t("Move {name} down", name=name)),
        ):
            st.button(
                "",
                icon=icon,
                type="tertiary",
                key=f"{key}.{step}",
                help=label,
                disabled=not 0 <= place + step < len(rows),
                on_click=move_row,
                args=(rows, place, step),
            )
        st.button(
            "",
            icon=":material/close:",
            type="tertiary",
            key=f"{key}.out",
            help=t("Remove {name}", name=name),
            on_click=remove_row,
            args=(rows, place),
        )
