"""How the pages say what a saved segment is and what uses it, and what a link to one looks like."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import streamlit as st

from engine.errors import InvalidRule
from engine.segments import Context, SavedSegment, Segment, SegmentUse
from engine.segments.sizes import SizeCause
from engine.words import N_
from pages.ui.audience_words import plain_sentence, sentence
from pages.ui.i18n import nt, t

CAUSES = {
    SizeCause.DAILY: N_("counted daily"), SizeCause.SAVED: N_("when it was saved"),
    SizeCause.SHOWN: N_("when it was opened"), SizeCause.SENT: N_("when a message went to it"),
}  # fmt: skip


def said(segment: Segment, context: Context, *, bold: bool = True) -> str:
    """The segment as a sentence; one that names what is no more says that, instead of failing."""
    try:
        return sentence(segment, context) if bold else plain_sentence(segment, context)
    except InvalidRule as problem:
        return t("It can't be used now: {reason}", reason=t(str(problem.fields.get("problem", ""))))


def use_words(use: SegmentUse) -> str:
    """What uses it, as "in 3 operations, 1 scheduled, in 2 segments"; nothing if nothing does."""
    parts = []
    if use.operation_count:
        parts.append(nt("in {count} operation", "in {count} operations", use.operation_count))
    if use.scheduled_count:
        parts.append(nt("{count} scheduled", "{count} scheduled", use.scheduled_count))
    if use.segments:
        parts.append(nt("in {count} segment", "in {count} segments", len(use.segments)))
    if use.draft_count:
        parts.append(nt("in {count} draft", "in {count} drafts", use.draft_count))
    return ", ".join(parts)


def saved_link(saved: SavedSegment) -> str:
    """The address at which anybody sees this segment on the Audience page."""
    return link_to("audience", segment=saved.segment_id)


def link_to(page: str, **parameters: str) -> str:
    """The whole address of a page of this app."""
    here = urlsplit(st.context.url or "")
    folder = here.path.rstrip("/").rpartition("/")[0] if here.path.count("/") else ""
    start = f"{here.scheme}://{here.netloc}{folder}" if here.netloc else ""
    return f"{start}/{page}?{urlencode(parameters)}"
