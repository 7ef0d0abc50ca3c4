"""One template: what fills its slots on the left, on the right the message as a real contact would see it."""

from __future__ import annotations

import streamlit as st

from engine.channels import Channel
from engine.contacts import load_registry
from engine.templates import Template, load_bindings
from pages.ui import formats, t
from pages.ui.binding_section import draw_bindings
from pages.ui.compose_manage import draw_manage
from pages.ui.services import warehouse
from pages.ui.shell import show_error
from pages.ui.template_list import sync_line
from pages.ui.template_preview import draw_preview
from pages.ui.template_state import Key, close_template
from pages.ui.template_words import category_label, quality_label, reason_label, status_label


def draw_detail(channel: Channel, template: Template) -> None:
    """Draw the page of one template."""
    cursor = warehouse().cursor()
    registry, kept = load_registry(cursor), load_bindings(cursor, template)
    _draw_head(channel, template)
    if problem := st.session_state.pop(Key.PROBLEM, None):
        show_error(problem)
    left, right = st.columns([1.55, 1], gap="large")
    with left:
        bindings = draw_bindings(cursor, template, kept, registry)
        draw_manage(channel, template)
    with right:
        draw_preview(cursor, template, bindings, registry)


def _draw_head(channel: Channel, template: Template) -> None:
    st.button(
        t("All templates"),
        icon=":material/arrow_back:",
        type="tertiary",
        key="templates.back",
        on_click=close_template,
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(template.name.replace("_", r"\_"), anchor=False, width="content")
        good = template.unsendable_reason is None
        st.badge(status_label(template), color="green" if template.status == "APPROVED" else "orange")
        st.badge(category_label(template), color="gray")
        st.badge(formats.language_name(template.language), color="gray")
        if template.quality:
            st.badge(t("quality: {quality}", quality=quality_label(template)), color="gray")
    st.caption(f"{channel.name} · {sync_line(channel)}")
    if not good:
        st.warning(t("This template can't be sent: {reason}", reason=reason_label(template)), icon=":material/block:")
