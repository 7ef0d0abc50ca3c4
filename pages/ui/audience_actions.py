"""What one can do with an audience: open and save a segment, send a message, and the menu with all the rest."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.clock import utc_now
from engine.operations.drafts import create_draft
from engine.segments import Audience, Context, SavedSegment
from pages.ui.audience_change import draw_set_field
from pages.ui.audience_export import draw_export, forget_finished
from pages.ui.audience_state import Key, View
from pages.ui.i18n import t
from pages.ui.list_dialogs import draw_add, draw_remove
from pages.ui.segment_save import draw_save, draw_share, open_from_address, open_segment, opened_of
from pages.ui.services import warehouse
from pages.ui.shell import who
from pages.ui.suppression_dialogs import draw_suppress

__all__ = ["draw_actions", "draw_picker", "message_audience", "open_from_address", "open_segment"]


def draw_actions(view: View, saved: dict[str, SavedSegment], context: Context, people: int) -> None:
    """The row of actions: save, the one primary: send, and a menu with all the rest."""
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="bottom", gap="small"):
        opened = opened_of(saved)
        is_changed = opened is not None and opened.segment != view.filtered
        if is_changed:
            st.button(t("Undo changes"), icon=":material/undo:", type="tertiary", key="audience.revert",
                      on_click=open_segment, args=(opened,), help=t("Show the segment as it was saved"))  # fmt: skip
        icon = ":material/bookmark_heart:" if is_changed else ":material/bookmark:"
        if st.button(t("Save"), icon=icon, disabled=view.filtered.is_empty):
            st.dialog(t("Save as segment"), width="medium")(draw_save)(view, saved, context)
        _draw_menu(view, saved, context, people)
        if st.button(t("Send bulk message"), icon=":material/send:", type="primary", disabled=not people):
            _send(view, saved)


def _draw_menu(view: View, saved: dict[str, SavedSegment], context: Context, people: int) -> None:
    """Everything else one can do with these people, each in a dialog of its own."""
    opened = opened_of(saved)
    title = opened.name if opened else t("contacts")
    entries: dict[str, tuple[str, str, Callable[[], None]]] = {
        "add": (t("Add to list"), "playlist_add", lambda: draw_add(view.audience, context, people)),
        "remove": (t("Remove from list"), "playlist_remove", lambda: draw_remove(view.audience, context, people)),
        "export": (t("Export"), "download",
                   lambda: draw_export(view.audience, context, people, view.columns, title)),
        "set": (t("Set a field"), "edit", lambda: draw_set_field(view.audience, context, people)),
        "share": (t("Share by link"), "link", lambda: draw_share(view, saved)),
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
    opened = opened_of(saved)
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
