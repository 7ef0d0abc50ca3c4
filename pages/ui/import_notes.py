"""What a person has to know of a dry run besides its numbers: consent, doubtful phones, dates."""

from __future__ import annotations

import streamlit as st

from engine.contacts.planning import DryRun
from pages.ui import formats, nt, t
from pages.ui.import_words import plain


def draw_notes(plan: DryRun) -> None:
    """Draw the sentences."""
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
