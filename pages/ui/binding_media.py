"""The control for a header's file: an upload, checked and kept before it travels, or a link, fixed or of a field."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.channels import media
from engine.clock import utc_now
from engine.errors import NotFound, UlakError
from engine.templates import Binding, Slot
from pages.ui import formats, t
from pages.ui.message_media import drawn
from pages.ui.operation_words import plain
from pages.ui.services import settings, warehouse
from pages.ui.shell import who

UPLOAD, LINK = "upload", "link"
ENDINGS = {
    "image": ["jpg", "jpeg", "png"],
    "video": ["mp4", "3gp"],
    "document": ["pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt"],
}
MOST_MEGABYTES = {"image": 5, "video": 16, "document": 100}

Change = Callable[[str, Binding], None]


def draw_media(slot: Slot, binding: Binding, key: str, on_change: Change) -> bool:
    """Draw the choice between upload and link, and the upload.

    Returns: whether a link is wanted; its control is the caller's.
    """
    source_key = f"{key}.source"
    st.session_state.setdefault(source_key, UPLOAD if binding.media_hash or binding.is_empty else LINK)
    names = {UPLOAD: t("Upload"), LINK: t("Link or field")}
    source = st.segmented_control(
        t("Where the file comes from"),
        list(names),
        format_func=names.__getitem__,
        key=source_key,
        required=True,
        label_visibility="collapsed",
    )
    if source == LINK:
        return True
    upload_key = f"{key}.upload"
    st.file_uploader(
        _what(slot.kind),
        type=ENDINGS[slot.kind],
        key=upload_key,
        max_upload_size=MOST_MEGABYTES[slot.kind],
        on_change=_keep,
        args=(slot, upload_key, on_change),
    )
    if problem := st.session_state.pop(f"{upload_key}.problem", None):
        st.error(t(str(problem.fields.get("reason", problem.message))), icon=":material/broken_image:")
    if binding.media_hash:
        _draw_kept(slot, binding.media_hash, key, on_change)
    return False


def _what(kind: str) -> str:
    """What is taken, in words."""
    return {
        "image": t("JPEG or PNG, up to 5 MB"),
        "video": t("MP4 (H.264, AAC) or 3GP, up to 16 MB"),
        "document": t("PDF, Word, Excel, PowerPoint or text, up to 100 MB"),
    }[kind]


def _draw_kept(slot: Slot, media_hash: str, key: str, on_change: Change) -> None:
    """What is kept, with its size, and the button that lets it go."""
    with st.container(horizontal=True, vertical_alignment="center"):
        try:
            kept = media.get_media(warehouse(), settings(), media_hash)
        except NotFound:
            st.caption(t(":red[The file is no longer here; upload it again.]"))
        else:
            if slot.kind == "image" and (picture := drawn(str(kept.path))):
                st.image(picture, width=72)
            st.caption(t("Used: {file}", file=plain(kept.file_name)) + _figures(media_hash, kept.path.stat().st_size))
        st.button(
            t("Remove"),
            key=f"{key}.remove",
            type="tertiary",
            icon=":material/close:",
            on_click=lambda: on_change(slot.key, Binding()),
        )


def _figures(media_hash: str, byte_count: int) -> str:
    rows = (
        warehouse().cursor().execute("SELECT width, height FROM media WHERE media_hash = ?", [media_hash]).fetchall()
    )
    size = t("{count} KB", count=formats.number(-(-byte_count // 1024)))
    width, height = rows[0] if rows else (None, None)
    return f" · {size} · {formats.number(width)} × {formats.number(height)}" if width and height else f" · {size}"


def _keep(slot: Slot, upload_key: str, on_change: Change) -> None:
    """Check and keep what was uploaded; what is wrong with it is said at the next run."""
    file = st.session_state.get(upload_key)
    if file is None:
        return
    try:
        kept = media.keep_media(
            warehouse(), settings(), file.getvalue(), file.name, slot.kind, who=who(), now=utc_now()
        )
    except UlakError as problem:
        st.session_state[f"{upload_key}.problem"] = problem
    else:
        on_change(slot.key, Binding.of(kept.mark))
