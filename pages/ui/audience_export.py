"""The export dialog: which file, which columns, how many people; then how far it is, and the file itself."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import streamlit as st

from engine.clock import utc_now
from engine.errors import NotFound
from engine.segments import Audience, Context
from engine.segments.export_jobs import (
    CANCELLED,
    DONE,
    ExportJob,
    ExportRequest,
    cancel_export,
    export_secret,
    get_export,
    start_export,
    wait_for_export,
)
from engine.segments.exporting import FOR_EXCEL, ExportFormat, ExportOptions
from pages.ui import formats
from pages.ui.audience_words import label_of
from pages.ui.i18n import nt, t
from pages.ui.services import settings, warehouse
from pages.ui.shell import sentence_of, who

JOB = "audience.export.job"
SOON_SECONDS = 1.0
"""A short file is waited for, so that no progress flashes by."""
PLAIN = ExportOptions(delimiter=",", bom=False)


def draw_export(
    audience: Audience, context: Context, people: int, columns: Sequence[str], title: str, key: str = "audience"
) -> None:
    """Ask for an export, or show the one that is under way."""
    if JOB in st.session_state:
        _draw_job()
        return
    kinds = {ExportFormat.CSV: "CSV", ExportFormat.XLSX: "Excel (XLSX)", ExportFormat.PARQUET: "Parquet"}
    kind = st.segmented_control(
        t("File"), list(kinds), default=ExportFormat.CSV, format_func=kinds.__getitem__, required=True,
        key=f"{key}.export.format",
    )  # fmt: skip
    labels = {field.name: label_of(field) for field in context.registry} | {
        "contact_id": t("Contact number"), "user_id": t("User id"),
    }  # fmt: skip
    wanted = st.multiselect(
        t("Columns, in their order"), list(labels), default=[name for name in columns if name in labels],
        format_func=labels.__getitem__, key=f"{key}.export.columns",
    )  # fmt: skip
    for_excel = kind is ExportFormat.CSV and st.toggle(
        t("For Excel"), value=True, key=f"{key}.export.excel",
        help=t("Semicolons between the cells, and a mark at the front by which Excel knows the letters."),
    )  # fmt: skip
    st.caption(_consequence(kind or ExportFormat.CSV, people))
    headings = () if kind is ExportFormat.PARQUET else tuple(labels[name] for name in wanted)
    options = FOR_EXCEL if for_excel else PLAIN
    request = ExportRequest(audience, tuple(wanted), kind or ExportFormat.CSV, headings, options, title)
    st.button(
        t("Export"), type="primary", icon=":material/download:", disabled=not wanted, key=f"{key}.export.go",
        on_click=_begin, args=(request, context),
    )  # fmt: skip


def _begin(request: ExportRequest, context: Context) -> None:
    job = start_export(warehouse(), settings(), request, context, who=who(), now=utc_now())
    st.session_state[JOB] = job.export_id
    wait_for_export(job.export_id, SOON_SECONDS)


def _consequence(kind: ExportFormat, people: int) -> str:
    said = nt(
        "The file holds **{count}** person. Whoever has it can read it, so it lies here for a day only, and the "
        "export is noted with your name.",
        "The file holds **{count}** people. Whoever has it can read it, so it lies here for a day only, and the "
        "export is noted with your name.",
        people,
    )
    if kind is ExportFormat.CSV:
        return said + " " + t("A text that a spreadsheet would run as a formula gets an apostrophe in front.")
    if kind is ExportFormat.XLSX and people > 100_000:
        return said + " " + t("A workbook of this size takes a while; CSV is written in seconds.")
    return said


def _draw_job() -> None:
    try:
        job = get_export(st.session_state[JOB])
    except NotFound:
        del st.session_state[JOB]
        st.info(t("The file is not here any more."))
        return
    if not job.is_over:
        st.fragment(_draw_progress, run_every=0.7)()
        return
    _draw_over(job)
    st.button(t("Another file"), type="tertiary", on_click=forget_job, key="audience.export.again")


def _draw_progress() -> None:
    """Alone on a clock; a rerun of the page at the end would close the dialog."""
    job = get_export(st.session_state[JOB])
    if job.is_over:
        _draw_over(job)
        return
    st.progress(job.share, t("Writing {name}: {share}", name=job.file_name, share=formats.percent(job.share, 0)))
    st.button(t("Cancel"), on_click=cancel_export, args=(job.export_id,), key="audience.export.cancel")


def _draw_over(job: ExportJob) -> None:
    if job.state == DONE:
        st.markdown(
            nt("**{name}** is ready: {count} person, {size}.", "**{name}** is ready: {count} people, {size}.",
               job.count, name=job.file_name, size=_size(job.byte_count))
        )  # fmt: skip
        st.link_button(
            t("Download"), f"/download/{job.export_id}/{export_secret(job.export_id)}", type="primary",
            icon=":material/download:",
        )  # fmt: skip
    elif job.state == CANCELLED:
        st.info(t("Cancelled; nothing was kept."))
    else:
        st.error(sentence_of(job.error) if job.error else t("The file couldn't be written. Nothing was kept."))


def _size(byte_count: int) -> str:
    if byte_count < 1_000_000:
        return f"{formats.number(max(1, round(byte_count / 1000)))} kB"
    return f"{formats.number(round(byte_count / 1_000_000, 1))} MB"


def forget_job() -> None:
    """Let the dialog ask anew; the file stays for its day."""
    st.session_state.pop(JOB, None)


def forget_finished() -> None:
    """A dialog that is opened anew asks anew; one whose file is still being written shows how far it is."""
    with contextlib.suppress(NotFound):
        if JOB in st.session_state and not get_export(st.session_state[JOB]).is_over:
            return
    forget_job()
