"""The phone beside a template's form, with a real contact in it: step on, step back, jump by name or phone."""

from __future__ import annotations

import duckdb
import streamlit as st

from engine.clock import utc_now
from engine.contacts import FieldRegistry
from engine.segments import Audience, Comparison, Segment, load_context, page_of
from engine.segments.rules import PERSON_FIELD
from engine.templates import Bindings, Template
from engine.templates.people import count_contacts, look_at, next_contact, place_of, previous_contact
from pages.ui import formats, t
from pages.ui.phone_preview import phone_preview
from pages.ui.services import settings, warehouse
from pages.ui.template_state import Key


def draw_preview(
    cursor: duckdb.DuckDBPyConnection, template: Template, bindings: Bindings, registry: FieldRegistry
) -> None:
    """The phone, whose message it is, and what would be posted."""
    contact_id = _contact(cursor)
    look = look_at(cursor, template, bindings, contact_id, registry, zone=settings().timezone)
    phone_preview(look.message, key="templates.phone")
    if contact_id is None:
        st.caption(t("No contacts yet: import some to see their own messages here."))
    else:
        _draw_steps(cursor, contact_id)
    if look.empty and contact_id is not None:
        names = " · ".join(t(slot.caption, name=slot.name) for slot in look.empty)
        st.caption(t("Empty for this person: {slots}", slots=names))
    with st.expander(t("Show payload"), icon=":material/data_object:"):
        st.json(look.payload, expanded=True)


def _contact(cursor: duckdb.DuckDBPyConnection) -> int | None:
    """The contact looked at, else the first one."""
    kept = st.session_state.get(Key.CONTACT)
    if kept is not None and next_contact(cursor, kept - 1) == kept:
        return int(kept)
    return next_contact(cursor, 0)


def _draw_steps(cursor: duckdb.DuckDBPyConnection, contact_id: int) -> None:
    before, after = previous_contact(cursor, contact_id), next_contact(cursor, contact_id)
    name, phone = _name(cursor, contact_id)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        _step(t("Previous contact"), ":material/chevron_left:", "templates.previous", before, "Left")
        place, total = formats.number(place_of(cursor, contact_id)), formats.number(count_contacts(cursor))
        where = t("{place} of {total}", place=place, total=total)
        with st.container(width="content", gap=None, horizontal_alignment="center"):
            st.text(name or formats.phone(phone), width="content")
            st.caption(where, width="content")
        _step(t("Next contact"), ":material/chevron_right:", "templates.next", after, "Right")
    st.text_input(
        t("Jump to a contact"),
        key=Key.JUMP,
        type="search",
        placeholder=t("Name or phone"),
        label_visibility="collapsed",
        icon=":material/person_search:",
        on_change=_jump,
    )
    if st.session_state.pop(Key.NOT_FOUND, False):
        st.caption(t("Nobody by that name or number."))


def _step(label: str, icon: str, key: str, contact_id: int | None, shortcut: str) -> None:
    st.button(
        "",
        icon=icon,
        key=key,
        help=label,
        disabled=contact_id is None,
        shortcut=shortcut,
        on_click=lambda: st.session_state.update({Key.CONTACT: contact_id}),
    )


def _jump() -> None:
    needle = str(st.session_state.get(Key.JUMP) or "").strip()
    if not needle:
        return
    cursor = warehouse().cursor()
    context = load_context(cursor, now=utc_now(), zone=settings().zone)
    wanted = Audience(segment=Segment(rule=Comparison(field=PERSON_FIELD, operator="finds", value=needle)))
    found = page_of(cursor, wanted, context, columns=["name"], limit=1)
    if found.is_empty():
        st.session_state[Key.NOT_FOUND] = True
    else:
        st.session_state[Key.CONTACT] = int(found["contact_id"][0])


def _name(cursor: duckdb.DuckDBPyConnection, contact_id: int) -> tuple[str, str | None]:
    rows = cursor.execute(
        "SELECT trim(concat_ws(' ', name, surname)), phone FROM contacts WHERE contact_id = ?", [contact_id]
    ).fetchall()
    return (str(rows[0][0]), rows[0][1]) if rows else ("", None)
