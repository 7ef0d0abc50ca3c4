"""Seeing a message before anybody gets it: step from person to person with the arrow keys, jump to one by name or
number, look at the hardest ones, and at the very JSON that would be posted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.channels import Channel
from engine.operations.hardest import Hard
from engine.templates import Bindings, Template, render_message
from engine.templates.bindings import MEDIA_MARK
from engine.templates.people import Look
from pages.ui import formats, t
from pages.ui.binding_form import slot_label
from pages.ui.message_marks import enclose
from pages.ui.message_people import Row, find_people, hard_line, ids_of, name_of, row_of_ids
from pages.ui.operation_words import plain
from pages.ui.phone_preview import phone_preview
from pages.ui.services import warehouse
from pages.ui.trial_dialog import draw_trial

ALL, HARDEST = "all", "hardest"


@dataclass(frozen=True)
class Viewer:
    """One place where messages are looked at.

    Attributes:
        key: begins every widget's key; `of` ends it.
        row: everybody to step through.
        look: one contact's message, or the reason why there is none.
        hardest: finds the hardest ones; asked only when they are wanted.
    """

    key: str
    of: str
    channel: Channel
    template: Template
    bindings: Bindings
    row: Row
    look: Callable[[int], Look | str]
    hardest: Callable[[], Sequence[Hard]]

    def name(self, part: str) -> str:
        """The key of a widget or of what is remembered."""
        return f"{self.key}.{part}{self.of}"


def draw_viewer(viewer: Viewer) -> None:
    """The choice of whom, the steps, the phone, the payload."""
    which = st.segmented_control(
        t("Whose message"),
        [ALL, HARDEST],
        format_func={ALL: t("Everybody"), HARDEST: t("The hardest ones")}.__getitem__,
        key=viewer.name("which"),
        default=ALL,
        required=True,
        label_visibility="collapsed",
    )
    hards = _hardest(viewer) if which == HARDEST else ()
    if which == HARDEST and not hards:
        st.caption(t("No message stands out: nobody has a value in every blank yet, or all are alike."))
        return
    row = row_of_ids(ids_of(hards)) if hards else viewer.row
    place_key = viewer.name("hard_place" if hards else "place")
    place = min(int(st.session_state.get(place_key, 0)), row.count - 1)
    contact_id = row.contact_at(place)
    _draw_steps(viewer, place_key, contact_id, place, row.count)
    if hards:
        st.caption(hard_line(hards[place], viewer.template))
    else:
        _draw_jump(viewer, place_key)
    _draw_look(viewer, viewer.look(contact_id))
    draw_trial(viewer.template, viewer.bindings, contact_id, key=viewer.name("trial"))


def draw_message(channel: Channel, template: Template, look: Look, *, key: str) -> None:
    """One message on the phone, and as the JSON that would be posted."""
    keys = _text_slots(template, look.payload)
    phone_preview(render_message(enclose(look.payload), template), key=key, holes=keys)
    with st.expander(t("Show payload"), icon=":material/data_object:"):
        st.code(f"POST {channel.base_url}/{channel.phone_number_id}/messages", language=None, wrap_lines=True)
        st.json(_with_ids(channel, look.payload), expanded=True)
        st.caption(
            t("The token travels in a header and is never shown. Operation and recipient are named at launch.")
        )


def _hardest(viewer: Viewer) -> Sequence[Hard]:
    with st.spinner(t("Looking at everybody …"), show_time=False):
        return viewer.hardest()


def _draw_steps(viewer: Viewer, place_key: str, contact_id: int, place: int, count: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        _step(viewer, place_key, -1, place, count)
        name, phone = name_of(contact_id)
        where = t("{place} of {all}", place=formats.number(place + 1), all=formats.number(count))
        st.markdown(
            f"**{plain(name) or plain(formats.phone(phone))}**  \n:small[:gray[{where}]]",
            width="content",
            text_alignment="center",
        )
        _step(viewer, place_key, 1, place, count)


def _step(viewer: Viewer, place_key: str, by: int, place: int, count: int) -> None:
    back = by < 0
    st.button(
        "",
        icon=":material/chevron_left:" if back else ":material/chevron_right:",
        help=t("Previous person") if back else t("Next person"),
        key=viewer.name("previous" if back else "next"),
        disabled=not 0 <= place + by < count,
        shortcut="Left" if back else "Right",
        on_click=lambda: st.session_state.update({place_key: place + by}),
    )


def _draw_jump(viewer: Viewer, place_key: str) -> None:
    key, missed = viewer.name("jump"), viewer.name("not_found")
    st.text_input(
        t("Jump to a person"),
        key=key,
        type="search",
        placeholder=t("Name or phone"),
        label_visibility="collapsed",
        icon=":material/person_search:",
        on_change=lambda: _jump(viewer, place_key, missed, str(st.session_state.get(key) or "").strip()),
    )
    if st.session_state.pop(missed, False):
        st.caption(t("Nobody by that name or number is among these people."))


def _jump(viewer: Viewer, place_key: str, missed: str, needle: str) -> None:
    if not needle:
        return
    ids = find_people(needle)
    place = viewer.row.place_among(ids) if ids else None
    st.session_state[missed] = place is None
    if place is not None:
        st.session_state[place_key] = place


def _draw_look(viewer: Viewer, look: Look | str) -> None:
    if isinstance(look, str):
        st.info(look, icon=":material/person_off:")
        return
    draw_message(viewer.channel, viewer.template, look, key=viewer.name("phone"))
    if empty := [slot for slot in look.empty if slot.key in viewer.bindings]:
        names = " · ".join(slot_label(slot) for slot in empty)
        st.caption(t("Empty for this person: {slots}", slots=names))


def _text_slots(template: Template, payload: dict[str, Any]) -> list[str]:
    """The slot of each text that `enclose` numbers: header, body, then the cards."""
    texts = [slot for slot in template.slots if slot.place.startswith(("header.text:", "body:"))]
    texts += [slot for slot in template.slots if slot.place.endswith(".otp")]
    order = sorted(texts, key=lambda slot: -1 if slot.card is None else slot.card)
    return [slot.key for slot in order]


def _with_ids(channel: Channel, payload: dict[str, Any]) -> Any:
    """The payload with the provider's ids of the files that are uploaded already."""
    rows = (
        warehouse()
        .cursor()
        .execute(
            "SELECT media_hash, arg_max(media_id, uploaded_at) FROM media_uploads WHERE channel_id = ? GROUP BY 1",
            [channel.channel_id],
        )
        .fetchall()
    )
    return _replaced(payload, dict(rows))


def _replaced(node: Any, ids: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _replaced(value, ids) for key, value in node.items()}
    if isinstance(node, list):
        return [_replaced(value, ids) for value in node]
    if isinstance(node, str) and re.fullmatch(MEDIA_MARK + "[0-9a-f]{64}", node):
        return ids.get(node.removeprefix(MEDIA_MARK), node)
    return node
