"""Saving what the Audience page shows: as a new segment, as the next version of the opened one; and its link."""

from __future__ import annotations

import streamlit as st

from engine.clock import utc_now
from engine.errors import InvalidRule
from engine.segments import Context, SavedSegment, Segment, archive_segment, get_segment, save_segment
from engine.segments.links import pack_segment, unpack_segment
from engine.segments.store import LONGEST_DESCRIPTION
from pages.ui.audience_state import SEGMENT_PARAMETER, Key, View, set_segment
from pages.ui.audience_words import plain, sentence
from pages.ui.i18n import t
from pages.ui.list_dialogs import said
from pages.ui.segment_words import link_to, saved_link
from pages.ui.segment_words import said as said_of
from pages.ui.services import warehouse
from pages.ui.shell import who

NEW = "new"
PACKED = "q"
SEEN = "audience.seen_edition"
LINKS = "audience.own_links"
MOST_LINKS = 60
Saved = dict[str, SavedSegment]


def opened_of(saved: Saved) -> SavedSegment | None:
    """The saved segment that is open, changed or not."""
    return saved.get(st.session_state.get(Key.OPENED) or "")


def open_segment(segment: SavedSegment | None) -> None:
    """Show a saved segment, or everybody."""
    st.session_state[Key.OPENED] = segment.segment_id if segment else None
    st.session_state[SEEN] = segment.edition if segment else None
    st.session_state[Key.SEARCH] = ""
    set_segment(segment.segment if segment else Segment())
    st.query_params.pop(PACKED, None)
    if segment:
        st.query_params[SEGMENT_PARAMETER] = segment.segment_id
    else:
        st.query_params.pop(SEGMENT_PARAMETER, None)


def open_from_address(saved: Saved) -> None:
    """A link with `?segment=` opens that segment, one with `?q=` a filter; the address follows the page."""
    wanted, packed = st.query_params.get(SEGMENT_PARAMETER), st.query_params.get(PACKED)
    if wanted and wanted not in saved:
        st.toast(t("The segment of this link is not here any more."), icon=":material/link_off:")
        del st.query_params[SEGMENT_PARAMETER]
    elif wanted and wanted != st.session_state.get(Key.OPENED):
        open_segment(saved[wanted])
    if packed and packed not in st.session_state.get(LINKS, ()):
        _open_packed(packed)
    if opened_of(saved) is None:
        st.session_state[Key.OPENED] = None
    _follow(saved)
    _say_changed(opened_of(saved))


def _open_packed(packed: str) -> None:
    try:
        segment = unpack_segment(packed)
    except InvalidRule as problem:
        reason = t(str(problem.fields.get("problem", "")))
        st.warning(t("This link can't be opened: {reason}", reason=reason), icon=":material/link_off:")
        return
    st.session_state[Key.SEARCH] = ""
    set_segment(segment)


def _follow(saved: Saved) -> None:
    """Write into the address what the page shows, but for what is searched: it may be a phone number."""
    segment: Segment = st.session_state.get(Key.SEGMENT, Segment())
    opened = opened_of(saved)
    if opened is not None:
        st.query_params[SEGMENT_PARAMETER] = opened.segment_id
    packed = ""
    if segment != (opened.segment if opened else Segment()):
        try:
            packed = pack_segment(segment)
        except InvalidRule:
            packed = ""
    if packed:
        known = [each for each in st.session_state.get(LINKS, []) if each != packed]
        st.session_state[LINKS] = [*known, packed][-MOST_LINKS:]  # a quick click may bring an older one of ours back
        if st.query_params.get(PACKED) != packed:
            st.query_params[PACKED] = packed
    else:
        st.query_params.pop(PACKED, None)


def _say_changed(opened: SavedSegment | None) -> None:
    """Somebody saved the opened segment meanwhile: the page goes on showing what it showed, and says so."""
    if opened is None:
        return
    seen = st.session_state.setdefault(SEEN, opened.edition)
    if seen == opened.edition or st.session_state.get(Key.SEGMENT) == opened.segment:
        st.session_state[SEEN] = opened.edition
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(t("{who} changed “{name}” meanwhile. You see it as you opened it.", who=plain(opened.updated_by),
                  name=plain(opened.name)), icon=":material/group:")  # fmt: skip
        st.button(t("Show it as it is now"), key="audience.reload", on_click=open_segment, args=(opened,))


def draw_save(view: View, saved: Saved, context: Context) -> None:
    """The dialog: what is saved, where to, its name and what it is for."""
    st.markdown(sentence(view.filtered, context))
    opened, target = opened_of(saved), NEW
    if opened is not None:
        target = st.radio(
            t("Where to"), [opened.segment_id, NEW], label_visibility="collapsed", key="audience.save_target",
            format_func=lambda each: t("As a new segment") if each == NEW else t("Change “{name}”", name=opened.name),
        )  # fmt: skip
    change = get_segment(warehouse().cursor(), target) if target != NEW else None
    if change is not None and change.edition != st.session_state.get(SEEN, change.edition):
        st.warning(t("{who} changed it meanwhile. It says now: {sentence}. Saving puts yours over it; theirs stays "
                     "among the versions.", who=plain(change.updated_by),
                     sentence=said_of(change.segment, context)), icon=":material/group:")  # fmt: skip
    name = st.text_input(t("Name"), value=change.name if change else "", max_chars=80, key=f"audience.save.{target}")
    words = st.text_area(
        t("What it is for"), value=change.description if change else "", max_chars=LONGEST_DESCRIPTION, height=80,
        key=f"audience.save.description.{target}",
    )  # fmt: skip
    with st.container(horizontal=True):
        if st.button(t("Save segment"), type="primary", disabled=not name.strip()):
            _save(view, name, words, change, context)
        if change and st.button(t("Archive"), type="tertiary", help=t("It leaves the list; nothing else changes.")):
            archive_segment(warehouse(), change.segment_id, who=who(), now=utc_now())
            open_segment(None)
            st.rerun()


def _save(view: View, name: str, words: str, change: SavedSegment | None, context: Context) -> None:
    with said():
        kept = save_segment(
            warehouse(), name, view.filtered, who=who(), context=context, description=words,
            segment_id=change.segment_id if change else None, edition=change.edition if change else None,
        )  # fmt: skip
        open_segment(kept)
        st.toast(t("Saved: {name}", name=kept.name), icon=":material/bookmark_added:")
        st.rerun()


def draw_share(view: View, saved: Saved) -> None:
    """The dialog with the link: of the saved segment, or of the filter as it is here."""
    opened = opened_of(saved)
    if opened is not None and opened.segment == view.filtered:
        st.caption(t("Whoever opens it here sees this segment as it is then, also after it was changed."))
        st.code(saved_link(opened), language=None, wrap_lines=True)
        return
    with said():
        link = link_to("audience", **{PACKED: pack_segment(view.filtered)})
        st.caption(t("The link holds this filter itself, with what was typed into the search. Nothing is saved."))
        st.code(link, language=None, wrap_lines=True)
