"""Saved columns: where those on the page come from, the ways to take others, and to keep these by name."""

from __future__ import annotations

import streamlit as st

from engine.clock import utc_now
from engine.contacts.mapping import Mapping
from engine.contacts.mappings import delete_mapping, list_mappings, save_mapping
from engine.contacts.options import ImportOptions
from engine.contacts.source import SourceFile
from engine.errors import UlakError
from pages.ui import t, who
from pages.ui.import_base import Base, Origin, begin_with_guess, begin_with_saved
from pages.ui.import_words import plain
from pages.ui.services import warehouse
from pages.ui.shell import sentence_of

NAME_KEY = "import.mapping_name"


def draw_saved(source: SourceFile, base: Base, mapping: Mapping, options: ImportOptions) -> None:
    """Where the columns come from, with the ways to take others and to keep these."""
    saved = list_mappings(warehouse().cursor())
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        if base.origin is Origin.LAST:
            st.markdown(
                f":primary-badge[:material/history: {t('Columns as last time')}] :small[:gray[{plain(base.name)}]]"
            )
        elif base.origin is Origin.SAVED:
            st.markdown(f":primary-badge[:material/bookmark: {plain(base.name)}]")
        if base.origin is not Origin.GUESS:
            st.button(t("Guess anew"), type="tertiary", on_click=begin_with_guess, args=(source,), key="import.guess")
        with st.popover(
            t("Saved columns"), icon=":material/bookmarks:", key="import.saved", on_change="rerun"
        ) as opened:
            if opened.open:
                for each in saved:
                    _draw_mapping(source, each.mapping_id, each.name or "")
                _draw_save(mapping, options)


def _draw_mapping(source: SourceFile, mapping_id: str, name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.button(
            name,
            icon=":material/bookmark:",
            type="tertiary",
            key=f"import.apply.{mapping_id}",
            on_click=begin_with_saved,
            args=(source, mapping_id),
        )
        st.button(
            "",
            icon=":material/delete:",
            type="tertiary",
            help=t("Forget “{name}”", name=name),
            key=f"import.forget.{mapping_id}",
            on_click=_forget,
            args=(mapping_id,),
        )


def _draw_save(mapping: Mapping, options: ImportOptions) -> None:
    st.text_input(t("Save these columns as"), key=NAME_KEY, placeholder=t("Shop export"))
    name = str(st.session_state.get(NAME_KEY) or "").strip()
    if st.button(t("Save"), disabled=not name, key="import.save_mapping"):
        try:
            save_mapping(warehouse(), name, mapping, options, who=who(), now=utc_now())
        except UlakError as problem:
            st.error(sentence_of(problem))
        else:
            st.toast(t("“{name}” is saved; the command line knows it by this name too.", name=name))


def _forget(mapping_id: str) -> None:
    delete_mapping(warehouse(), mapping_id, who=who(), now=utc_now())
