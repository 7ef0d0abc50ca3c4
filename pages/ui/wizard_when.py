"""Fourth step: when. Now, and what that means: how long it takes, and what it leaves of the messaging limit."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from engine.channels.provider import Channel
from engine.clock import now_ms, utc_now
from engine.live import reaching_redis
from engine.operations.limit import read_limit
from pages.ui import formats, t
from pages.ui.services import live_redis
from pages.ui.wizard_preflight import Verdicts
from pages.ui.wizard_state import Key

NOW = "now"


def draw_when(operation_id: str, channel: Channel, found: Verdicts) -> None:
    """The one choice there is, and its consequences."""
    st.radio(
        t("When"),
        [NOW],
        format_func=lambda _: t("Now"),
        captions=[t("It begins as soon as you launch it in the review.")],
        key=Key.WHEN.of(operation_id),
    )
    seconds = found.recipient_count / channel.rate_per_second
    end = utc_now() + timedelta(seconds=seconds)
    with st.container(border=True):
        columns = st.columns(3)
        columns[0].metric(t("Recipients"), formats.number(found.recipient_count))
        columns[1].metric(t("Takes about"), formats.duration(max(seconds, 1)))
        columns[2].metric(t("Done at about"), formats.clock(end))
        rate = formats.number(channel.rate_per_second)
        st.caption(t("At up to {rate} messages per second, if nothing else is sent on this channel.", rate=rate))
    with reaching_redis():
        limit = read_limit(live_redis(), channel.portfolio_id, now_ms())
    if limit.left is None:
        st.caption(t("This channel has no messaging limit."))
    elif found.recipient_count <= limit.left:
        st.markdown(
            t(
                "The messaging limit leaves **{left}** people in the next 24 hours; after this message at least "
                "**{rest}**.",
                left=formats.number(limit.left),
                rest=formats.number(limit.left - found.recipient_count),
            )
        )
    else:
        st.warning(
            t(
                "The messaging limit leaves {left} people now, and {wanted} would get this message. People in an "
                "open conversation don't count; the review says whether it fits.",
                left=formats.number(limit.left),
                wanted=formats.number(found.recipient_count),
            ),
            icon=":material/speed:",
        )
