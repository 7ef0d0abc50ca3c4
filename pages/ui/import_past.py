"""What imports did: the one just carried out, the list of all, and each with its files and its undo."""

from __future__ import annotations

import polars as pl
import streamlit as st

from engine.contacts import load_registry
from engine.contacts.import_history import ImportRow, past_import, past_imports
from engine.segments.rules import IMPORT_FIELD, FacetChoice, Segment
from pages.ui import formats, nt, t
from pages.ui.audience_state import set_segment, start_over
from pages.ui.import_files import draw_kept_downloads
from pages.ui.import_state import leave, tell_suppressions
from pages.ui.import_undo import draw_undo_button, draw_undone
from pages.ui.import_words import field_label, plain
from pages.ui.services import warehouse

_SHOWN = 50


def draw_result(import_id: str) -> None:
    """Draw what the import that was just carried out did, and the way on."""
    past = past_import(warehouse().cursor(), import_id)
    tell_suppressions()
    if past.is_undone:
        draw_undone(past)
    else:
        title = nt("{count} contact imported", "{count} contacts imported", past.taken_count)
        st.markdown(f"### :primary[:material/check_circle:] {title}")
    with st.container(border=True):
        _draw_figures(past)
    with st.container(horizontal=True):
        if st.button(t("Open the audience"), type="primary", icon=":material/groups:", key="import.audience"):
            leave()
            _open_audience(import_id)
        draw_kept_downloads(past)
        draw_undo_button(past)
        st.button(t("Import another file"), on_click=leave, key="import.again", icon=":material/upload_file:")
    if past.withdrawn_count:
        st.caption(
            nt(
                "{count} contact opted out by this file; nothing more is sent to them.",
                "{count} contacts opted out by this file; nothing more is sent to them.",
                past.withdrawn_count,
            )
        )


def _open_audience(import_id: str) -> None:
    """The Audience page, narrowed to the people of this import."""
    start_over()
    set_segment(Segment(facets={IMPORT_FIELD: FacetChoice(include=frozenset({import_id}))}))
    st.switch_page("pages/audience.py", query_params={})


def draw_past() -> None:
    """Draw the earlier imports, newest first, and the one that is chosen."""
    imports = past_imports(warehouse().cursor(), limit=_SHOWN)
    if not imports:
        return
    st.subheader(t("Earlier imports"), anchor=False)
    columns = {
        t("When"): [formats.moment(each.happened_at) for each in imports],
        t("Who"): [each.who for each in imports],
        t("File"): [each.file_name for each in imports],
        t("State"): [t("undone") if each.is_undone else t("done") for each in imports],
        t("Rows"): [formats.number(each.row_count) for each in imports],
        t("New"): [formats.number(each.new_count) for each in imports],
        t("Updated"): [formats.number(each.updated_count) for each in imports],
        t("Unchanged"): [formats.number(each.unchanged_count) for each in imports],
        t("Twice in the file"): [formats.number(each.duplicate_count) for each in imports],
        t("Rejected"): [formats.number(each.rejected_count) for each in imports],
    }
    numbers = list(columns)[4:]
    chosen = st.dataframe(
        pl.DataFrame(columns),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config={name: st.column_config.TextColumn(alignment="right") for name in numbers},
        key=f"import.past.{imports[0].import_id}",
        alt=t("Earlier imports"),
    )
    rows = chosen["selection"]["rows"]
    if rows:
        draw_detail(imports[rows[0]])
    else:
        st.caption(t("Choose an import to see its file, download what it rejected, or undo it."))


def draw_detail(past: ImportRow) -> None:
    """Draw one earlier import: its file, where its columns went, its files, its undo."""
    with st.container(border=True):
        st.markdown(f"**{plain(past.file_name)}**&ensp;:small[:gray[SHA-256 {past.file_hash[:16]}…]]")
        st.caption(_columns(past))
        if past.is_undone:
            draw_undone(past)
        with st.container(horizontal=True):
            draw_kept_downloads(past)
            draw_undo_button(past)
            if not past.is_undone and st.button(
                t("Open in Audience"), icon=":material/groups:", key="import.past_audience"
            ):
                _open_audience(past.import_id)


def _columns(past: ImportRow) -> str:
    registry = load_registry(warehouse().cursor())
    return " · ".join(
        f"{plain(each.header)} → {plain(field_label(each.target or '', registry))}" for _, each in past.mapping
    )


def _draw_figures(past: ImportRow) -> None:
    figures = (
        (t("New"), past.new_count),
        (t("Updated"), past.updated_count),
        (t("Unchanged"), past.unchanged_count),
        (t("Twice in the file"), past.duplicate_count),
        (t("Rejected"), past.rejected_count),
    )
    with st.grid(5, min_column_width=110, gap="small"):
        for label, value in figures:
            st.metric(label, formats.number(value))
