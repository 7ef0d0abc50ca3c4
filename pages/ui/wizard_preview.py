"""The phone, stepping from person to person: through the audience while the message is written, through the
recipients in the review."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.operations.drafts import Draft
from engine.segments import page_of
from engine.templates import Template
from pages.ui import formats, t
from pages.ui.operation_words import plain, reason
from pages.ui.phone_preview import phone_preview
from pages.ui.services import warehouse
from pages.ui.wizard_audience import audience_figures
from pages.ui.wizard_preflight import Verdicts, message_of, name_of, with_holes
from pages.ui.wizard_state import Key


def draw_audience_preview(operation_id: str, draft: Draft, template: Template) -> None:
    """Step through the audience; empty slots show their marks, people who would be left out say why."""
    figures, count = audience_figures(draft)

    def contact_at(place: int) -> int:
        page = page_of(warehouse().cursor(), draft.audience, figures.context, columns=["name"], limit=1, offset=place)
        return int(page["contact_id"][0])

    _draw(operation_id, with_holes(draft, template), template, count, contact_at)


def draw_recipient_preview(operation_id: str, draft: Draft, template: Template, found: Verdicts) -> None:
    """Step through those who get it."""
    _draw(operation_id, draft, template, found.recipient_count, lambda place: int(found.recipient_ids[place]))


def _draw(operation_id: str, draft: Draft, template: Template, count: int, contact_at: Callable[[int], int]) -> None:
    if count == 0:
        st.caption(t("Nobody is in this audience, so there is no message to show."))
        return
    key = Key.PLACE.of(operation_id)
    place = min(int(st.session_state.get(key, 0)), count - 1)
    contact_id = contact_at(place)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        _step(operation_id, -1, place == 0)
        name, phone = name_of(contact_id)
        where = t("{place} of {all}", place=formats.number(place + 1), all=formats.number(count))
        st.markdown(f"**{plain(name) or plain(formats.phone(phone))}**  \n:small[:gray[{where}]]", width="content")
        _step(operation_id, 1, place == count - 1)
    shown = message_of(draft, template, contact_id)
    if isinstance(shown, str):
        labels = {slot.key: t(slot.caption, name=slot.name) for slot in template.slots}
        st.info(t("Gets no message: {reason}", reason=reason(shown, labels)), icon=":material/person_off:")
        return
    phone_preview(shown, key=Key.PREVIEW.of(operation_id))


def _step(operation_id: str, by: int, disabled: bool) -> None:
    back = by < 0
    st.button(
        t("Previous") if back else t("Next"),
        icon=":material/chevron_left:" if back else ":material/chevron_right:",
        icon_position="left" if back else "right",
        type="tertiary",
        key=f"bulk_message.{'previous' if back else 'next'}.{operation_id}",
        disabled=disabled,
        shortcut="Left" if back else "Right",
        on_click=_move,
        args=(operation_id, by),
    )


def _move(operation_id: str, by: int) -> None:
    key = Key.PLACE.of(operation_id)
    st.session_state[key] = max(int(st.session_state.get(key, 0)) + by, 0)
