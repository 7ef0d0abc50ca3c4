"""Finding one person: by name, number or e-mail; before anything is typed, those changed last."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.clock import from_store, utc_now
from engine.contacts.profile import recent_contacts
from engine.segments import Audience, Comparison, Segment, Sort, count_audience, load_context, page_of
from engine.segments.rules import PERSON_FIELD
from pages.ui import empty_state, formats, header, t
from pages.ui.contact_state import ID_PARAMETER, Key
from pages.ui.contact_words import consent_badge
from pages.ui.i18n import nt
from pages.ui.operation_words import plain
from pages.ui.services import settings, warehouse

SHOWN = 20
SHORTEST = 2
COLUMNS = ("name", "surname", "phone", "city", "consent", "updated_at")


def draw_search() -> None:
    """The box and who is found."""
    header(t("Find a person"), t("Everything about one contact: fields, consent, messages, and what happened."))
    typed = st.text_input(
        t("Name, e-mail or phone"), key=Key.SEARCH, type="search", icon=":material/search:", width=460,
        placeholder=t("Name, e-mail or phone"), label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    needle = " ".join(str(typed or "").split())
    if len(needle) >= SHORTEST:
        _draw_found(needle)
        return
    recent = recent_contacts(warehouse().cursor(), limit=10)
    if not recent:
        _draw_empty()
        return
    st.subheader(t("Changed last"), anchor=False)
    for row in recent:
        _draw_row(row["contact_id"], row["name"], row["phone"], row["city"], row["updated_at"])


def _draw_found(needle: str) -> None:
    cursor = warehouse().cursor()
    context = load_context(cursor, now=utc_now(), zone=settings().zone)
    found = Audience(segment=Segment(rule=Comparison(field=PERSON_FIELD, operator="finds", value=needle)))
    count = count_audience(cursor, found, context)
    if not count:
        empty_state(
            t("Nobody by that name or number"), t("Try fewer letters, or the last digits of the number."),
            icon=":material/person_search:",
        )  # fmt: skip
        return
    people = page_of(cursor, found, context, columns=list(COLUMNS), sort=Sort("name"), limit=SHOWN)
    line = nt("{count} person", "{count} people", count)
    st.caption(line if count <= SHOWN else t("{people}; the first {shown}", people=line, shown=formats.number(SHOWN)))
    for row in people.iter_rows(named=True):
        name = " ".join(part for part in (row["name"], row["surname"]) if part)
        _draw_row(row["contact_id"], name, row["phone"], row["city"], from_store(row["updated_at"]), row["consent"])


def _draw_row(contact_id: int, name: str, phone: str | None, city: str | None, at: Any, consent: str = "") -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        label = plain(name) or plain(formats.phone(phone)) or t("Contact {id}", id=contact_id)
        with st.container(width="stretch"):
            st.button(
                f"**{label}**", icon=":material/person:", type="tertiary", key=f"contact.open.{contact_id}",
                on_click=_open, args=(contact_id,),
            )  # fmt: skip
        if consent:
            st.markdown(consent_badge(consent), width="content")
        facts = [formats.phone(phone) if phone and name else "", city or "", formats.ago(at)]
        st.caption(" · ".join(plain(fact) for fact in facts if fact), width="content")


def _open(contact_id: int) -> None:
    st.query_params[ID_PARAMETER] = str(contact_id)


def _draw_empty() -> None:
    empty_state(
        t("No contacts yet"), t("Once there are contacts, you find everything about each of them here."),
        icon=":material/person_search:",
    )  # fmt: skip
    with st.container(horizontal=True, horizontal_alignment="center"):
        if st.button(t("Import contacts"), type="primary", icon=":material/upload_file:"):
            st.switch_page("pages/import_contacts.py")
