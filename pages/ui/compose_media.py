"""The example file of a header: what reviewers see. It is kept here and uploaded when the template is submitted."""

from __future__ import annotations

import streamlit as st

from engine.channels import media
from engine.clock import utc_now
from engine.errors import NotFound, UlakError
from engine.templates.bindings import MEDIA_MARK
from engine.templates.composing import DraftHeader
from pages.ui import t
from pages.ui.operation_words import plain
from pages.ui.services import settings, warehouse
from pages.ui.shell import who

ENDINGS = {"IMAGE": ["jpg", "jpeg", "png"], "VIDEO": ["mp4"], "DOCUMENT": ["pdf"]}
MOST_MEGABYTES = {"IMAGE": 5, "VIDEO": 16, "DOCUMENT": 100}


def draw_example(kind: str, begun: DraftHeader, key: str) -> str:
    """Draw the upload; return the mark of the file that is kept now, empty without one."""
    mark_key = f"{key}.mark"
    if mark_key not in st.session_state:
        st.session_state[mark_key] = begun.media if begun.format == kind else ""
    what = {
        "IMAGE": t("Example image: JPEG or PNG, up to 5 MB"),
        "VIDEO": t("Example video: MP4, up to 16 MB"),
        "DOCUMENT": t("Example document: PDF, up to 100 MB"),
    }
    st.file_uploader(
        what[kind],
        type=ENDINGS[kind],
        key=f"{key}.upload",
        max_upload_size=MOST_MEGABYTES[kind],
        on_change=_keep,
        args=(kind, f"{key}.upload", mark_key),
    )
    if problem := st.session_state.pop(f"{mark_key}.problem", None):
        st.error(t(str(problem.fields.get("reason", problem.message))), icon=":material/broken_image:")
    mark = str(st.session_state[mark_key])
    if mark:
        try:
            kept = media.get_media(warehouse(), settings(), mark.removeprefix(MEDIA_MARK))
        except NotFound:
            st.caption(t(":red[The file is no longer here; upload it again.]"))
            return ""
        st.caption(t("Used: {file}", file=plain(kept.file_name)))
    return mark


def _keep(kind: str, upload_key: str, mark_key: str) -> None:
    """Check and keep what was uploaded; what is wrong with it is said at the next run."""
    file = st.session_state.get(upload_key)
    if file is None:
        return
    try:
        kept = media.keep_media(
            warehouse(), settings(), file.getvalue(), file.name, kind.lower(), who=who(), now=utc_now()
        )
    except UlakError as problem:
        st.session_state[f"{mark_key}.problem"] = problem
    else:
        st.session_state[mark_key] = kept.mark
