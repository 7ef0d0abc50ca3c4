"""The start of an import: a file to choose, and the imports that somebody has not finished."""

from __future__ import annotations

import streamlit as st

from engine.contacts.importing import sample_path
from engine.contacts.job_record import ImportJob, JobState
from pages.ui import formats, guarded, t
from pages.ui.import_state import Key, give_up, jobs, look_at, take_file, take_upload
from pages.ui.import_steps import work_sentence

TYPES = ["csv", "tsv", "txt", "gz", "zip", "xlsx", "parquet"]


def draw_start() -> None:
    """Draw the choice of a file."""
    with guarded():
        uploaded = st.file_uploader(
            t("A file with a phone number column: CSV, Excel (XLSX), Parquet, also zipped"),
            type=TYPES,
            key=f"{Key.UPLOAD}.{st.session_state.get(Key.UPLOAD, 0)}",
            help=t("Separator, encoding, sheet and header are found out; you can change each."),
        )
        if uploaded is not None:
            st.session_state[Key.UPLOAD] = st.session_state.get(Key.UPLOAD, 0) + 1
            take_upload(uploaded.name, uploaded)
            st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(t("Use the 1,200 sample contacts"), icon=":material/science:", key="import.sample"):
            take_file(sample_path(), t("sample contacts.csv"))
            st.rerun()
        st.caption(t("Invented people, with a few broken rows so that you see how they are told."))


def draw_unfinished() -> None:
    """Draw the imports under way, of everybody: each can be opened, or given up."""
    open_ones = [job for job in jobs().all() if not job.is_final]
    if not open_ones:
        return
    st.subheader(t("Not finished yet"), anchor=False)
    with st.container(border=True, gap="xsmall"):
        for job in open_ones:
            _draw_one(job)


def _draw_one(job: ImportJob) -> None:
    name, state, buttons = st.columns([3, 3, 2], vertical_alignment="center")
    name.markdown(f"**{_plain(job.file_name)}**  \n:small[{_plain(job.who)} · {formats.ago(job.started_at)}]")
    state.caption(_state(job))
    with buttons.container(horizontal=True, horizontal_alignment="right"):
        st.button(t("Open"), key=f"import.open.{job.import_id}", on_click=look_at, args=(job.import_id,))
        if job.state is not JobState.MERGING or job.is_waiting:
            st.button(
                t("Give up"),
                key=f"import.drop.{job.import_id}",
                on_click=give_up,
                args=(job.import_id,),
                type="tertiary",
            )


def _state(job: ImportJob) -> str:
    if job.is_busy:
        return work_sentence(job)
    if job.state is JobState.PLANNED:
        return t("Checked; waits for somebody to import it.")
    return t("Read; waits for somebody to say what the columns are.")


def _plain(text: str) -> str:
    """A name without Markdown's marks."""
    return "".join(f"\\{mark}" if mark in "\\*_`[]<>:~$#" else mark for mark in text)
