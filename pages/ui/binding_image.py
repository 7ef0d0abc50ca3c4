"""The control for a header's image: an upload, checked and kept before it travels, or a link."""

from __future__ import annotations

import re

import streamlit as st

from engine.channels.media import get_media, keep_image
from engine.clock import utc_now
from engine.errors import NotFound, UlakError
from engine.templates import Binding, Slot
from engine.templates.bindings import MEDIA_MARK
from pages.ui import t
from pages.ui.services import settings, warehouse
from pages.ui.shell import who

UPLOAD, LINK = "upload", "link"


def draw_image(slot: Slot, begun: Binding, key: str) -> Binding:
    """Draw the choice between upload and link; return what is chosen now."""
    source_key, mark_key, link_key = f"{key}.source", f"{key}.mark", f"{key}.link"
    st.session_state.setdefault(mark_key, begun.typed if begun.media_hash else "")
    st.session_state.setdefault(link_key, "" if begun.media_hash else begun.typed)
    st.session_state.setdefault(source_key, LINK if st.session_state[link_key] else UPLOAD)
    names = {UPLOAD: t("Upload"), LINK: t("Link")}
    source = st.segmented_control(
        t("Where the image comes from"),
        list(names),
        format_func=names.__getitem__,
        key=source_key,
        required=True,
        label_visibility="collapsed",
    )
    if source == LINK:
        typed = st.text_input(
            t(slot.caption, name=slot.name),
            key=link_key,
            label_visibility="collapsed",
            placeholder="https://…",
            live="400ms",
        )
        if typed and not (typed.startswith("https://") or Binding.of(typed).fields):
            st.caption(t(":red[The link must begin with https://]"))
        return Binding.of(typed or "")
    upload_key = f"{key}.upload"
    st.file_uploader(
        t("JPEG or PNG, up to 5 MB"),
        type=["jpg", "jpeg", "png"],
        key=upload_key,
        max_upload_size=5,
        on_change=_keep,
        args=(upload_key, mark_key),
    )
    if problem := st.session_state.pop(f"{mark_key}.problem", None):
        st.error(t(str(problem.fields.get("reason", problem.message))), icon=":material/broken_image:")
    return _kept_image(st.session_state[mark_key], mark_key)


def _kept_image(mark: str, mark_key: str) -> Binding:
    if not mark:
        return Binding()
    with st.container(horizontal=True, vertical_alignment="center"):
        try:
            name = get_media(warehouse(), settings(), mark.removeprefix(MEDIA_MARK)).file_name
            st.caption(t("Used: {file}", file=_plain(name)))
        except NotFound:
            st.caption(t(":red[The image is no longer here; upload it again.]"))
        st.button(
            t("Remove"),
            key=f"{mark_key}.remove",
            type="tertiary",
            icon=":material/close:",
            on_click=lambda: st.session_state.update({mark_key: ""}),
        )
    return Binding.of(mark)


def _keep(upload_key: str, mark_key: str) -> None:
    """Check and keep what was uploaded; what is wrong with it is said at the next run."""
    file = st.session_state.get(upload_key)
    if file is None:
        return
    try:
        kept = keep_image(warehouse(), settings(), file.getvalue(), file.name, who=who(), now=utc_now())
    except UlakError as problem:
        st.session_state[f"{mark_key}.problem"] = problem
    else:
        st.session_state[mark_key] = kept.mark


def _plain(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]()#+.!$|<>~:-])", r"\\\1", text)
