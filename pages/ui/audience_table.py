"""The table of the Audience page: one page of rows from the store, sorted there, chosen by id."""

from __future__ import annotations

from functools import partial
from typing import Any

import polars as pl
import streamlit as st
from pydantic import BaseModel, ConfigDict

from engine.clock import from_store, utc_now
from engine.contacts.fields import FieldType
from engine.segments import Audience, Context, Selection, SelectionMode
from engine.segments.context import is_moment
from engine.warehouse.person_settings import get_setting, set_setting
from pages.ui import formats
from pages.ui.audience_figures import Figures
from pages.ui.audience_state import (
    COLUMNS,
    OPEN_COLUMN,
    PAGE_SIZE,
    Key,
    View,
    clear_selection,
    drawn_key,
    keep_selection,
    page_key,
    select_all,
    take_sort,
    take_ticks,
)
from pages.ui.audience_words import label_of, value_label
from pages.ui.contact_state import open_contact
from pages.ui.i18n import nt, t
from pages.ui.services import warehouse
from pages.ui.shell import who

COLUMNS_SETTING = "audience.columns"


def draw_tools(view: View, context: Context) -> None:
    """Search, and what the table shows."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            t("Find people"), key=Key.SEARCH, placeholder=t("Name, e-mail or phone"), icon=":material/search:",
            label_visibility="collapsed", type="search", persist_state="session", width=340,
        )  # fmt: skip
        with st.popover(t("View"), icon=":material/view_column:"):
            _view_form(view, context)


def _view_form(view: View, context: Context) -> None:
    """The columns and the order; a click on a column's head sorts too."""
    names = [field.name for field in context.registry]

    def label(name: str) -> str:
        return label_of(context.registry.get(name))

    st.multiselect(
        t("Columns"), names, default=None if Key.COLUMNS in st.session_state else list(COLUMNS), key=Key.COLUMNS,
        format_func=label, persist_state="session", placeholder=t("Choose columns"), on_change=_keep_columns,
    )  # fmt: skip
    st.session_state[Key.SORT_FIELD], st.session_state[Key.SORT_DESCENDING] = view.sort.field, view.sort.descending
    st.selectbox(t("Sort by"), names, key=Key.SORT_FIELD, format_func=label, on_change=take_sort)
    st.toggle(t("Descending"), key=Key.SORT_DESCENDING, on_change=take_sort)
    st.caption(t("Sorts everybody, not only this page. A click on a column's head does the same."))


class ChosenColumns(BaseModel):
    """The columns that a person's table shows."""

    model_config = ConfigDict(frozen=True)

    columns: tuple[str, ...] = ()


def recall_columns(context: Context) -> None:
    """Take the columns that this person chose another time; a column that is gone since is left away."""
    state = st.session_state
    if Key.COLUMNS_KEPT not in state:
        kept = get_setting(warehouse().cursor(), who(), COLUMNS_SETTING, ChosenColumns).columns
        state[Key.COLUMNS_KEPT] = True
        if kept and Key.COLUMNS not in state:
            state[Key.COLUMNS] = list(kept)
    if any(name not in context.registry for name in state.get(Key.COLUMNS) or ()):
        state[Key.COLUMNS] = [name for name in state[Key.COLUMNS] if name in context.registry]
    if Key.SORT in state and state[Key.SORT].field not in context.registry:
        del state[Key.SORT]


def _keep_columns() -> None:
    """After other columns were chosen."""
    chosen = ChosenColumns(columns=tuple(st.session_state[Key.COLUMNS]))
    set_setting(warehouse(), who(), COLUMNS_SETTING, chosen, now=utc_now())


