"""Everything that happened with one person, newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import streamlit as st

from engine.contacts.profile import Profile
from engine.operations.timeline import FAILED, SUPPRESSED, Happening
from pages.ui import formats
from pages.ui.contact_state import Key
from pages.ui.contact_words import ICONS, happening_line
from pages.ui.i18n import nt
from pages.ui.operation_words import plain

PAGE_ROWS = 30
RED = {FAILED, SUPPRESSED}


def draw_timeline(profile: Profile, happenings: Sequence[Happening]) -> None:
    """A page of happenings, day by day."""
    pages, key = -(-len(happenings) // PAGE_ROWS), Key.TIMELINE_PAGE.of(profile.contact_id)
    page = min(int(st.session_state.get(key) or 1), max(pages, 1))
    shown = happenings[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    with st.container(gap="xsmall"):
        for day, some in groupby(shown, key=lambda each: formats.day(each.happened_at)):
            st.markdown(f"**{day}**")
            for each in some:
                _draw_line(profile, each)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(nt("{count} happening", "{count} happenings", len(happenings)), width="content")
        if pages > 1:
            st.pagination(pages, key=key, max_visible_pages=5)


def _draw_line(profile: Profile, each: Happening) -> None:
    colour = "red" if each.kind in RED else "gray"
    by = f" · {plain(each.by_whom)}" if each.by_whom and each.by_whom != "ulak" else ""
    clock = f":gray[{formats.clock(each.happened_at)}]"
    line = happening_line(each, profile.registry)
    st.markdown(f":{colour}[:material/{ICONS[each.kind]}:] {clock} {line}:small[:gray[{by}]]")
