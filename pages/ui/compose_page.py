"""Composing a template: its parts on the left with the provider's rules beside them, on the right the message."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from engine.channels import Channel
from engine.channels.making_drafts import KeptDraft, name_problems, save_draft
from engine.clock import to_ms, utc_now
from engine.templates.composing import DraftCard, TemplateDraft
from engine.templates.composing_preview import preview_of
from engine.templates.composing_rules import body_limit, check_draft
from pages.ui import t
from pages.ui.compose_buttons import draw_buttons, draw_cards
from pages.ui.compose_parts import (
    OFFER_HEADERS,
    PLAIN_HEADERS,
    Spots,
    draw_body,
    draw_code,
    draw_footer,
    draw_header,
    draw_identity,
    draw_offer,
)
from pages.ui.compose_state import Form, add_row, close_draft, form_of, seed
from pages.ui.compose_submit import draw_state, draw_submit
from pages.ui.compose_words import draw_problems
from pages.ui.operation_words import plain
from pages.ui.phone_preview import phone_preview
from pages.ui.services import warehouse
from pages.ui.shell import who
from pages.ui.template_words import STATUS_LABELS

MESSAGE, CAROUSEL = "message", "carousel"
OFFER_LASTS = timedelta(days=2)


def draw_compose(channel: Channel, kept: KeptDraft) -> None:
    """Draw the page of one draft: the form, or what became of it."""
    _draw_head(channel, kept)
    left, right = st.columns([1.55, 1], gap="large")
    with left:
        draft = kept.draft if kept.is_under_way else _draw_form(kept)
        if kept.is_under_way:
            draw_state(channel, kept)
    with right:
        ends = to_ms(utc_now() + OFFER_LASTS)
        phone_preview(preview_of(draft, offer_ends_ms=ends), key=f"compose.{kept.draft_id}.phone")
        st.caption(t("Filled with the examples. Recipients get their own values."))


def _draw_head(channel: Channel, kept: KeptDraft) -> None:
    st.button(
        t("All templates"), icon=":material/arrow_back:", type="tertiary", key="compose.back", on_click=close_draft
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        title = t("Change a template") if kept.edits_template_id else t("New template")
        title = plain(kept.draft.name) if kept.is_under_way else title
        st.title(title, anchor=False, width="content")
        if kept.status:
            good = kept.status == "APPROVED"
            st.badge(t(STATUS_LABELS.get(kept.status, kept.status)), color="green" if good else "orange")
    line = t("sent to review") if kept.is_under_way else t("kept as you type, until it is submitted")
    st.caption(f"{plain(channel.name)} · {line}")


def _draw_form(kept: KeptDraft) -> TemplateDraft:
    """Read the controls, keep what changed, say at each part what is wrong."""
    form, spots = form_of(kept.draft_id, kept.draft), Spots()
    if kept.status == "REJECTED" or kept.problem:
        draw_state(None, kept)
    draft = _read(kept, form, spots)
    if draft != kept.draft:
        save_draft(warehouse(), kept.draft_id, draft, who=who(), now=utc_now())
    cursor = warehouse().cursor()
    at_name = KeptDraft(**{**kept.__dict__, "draft": draft})
    problems = [*name_problems(cursor, at_name, utc_now()), *check_draft(draft)]
    for part, spot in spots.items():
        draw_problems(spot, problems, part)
    draw_submit(kept, problems)
    return draft


def _read(kept: KeptDraft, form: Form, spots: Spots) -> TemplateDraft:
    prefix, begun = f"compose.{kept.draft_id}", kept.draft
    is_live = kept.edits_template_id is not None and not begun.is_code
    draft = draw_identity(begun, prefix, spots, is_edit=kept.target_id is not None, is_live=is_live)
    if draft.is_code:
        st.subheader(t("Code"), anchor=False)
        return draft.model_copy(update={"code": draw_code(begun.code, prefix, spots)})
    kinds = {MESSAGE: t("Message"), CAROUSEL: t("Carousel of cards")}
    kind = st.segmented_control(
        t("Kind"),
        list(kinds),
        key=seed(f"{prefix}.kind", CAROUSEL if begun.is_carousel else MESSAGE),
        format_func=kinds.__getitem__,
        required=True,
    )
    draft = draft.model_copy(update={"is_carousel": kind == CAROUSEL})
    return (
        _read_carousel(draft, prefix, form, spots) if draft.is_carousel else _read_message(draft, prefix, form, spots)
    )


def _read_message(draft: TemplateDraft, prefix: str, form: Form, spots: Spots) -> TemplateDraft:
    st.subheader(t("Header"), anchor=False)
    formats = PLAIN_HEADERS if draft.offer is None else OFFER_HEADERS
    header = draw_header(draft.header, f"{prefix}.header", "header", spots, formats)
    st.subheader(t("Body"), anchor=False)
    body, examples = draw_body(
        t("Text"), draft.body, draft.examples, body_limit(draft), f"{prefix}.body", form, "body", spots
    )
    footer = draw_footer(draft.footer, prefix, spots)
    offer = draw_offer(draft.offer, prefix, spots) if draft.category == "MARKETING" else None
    st.subheader(t("Buttons"), anchor=False)
    buttons = draw_buttons(form.buttons, prefix, spots)
    parts = {
        "header": header,
        "body": body,
        "examples": examples,
        "footer": footer,
        "offer": offer,
        "buttons": buttons,
    }
    return draft.model_copy(update=parts)


def _read_carousel(draft: TemplateDraft, prefix: str, form: Form, spots: Spots) -> TemplateDraft:
    while len(form.cards) < 2:
        add_row(form.cards, DraftCard())
    st.subheader(t("Body"), anchor=False)
    body, examples = draw_body(
        t("Text above the cards"),
        draft.body,
        draft.examples,
        body_limit(draft),
        f"{prefix}.body",
        form,
        "body",
        spots,
    )
    st.subheader(t("Cards"), anchor=False)
    cards = draw_cards(form, prefix, spots)
    return draft.model_copy(update={"body": body, "examples": examples, "cards": cards})
