"""Import: a file of contacts, looked at, mapped, checked, imported; nothing is written before the last step."""

from __future__ import annotations

import streamlit as st

from engine.contacts.importing import load_plan, load_source, sample_path
from engine.errors import NotFound
from pages.ui import guarded, header, t
from pages.ui.import_columns import draw_columns
from pages.ui.import_past import draw_past, draw_result
from pages.ui.import_plan import draw_plan
from pages.ui.import_state import Key, Step, give_up, take_file, take_upload
from pages.ui.services import settings


def draw() -> None:
    """Draw the step the person is at."""
    step = st.session_state.get(Key.STEP)
    if step is None:
        _draw_start()
        return
    try:
        source = load_source(settings(), st.session_state[Key.FILE])
        plan = load_plan(settings(), source.import_id) if step == Step.PLAN else None
    except NotFound:  # carried out or given up in another tab
        give_up()
        st.rerun()
    if plan is not None:
        header(t("Import"), t("What importing “{file}” would do.", file=source.file_name))
        with guarded():
            draw_plan(plan, source)
    else:
        header(t("Import"), t("“{file}” was read. Say what its columns are.", file=source.file_name))
        with guarded():
            draw_columns(source)


def _draw_start() -> None:
    done = st.session_state.get(Key.DONE)
    header(t("Import"), t("Bring contacts from a CSV file. You see what would happen before anything is written."))
    if done:
        draw_result(done)
    else:
        _draw_choice()
        _draw_steps()
    draw_past()


def _draw_choice() -> None:
    with guarded():
        uploaded = st.file_uploader(
            t("CSV file with a phone number column"),
            type=["csv", "tsv", "txt"],
            key=f"{Key.UPLOAD}.{st.session_state.get(Key.UPLOAD, 0)}",
            help=t("Comma, semicolon or tab; UTF-8, UTF-16 or Windows-1254. They are detected."),
        )
        if uploaded is not None:
            st.session_state[Key.UPLOAD] = st.session_state.get(Key.UPLOAD, 0) + 1
            take_upload(uploaded.name, uploaded)
            st.rerun()
        _draw_problem()
        if st.button(t("Use the 1,200 sample contacts"), icon=":material/science:", key="import.sample"):
            take_file(sample_path(), t("sample contacts.csv"))
            st.rerun()
        st.caption(t("Invented people, with a few broken rows so that you see how they are told."))


def _draw_steps() -> None:
    steps = (
        (":material/view_column:", t("Say what the columns are"), t("Most are known by their headers.")),
        (
            ":material/fact_check:",
            t("See what would happen"),
            t("Every row, and the reason of each rejected one."),
        ),
        (":material/download_done:", t("Import"), t("All of it or nothing. Rejected rows come back as a file.")),
    )
    for place, (icon, title, line) in zip(st.columns(3), steps, strict=True):
        with place.container(border=True, height="stretch"):
            st.markdown(f"{icon} **{title}**")
            st.caption(line)


def _draw_problem() -> None:
    problem = st.session_state.get(Key.PROBLEM)
    if problem:
        name, reason = problem
        st.error(
            t("“{file}” can't be read: {reason}. Nothing was imported.", file=name, reason=t(reason)),
            icon=":material/error:",
        )


draw()
