"""The dry run on the page: what the import would do, in numbers and samples, before anything is written."""

from __future__ import annotations

import polars as pl
import streamlit as st

from engine.contacts import load_registry
from engine.contacts.fields import FieldRegistry
from engine.contacts.planning import DryRun
from engine.contacts.rejects import REJECT_REASONS
from engine.contacts.source import SourceFile
from pages.ui import formats, nt, t
from pages.ui.import_columns import field_label
from pages.ui.import_state import back_to_columns, carry_out, give_up
from pages.ui.services import warehouse


def draw_plan(plan: DryRun, source: SourceFile) -> None:
    """Draw the dry run; the primary button imports."""
    registry = load_registry(warehouse().cursor())
    _draw_counts(plan)
    _draw_notes(plan)
    wanted = plan.to_import_count
    with st.container(horizontal=True):
        st.button(
            nt("Import {count} contact", "Import {count} contacts", wanted),
            type="primary",
            icon=":material/download_done:",
            disabled=not wanted,
            on_click=carry_out,
            args=(plan,),
            key="import.carry_out",
        )
        st.button(t("Back to the columns"), icon=":material/arrow_back:", on_click=back_to_columns, key="import.back")
        st.button(t("Choose another file"), on_click=give_up, key="import.give_up")
    st.caption(_sentence(plan))
    _draw_rejected(plan, source)
    _draw_updated(plan, registry)
    _draw_unfit(plan, registry)
    _draw_duplicates(plan)


def _sentence(plan: DryRun) -> str:
    if not plan.to_import_count:
        return t("There is nothing to import: nobody is new and nothing changes.")
    return t("Nothing is written yet. Filled cells overwrite what you have; empty ones change nothing.")


def _draw_counts(plan: DryRun) -> None:
    counts, staged = plan.counts, plan.staged
    figures = (
        (t("New"), counts.new_count),
        (t("Updated"), counts.updated_count),
        (t("Unchanged"), counts.unchanged_count),
        (t("Twice in the file"), staged.duplicate_count),
        (t("Rejected"), staged.rejected_count),
    )
    with st.container(border=True):
        for place, (label, value) in zip(st.columns(len(figures)), figures, strict=True):
            place.metric(label, formats.number(value))
        st.caption(nt("Together {count} row of the file.", "Together the {count} rows of the file.", plan.row_count))


def _draw_notes(plan: DryRun) -> None:
    counts, staged = plan.counts, plan.staged
    notes = []
    if counts.kept_out_count:
        notes.append(
            nt(
                "{count} person opted out earlier: the file's opt-in is not taken.",
                "{count} people opted out earlier: the file's opt-in is not taken.",
                counts.kept_out_count,
            )
        )
    if counts.withdrawn_count:
        notes.append(
            nt("{count} contact you have opts out.", "{count} contacts you have opt out.", counts.withdrawn_count)
        )
    if staged.invalid_phone_count:
        notes.append(
            nt(
                "{count} number is possible but in no known range; it is kept.",
                "{count} numbers are possible but in no known range; they are kept.",
                staged.invalid_phone_count,
            )
        )
    if staged.month_first:
        notes.append(t("Dates are read month first in: {columns}.", columns=", ".join(staged.month_first)))
    for note in notes:
        st.markdown(f":material/info: {note}")


def _draw_rejected(plan: DryRun, source: SourceFile) -> None:
    staged = plan.staged
    if not staged.rejected_count:
        return
    st.subheader(nt("{count} row can't be taken", "{count} rows can't be taken", staged.rejected_count), anchor=False)
    _table(
        [
            {t("Reason"): t(REJECT_REASONS[code]), t("Rows"): formats.number(count)}
            for code, count in staged.reasons.items()
        ]
    )
    headers, width = [t("Line"), t("Reason"), *source.headers], len(source.headers)
    rows = [
        [formats.number(each.line), t(REJECT_REASONS[each.code]), *(cell or None for cell in each.cells[:width])]
        for each in staged.rejects
    ]
    st.caption(
        t("Some of them, as they stand in the file. After the import you can download all, mend and import them.")
    )
    st.dataframe(_frame(headers, rows), hide_index=True, key="import.rejects", placeholder="–")


def _draw_updated(plan: DryRun, registry: FieldRegistry) -> None:
    counts = plan.counts
    if not counts.updated_count:
        return
    title = nt("{count} contact changes", "{count} contacts change", counts.updated_count)
    st.subheader(title, anchor=False)
    _table(
        [
            {t("Field"): field_label(name, registry), t("Contacts"): formats.number(count)}
            for name, count in sorted(counts.changed.items(), key=lambda pair: -pair[1])
        ]
    )
    rows = [
        [
            formats.number(each.line),
            formats.phone(each.phone),
            field_label(change.field, registry),
            change.old,
            change.new,
        ]
        for each in plan.updated_samples
        for change in each.changes
    ]
    headers = [t("Line"), t("Phone"), t("Field"), t("Before"), t("After")]
    st.dataframe(_frame(headers, rows), hide_index=True, key="import.updates", placeholder="–")


def _draw_unfit(plan: DryRun, registry: FieldRegistry) -> None:
    if not plan.staged.unfit:
        return
    st.subheader(t("Cells that don't fit are left empty"), anchor=False)
    st.caption(t("Their rows are imported all the same."))
    rows = [
        {
            t("Column"): each.header,
            t("Cells"): formats.number(each.count),
            t("For example"): " · ".join(
                f"{text} ({t('line')} {formats.number(line)})" for line, text in each.examples
            ),
        }
        for each in plan.staged.unfit
    ]
    _table(rows)


def _draw_duplicates(plan: DryRun) -> None:
    staged = plan.staged
    if not staged.duplicate_count:
        return
    title = nt(
        "{count} row is of somebody who comes again",
        "{count} rows are of people who come again",
        staged.duplicate_count,
    )
    st.subheader(title, anchor=False)
    st.caption(t("The last row of a person counts."))
    _table(
        [
            {t("Line"): formats.number(line), t("The line that counts"): formats.number(kept)}
            for line, kept in staged.duplicates
        ]
    )


def _table(rows: list[dict[str, str]]) -> None:
    st.table(rows, border="horizontal", hide_index=True, width="content")


def _frame(headers: list[str], rows: list[list[str | None]]) -> pl.DataFrame:
    unique = [header if header not in headers[:number] else f"{header} " for number, header in enumerate(headers)]
    return pl.DataFrame(rows, schema=dict.fromkeys(unique, pl.String), orient="row")
