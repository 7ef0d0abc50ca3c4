"""One's own numbers in Settings: where tests may go."""

from __future__ import annotations

import streamlit as st

from engine.clock import utc_now
from engine.errors import UlakError
from engine.operations.trials import add_own_number, list_own_numbers, remove_own_number
from pages.ui import formats, t, who
from pages.ui.operation_words import plain
from pages.ui.services import settings, warehouse
from pages.ui.shell import show_error


def draw_numbers() -> None:
    """The numbers that tests may go to, and a form for another."""
    st.subheader(t("Numbers for tests"), anchor=False)
    st.caption(t("A test goes to these alone, with the values of a contact you look at."))
    numbers = list_own_numbers(warehouse().cursor())
    for each in numbers:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{plain(each.name)} · {plain(formats.phone(each.phone))}", width="stretch")
            st.button(
                t("Remove"),
                icon=":material/delete:",
                key=f"settings.number.{each.number_id}",
                on_click=_remove,
                args=(each.number_id,),
            )
    with st.form("settings.number_new", border=True):
        left, right = st.columns(2)
        name = left.text_input(t("Whose number"), max_chars=80, key="settings.number_name")
        phone = right.text_input(t("Phone number"), placeholder="+90 532 123 45 67", key="settings.number_phone")
        if st.form_submit_button(t("Keep the number"), icon=":material/add:"):
            _add(name, phone)


def _add(name: str, phone: str) -> None:
    try:
        add_own_number(warehouse(), name, phone, region=settings().default_region, who=who(), now=utc_now())
    except UlakError as problem:
        show_error(problem)
    else:
        st.rerun()


def _remove(number_id: str) -> None:
    remove_own_number(warehouse(), number_id, who=who(), now=utc_now())
