"""Writes down how large a saved segment was when it was shown, beside the page: who looks never waits for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import streamlit as st

from engine.clock import utc_now
from engine.segments import Context, SavedSegment, SizeCause, record_size
from pages.ui.audience_state import Key
from pages.ui.services import warehouse


def note_size(segment: SavedSegment | None, count: int, context: Context) -> None:
    """Write the size of the segment that is shown as it was saved, once for each count and day of this session."""
    if segment is None:
        return
    shown = (segment.segment_id, count, context.today)
    if st.session_state.get(Key.RECORDED) == shown:
        return
    st.session_state[Key.RECORDED] = shown
    write_size(segment.segment_id, count)


def write_size(segment_id: str, count: int) -> None:
    """Write one size down as shown, beside the page."""
    _writer().submit(record_size, warehouse(), segment_id, count, SizeCause.SHOWN, now=utc_now())


def wait_until_written() -> None:
    """Wait for what was handed over so far (before a store is closed)."""
    _writer().submit(lambda: None).result()


@st.cache_resource(show_spinner=False)
def _writer() -> ThreadPoolExecutor:
    """One thread: an import may hold the store's writer lock for a while."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="sizes")
