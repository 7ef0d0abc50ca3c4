"""Templates: what the provider approved, whether it can be sent, what fills its variables, and how it looks."""

from __future__ import annotations

import streamlit as st

from engine.channels import Channel, get_channel, list_channels
from engine.channels.making_drafts import get_draft
from engine.errors import NotFound
from engine.templates import get_template
from pages.ui import empty_state, guarded, header, t
from pages.ui.compose_list import draw_drafts, draw_new
from pages.ui.compose_page import draw_compose
from pages.ui.compose_state import chosen_draft, close_draft
from pages.ui.services import warehouse
from pages.ui.template_detail import draw_detail
from pages.ui.template_list import draw_list, draw_sync, sync_line
from pages.ui.template_state import Key, chosen_name, close_template, current_channel


def draw() -> None:
    """Draw the list, or the one template that the address names."""
    channels = list_channels(warehouse().cursor())
    if not channels:
        header(t("Templates"), t("The texts that the provider has approved for you"))
        empty_state(
            t("No channel yet"),
            t("Add one in the settings. The sandbox, which simulates WhatsApp, makes one when it starts."),
            icon=":material/sms_failed:",
        )
        st.page_link("pages/settings.py", label=t("Settings"), icon=":material/settings:")
        return
    channel = current_channel(channels)
    if draft_id := chosen_draft():
        try:
            kept = get_draft(warehouse().cursor(), draft_id)
        except NotFound:
            close_draft()
        else:
            draw_compose(get_channel(warehouse().cursor(), kept.channel_id), kept)
            return
    chosen = chosen_name()
    if chosen is not None:
        try:
            template = get_template(warehouse().cursor(), channel.channel_id, *chosen)
        except NotFound:
            close_template()
        else:
            draw_detail(channel, template)
            return
    _draw_head(channels, channel)
    draw_drafts(channel)
    draw_list(channel)


def _draw_head(channels: list[Channel], channel: Channel) -> None:
    left, right = st.columns([2.2, 1], vertical_alignment="bottom")
    with left:
        line = t("What the provider has approved for you")
        header(t("Templates"), f"{line} · {channel.name} · {sync_line(channel)}")
    with right, st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="bottom"):
        if len(channels) > 1:
            names = {each.channel_id: each.name for each in channels}
            st.selectbox(
                t("Channel"),
                list(names),
                index=list(names).index(channel.channel_id),
                format_func=names.__getitem__,
                key=Key.CHANNEL,
                label_visibility="collapsed",
            )
        draw_new(channel)
        draw_sync(channel)


with guarded():
    draw()
