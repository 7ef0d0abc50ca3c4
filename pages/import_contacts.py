"""Import: a file of contacts, read, mapped, checked, imported; nothing is written before the last step.

The page draws the step the import is at. The work itself goes on in the background, whoever looks.
"""

from __future__ import annotations

import streamlit as st

from engine.contacts.child import prepare
from engine.contacts.importing import load_plan, load_source
from engine.contacts.job_record import ImportJob, JobState
from engine.errors import NotFound
from pages.ui import guarded, header, t
from pages.ui.import_check import draw_check
from pages.ui.import_columns import draw_columns
from pages.ui.import_past import draw_past, draw_result
from pages.ui.import_start import draw_start, draw_unfinished
from pages.ui.import_state import current_job, leave
from pages.ui.import_steps import draw_steps, draw_trouble, draw_work
from pages.ui.services import settings


def draw() -> None:
    """Draw the step the import is at, or the start."""
    job = current_job()
    if job is None or job.state in (JobState.FAILED, JobState.CANCELLED):
        _draw_beginning(job)
        return
    header(t("Import"), _line(job))
    draw_steps(job)
    draw_trouble(job)
    if job.is_busy:
        draw_work(job)
    elif job.state is JobState.DONE:
        with guarded():
            draw_result(job.import_id)
    else:
        _draw_open(job)


def _draw_open(job: ImportJob) -> None:
    try:
        source = load_source(settings(), job.import_id)
        plan = load_plan(settings(), job.import_id) if job.state is JobState.PLANNED else None
    except NotFound:  # its files are gone: given up elsewhere, or a day old
        leave()
        st.rerun()
    with guarded():
        if plan is not None:
            draw_check(plan, source)
        else:
            draw_columns(source, job)


def _draw_beginning(job: ImportJob | None) -> None:
    header(t("Import"), t("Bring contacts from a file. You see what would happen before anything is written."))
    draw_steps(None)
    draw_trouble(job)
    draw_start()
    draw_unfinished()
    draw_past()
    prepare()


def _line(job: ImportJob) -> str:
    if job.state is JobState.DONE:
        return t("“{file}” was imported.", file=job.file_name)
    if job.state is JobState.PLANNED:
        return t("What importing “{file}” would do. Nothing is written yet.", file=job.file_name)
    if job.state is JobState.READ:
        return t("“{file}” was read. Say what its columns are.", file=job.file_name)
    return t("“{file}”, begun by {who}", file=job.file_name, who=job.who)


draw()
