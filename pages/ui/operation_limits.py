"""The parts of the Messaging limits page: one portfolio's places, and how fast its channels send."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl
import redis
import streamlit as st

from engine.channels.provider import Channel
from engine.clock import from_ms, now_ms
from engine.live import channel_key, reaching_redis
from engine.operations.limit import Freed, LimitNow, Portfolio, pace_now, places_freeing, read_limit
from pages.ui import formats, nt, t
from pages.ui.operation_charts import ink
from pages.ui.operation_words import meaning, plain

HOUR_MS = 3_600_000
QUALITY = {"GREEN": "green", "YELLOW": "orange", "RED": "red"}


def draw_portfolio(portfolio: Portfolio, channels: Sequence[Channel], client: redis.Redis) -> None:
    """One portfolio: limit, used, left, when places free up, and its channels."""
    now = now_ms()
    with reaching_redis():
        limit = read_limit(client, portfolio.portfolio_id, now)
        freed = places_freeing(client, portfolio.portfolio_id, now)
    st.subheader(t("Portfolio {name}", name=plain(portfolio.portfolio_id)), anchor=False)
    st.caption(_source(portfolio))
    _draw_figures(limit, portfolio)
    if freed:
        _draw_freeing(freed, now)
    elif limit.limit is not None:
        st.caption(t("Nobody was messaged outside a service window in the last 24 hours, so every place is free."))
    with reaching_redis():
        _draw_channels(channels, client)


def _source(portfolio: Portfolio) -> str:
    if portfolio.read_at is None:
        return t("The provider has not told its limit yet. Sync the templates or the channel.")
    return t(
        "{tier} · from {source}, read {ago}",
        tier=portfolio.tier or t("no tier named"),
        source=_source_names().get(portfolio.source or "", portfolio.source or t("unknown")),
        ago=formats.ago(portfolio.read_at),
    )


def _source_names() -> dict[str, str]:
    return {"provider": t("the provider"), "sandbox": t("the sandbox"), "webhook": t("a word of the provider")}


def _draw_figures(limit: LimitNow, portfolio: Portfolio) -> None:
    unknown = portfolio.read_at is None and limit.limit is None
    total = t("unlimited") if limit.limit is None else formats.number(limit.limit)
    left = t("unlimited") if limit.left is None else formats.number(limit.left)
    columns = st.columns(3)
    columns[0].metric(t("People in 24 hours"), t("not known") if unknown else total)
    columns[1].metric(t("Used in the last 24 hours"), formats.number(limit.used))
    columns[2].metric(t("Left now"), t("not known") if unknown else left)
    if limit.limit:
        share = min(limit.used / limit.limit, 1.0)
        st.progress(share, text=t("{share} used", share=formats.percent(share)))


def _draw_freeing(freed: Sequence[Freed], now: int) -> None:
    st.markdown(f"**{t('When places become free')}**")
    first = freed[0]
    st.caption(
        t(
            "The next {count} until {time}. A message delivered later than it was accepted keeps its place longer.",
            count=nt("{count} place", "{count} places", first.count),
            time=formats.moment(from_ms(first.until_ms)),
        )
    )
    by_hour = {round((step.from_ms - now) / HOUR_MS): step.count for step in freed}
    hours = range(max(24, *by_hour) + 1)
    frame = pl.DataFrame(
        {
            "hour": [formats.clock(from_ms(now + hour * HOUR_MS)) + "\u200b" * (hour // 24) for hour in hours],
            "places": [by_hour.get(hour, 0) for hour in hours],
            "figure": [formats.number(by_hour[hour]) if hour in by_hour else "" for hour in hours],
        }
    )
    base = alt.Chart(frame).encode(
        x=alt.X("hour:N", sort=None, title=None, axis=alt.Axis(labelAngle=0, labelOverlap="parity")),
        y=alt.Y("places:Q", title=None, axis=None),
        tooltip=[alt.Tooltip("hour:N", title=t("From")), alt.Tooltip("figure:N", title=t("Places"))],
    )
    bars = base.mark_bar(cornerRadiusEnd=3, opacity=0.6)
    figures = base.mark_text(dy=-8, fontSize=12, color=ink()).encode(text="figure:N")
    st.altair_chart((bars + figures).properties(height=180), width="stretch")


def _draw_channels(channels: Sequence[Channel], client: redis.Redis) -> None:
    st.markdown(f"**{t('Numbers and their throughput')}**")
    for channel in channels:
        names = ["state", "cause", "pace", "pace_ms"]
        state, cause, pace, pace_ms = client.hmget(channel_key(channel.channel_id), names)
        line = st.container(
            border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        )
        with line:
            number = formats.phone(channel.display_phone) if channel.display_phone else channel.phone_number_id
            st.markdown(f"**{plain(channel.name)}**  \n:small[{plain(number)}]", width="content")
            st.markdown(_speed(channel, pace, pace_ms), width="content")
            quality = channel.quality_rating or t("not known")
            st.markdown(f"{t('quality')} :{QUALITY.get(quality, 'gray')}-badge[{quality}]", width="content")
            if state == b"halted":
                why = meaning(cause.decode()) if cause else t("no cause was noted")
                st.markdown(f":red-badge[{t('halted')}]  \n:small[{plain(why)}]", width="content")
            else:
                st.markdown(f":green-badge[{t('ready')}]", width="content")


def _speed(channel: Channel, pace: bytes | None, pace_ms: bytes | None) -> str:
    line = t("up to **{rate}** messages per second", rate=formats.number(channel.rate_per_second))
    then = (float(pace), float(pace_ms)) if pace and pace_ms else (None, None)
    slowed = pace_now(channel.rate_per_second, *then, now_ms())
    if slowed < channel.rate_per_second * 0.99:
        line += "  \n:small[" + t("slowed to {rate} for now", rate=formats.number(round(slowed, 1))) + "]"
    return line
