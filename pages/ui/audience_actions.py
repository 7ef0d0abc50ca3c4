"""What one can do with an audience: open and save a segment, send a message, and the menu with all the rest."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.clock import utc_now
from engine.operations.drafts import create_draft
from engine.segments import (
    Audience,
    Context,
    SavedSegment,
    Segment,
    archive_segment,
    save_segment,
)
from pages.ui.audience_change import draw_set_field
from pages.ui.audience_export import draw_export, forget_finished
from pages.ui.audience_state import SEGMENT_PARAMETER, Key, View, set_segment
from pages.ui.audience_words import sentence
from pages.ui.i18n import t
from pages.ui.list_dialogs import draw_add, draw_remove, said
from pages.ui.services import warehouse
from pages.ui.shell import who
from pages.ui.suppression_dialogs import draw_suppress

NEW = "new"


def open_from_address(saved: dict[str, SavedSegment]) -> None:
    """A link with `?segment=` opens that segment; afterwards the address follows what is open."""
    wanted = st.query_params.get(SEGMENT_PARAMETER)
    opened = st.session_state.get(Key.OPENED)
    if wanted and wanted not in saved:
        st.toast(t("The segment of this link is not here any more."), icon=":material/link_off:")
        del st.query_params[SEGMENT_PARAMETER]
    elif wanted and wanted != opened:
        open_segment(saved[wanted])
    elif opened in saved:
        st.query_params[SEGMENT_PARAMETER] = opened
    else:
        st.session_state[Key.OPENED] = None


def open_segment(segment: SavedSegment | None) -> None:
    """Show a saved segment, or everybody."""
    st.session_state[Key.OPENED] = segment.segment_id if segment else None
    st.session_state[Key.SEARCH] = ""
    set_segment(segment.segment if segment else Segment())
    if segment:
        st.query_params[SEGMENT_PARAMETER] = segment.segment_id
    elif SEGMENT_PARAMETER in st.query_params:
        del st.query_params[SEGMENT_PARAMETER]


def draw_actions(view: View, saved: dict[str, SavedSegment], context: Context, people: int) -> None:
    """The row of actions: save, the one primary: send, and a menu with all the rest."""
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="bottom", gap="small"):
        if st.button(t("Save"), icon=":material/bookmark:", disabled=view.filtered.is_empty):
            st.dialog(t("Save as segment"))(_save_dialog)(view, saved, context)
        _draw_menu(view, saved, context, people)
        if st.button(t("Send bulk message"), icon=":material/send:", type="primary", disabled=not people):
            _send(view, saved)


def _draw_menu(view: View, saved: dict[str, SavedSegment], context: Context, people: int) -> None:
    """Everything else one can do with these people, each in a dialog of its own."""
    opened = saved.get(st.session_state.get(Key.OPENED) or "")
    title = opened.name if opened else t("contacts")
    entries: dict[str, tuple[str, str, Callable[[], None]]] = {
        "add": (t("Add to list"), "playlist_add", lambda: draw_add(view.audience, context, people)),
        "remove": (t("Remove from list"), "playlist_remove", lambda: draw_remove(view.audience, context, people)),
        "export": (t("Export"), "download",
                   lambda: draw_export(view.audience, context, people, view.columns, title)),
        "set": (t("Set a field"), "edit", lambda: draw_set_field(view.audience, context, people)),
        "suppress": (t("Suppress"), "block", lambda: draw_suppress(view.audience, context, people)),
    }  # fmt: skip
    chosen = st.menu_button(
        t("More"), list(entries), icon=":material/more_horiz:", disabled=not people, key="audience.menu",
        format_func=lambda each: f":material/{entries[each][1]}: {entries[each][0]}",
    )  # fmt: skip
    if chosen:
        forget_finished()
        label, _, draw = entries[chosen]
        st.dialog(label, width="medium")(draw)()


def message_audience(view: View, saved: dict[str, SavedSegment]) -> Audience:
    """Whom a message is for: an opened segment that wasn't changed by its name, else by what is on the page."""
    opened = saved.get(st.session_state.get(Key.OPENED) or "")
    if opened is not None and opened.segment == view.filtered:
        return Audience(segment_ids=(opened.segment_id,), selection=view.selection)
    return view.audience


def _send(view: View, saved: dict[str, SavedSegment]) -> None:
    operation_id = create_draft(warehouse(), who=who(), now=utc_now(), audience=message_audience(view, saved))
    st.switch_page("pages/bulk_message.py", query_params={"operation": operation_id})


def draw_picker(saved: dict[str, SavedSegment]) -> None:
    """Opens a saved segment; clearing it shows everybody."""
    if not saved:
        return
    st.session_state[Key.SAVED] = st.session_state.get(Key.OPENED)

    def chosen() -> None:
        open_segment(saved.get(st.session_state[Key.SAVED] or ""))

    st.selectbox(
        t("Saved segment"), list(saved), index=None, key=Key.SAVED, format_func=lambda each: saved[each].name,
        placeholder=t("Open a segment"), label_visibility="collapsed", width=200, on_change=chosen,
    )  # fmt: skip


def _save_dialog(view: View, saved: dict[str, SavedSegment], context: Context) -> None:
    st.caption(sentence(view.filtered, context))
    opened = saved.get(st.session_state.get(Key.OPENED) or "")
    target = NEW
    if opened is not None:
        target = st.radio(
            t("Where to"), [opened.segment_id, NEW], label_visibility="collapsed", key="audience.save_target",
            format_func=lambda each: t("As a new segment") if each == NEW else t("Change “{name}”", name=opened.name),
        )  # fmt: skip
    change = opened if opened is not None and target != NEW else None
    name = st.text_input(t("Name"), value=change.name if change else "", max_chars=80, key=f"audience.save.{target}")
    with st.container(horizontal=True):
        if st.button(t("Save segment"), type="primary", disabled=not name.strip()):
            with said():
                segment_id = change.segment_id if change else None
                kept = save_segment(
                    warehouse(), name, view.filtered, who=who(), context=context, segment_id=segment_id
                )
                open_segment(kept)
                st.toast(t("Saved: {name}", name=kept.name), icon=":material/bookmark_added:")
                st.rerun()
        if change and st.button(t("Archive"), type="tertiary", help=t("It leaves the list; nothing else changes.")):
            archive_segment(warehouse(), change.segment_id, who=who(), now=utc_now())
            open_segment(None)
            st.rerun()
