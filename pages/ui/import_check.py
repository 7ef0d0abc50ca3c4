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
    _draw_notes(plan)
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


def _draw_notes(plan: DryRun) -> None:
    for icon, note in [*_consent_notes(plan), *_other_notes(plan)]:
        st.markdown(f":material/{icon}: {note}")


def _consent_notes(plan: DryRun) -> list[tuple[str, str]]:
    counts, notes = plan.counts, []
    if counts.withdrawn_count:
        note = nt(
            "**{count}** contact you have opts out: nothing more is sent to them, also of what is queued.",
            "**{count}** contacts you have opt out: nothing more is sent to them, also of what is queued.",
            counts.withdrawn_count,
        )
        notes.append(("block", note))
    if counts.kept_out_count:
        note = nt(
            "**{count}** person opted out earlier: the file's opt-in is not taken.",
            "**{count}** people opted out earlier: the file's opt-in is not taken.",
            counts.kept_out_count,
        )
        notes.append(("lock", note))
    if counts.in_again_count:
        note = nt(
            "**{count}** person who opted out is opted in again, as you typed.",
            "**{count}** people who opted out are opted in again, as you typed.",
            counts.in_again_count,
        )
        notes.append(("lock_open", note))
    if counts.still_suppressed_count:
        note = nt(
            "**{count}** of them stays suppressed: an import lifts no suppression.",
            "**{count}** of them stay suppressed: an import lifts no suppression.",
            counts.still_suppressed_count,
        )
        notes.append(("lock", note))
    return notes


def _other_notes(plan: DryRun) -> list[tuple[str, str]]:
    notes = []
    if plan.notes_count:
        note = nt(
            "**{count}** number is possible but in no known range; it is kept.",
            "**{count}** numbers are possible but in no known range; they are kept.",
            plan.notes_count,
        )
        lines = ", ".join(
            f"{formats.phone(each.phone)} ({t('line')} {formats.number(each.line)})"
            for each in plan.samples.notes[:3]
        )
        notes.append(("help", f"{note} :small[:gray[{lines}]]"))
    if plan.counts.number_kept_count:
        note = nt(
            "**{count}** contact was found by your own number and keeps the phone number you have.",
            "**{count}** contacts were found by your own number and keep the phone number you have.",
            plan.counts.number_kept_count,
        )
        notes.append(("call", note))
    if plan.staged.month_first:
        columns = plain(", ".join(plan.staged.month_first))
        notes.append(("calendar_today", t("Dates are read month first in: {columns}.", columns=columns)))
    return notes


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
