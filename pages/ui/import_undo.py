"""Undoing an import: what it would restore, delete and leave as it is, said and confirmed before it happens."""

from __future__ import annotations

import streamlit as st

from engine.clock import utc_now
from engine.contacts.import_history import ImportRow
from engine.contacts.undo import KEPT_REASONS, UndoPlan, plan_undo, undo_import
from engine.errors import UlakError
from pages.ui import formats, nt, t, who
from pages.ui.import_files import translator
from pages.ui.import_state import Key, tell_suppressions
from pages.ui.import_words import plain
from pages.ui.services import settings, warehouse
from pages.ui.shell import sentence_of


def draw_undo_button(past: ImportRow) -> None:
    """The button, and the question once it was pressed."""
    if past.is_undone:
        return
    st.button(
        t("Undo…"), icon=":material/undo:", key=f"{Key.UNDO}.{past.import_id}", on_click=_ask, args=(past.import_id,)
    )
    if st.session_state.get(Key.UNDO) == past.import_id:
        st.dialog(t("Undo this import?"), on_dismiss=_forget)(_draw_question)(past)


def draw_undone(past: ImportRow) -> None:
    """That an import was undone, by whom and when."""
    st.info(
        t(
            "Undone by {who} on {when}. Contacts left as they are, for something happened to them since: {kept}.",
            who=past.undone_by or "–",
            when=formats.moment(past.undone_at),
            kept=formats.number(past.undo_kept_count or 0),
        ),
        icon=":material/undo:",
    )


def _ask(import_id: str) -> None:
    st.session_state[Key.UNDO] = import_id


def _forget() -> None:
    st.session_state.pop(Key.UNDO, None)


def _draw_question(past: ImportRow) -> None:
    try:
        plan = plan_undo(warehouse().cursor(), settings(), past.import_id)
    except UlakError as problem:
        st.error(sentence_of(problem))
        return
    st.markdown(f"**{plain(past.file_name)}**, {formats.moment(past.happened_at)}")
    _draw_plan(plan)
    wanted = plan.to_delete + plan.to_restore
    label = nt("Yes, undo it for {count} contact", "Yes, undo it for {count} contacts", wanted)
    sure = st.checkbox(label, key=f"import.undo_sure.{past.import_id}", disabled=not wanted)
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(t("Keep it"), key="import.undo_keep"):
            _forget()
            st.rerun()
        if st.button(
            t("Undo the import"), type="primary", icon=":material/undo:", disabled=not sure, key="import.undo_go"
        ):
            _undo(past)


def _draw_plan(plan: UndoPlan) -> None:
    lines = [
        nt(
            "**{count}** contact that it brought is deleted",
            "**{count}** contacts that it brought are deleted",
            plan.to_delete,
        ),
        nt("**{count}** contact gets its values back", "**{count}** contacts get their values back", plan.to_restore),
    ]
    for line in lines:
        st.markdown(f"- {line}")
    if plan.kept:
        words = nt(
            "**{count}** contact stays, or stays in part:",
            "**{count}** contacts stay, or stay in part:",
            plan.kept_count,
        )
        st.markdown(f"- {words}")
        for reason, count in plan.kept.items():
            st.caption(f"&emsp;{formats.number(count)} · {t(KEPT_REASONS.get(reason, reason))}")
        st.caption(t("They are listed in a file that you can download afterwards."))
    if plan.still_suppressed:
        words = nt(
            "**{count}** person opted out by it stays suppressed: no message goes to them.",
            "**{count}** people opted out by it stay suppressed: no message goes to them.",
            plan.still_suppressed,
        )
        st.markdown(f"- {words}")


def _undo(past: ImportRow) -> None:
    try:
        with st.spinner(t("Undoing…")):
            undo_import(warehouse(), settings(), past.import_id, who=who(), now=utc_now(), translate=translator())
    except UlakError as problem:
        st.error(sentence_of(problem))
        return
    _forget()
    tell_suppressions()
    st.toast(t("The import is undone."), icon=":material/undo:")
    st.rerun()
