"""Settings: who is here, the channels and their state, how Ulak was started."""

from __future__ import annotations

import streamlit as st

from pages.ui import guarded, header, t
from pages.ui.settings_numbers import draw_numbers
from pages.ui.settings_parts import draw_channels, draw_machine, draw_person
from pages.ui.settings_policies import draw_policies


def draw() -> None:
    """The person, the channels, the machine."""
    header(t("Settings"), t("Who is here, which numbers send, and how this Ulak was started."))
    person, channels, rules, machine = st.tabs(
        [t("You"), t("Channels"), t("Rules"), t("This machine")], on_change="rerun", key="settings.tab"
    )
    with guarded():
        if person.open:
            with person:
                draw_person()
                draw_numbers()
        if channels.open:
            with channels:
                draw_channels()
        if rules.open:
            with rules:
                draw_policies()
        if machine.open:
            with machine:
                draw_machine()


draw()
