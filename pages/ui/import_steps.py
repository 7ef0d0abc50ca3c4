"""The frame of an import: the step it is at, the progress of its work, and what went wrong with the last."""

from __future__ import annotations

import streamlit as st

from engine.contacts.job_record import ImportJob, JobState
from engine.errors import UlakError
from pages.ui import formats, t
from pages.ui.import_state import Key, back_to_columns, give_up, jobs, leave, step_words
from pages.ui.shell import sentence_of, show_error

_AT = {
    JobState.READING: 0,
    JobState.READ: 1,
    JobState.PLANNING: 2,
    JobState.PLANNED: 2,
    JobState.MERGING: 3,
    JobState.DONE: 4,
}
_PATIENCE_SECONDS, _LOOK_SECONDS = 2.0, 0.1


def draw_steps(job: ImportJob | None) -> None:
    """The five steps in a line: those behind, the present one, those to come."""
    at = _AT.get(job.state, 0) if job else 0
    names = (t("File"), t("Columns"), t("Check"), t("Import"), t("Done"))
    parts = []
    for number, name in enumerate(names):
        if number < at or at == len(names) - 1:
            parts.append(f":primary[:material/check:] {name}")
        elif number == at:
            parts.append(f":primary-badge[**{number + 1}  {name}**]")
        else:
            parts.append(f":gray[{number + 1}  {name}]")
    st.markdown("&ensp;:gray[›]&ensp;".join(parts))


def draw_work(job: ImportJob) -> None:
    """The progress of the work under way. Short work is waited for; the rest is looked at now and then."""
    place = st.empty()
    waited = 0.0
    while job.is_busy and waited < _PATIENCE_SECONDS:
        with place.container():
            _draw_bar(job)
        job = jobs().wait(job.import_id, _LOOK_SECONDS)
        waited += _LOOK_SECONDS
    place.empty()
    if not job.is_busy:
        st.rerun()
    _follow(job.import_id)


@st.fragment(run_every=0.7)
def _follow(import_id: str) -> None:
    job = jobs().get(import_id)
    if not job.is_busy:
        st.rerun()
    _draw_bar(job)
    st.caption(t("You may leave this page, or close it: the work goes on, and this page finds it again."))
    with st.container(horizontal=True):
        if job.state is JobState.PLANNING:
            st.button(t("Stop, back to the columns"), on_click=back_to_columns, args=(import_id,), key="import.stop")
        if job.state is not JobState.MERGING or job.is_waiting:
            st.button(t("Give it up"), on_click=give_up, args=(import_id,), key="import.give_up_work")
        st.button(t("Leave it to itself"), on_click=leave, type="tertiary", key="import.leave")


def _draw_bar(job: ImportJob) -> None:
    st.progress(min(max(job.share, 0.0), 1.0), text=work_sentence(job))


def work_sentence(job: ImportJob) -> str:
    """What is under way, with its share."""
    if job.is_waiting:
        return t("Waiting: another import has its turn.")
    if job.state is JobState.MERGING:
        return t("Writing the contacts: all of them, or none…")
    words = step_words().get(job.step) or {
        JobState.READING: t("Reading the file…"),
        JobState.PLANNING: t("Checking the rows…"),
    }.get(job.state, "")
    return f"{words} {formats.percent(job.share, 0)}"


def draw_trouble(job: ImportJob | None) -> None:
    """What went wrong with the last piece of work or the last button, and what a kill cut short."""
    if isinstance(problem := st.session_state.pop(Key.PROBLEM, None), UlakError):
        show_error(problem)
    if job is None:
        return
    if job.interrupted is not None:
        st.warning(_interrupted(job), icon=":material/power_off:")
    if (failure := job.failure) is not None:
        sentence = sentence_of(failure)
        if job.state is JobState.FAILED:
            sentence = f"**“{job.file_name}”** {t('Nothing was imported.')}  \n{sentence}"
        st.error(sentence, icon=":material/error:")


def _interrupted(job: ImportJob) -> str:
    if job.state is JobState.DONE:
        return t("Ulak was stopped right after this import was written. All of it is there.")
    if job.interrupted is JobState.MERGING:
        return t("Ulak was stopped while it wrote the contacts. None of them was imported; you can import them now.")
    if job.interrupted is JobState.PLANNING:
        return t("Ulak was stopped while it checked the rows. Nothing was imported; check them again.")
    return t(
        "Ulak was stopped while it read “{file}”. Nothing was imported; choose the file again.", file=job.file_name
    )
