"""The download of all that is held about one person."""

from __future__ import annotations

import streamlit as st

from engine.clock import utc_now
from engine.contacts.profile import Profile
from engine.operations.person_export import export_person
from pages.ui import t, who
from pages.ui.services import warehouse


def draw_export(profile: Profile) -> None:
    """The button; the file is made when it is clicked."""
    contact_id, person = profile.contact_id, who()
    door, translated = warehouse(), {text: t(text) for text in texts()}

    def make() -> bytes:
        return export_person(
            door, contact_id, who=person, now=utc_now(), translate=lambda text: translated.get(text, text)
        )

    st.download_button(
        t("Export all that is held"), make, file_name=f"ulak-contact-{contact_id}.zip", mime="application/zip",
        icon=":material/download:", type="tertiary", key="contact.export", on_click="ignore",
        help=t("A zip with a page to read and the same as JSON: for somebody who asks what is known about them."),
    )  # fmt: skip


def texts() -> list[str]:
    """The texts the file needs: a download is made outside the page's run, where no language is known."""
    from engine.channels.errors_table import TABLE
    from engine.contacts.fields import BUILT_IN_LABELS
    from engine.operations.person_export import NOTHING, SECTIONS, TITLE
    from engine.operations.states import DELIVERY_STATE_LABELS

    meanings = [rule.meaning for rule in TABLE.values()]
    return [TITLE, NOTHING, *SECTIONS.values(), *BUILT_IN_LABELS, *DELIVERY_STATE_LABELS.values(), *meanings]
