"""The app's frame: page config, who is here, the navigation, the page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from engine.errors import UlakError
from pages.ui.i18n import t
from pages.ui.profile import ask_for_person, current_person, draw_memory, language_switch
from pages.ui.shell import show_error

LOGO = Path(__file__).resolve().parents[2] / "static" / "ulak.svg"


def draw() -> None:
    """Draw one run of the app."""
    st.set_page_config(page_title="Ulak", page_icon="📣", layout="wide")
    st.logo(str(LOGO), size="large")
    try:
        if current_person() is None:
            _navigation(hidden=True)
            ask_for_person()
        else:
            page = _navigation(hidden=False)
            _sidebar_foot()
            page.run()
    except UlakError as problem:
        show_error(problem)
    draw_memory()


def _navigation(*, hidden: bool) -> st.Page:
    groups = {
        "": [st.Page("pages/home.py", title=t("Home"), icon=":material/home:", default=True)],
        t("People"): [
            st.Page("pages/audience.py", title=t("Audience"), icon=":material/groups:"),
            st.Page("pages/segments.py", title=t("Segments"), icon=":material/bookmarks:"),
            st.Page("pages/contact.py", title=t("Find a person"), icon=":material/person_search:"),
            st.Page("pages/lists.py", title=t("Lists"), icon=":material/list_alt:"),
            st.Page("pages/suppressions.py", title=t("Suppressions"), icon=":material/block:"),
            st.Page("pages/import_contacts.py", title=t("Import"), icon=":material/upload_file:", url_path="import"),
        ],
        t("Messages"): [
            st.Page("pages/templates.py", title=t("Templates"), icon=":material/chat:"),
            st.Page("pages/bulk_message.py", title=t("Bulk message"), icon=":material/send:"),
            st.Page("pages/operations.py", title=t("Operations"), icon=":material/monitoring:"),
        ],
        t("Insight"): [
            st.Page("pages/limits.py", title=t("Messaging limits"), icon=":material/speed:"),
            st.Page("pages/sql.py", title=t("SQL"), icon=":material/database:"),
        ],
        t("Set-up"): [st.Page("pages/settings.py", title=t("Settings"), icon=":material/settings:")],
    }
    return st.navigation(groups, position="hidden" if hidden else "sidebar", expanded=True)


def _sidebar_foot() -> None:
    with st.sidebar:
        st.space("small")
        st.caption(f":material/person: {current_person()}")
        language_switch(key="shell.language_switch")
