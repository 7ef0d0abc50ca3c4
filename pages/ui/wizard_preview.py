"""The phone, stepping from person to person or jumping to one by name or number: through the audience while the
message is written, through the recipients in the review.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import streamlit as st

from engine.clock import utc_now
from engine.operations.drafts import Draft
from engine.segments import Audience, Comparison, Segment, Sort, audience_frame, load_context, page_of
from engine.segments.audience import count_frame
from engine.segments.rules import PERSON_FIELD
from engine.templates import Template
from pages.ui import formats, t
from pages.ui.operation_words import plain, reason
from pages.ui.phone_preview import phone_preview
from pages.ui.services import settings, warehouse
from pages.ui.wizard_audience import audience_figures
from pages.ui.wizard_preflight import Verdicts, message_of, name_of, with_holes
from pages.ui.wizard_state import Key

MOST_NAMESAKES = 1_000


@dataclass(frozen=True)
class Row:
    """The people to step through, in the order of their ids."""

    count: int
    contact_at: Callable[[int], int]
    place_among: Callable[[list[int]], int | None]
    """The place of the first of these contacts who is in the row."""


def draw_audience_preview(operation_id: str, draft: Draft, template: Template) -> None:
    """Step through the audience; empty slots show their marks, people who would be left out say why."""
    figures, count = audience_figures(draft)
    order = Sort("contact_id")

    def contact_at(place: int) -> int:
        cursor = warehouse().cursor()
        page = page_of(cursor, draft.audience, figures.context, columns=["name"], sort=order, limit=1, offset=place)
        return int(page["contact_id"][0])

    def place_among(ids: list[int]) -> int | None:
        cursor = warehouse().cursor()
        frame = audience_frame(cursor, draft.audience, figures.context).select("contact_id")
        found = frame.filter(nw.col("contact_id").is_in(ids)).to_native().aggregate("min(contact_id)").fetchall()
        first = found[0][0]
        return None if first is None else count_frame(frame.filter(nw.col("contact_id") < first))

    _draw(operation_id, with_holes(draft, template), template, Row(count, contact_at, place_among))


def draw_recipient_preview(operation_id: str, draft: Draft, template: Template, found: Verdicts) -> None:
    """Step through those who get it."""

    def place_among(ids: list[int]) -> int | None:
        places = np.flatnonzero(np.isin(found.recipient_ids, ids))
        return int(places[0]) if len(places) else None

    row = Row(found.recipient_count, lambda place: int(found.recipient_ids[place]), place_among)
    _draw(operation_id, draft, template, row)


def _draw(operation_id: str, draft: Draft, template: Template, row: Row) -> None:
    count = row.count
    if count == 0:
        st.caption(t("Nobody is in this audience, so there is no message to show."))
        return
    key = Key.PLACE.of(operation_id)
    place = min(int(st.session_state.get(key, 0)), count - 1)
    contact_id = row.contact_at(place)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        _step(operation_id, -1, place == 0)
        name, phone = name_of(contact_id)
        where = t("{place} of {all}", place=formats.number(place + 1), all=formats.number(count))
        st.markdown(f"**{plain(name) or plain(formats.phone(phone))}**  \n:small[:gray[{where}]]", width="content")
        _step(operation_id, 1, place == count - 1)
    _draw_jump(operation_id, row)
    shown = message_of(draft, template, contact_id)
    if isinstance(shown, str):
        labels = {slot.key: t(slot.caption, name=slot.name) for slot in template.slots}
        st.info(t("Gets no message: {reason}", reason=reason(shown, labels)), icon=":material/person_off:")
        return
    phone_preview(shown, key=Key.PREVIEW.of(operation_id))


def _draw_jump(operation_id: str, row: Row) -> None:
    key = Key.JUMP.of(operation_id)
    st.text_input(
        t("Jump to a person"),
        key=key,
        type="search",
        placeholder=t("Name or phone"),
        label_visibility="collapsed",
        icon=":material/person_search:",
        on_change=lambda: _jump(operation_id, row, str(st.session_state.get(key) or "").strip()),
    )
    if st.session_state.pop(Key.NOT_FOUND, False):
        st.caption(t("Nobody by that name or number is among these people."))


def _jump(operation_id: str, row: Row, needle: str) -> None:
    if not needle:
        return
    cursor = warehouse().cursor()
    context = load_context(cursor, now=utc_now(), zone=settings().zone)
    wanted = Audience(segment=Segment(rule=Comparison(field=PERSON_FIELD, operator="finds", value=needle)))
    found = page_of(cursor, wanted, context, columns=["name"], sort=Sort("contact_id"), limit=MOST_NAMESAKES)
    place = row.place_among(found["contact_id"].to_list()) if found.height else None
    if place is None:
        st.session_state[Key.NOT_FOUND] = True
    else:
        st.session_state[Key.PLACE.of(operation_id)] = place


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
