"""How often a template may be changed at the provider, counted by what was changed here. Source: whatsapp.md §1.6."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from engine.clock import from_store, to_store
from engine.templates.components import Template
from engine.words import N_

EDITABLE = frozenset({"APPROVED", "REJECTED", "PAUSED"})
EDITS_A_MONTH, DAY, MONTH = 10, timedelta(days=1), timedelta(days=30)


@dataclass(frozen=True)
class Allowance:
    """Whether a template can be edited now, and how often it was from here.

    Attributes:
        reason: why not, an English text to be translated; None when it can.
        again_at: from when it can be edited again, when only time is missing.
    """

    reason: str | None
    edits_today: int = 0
    edits_month: int = 0
    again_at: datetime | None = None


def edit_allowance(cursor: duckdb.DuckDBPyConnection, template: Template, now: datetime) -> Allowance:
    """What the provider allows: approved ones once in 24 hours and ten times in 30 days, rejected and paused always.

    Edits made elsewhere aren't known here; the provider counts them too.
    """
    if template.is_gone or template.status not in EDITABLE:
        return Allowance(N_("Only approved, rejected or paused templates can be edited"))
    rows = cursor.execute(
        "SELECT happened_at FROM audit WHERE verb = 'edited' AND subject_kind = 'template' AND subject_id = ?"
        " AND happened_at > ? ORDER BY happened_at",
        [template_subject(template.channel_id, template.name, template.language)[1], to_store(now - MONTH)],
    ).fetchall()
    edits = [from_store(row[0]) for row in rows]
    today = [at for at in edits if at > now - DAY]
    if template.status == "APPROVED" and today:
        reason = N_("An approved template can be edited once in 24 hours")
        return Allowance(reason, len(today), len(edits), today[0] + DAY)
    if template.status == "APPROVED" and len(edits) >= EDITS_A_MONTH:
        reason = N_("An approved template can be edited ten times in 30 days")
        return Allowance(reason, 0, len(edits), edits[0] + MONTH)
    return Allowance(None, len(today), len(edits))


def template_subject(channel_id: str, name: str, language: str) -> tuple[str, str]:
    """How the audit calls a template."""
    return ("template", f"{channel_id}/{name}/{language}")
