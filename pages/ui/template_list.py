"""The list of a channel's templates: sync, search, and what each is and whether it can be sent."""

from __future__ import annotations

import hashlib

import polars as pl
import streamlit as st

from engine.channels import Channel
from engine.channels.sync import last_synced, sync_templates
from engine.clock import utc_now
from engine.errors import ProviderError, QueueUnavailable, UlakError
from engine.templates import Template, list_templates
from pages.ui import empty_state, formats, nt, t
from pages.ui.services import live_redis, settings, warehouse
from pages.ui.shell import show_error, who
from pages.ui.template_news import draw_changes
from pages.ui.template_state import Key, open_template
from pages.ui.template_words import (
    category_label,
    quality_label,
    reason_label,
    status_label,
    sync_problem,
    sync_sentence,
)

SENDABLE, VARIABLES, BLOCKED = "sendable", "variables", "blocked"
ROW_PIXELS = 35
MOST_ROWS_SEEN = 18


def draw_list(channel: Channel) -> None:
    """The tools, what the last sync found, and the table."""
    templates = list_templates(warehouse().cursor(), channel.channel_id)
    _draw_news(channel)
    if not templates:
        empty_state(
            t("No templates yet"),
            t("Sync to see this channel's, with what may be sent and what not, or make one."),
            icon=":material/chat:",
        )
        return
    shown = _draw_tools(templates)
    if not shown:
        empty_state(t("No template matches"), t("Change the search or the choice above."), icon=":material/search:")
        return
    _draw_table(shown)


def draw_sync(channel: Channel) -> None:
    """The button that reads the templates from the provider."""
    st.button(
        t("Sync"),
        icon=":material/sync:",
        type="primary",
        key="templates.sync",
        help=t("Read {channel}'s templates from the provider now", channel=channel.name),
        on_click=_sync,
        args=(channel.channel_id,),
    )


def sync_line(channel: Channel) -> str:
    """When the channel was synced."""
    synced = last_synced(warehouse().cursor(), channel.channel_id)
    return t("never synced") if synced is None else t("synced {ago}", ago=formats.ago(synced))


def _sync(channel_id: str) -> None:
    try:
        client = live_redis()
    except QueueUnavailable:
        client = None
    try:
        found = sync_templates(warehouse(), client, settings(), channel_id, who=who(), now=utc_now())
    except UlakError as problem:
        st.session_state[Key.PROBLEM] = problem
        st.session_state.pop(Key.RESULT, None)
    else:
        st.session_state[Key.RESULT] = found


def _draw_news(channel: Channel) -> None:
    """What the last sync found, or why it didn't come about."""
    problem = st.session_state.pop(Key.PROBLEM, None)
    if isinstance(problem, ProviderError):
        st.error(sync_problem(problem), icon=":material/sync_problem:")
    elif problem is not None:
        show_error(problem)
    found = st.session_state.get(Key.RESULT)
    if found is not None and found.channel_id == channel.channel_id:
        st.success(sync_sentence(found), icon=":material/check:")
    draw_changes(channel)


def _draw_tools(templates: list[Template]) -> list[Template]:
    left, right = st.columns([1, 1.6], vertical_alignment="center")
    needle = left.text_input(
        t("Search templates"),
        key=Key.SEARCH,
        type="search",
        placeholder=t("Name or text"),
        label_visibility="collapsed",
        live="300ms",
        persist_state="session",
    )
    names = {SENDABLE: t("Can be sent"), VARIABLES: t("With variables"), BLOCKED: t("Can't be sent")}
    choice = right.pills(
        t("Show"),
        list(names),
        format_func=names.__getitem__,
        key=Key.SHOW,
        label_visibility="collapsed",
        persist_state="session",
    )
    return [each for each in templates if _fits(each, choice) and _contains(each, (needle or "").strip())]


def _fits(template: Template, choice: str | None) -> bool:
    if choice == VARIABLES:
        return template.has_variables
    return choice is None or (template.unsendable_reason is None) is (choice == SENDABLE)


def _contains(template: Template, needle: str) -> bool:
    text = " ".join([template.name, *(part.text for part in template.components)])
    return _folded(needle) in _folded(text)


def _folded(text: str) -> str:
    """Case and dots of the I aside."""
    return text.translate(str.maketrans("İIı", "iii")).lower()


def _draw_table(templates: list[Template]) -> None:
    frame = pl.DataFrame(
        {
            "name": [each.name for each in templates],
            "mark": ["{ }" if each.has_variables else "" for each in templates],
            "language": [formats.language_name(each.language) for each in templates],
            "category": [category_label(each) for each in templates],
            "status": [status_label(each) for each in templates],
            "quality": [quality_label(each) for each in templates],
            "note": [reason_label(each) for each in templates],
        }
    )
    chosen = st.dataframe(
        frame,
        key=table_key(templates, st.session_state.get(Key.OPENED, 0)),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-cell",
        row_height=ROW_PIXELS,
        height=min(len(templates) + 1, MOST_ROWS_SEEN) * ROW_PIXELS + 3,
        column_config={
            "name": st.column_config.TextColumn(t("Name"), width="medium"),
            "mark": st.column_config.TextColumn("{ }", width=40, help=t("Has variables to fill")),
            "language": st.column_config.TextColumn(t("Language"), width="small"),
            "category": st.column_config.TextColumn(t("Category"), width=105),
            "status": st.column_config.TextColumn(t("Status"), width=115),
            "quality": st.column_config.TextColumn(t("Quality"), width=95),
            "note": st.column_config.TextColumn(t("Why it can't be sent"), width="large"),
        },
    )
    if cells := chosen["selection"]["cells"]:
        st.session_state[Key.OPENED] = st.session_state.get(Key.OPENED, 0) + 1
        open_template(templates[cells[0][0]])
        st.rerun()
    sendable = sum(each.unsendable_reason is None for each in templates)
    st.caption(
        nt("{count} template", "{count} templates", len(templates))
        + " · "
        + nt("{count} can be sent", "{count} can be sent", sendable)
        + " · "
        + t("choose a row to fill its variables and see the message")
    )


def table_key(templates: list[Template], opened: int) -> str:
    """The table's key: another for other rows, and after each opening, so that a choice is never taken twice."""
    shape = "|".join(f"{each.name}/{each.language}" for each in templates)
    return f"{Key.TABLE}.{opened}.{hashlib.sha256(shape.encode()).hexdigest()[:12]}"
