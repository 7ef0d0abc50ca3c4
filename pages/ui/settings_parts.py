"""The parts of Settings. A secret is typed in and never shown again."""

from __future__ import annotations

from enum import StrEnum

import polars as pl
import streamlit as st
from pydantic import SecretStr

from engine import live
from engine.channels.limits import read_limits
from engine.channels.provider import Channel, ChannelSecrets
from engine.channels.store import add_channel, archive_channel, list_channels, publish_channels, set_rate
from engine.clock import utc_now
from engine.errors import UlakError
from engine.settings import PREFIX
from pages.ui import formats, t, who
from pages.ui.operation_sources import live_or_none
from pages.ui.operation_words import plain
from pages.ui.profile import NAME_LIMIT, choose_person, current_person, known_people, language_switch
from pages.ui.services import live_redis, settings, warehouse
from pages.ui.shell import show_error

SECRET_SETTINGS = frozenset({"secret_key", "redis_url"})


class Key(StrEnum):
    """The page's widget keys."""

    NAME = "settings.name"
    LANGUAGE = "settings.language"
    CHANNEL_NAME = "settings.channel_name"
    NUMBER = "settings.phone_number_id"
    WABA = "settings.waba_id"
    PORTFOLIO = "settings.portfolio_id"
    TOKEN = "settings.access_token"
    APP_SECRET = "settings.app_secret"
    VERIFY = "settings.verify_token"
    RATE = "settings.rate"
    PROBLEM = "settings.problem"


def draw_person() -> None:
    """Name and language."""
    with st.container(border=True, width=560):
        st.markdown(f"**{t('Your name')}**")
        name = st.text_input(
            t("Your name"),
            value=current_person() or "",
            key=Key.NAME,
            max_chars=NAME_LIMIT,
            label_visibility="collapsed",
        )
        st.caption(t("Everything you change is noted with this name. It stays in this browser."))
        if st.button(t("Use this name"), disabled=not name.strip() or name.strip() == current_person()):
            choose_person(name)
            st.rerun()
        if len(people := known_people()) > 1:
            st.caption(t("Worked here before: {names}", names=plain(", ".join(people[:12]))))
    with st.container(border=True, width=560):
        st.markdown(f"**{t('Language')}**")
        language_switch(key=Key.LANGUAGE)
        st.caption(t("Light or dark follows your system."))


def draw_channels() -> None:
    """Each channel with its state and its speed; add one, take one out of use."""
    client = live_or_none()
    for channel in list_channels(warehouse().cursor()):
        _draw_channel(channel, client is not None)
    with st.expander(t("Add a WhatsApp number (Cloud API)"), icon=":material/add:"):
        _draw_new_channel()


def _draw_channel(channel: Channel, is_live: bool) -> None:
    with st.container(border=True):
        left, right = st.columns([3, 2], vertical_alignment="center")
        with left:
            number = formats.phone(channel.display_phone) if channel.display_phone else channel.phone_number_id
            st.markdown(f"**{plain(channel.name)}** · {plain(number)}")
            quality = channel.quality_rating or t("not known")
            st.caption(
                t(
                    "{provider} · status {status} · quality {quality} · secrets are kept sealed",
                    provider=t("simulated") if channel.provider == "sandbox" else "Cloud API",
                    status=channel.status or t("not known"),
                    quality=quality,
                )
            )
            if channel.provider != "sandbox":
                address = f"http://{settings().receiver_host}:{settings().receiver_port}/webhook/{channel.channel_id}"
                st.caption(t("Webhook address behind your HTTPS proxy: {address}", address=address))
            if is_live:
                _draw_halt(channel)
        with right:
            _draw_rate(channel, is_live)


def _draw_halt(channel: Channel) -> None:
    state, cause = live_redis().hmget(live.channel_key(channel.channel_id), "state", "cause")
    if state == b"halted":
        why = cause.decode() if isinstance(cause, bytes) else ""
        st.warning(t("Halted by the provider's answer {cause}. Resume a halted operation to try again.", cause=why))


