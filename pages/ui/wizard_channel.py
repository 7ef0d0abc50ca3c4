"""First step: a name, the channel to send from, the type of message."""

from __future__ import annotations

import streamlit as st

from engine.channels.provider import Channel
from engine.channels.store import list_channels
from engine.clock import now_ms
from engine.errors import QueueUnavailable
from engine.live import reaching_redis
from engine.operations.drafts import NAME_LIMIT, Draft
from engine.operations.limit import LimitNow, read_limit
from pages.ui import empty_state, formats, nt, t
from pages.ui.operation_words import plain
from pages.ui.services import live_redis, warehouse
from pages.ui.wizard_state import Key, change

TEMPLATE_MESSAGE = "template"


def draw_channel(operation_id: str, draft: Draft) -> Draft:
    """Name, channel, type; the draft as it is afterwards, for the only channel is chosen by itself."""
    channels = {channel.channel_id: channel for channel in list_channels(warehouse().cursor())}
    if not channels:
        empty_state(
            t("No channel yet"),
            t("Add one in the settings. The sandbox, which simulates WhatsApp, makes one when it starts."),
            icon=":material/sms_failed:",
        )
        return draft
    _draw_name(operation_id, draft)
    known = draft.channel_id if draft.channel_id in channels else None
    if known is None and len(channels) == 1:
        known = next(iter(channels))
        change(operation_id, channel_id=known)
    key = Key.CHANNEL.of(operation_id)
    st.radio(
        t("Channel"),
        list(channels),
        index=list(channels).index(known) if known else None,
        format_func=lambda channel_id: plain(channels[channel_id].name),
        captions=[_line(channel) for channel in channels.values()],
        key=key,
        on_change=lambda: change(operation_id, channel_id=st.session_state[key], **_FORGOTTEN),
    )
    st.radio(
        t("Type"),
        [TEMPLATE_MESSAGE],
        format_func=lambda _: t("Template message"),
        captions=[
            t("A text the provider has approved, with blanks filled for each person. It may begin a conversation.")
        ],
        key=Key.TYPE.of(operation_id),
    )
    return draft.changed(channel_id=known)


_FORGOTTEN: dict[str, object] = {
    "template_name": None,
    "template_language": None,
    "template_hash": None,
    "bindings": {},
}
"""A template belongs to a channel: another channel begins without one."""


def _draw_name(operation_id: str, draft: Draft) -> None:
    key = Key.NAME.of(operation_id)
    st.text_input(
        t("Name of this message"),
        value=draft.name,
        max_chars=NAME_LIMIT,
        key=key,
        width=560,
        placeholder=t("for example November news; only you and your colleagues see it"),
        on_change=lambda: change(operation_id, name=" ".join(st.session_state[key].split())),
    )


def _line(channel: Channel) -> str:
    number = formats.phone(channel.display_phone) if channel.display_phone else channel.phone_number_id
    parts = [
        plain(number),
        t("up to {rate} per second", rate=formats.number(channel.rate_per_second)),
    ]
    limit = _limit(channel)
    if limit is not None:
        left = (
            t("no messaging limit")
            if limit.left is None
            else nt(
                "{count} person left in the messaging limit", "{count} people left in the messaging limit", limit.left
            )
        )
        parts.append(left)
    return " · ".join(parts)


def _limit(channel: Channel) -> LimitNow | None:
    try:
        with reaching_redis():
            return read_limit(live_redis(), channel.portfolio_id, now_ms())
    except QueueUnavailable:
        return None
