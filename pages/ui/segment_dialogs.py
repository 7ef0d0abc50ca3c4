"""What the dialogs of a saved segment ask: its name, a copy, its link, and whether to put it away."""

from __future__ import annotations

import streamlit as st

from engine.clock import utc_now
from engine.segments import Context, SavedSegment, SegmentUse, archive_segment, duplicate_segment, name_segment
from engine.segments.store import LONGEST_DESCRIPTION
from pages.ui.audience_words import plain
from pages.ui.i18n import t
from pages.ui.list_dialogs import said
from pages.ui.segment_state import close_one, open_one
from pages.ui.segment_words import saved_link, use_words
from pages.ui.services import warehouse
from pages.ui.shell import who


def draw_share(saved: SavedSegment) -> None:
    """The link, to copy."""
    st.caption(t("Whoever opens it here sees this segment as it is then, also after it was changed."))
    st.code(saved_link(saved), language=None, wrap_lines=True)


def draw_rename(saved: SavedSegment) -> None:
    """Another name and description; refused if somebody changed the segment since the dialog was opened."""
    name = st.text_input(t("Name"), value=saved.name, max_chars=80, key=f"segments.name.{saved.edition}")
    words = st.text_area(
        t("What it is for"), value=saved.description, max_chars=LONGEST_DESCRIPTION, height=90,
        key=f"segments.description.{saved.edition}",
    )  # fmt: skip
    st.caption(t("Segments and operations that use it keep doing so, under the new name."))
    if st.button(t("Keep the changes"), type="primary", disabled=not name.strip(), key="segments.rename.go"):
        with said():
            name_segment(warehouse(), saved.segment_id, name, words, who=who(), now=utc_now(), edition=saved.edition)
            st.rerun()


def draw_duplicate(saved: SavedSegment, context: Context) -> None:
    """A segment of its own with the same people."""
    name = st.text_input(
        t("Name of the copy"), value=t("{name} (copy)", name=saved.name)[:80], max_chars=80,
        key=f"segments.copy.{saved.segment_id}",
    )  # fmt: skip
    st.caption(t("The copy is a segment of its own: changing one leaves the other."))
    if st.button(t("Make the copy"), type="primary", disabled=not name.strip(), key="segments.copy.go"):
        with said():
            made = duplicate_segment(warehouse(), saved.segment_id, name, who=who(), context=context)
            open_one(made.segment_id)
            st.rerun()


def draw_archive(saved: SavedSegment, use: SegmentUse) -> None:
    """Put it away, once it is said what uses it."""
    st.markdown(
        t("**{name}** leaves the choices. Nothing is deleted: versions and sizes stay, and it can be brought back.",
          name=plain(saved.name))
    )  # fmt: skip
    if use.segments:
        names = ", ".join(f"“{plain(each)}”" for each in use.segments[:5])
        st.warning(
            t(
                "Segments that are built on it go on reading it: {names}. To end that, change them first.",
                names=names,
            ),
            icon=":material/account_tree:",
        )
    if use.operation_count or use.draft_count:
        st.caption(t("It is used: {use}. What was sent stays as it was sent.", use=use_words(use)))
    if st.button(t("Archive"), type="primary", key="segments.archive.go"):
        archive_segment(warehouse(), saved.segment_id, who=who(), now=utc_now())
        close_one()
        st.toast(t("Archived: {name}", name=saved.name), icon=":material/archive:")
        st.rerun()
