"""The phone of the wizard: through the audience while the message is written, then through the recipients."""

from __future__ import annotations

import streamlit as st

from engine.channels.provider import Channel
from engine.channels.store import get_channel
from engine.contacts import load_registry
from engine.operations.drafts import Draft
from engine.templates import Template, empty_slots
from engine.templates.people import Look, look_at
from pages.ui import t
from pages.ui.binding_form import slot_label
from pages.ui.binding_samples import FEW
from pages.ui.message_people import Row, hardest_of, row_of_audience, row_of_ids
from pages.ui.message_viewer import Viewer, draw_viewer
from pages.ui.operation_words import reason
from pages.ui.services import settings, warehouse
from pages.ui.wizard_audience import audience_figures
from pages.ui.wizard_preflight import Verdicts, message_of


def draw_audience_preview(operation_id: str, draft: Draft, template: Template) -> None:
    """Step through the audience; empty slots show their marks, people who would be left out say why."""
    _draw(operation_id, draft, template, _row(draft))


def draw_recipient_preview(operation_id: str, draft: Draft, template: Template, found: Verdicts) -> None:
    """Step through those who get it."""
    _draw(operation_id, draft, template, row_of_ids(found.recipient_ids), found)


def first_of_audience(draft: Draft) -> list[int]:
    """The first few people of the draft's audience."""
    row = _row(draft)
    return [row.contact_at(place) for place in range(min(FEW, row.count))]


def _row(draft: Draft) -> Row:
    figures, count = audience_figures(draft)
    return row_of_audience(draft.audience, figures.context, count)


def _draw(operation_id: str, draft: Draft, template: Template, row: Row, found: Verdicts | None = None) -> None:
    if row.count == 0:
        st.caption(t("Nobody is in this audience, so there is no message to show."))
        return
    cursor = warehouse().cursor()
    registry = load_registry(cursor)
    channel: Channel = get_channel(cursor, template.channel_id)
    labels = {slot.key: slot_label(slot) for slot in template.slots}
    is_whole = not empty_slots(template, draft.bindings)

    def look(contact_id: int) -> Look | str:
        verdict = message_of(draft, template, contact_id) if is_whole else None
        if isinstance(verdict, str):
            return t("Gets no message: {reason}", reason=reason(verdict, labels))
        return look_at(cursor, template, draft.bindings, contact_id, registry, zone=settings().timezone)

    among = None if found is None else found.recipient_ids
    hardest = lambda: hardest_of(draft.audience, template, draft.bindings, registry, among=among)  # noqa: E731
    of = f".{operation_id}"
    draw_viewer(Viewer("bulk_message", of, channel, template, draft.bindings, row, look, hardest))
