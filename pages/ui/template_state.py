"""What the Templates page remembers: the channel and template looked at, what was typed and not yet saved."""

from __future__ import annotations

import hashlib
from enum import StrEnum

import streamlit as st

from engine.channels import Channel
from engine.templates import Bindings, KeptBindings, Template, dump_bindings, parse_bindings

PARAMETER = "template"


class Key(StrEnum):
    """Session state and widget keys."""

    CHANNEL = "templates.channel"
    SEARCH = "templates.search"
    SHOW = "templates.show"
    TABLE = "templates.table"
    OPENED = "templates.opened"
    RESULT = "templates.result"
    PROBLEM = "templates.problem"
    EDITS = "templates.edits"
    CONTACT = "templates.contact"
    JUMP = "templates.jump"
    NOT_FOUND = "templates.not_found"


def chosen_name() -> tuple[str, str] | None:
    """(name, language) that the address names."""
    name, _, language = str(st.query_params.get(PARAMETER, "")).rpartition("/")
    return (name, language) if name else None


def open_template(template: Template) -> None:
    """Show one template."""
    st.query_params[PARAMETER] = f"{template.name}/{template.language}"


def close_template() -> None:
    """Back to the list."""
    st.query_params.pop(PARAMETER, None)


def current_channel(channels: list[Channel]) -> Channel:
    """The channel chosen, else the first."""
    chosen = st.session_state.get(Key.CHANNEL)
    return next((each for each in channels if each.channel_id == chosen), channels[0])


def edits_of(template: Template, kept: KeptBindings) -> Bindings:
    """What was typed and not saved, else what is kept."""
    typed = st.session_state.get(Key.EDITS, {}).get(edit_id(template, kept))
    return kept.bindings if typed is None else parse_bindings(typed)


def remember_edits(template: Template, kept: KeptBindings, bindings: Bindings) -> None:
    """Keep what is typed until it is saved or thrown away."""
    st.session_state[Key.EDITS] = {
        **st.session_state.get(Key.EDITS, {}),
        edit_id(template, kept): dump_bindings(bindings),
    }


def forget_edits(template: Template, kept: KeptBindings) -> None:
    """Throw away what was typed."""
    edits = dict(st.session_state.get(Key.EDITS, {}))
    edits.pop(edit_id(template, kept), None)
    st.session_state[Key.EDITS] = edits
    for key in [name for name in st.session_state if str(name).startswith(form_key(template, kept))]:
        del st.session_state[key]


def edit_id(template: Template, kept: KeptBindings) -> str:
    """Names a template's edits: others once it is synced anew or saved."""
    saved = hashlib.sha256(dump_bindings(kept.bindings).encode()).hexdigest()[:8]
    return f"{template.channel_id}.{template.name}.{template.language}.{template.content_hash}.{saved}"


def form_key(template: Template, kept: KeptBindings) -> str:
    """The key under which the form's controls live."""
    return f"templates.binding.{edit_id(template, kept)}"
