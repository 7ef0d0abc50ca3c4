"""Last step: everything on one screen, who gets it, who doesn't and why."""

from __future__ import annotations

import polars as pl
import streamlit as st

from engine.channels.provider import Channel
from engine.operations.drafts import Draft
from engine.segments import is_narrowed
from engine.templates import Template
from pages.ui import formats, nt, t
from pages.ui.audience_words import sentence
from pages.ui.operation_words import plain, reason
from pages.ui.wizard_audience import audience_figures
from pages.ui.wizard_preflight import Verdicts, left_out_people

PAGE_ROWS = 20
REASON_KEY, PAGE_KEY = "bulk_message.reason", "bulk_message.left_out_page"


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
        (t("From"), f"**{plain(channel.name)}** {plain(formats.phone(channel.display_phone))}"),
        (t("To"), whom),
        (t("When"), t("now, as soon as you launch it")),
    )
    for label, text in lines:
        left, right = st.columns([1, 5], gap="small")
        left.markdown(f":gray[{label}]")
        right.markdown(text)


def draw_left_out(found: Verdicts, template: Template) -> None:
    """From the audience to the recipients, a reason for each who is left out, and their names."""
    labels = {slot.key: t(slot.caption, name=slot.name) for slot in template.slots}
    gone = found.left_out.height
    st.markdown(
        t(
            "**{audience}** in the audience, **{gone}** left out, **{recipients}** recipients",
            audience=formats.number(found.audience_count),
            gone=formats.number(gone),
            recipients=formats.number(found.recipient_count),
        )
    )
    if found.doubtful_phone_count:
        count = found.doubtful_phone_count
        st.caption(
            nt(
                "{count} recipient has a number that looks unusual; it is tried all the same.",
                "{count} recipients have numbers that look unusual; they are tried all the same.",
                count,
            )
        )
    if not gone:
        return
    frame = pl.DataFrame(
        {"reason": [reason(key, labels) for key in found.reasons], "people": list(found.reasons.values())}
    )
    people = st.column_config.ProgressColumn(
        t("People"), format="localized", min_value=0, max_value=max(found.reasons.values())
    )
    reasons = st.column_config.TextColumn(t("Left out because"), width="large")
    st.dataframe(frame, hide_index=True, column_config={"reason": reasons, "people": people})
    with st.popover(t("Who is left out"), icon=":material/person_off:"):
        _draw_people(found, labels)


def _draw_people(found: Verdicts, labels: dict[str, str]) -> None:
    key = st.selectbox(
        t("Reason"),
        [None, *found.reasons],
        key=REASON_KEY,
        format_func=lambda each: t("All reasons") if each is None else reason(each, labels),
    )
    total = found.reasons.get(key, 0) if key else found.left_out.height
    pages = max(-(-total // PAGE_ROWS), 1)
    page = st.pagination(pages, key=f"{PAGE_KEY}.{key}") if pages > 1 else 1
    rows = left_out_people(found, key, PAGE_ROWS, (page - 1) * PAGE_ROWS)
    shown = pl.DataFrame(
        {
            "name": [name or "–" for name in rows["name"]],
            "phone": [formats.phone(phone) for phone in rows["phone"]],
            "reason": [reason(each, labels) for each in rows["reason"]],
        }
    )
    text = st.column_config.TextColumn
    columns = {"name": text(t("Name")), "phone": text(t("Phone")), "reason": text(t("Reason"))}
    st.dataframe(shown, hide_index=True, column_config=columns, width=560)
