"""What changed at the provider lately, and which templates a person has to look at."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from engine.channels import Channel
from engine.channels.template_changes import CHANGE_LABELS, SLOTS_CHANGED, TemplateChange, list_changes
from engine.clock import utc_now
from engine.templates.store import templates_needing_attention
from pages.ui import formats, nt, t
from pages.ui.operation_words import plain
from pages.ui.services import warehouse
from pages.ui.template_words import CATEGORY_LABELS, QUALITY_LABELS, STATUS_LABELS

SHOWN_FOR = timedelta(days=14)
MOST_SHOWN = 50


def draw_changes(channel: Channel) -> None:
    """The templates that need attention, and what changed in the last two weeks."""
    cursor = warehouse().cursor()
    needing = sorted(templates_needing_attention(cursor, channel.channel_id))
    if needing:
        names = ", ".join(plain(f"{name} / {language}") for name, language in needing)
        st.warning(
            nt(
                "{names} needs your attention: it has other blanks than when they were filled.",
                "{names} need your attention: they have other blanks than when they were filled.",
                len(needing),
                names=names,
            ),
            icon=":material/rule:",
        )
    changes = list_changes(cursor, channel.channel_id, since=utc_now() - SHOWN_FOR, limit=MOST_SHOWN)
    if not changes:
        return
    title = nt("{count} change at the provider lately", "{count} changes at the provider lately", len(changes))
    with st.expander(title, icon=":material/history:"):
        for change in changes:
            st.markdown(_line(change))


def _line(change: TemplateChange) -> str:
    name = plain(f"{change.name} / {change.language}")
    told = [f"**{name}**", what_changed(change)]
    if change.noticed_at is not None:
        told.append(f":gray[{formats.ago(change.noticed_at)}]")
    return " · ".join(told)


def what_changed(change: TemplateChange) -> str:
    """The change in words."""
    known = {"status": STATUS_LABELS, "category": CATEGORY_LABELS, "quality": QUALITY_LABELS}.get(change.kind, {})
    old, new = (t(known.get(value, value)) if value else "–" for value in (change.old, change.new))
    words = t(CHANGE_LABELS[change.kind], old=old, new=new)
    if change.detail == SLOTS_CHANGED:
        words += f", {t('with other blanks')}"
    elif change.kind == "status" and change.detail:
        words += f" ({plain(change.detail)})"
    return words