def _draw_rate(channel: Channel, is_live: bool) -> None:
    key = f"{Key.RATE}.{channel.channel_id}"
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="right"):
        rate = st.number_input(
            t("Messages per second, at most"), 0.1, 1000.0, channel.rate_per_second, 10.0, key=key, width=190
        )
        if st.button(t("Set"), key=f"{key}.set", disabled=not is_live or rate == channel.rate_per_second):
            set_rate(warehouse(), live_redis(), channel.channel_id, rate, who=who(), now=utc_now())
            st.rerun()
        if channel.provider != "sandbox" and st.button(t("Take out of use"), key=f"{key}.archive"):
            archive_channel(warehouse(), live_redis(), channel.channel_id, who=who(), now=utc_now())
            st.rerun()


def _draw_new_channel() -> None:
    if problem := st.session_state.pop(Key.PROBLEM, None):
        show_error(problem)
    with st.form("settings.new_channel", border=False):
        left, right = st.columns(2)
        left.text_input(t("Name"), key=Key.CHANNEL_NAME, placeholder=t("for example Store line"))
        left.text_input(t("Phone number id"), key=Key.NUMBER)
        left.text_input(t("WhatsApp Business account id"), key=Key.WABA)
        left.text_input(t("Business portfolio id"), key=Key.PORTFOLIO)
        right.text_input(t("Access token"), key=Key.TOKEN, type="password")
        right.text_input(t("App secret"), key=Key.APP_SECRET, type="password")
        right.text_input(t("Verify token of the webhook"), key=Key.VERIFY, type="password")
        st.caption(t("The number's state is read from the provider first; only a number that answers is added."))
        st.form_submit_button(t("Add the number"), on_click=_add)


def _add() -> None:
    """Add the channel of the form if the provider knows it; the secrets leave the session either way."""
    typed = {key: str(st.session_state.get(key, "")).strip() for key in Key}
    secrets = ChannelSecrets(
        access_token=SecretStr(typed[Key.TOKEN]),
        app_secret=SecretStr(typed[Key.APP_SECRET]),
        verify_token=SecretStr(typed[Key.VERIFY]),
    )
    channel = Channel(
        channel_id="",
        name=typed[Key.CHANNEL_NAME],
        provider="cloud_api",
        portfolio_id=typed[Key.PORTFOLIO],
        waba_id=typed[Key.WABA],
        phone_number_id=typed[Key.NUMBER],
        graph_url=settings().graph_url,
        graph_version=settings().graph_version,
        rate_per_second=60.0,
    )
    for key in (Key.TOKEN, Key.APP_SECRET, Key.VERIFY):
        st.session_state[key] = ""
    try:
        kept = add_channel(warehouse(), settings(), channel, secrets, who=who(), now=utc_now())
        try:
            read_limits(warehouse(), live_redis(), settings(), kept.channel_id, now=utc_now())
        except UlakError:
            archive_channel(warehouse(), live_or_none(), kept.channel_id, who=who(), now=utc_now())
            raise
        publish_channels(warehouse(), live_redis(), settings())
        st.toast(t("{name} was added.", name=kept.name))
    except UlakError as problem:
        st.session_state[Key.PROBLEM] = problem


def draw_machine() -> None:
    """The settings as they are (secrets masked) and the last changes."""
    st.markdown(f"**{t('Started with')}**")
    rows = [
        {"name": PREFIX + name.upper(), "value": _shown(name, value)}
        for name, value in settings()
        if value is not None
    ]
    st.dataframe(
        pl.DataFrame(rows),
        hide_index=True,
        column_config={"name": t("Setting"), "value": t("Value")},
    )
    st.caption(t("Settings are environment variables; the README lists them. `ulak doctor` looks at every part."))
    st.markdown(f"**{t('Last changes')}**")
    _draw_audit()


def _draw_audit() -> None:
    cursor = warehouse().cursor()
    frame = cursor.sql(
        "SELECT happened_at, who, verb, subject_kind, subject_id FROM audit ORDER BY happened_at DESC LIMIT 50"
    ).pl()
    shown = frame.with_columns(
        pl.col("happened_at").dt.replace_time_zone("UTC").dt.convert_time_zone(settings().timezone)
    )
    st.dataframe(
        shown,
        hide_index=True,
        column_config={
            "happened_at": st.column_config.DatetimeColumn(t("When"), format="YYYY-MM-DD HH:mm:ss"),
            "who": t("Who"),
            "verb": t("Did"),
            "subject_kind": t("What"),
            "subject_id": t("Which"),
        },
    )


def _shown(name: str, value: object) -> str:
    return "••••" if name in SECRET_SETTINGS else str(value)
