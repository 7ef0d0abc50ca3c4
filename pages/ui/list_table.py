"""The lists as rows: name, size, who made them, what they are used in; opening, changing, archiving one."""

from __future__ import annotations

import duckdb
import polars as pl
import streamlit as st

from engine.clock import utc_now
from engine.segments import (
    AllOf,
    Audience,
    Comparison,
    ContactList,
    Segment,
    archive_list,
    change_list,
    create_list,
    list_uses,
    load_context,
    restore_list,
)
from engine.segments.lists import LONGEST_DESCRIPTION, ListUse
from engine.segments.rules import LIST_FIELD
from pages.ui import empty_state, formats
from pages.ui.audience_export import draw_export, forget_finished
from pages.ui.audience_state import COLUMNS, Key, set_segment, start_over
from pages.ui.audience_words import plain
from pages.ui.i18n import nt, t
from pages.ui.list_dialogs import said
from pages.ui.services import settings, warehouse
from pages.ui.shell import who


def draw_lists(cursor: duckdb.DuckDBPyConnection, lists: tuple[ContactList, ...]) -> None:
    """The table, and under it what can be done with the list that is selected."""
    if not lists:
        empty_state(
            t("No lists yet"),
            t("Select people in Audience and add them to a list, or make an empty one and fill it by an import."),
            icon=":material/list_alt:",
        )
        return
    uses = list_uses(cursor)
    event = st.dataframe(
        _frame(lists, uses), hide_index=True, row_height=36, placeholder="–", on_select="rerun",
        selection_mode="single-row", key="lists.table." + "-".join(each.list_id[-6:] for each in lists),
        alt=t("The lists"),
    )  # fmt: skip
    chosen = event["selection"]["rows"]
    if not chosen or chosen[0] >= len(lists):
        st.caption(t("Select a list to open, change or archive it."))
        return
    _draw_chosen(cursor, lists[chosen[0]], uses.get(lists[chosen[0]].list_id, ListUse()))


def _frame(lists: tuple[ContactList, ...], uses: dict[str, ListUse]) -> pl.DataFrame:
    columns = {
        t("List"): [each.name for each in lists],
        t("People"): [formats.number(each.member_count) for each in lists],
        t("What it is for"): [each.description for each in lists],
        t("Used in"): [_use_words(uses.get(each.list_id, ListUse())) for each in lists],
        t("Made by"): [each.created_by for each in lists],
        t("Made"): [formats.day(each.created_at) for each in lists],
    }
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _use_words(use: ListUse) -> str | None:
    parts = []
    if use.segments:
        parts.append(nt("{count} segment", "{count} segments", len(use.segments)))
    if use.operation_count:
        parts.append(nt("{count} operation", "{count} operations", use.operation_count))
    return ", ".join(parts) or None


def _draw_chosen(cursor: duckdb.DuckDBPyConnection, chosen: ContactList, use: ListUse) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(chosen.name)}**", width="content")
        if st.button(t("Open in Audience"), icon=":material/groups:", key="lists.open"):
            open_in_audience(chosen.list_id)
        if st.button(t("Change"), icon=":material/edit:", key="lists.change"):
            st.dialog(t("Change the list"))(_draw_change)(chosen)
        if st.button(t("Export"), icon=":material/download:", key="lists.export", disabled=not chosen.member_count):
            forget_finished()
            st.dialog(t("Export"), width="medium")(_draw_export)(cursor, chosen)
        if st.button(t("Archive"), icon=":material/archive:", type="tertiary", key="lists.archive"):
            st.dialog(t("Archive the list"))(_draw_archive)(chosen, use)


def open_in_audience(list_id: str) -> None:
    """Show the people of a list on the Audience page."""
    start_over()
    st.session_state[Key.SEARCH] = ""
    rule = Comparison(field=LIST_FIELD, operator="in", value=list_id)
    set_segment(Segment(rule=AllOf(rules=(rule,))))
    st.switch_page("pages/audience.py")


def draw_create() -> None:
    """Make an empty list."""
    name = st.text_input(t("Name"), max_chars=80, key="lists.new.name")
    words = st.text_area(
        t("What it is for"), max_chars=LONGEST_DESCRIPTION, key="lists.new.description", height=80
    )  # fmt: skip
    st.caption(t("It is empty at first. Fill it from a selection in Audience, or choose it when you import a file."))
    if st.button(t("Make the list"), type="primary", disabled=not name.strip(), key="lists.new.go"):
        with said():
            create_list(warehouse(), name, who=who(), now=utc_now(), description=words)
            st.rerun()


def _draw_change(chosen: ContactList) -> None:
    name = st.text_input(t("Name"), value=chosen.name, max_chars=80, key=f"lists.name.{chosen.list_id}")
    words = st.text_area(
        t("What it is for"), value=chosen.description or "", max_chars=LONGEST_DESCRIPTION, height=80,
        key=f"lists.description.{chosen.list_id}",
    )  # fmt: skip
    if st.button(t("Keep the changes"), type="primary", disabled=not name.strip(), key="lists.change.go"):
        with said():
            change_list(warehouse(), chosen.list_id, name=name, description=words, who=who(), now=utc_now())
            st.rerun()


def _draw_export(cursor: duckdb.DuckDBPyConnection, chosen: ContactList) -> None:
    context = load_context(cursor, now=utc_now(), zone=settings().zone)
    audience = Audience(list_ids=(chosen.list_id,))
    draw_export(audience, context, chosen.member_count, COLUMNS, chosen.name, key="lists")


def _draw_archive(chosen: ContactList, use: ListUse) -> None:
    st.markdown(
        nt("**{name}** with {count} person leaves the choices. Nothing is deleted, and it can be brought back.",
           "**{name}** with {count} people leaves the choices. Nothing is deleted, and it can be brought back.",
           chosen.member_count, name=plain(chosen.name))
    )  # fmt: skip
    if use.segments:
        names = ", ".join(f"“{plain(each)}”" for each in use.segments[:5])
        st.caption(t("Segments that look at it keep reading it: {names}", names=names))
    if st.button(t("Archive"), type="primary", key="lists.archive.go"):
        archive_list(warehouse(), chosen.list_id, who=who(), now=utc_now())
        st.rerun()


def draw_archived(archived: tuple[ContactList, ...]) -> None:
    """The archived ones, folded away, each with its way back."""
    if not archived:
        return
    with st.expander(nt("{count} archived list", "{count} archived lists", len(archived))):
        for each in archived[:50]:
            with st.container(horizontal=True, vertical_alignment="center"):
                size = nt("{count} person", "{count} people", each.member_count)
                st.caption(f"{plain(each.name)} · {size}", width="stretch")
                if st.button(t("Bring back"), type="tertiary", key=f"lists.restore.{each.list_id}"):
                    with said():
                        restore_list(warehouse(), each.list_id, who=who(), now=utc_now())
                        st.rerun()
