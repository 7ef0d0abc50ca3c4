"""Last step: everything on one screen, who gets it, who doesn't and why."""

from __future__ import annotations

import streamlit as st

from engine.channels.provider import Channel
from engine.operations.drafts import Draft
from engine.segments import is_narrowed
from engine.templates import Template
from pages.ui import formats, nt, t
from pages.ui.audience_words import sentence
from pages.ui.operation_words import plain
from pages.ui.wizard_audience import audience_figures
from pages.ui.wizard_costs import draw_category_hint, draw_costs
from pages.ui.wizard_preflight import Verdicts
from pages.ui.wizard_waterfall import draw_waterfall


def draw_plan(draft: Draft, channel: Channel, template: Template, found: Verdicts) -> None:
    """The number first, then what, from where and to whom, in sentences."""
    count = nt("{count} person gets this message", "{count} people get this message", found.recipient_count)
    st.markdown(f"## {count}")
    figures, _ = audience_figures(draft)
    narrowed = is_narrowed(draft.audience)
    whom = sentence(draft.audience.as_segment(), figures.context) if narrowed else t("**everybody** in the store")
    if draft.audience.selection.is_narrowing:
        whom += " · " + t("narrowed by hand")
    lines = (
        (
            t("Message"),
            f"**{plain(template.name)}** / {plain(template.language)} · {t(template.category.capitalize())}",
        ),
        (t("Sender"), f"**{plain(channel.name)}** {plain(formats.phone(channel.display_phone))}"),
        (t("Audience"), whom),
        (t("When"), t("now, as soon as you launch it")),
    )
    for label, text in lines:
        left, right = st.columns([1, 5], gap="small")
        left.markdown(f":gray[{label}]")
        right.markdown(text)


def draw_left_out(operation_id: str, draft: Draft, template: Template, found: Verdicts) -> None:
    """From the audience to the recipients, a reason for each who is left out; what it costs; what is worth a look."""
    draw_waterfall(operation_id, draft, template, found)
    if found.doubtful_phone_count:
        count = found.doubtful_phone_count
        st.caption(
            nt(
                "{count} recipient has a number that looks unusual; it is tried all the same.",
                "{count} recipients have numbers that look unusual; they are tried all the same.",
                count,
            )
        )
    draw_costs(template, found)
    draw_category_hint(template)
