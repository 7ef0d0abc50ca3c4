"""What became of a channel's templates between two looks at the provider, kept so that a person can read it later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import duckdb

from engine.clock import from_store, to_store
from engine.templates.components import Template
from engine.words import N_

ChangeKind = Literal["new", "back", "edited", "status", "category", "quality", "gone"]
Cause = Literal["sync", "webhook"]
CHANGE_LABELS: Mapping[str, str] = {
    "new": N_("new"),
    "back": N_("there again"),
    "edited": N_("edited"),
    "status": N_("status: {old} → {new}"),
    "category": N_("category: {old} → {new}"),
    "quality": N_("quality: {old} → {new}"),
    "gone": N_("gone at the provider"),
}
SLOTS_CHANGED = "slots"
"""The detail of an edit after which the template has other blanks."""


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """One thing that changed in one template.

    Attributes:
        old, new: the status, category or quality before and after; empty where there is none.
        detail: `SLOTS_CHANGED`, or the reason of a rejection.
    """

    name: str
    language: str
    kind: ChangeKind
    old: str = ""
    new: str = ""
    detail: str = ""
    noticed_at: datetime | None = None
    cause: Cause = "sync"

    @property
    def title(self) -> str:
        """`name/language`."""
        return f"{self.name}/{self.language}"


def changes_between(known: Template | None, found: Template) -> tuple[TemplateChange, ...]:
    """What is different in a template that the provider lists.

    Args:
        known: as it was kept; None: never seen.
    """
    if known is None:
        return (TemplateChange(found.name, found.language, "new", new=found.status),)
    changes = [TemplateChange(found.name, found.language, "back", new=found.status)] if known.is_gone else []
    if known.content_hash != found.content_hash:
        is_other = slot_keys(known) != slot_keys(found)
        changes.append(TemplateChange(found.name, found.language, "edited", detail=SLOTS_CHANGED if is_other else ""))
    pairs: tuple[tuple[ChangeKind, str, str], ...] = (
        ("status", known.status, found.status),
        ("category", known.category, found.category),
        ("quality", known.quality or "", found.quality or ""),
    )
    for kind, old, new in pairs:
        if old != new:
            reason = found.rejected_reason or "" if kind == "status" else ""
            changes.append(TemplateChange(found.name, found.language, kind, old, new, reason))
    return tuple(changes)


def slot_keys(template: Template) -> list[str]:
    """The blanks that bindings are kept for."""
    return [slot.key for slot in template.slots]


def record_changes(
    cursor: duckdb.DuckDBPyConnection,
    channel_id: str,
    changes: Sequence[TemplateChange],
    *,
    cause: Cause,
    now: datetime,
) -> None:
    """Keep changes, inside the caller's transaction."""
    if changes:
        cursor.executemany(
            "INSERT INTO template_changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    channel_id,
                    each.name,
                    each.language,
                    each.kind,
                    each.old,
                    each.new,
                    each.detail,
                    cause,
                    to_store(now),
                )
                for each in changes
            ],
        )


def list_changes(
    cursor: duckdb.DuckDBPyConnection, channel_id: str, *, since: datetime | None = None, limit: int = 100
) -> list[TemplateChange]:
    """A channel's changes, the newest first.

    Args:
        since: only what was noticed after it.
    """
    rows = cursor.execute(
        "SELECT name, language, kind, old_value, new_value, detail, cause, noticed_at FROM template_changes"
        " WHERE channel_id = ? AND (? IS NULL OR noticed_at > ?) ORDER BY noticed_at DESC, name, language LIMIT ?",
        [channel_id, since and to_store(since), since and to_store(since), limit],
    ).fetchall()
    return [
        TemplateChange(name, language, kind, old or "", new or "", detail or "", from_store(at), cause)
        for name, language, kind, old, new, detail, cause, at in rows
    ]
