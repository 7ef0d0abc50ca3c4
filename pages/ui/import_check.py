"""The dry run on the page: what the import would do, in numbers and samples, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl
import streamlit as st

from engine.contacts import load_registry
from engine.contacts.fields import FieldRegistry
from engine.contacts.planning import ContactSample, DryRun
from engine.contacts.rejects import REJECT_REASONS
from engine.contacts.source import SourceFile
from pages.ui import formats, nt, t
from pages.ui.import_files import draw_duplicates_download, draw_rejects_download
from pages.ui.import_live import draw_live
from pages.ui.import_notes import draw_notes
from pages.ui.import_state import back_to_columns, carry_out, give_up
from pages.ui.import_words import field_label, plain
from pages.ui.services import warehouse


@dataclass(frozen=True)
class Tab:
    """One kind of rows: its name, how many, and what draws its samples."""

    key: str
    label: str
    count: int
    draw: Callable[[], None]


def draw_check(plan: DryRun, source: SourceFile) -> None:
    """Draw the dry run; the primary button imports."""
    registry = load_registry(warehouse().cursor())
    _draw_counts(plan)
    draw_notes(plan)
    draw_live(plan)
    _draw_tabs(plan, source, registry)
    _draw_actions(plan)


def _draw_counts(plan: DryRun) -> None:
    counts = plan.counts
    figures = (
        (t("New"), counts.new_count),
        (t("Updated"), counts.updated_count),
        (t("Unchanged"), counts.unchanged_count),
        (t("Twice in the file"), plan.duplicate_count),
        (t("Rejected"), plan.rejected_count),
    )
    with st.container(border=True), st.grid(5, min_column_width=110, gap="small"):
        for label, value in figures:
            st.metric(label, formats.number(value))
    st.caption(nt("Together {count} row of the file.", "Together the {count} rows of the file.", plan.row_count))


def _draw_actions(plan: DryRun) -> None:
    wanted = plan.to_import_count
    with st.bottom, st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            nt("Import {count} contact", "Import {count} contacts", wanted),
            type="primary",
            icon=":material/download_done:",
            disabled=not wanted and not plan.options.list_id,
            on_click=carry_out,
            args=(plan.import_id,),
            key="import.carry_out",
        )
        st.button(
            t("Back to the columns"),
            icon=":material/arrow_back:",
            on_click=back_to_columns,
            args=(plan.import_id,),
            key="import.back",
        )
        st.button(t("Give it up"), on_click=give_up, args=(plan.import_id,), key="import.give_up")
        st.caption(
            t("Nothing is written yet. It will be all of it or nothing, and can be undone.")
            if wanted
            else t("There is nothing to import: nobody is new and nothing changes.")
        )


def _draw_tabs(plan: DryRun, source: SourceFile, registry: FieldRegistry) -> None:
    counts = plan.counts
    unfit = sum(each.count for each in plan.staged.unfit)
    tabs = [
        Tab("rejected", t("Rejected"), plan.rejected_count, lambda: _draw_rejected(plan, source)),
        Tab("updated", t("Updated"), counts.updated_count, lambda: _draw_updated(plan, registry)),
        Tab("new", t("New"), counts.new_count, lambda: _draw_contacts(plan.samples.new, registry, plan)),
        Tab("duplicates", t("Twice in the file"), plan.duplicate_count, lambda: _draw_duplicates(plan)),
        Tab("unfit", t("Cells that don't fit"), unfit, lambda: _draw_unfit(plan)),
        Tab(
            "unchanged",
            t("Unchanged"),
            counts.unchanged_count,
            lambda: _draw_contacts(plan.samples.unchanged, registry, plan),
        ),
    ]
    shown = [tab for tab in tabs if tab.count]
    if not shown:
        return
    labels = [f"{tab.label} {formats.number(tab.count)}" for tab in shown]
    for place, tab in zip(
        st.tabs(labels, key=f"import.tabs.{plan.import_id}", on_change="rerun"), shown, strict=True
    ):
        if place.open:
            with place:
                tab.draw()


def _draw_rejected(plan: DryRun, source: SourceFile) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        reasons = " · ".join(
            f"{t(REJECT_REASONS.get(code, code))} **{formats.number(count)}**" for code, count in plan.reasons.items()
        )
        st.markdown(reasons, width="content")
        draw_rejects_download(plan, source)
    width = len(source.headers)
    rows = [
        [
            formats.number(each.line),
            t(REJECT_REASONS.get(each.code, each.code)),
            *(cell or None for cell in each.cells[:width]),
        ]
        for each in plan.staged.rejects
    ]
    _table("rejects", [t("Line"), t("Reason"), *source.headers], rows)
    st.caption(
        t("Some of them, as they stand in the file. Mend the downloaded file and import it: it is recognised.")
    )


def _draw_updated(plan: DryRun, registry: FieldRegistry) -> None:
    fields = sorted(plan.counts.changed.items(), key=lambda pair: -pair[1])
    st.markdown(
        " · ".join(f"{plain(_label(name, plan, registry))} **{formats.number(count)}**" for name, count in fields)
    )
    rows = [
        [
            formats.number(each.line),
            formats.phone(each.phone),
            _label(change.field, plan, registry),
            change.old,
            change.new,
        ]
        for each in plan.samples.updated
        for change in each.changes
    ]
    _table("updates", [t("Line"), t("Phone"), t("Field"), t("Before"), t("After")], rows)


def _draw_contacts(samples: Sequence[ContactSample], registry: FieldRegistry, plan: DryRun) -> None:
    """Contacts as they come: a column for each field that any of them has."""
    names = list(dict.fromkeys(change.field for each in samples for change in each.changes))
    rows = []
    for each in samples:
        values = {change.field: change.new for change in each.changes}
        rows.append([formats.number(each.line), formats.phone(each.phone), *(values.get(name) for name in names)])
    _table("contacts", [t("Line"), t("Phone"), *(_label(name, plan, registry) for name in names)], rows)
    st.caption(t("The first of them."))


def _draw_duplicates(plan: DryRun) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        first = plan.options.duplicates == "first"
        words = t("The first row of a person counts.") if first else t("The last row of a person counts.")
        st.markdown(f"{words} {t('An opt-out in any of them holds.')}", width="content")
        draw_duplicates_download(plan)
    rows = [
        [formats.number(line), formats.number(kept)]
        for line, kept in plan.samples.duplicates or plan.staged.duplicates
    ]
    _table("duplicates", [t("Line"), t("The line that counts")], rows, width=360)


def _draw_unfit(plan: DryRun) -> None:
    st.markdown(t("These cells are left empty; their rows are imported all the same."))
    rows = [
        [
            each.header,
            formats.number(each.count),
            " · ".join(f"{text} ({t('line')} {formats.number(line)})" for line, text in each.examples),
        ]
        for each in plan.staged.unfit
    ]
    _table("unfit", [t("Column"), t("Cells"), t("For example")], rows)


def _label(name: str, plan: DryRun, registry: FieldRegistry) -> str:
    new = next((each.new.label for _, each in plan.mapping if each.new and each.target == name), None)
    return new or field_label(name, registry)


def _table(name: str, headers: Sequence[str], rows: list[list[str | None]], width: int | str = "stretch") -> None:
    unique = [
        header if header not in headers[:number] else f"{header} " * 1 + " " * number
        for number, header in enumerate(headers)
    ]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(unique, pl.String), orient="row")
    st.dataframe(frame, hide_index=True, key=f"import.table.{name}", placeholder="–", width=width)