def draw_table(view: View, found: Figures, count: int, selected: int) -> None:
    """The page of rows, the sentence that says whom an action touches, the pager."""
    pages = max(1, -(-count // PAGE_SIZE))
    key = page_key(view)
    page = min(int(st.session_state.get(key) or 1), pages)
    frame = found.page(view.everybody, view.columns, view.sort, PAGE_SIZE, (page - 1) * PAGE_SIZE, count)
    ids = frame["contact_id"].to_list()
    table = drawn_key(view, page)
    shown = _shown(frame, found.context)
    opened = pl.Series(OPEN_COLUMN, [t("Open")] * shown.height, pl.String)
    st.dataframe(
        shown.insert_column(0, opened),
        key=table,
        hide_index=True,
        row_height=34,
        height=min(len(ids), 12) * 34 + 38,
        column_config={
            OPEN_COLUMN: st.column_config.ButtonColumn("", type="tertiary", width="small", key=f"{table}.open"),
            **{name: st.column_config.Column(_head(view, name, found.context)) for name in view.columns},
        },
        on_select=partial(take_ticks, table, ids, view.filtered.fingerprint),
        selection_mode=["multi-row", "single-column"],
        selection_default={"selection": {"rows": view.selection.ticked(ids), "columns": [], "cells": []}},
        placeholder="–",
        alt=t("The people of this audience, page {page} of {pages}", page=page, pages=pages),
    )
    if (click := st.session_state.get(f"{table}.open")) and click["row"] < len(ids):
        open_contact(ids[click["row"]])
    sentence, pager = st.columns([1.35, 1], vertical_alignment="center")
    with sentence:
        draw_selection(view, found, count, selected)
    with pager, st.container(horizontal=True, horizontal_alignment="right"):
        if pages > 1:
            st.pagination(pages, key=key, max_visible_pages=5)


def draw_selection(view: View, found: Figures, count: int, selected: int) -> None:
    """Who is selected, always, in words; and what became of a selection when the filter changed."""
    is_none = view.selection.mode is SelectionMode.NONE
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(touched(view, count, selected), width="content")
        if view.selection.mode is not SelectionMode.EXCEPT and count > 1:
            st.button(
                t("Select all {count}", count=formats.number(count)), type="tertiary", on_click=select_all,
                args=(view.filtered.fingerprint,), key="audience.select_all",
                help=t("On every page. Untick single rows afterwards to leave them out."),
            )  # fmt: skip
        if not is_none:
            st.button(t("Clear selection"), type="tertiary", on_click=clear_selection, key="audience.clear_selection")
    if is_none and Key.PARKED in st.session_state:
        _draw_parked(view, found)


def touched(view: View, count: int, selected: int) -> str:
    """Whom an action touches, as a sentence."""
    if view.selection.mode is SelectionMode.ONLY:
        return nt("**{count}** person selected: actions go to this one alone.",
                  "**{count}** people selected: actions go to them alone.", selected)  # fmt: skip
    if view.selection.mode is SelectionMode.NONE:
        return t("Nobody selected: actions go to **all {count}**.", count=formats.number(count))
    left_out = count - selected
    if not left_out:
        return t("**All {count}** selected.", count=formats.number(count))
    return t(
        "**All {count} but {left_out}** selected: actions go to {selected}.", count=formats.number(count),
        left_out=formats.number(left_out), selected=formats.number(selected),
    )  # fmt: skip


def _draw_parked(view: View, found: Figures) -> None:
    """The selection that another filter had: gone, unless its people are wanted here too."""
    parked: frozenset[int] = st.session_state.get(Key.PARKED, frozenset())
    all_but = bool(st.session_state.get(Key.PARKED_ALL_BUT))
    still = found.count(Audience(segment=view.filtered, selection=Selection.only(parked))) if parked else 0
    if not still and st.session_state.get(Key.PARKED_FOR) != view.filtered.fingerprint:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(t("The filter changed, so the selection was cleared."), width="content")
        if not still:
            return
        label = nt("Keep the one who still matches", "Keep the {count} who still match", still)
        if all_but:
            label = nt("Leave the same one out here", "Leave the same {count} out here", still)
        st.button(
            label, type="tertiary", on_click=keep_selection, key="audience.keep",
            args=(parked, view.filtered.fingerprint), kwargs={"all_but": all_but},
        )  # fmt: skip


def _head(view: View, name: str, context: Context) -> str:
    arrow = "" if view.sort.field != name else " ↓" if view.sort.descending else " ↑"
    return f"{label_of(context.registry.get(name))}{arrow}"


def _shown(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    """The rows as text in the session's language."""
    columns: dict[str, list[Any]] = {}
    for name in frame.columns[1:]:
        field = context.registry.get(name)
        columns[name] = [_cell(field, value) for value in frame[name].to_list()]
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _cell(field: Any, value: Any) -> str | None:
    if value is None or value == "":
        return None
    if field.name == "phone":
        return formats.phone(value)
    if is_moment(field):
        return formats.day(from_store(value))
    if field.type is FieldType.DATE:
        return formats.day(value)
    if field.type is FieldType.NUMBER:
        return formats.number(value)
    if field.type is FieldType.BOOL:
        return value_label(field, "true" if value else "false")
    return value_label(field, value)
