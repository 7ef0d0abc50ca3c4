"""What imports did: the one just carried out, and the list of the earlier ones with their rejects."""

from __future__ import annotations

import polars as pl
import streamlit as st

from engine.contacts.importing import PastImport, import_folder, list_imports
from pages.ui import formats, nt, t
from pages.ui.import_state import forget_done
from pages.ui.services import settings, warehouse


def draw_result(import_id: str) -> None:
    """Draw what the import that was just carried out did, and the way on."""
    past = next((each for each in list_imports(warehouse().cursor()) if each.import_id == import_id), None)
    if past is None:
        return
    taken = past.new_count + past.updated_count
    with st.container(border=True):
        title = nt("{count} contact imported", "{count} contacts imported", taken)
        st.markdown(f"### :material/check_circle: {title}")
        st.caption(past.file_name)
        _draw_figures(past)
        with st.container(horizontal=True):
            if st.button(t("Open the audience"), type="primary", icon=":material/groups:", key="import.audience"):
                st.switch_page("pages/audience.py", query_params={})
            _rejects_button(past, key="import.result_rejects")
            st.button(t("Import another file"), on_click=forget_done, key="import.again")


def draw_past() -> None:
    """Draw the earlier imports, newest first."""
    imports = list_imports(warehouse().cursor())
    if not imports:
        return
    st.subheader(t("Earlier imports"), anchor=False)
    columns = {
        t("When"): [formats.moment(each.happened_at) for each in imports],
        t("Who"): [each.who for each in imports],
        t("File"): [each.file_name for each in imports],
        t("Rows"): [formats.number(each.row_count) for each in imports],
        t("New"): [formats.number(each.new_count) for each in imports],
        t("Updated"): [formats.number(each.updated_count) for each in imports],
        t("Unchanged"): [formats.number(each.unchanged_count) for each in imports],
        t("Twice in the file"): [formats.number(each.duplicate_count) for each in imports],
        t("Rejected"): [formats.number(each.rejected_count) for each in imports],
    }
    numbers = list(columns)[3:]
    chosen = st.dataframe(
        pl.DataFrame(columns),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config={name: st.column_config.TextColumn(alignment="right") for name in numbers},
        key=f"import.past.{imports[0].import_id}",
    )
    rows = chosen["selection"]["rows"]
    if rows:
        _rejects_button(imports[rows[0]], key="import.past_rejects")
    elif any(each.rejects_file for each in imports):
        st.caption(t("Choose an import to download the rows it rejected."))


def _draw_figures(past: PastImport) -> None:
    figures = (
        (t("New"), past.new_count),
        (t("Updated"), past.updated_count),
        (t("Unchanged"), past.unchanged_count),
        (t("Twice in the file"), past.duplicate_count),
        (t("Rejected"), past.rejected_count),
    )
    for place, (label, value) in zip(st.columns(len(figures)), figures, strict=True):
        place.metric(label, formats.number(value))


def _rejects_button(past: PastImport, *, key: str) -> None:
    if not past.rejects_file:
        return
    path = import_folder(settings(), past.import_id) / past.rejects_file
    if not path.exists():
        st.caption(t("The rejected rows of this import are no longer here."))
        return
    st.download_button(
        nt("Download {count} rejected row", "Download {count} rejected rows", past.rejected_count),
        path.read_bytes(),
        file_name=f"rejects-{past.import_id}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=key,
    )
