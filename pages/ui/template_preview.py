"""The phone beside a template's form, with a real contact in it: step, jump to a person, see the hardest ones."""

from __future__ import annotations

import duckdb
import streamlit as st

from engine.channels import get_channel
from engine.clock import utc_now
from engine.contacts import FieldRegistry
from engine.segments import Audience, load_context
from engine.templates import Bindings, Template
from engine.templates.people import Look, count_contacts, look_at
from pages.ui import t
from pages.ui.message_people import hardest_of, row_of_audience
from pages.ui.message_viewer import Viewer, draw_message, draw_viewer
from pages.ui.services import settings, warehouse


def draw_preview(
    cursor: duckdb.DuckDBPyConnection, template: Template, bindings: Bindings, registry: FieldRegistry
) -> None:
    """The phone, whose message it is, and what would be posted."""
    channel, everybody = get_channel(cursor, template.channel_id), Audience()

    def look(contact_id: int | None) -> Look:
        return look_at(warehouse().cursor(), template, bindings, contact_id, registry, zone=settings().timezone)

    count = count_contacts(cursor)
    if count == 0:
        draw_message(channel, template, look(None), key="templates.phone")
        st.caption(t("No contacts yet: import some to see their own messages here."))
        return
    context = load_context(cursor, now=utc_now(), zone=settings().zone)
    row = row_of_audience(everybody, context, count)
    hardest = lambda: hardest_of(everybody, template, bindings, registry)  # noqa: E731
    draw_viewer(Viewer("templates", "", channel, template, bindings, row, look, hardest))
