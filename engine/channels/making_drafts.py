"""Templates that are being composed, kept between visits; each knows what became of it at the provider."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from engine.clock import from_store, to_store
from engine.errors import NotFound
from engine.ids import new_id
from engine.templates.composing import TemplateDraft
from engine.templates.composing_problems import Problem, error, hint
from engine.templates.composing_reading import draft_of
from engine.templates.composing_rules import NAME_LIMIT
from engine.warehouse import Warehouse, audit
from engine.words import N_

NAME_LOCK = timedelta(days=30)
"""How long the name of an approved template can't be used again after its deletion. Source: whatsapp.md §1.6."""

_SELECT = """
    SELECT d.draft_id, d.channel_id, d.definition, d.edits_template_id, d.template_id, d.problem, d.created_by,
        d.updated_at, d.submitted_at, d.submitted_by, t.status, t.rejected_reason, t.gone_at IS NOT NULL
    FROM template_drafts d LEFT JOIN templates t ON t.channel_id = d.channel_id
        AND t.name = d.name AND t.language = d.language AND t.template_id = d.template_id
    WHERE d.archived_at IS NULL
"""


@dataclass(frozen=True)
class KeptDraft:
    """A draft and where it stands.

    Attributes:
        edits_template_id: the template at the provider that it changes; None: it makes a new one.
        template_id: what the provider calls it since it was submitted.
        problem: what the provider said against it the last time.
        status: the provider's word for it now; empty before it was submitted.
    """

    draft_id: str
    channel_id: str
    draft: TemplateDraft
    edits_template_id: str | None
    template_id: str | None
    problem: str | None
    created_by: str
    updated_at: datetime
    submitted_at: datetime | None
    submitted_by: str | None
    status: str = ""
    rejected_reason: str | None = None
    is_gone: bool = False

    @property
    def target_id(self) -> str | None:
        """The template that submitting changes: the one to edit, or its own that was rejected."""
        return self.edits_template_id or (self.template_id if self.status == "REJECTED" else None)

    @property
    def is_under_way(self) -> bool:
        """The provider has it, and nothing is to be typed any more."""
        return self.submitted_at is not None and self.status != "REJECTED"


def create_draft(
    warehouse: Warehouse,
    channel_id: str,
    draft: TemplateDraft,
    *,
    who: str,
    now: datetime,
    edits_template_id: str | None = None,
) -> str:
    """Keep a new draft, and return its id."""
    draft_id, moment = new_id("td", now), to_store(now)
    with warehouse.writing(is_about_people=False) as cursor:
        cursor.execute(
            "INSERT INTO template_drafts (draft_id, channel_id, name, language, category, definition,"
            " edits_template_id, created_by, created_at, updated_by, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [draft_id, channel_id, *_columns(draft), edits_template_id, who, moment, who, moment],
        )
        audit(cursor, who=who, verb="began", subject=("template draft", draft_id), now=now, edits=edits_template_id)
    return draft_id


def save_draft(warehouse: Warehouse, draft_id: str, draft: TemplateDraft, *, who: str, now: datetime) -> None:
    """Keep what is typed now; nothing is changed of a draft that the provider has."""
    with warehouse.writing(is_about_people=False) as cursor:
        cursor.execute(
            "UPDATE template_drafts SET name = ?, language = ?, category = ?, definition = ?, updated_by = ?,"
            " updated_at = ? WHERE draft_id = ?",
            [*_columns(draft), who, to_store(now), draft_id],
        )


def archive_draft(warehouse: Warehouse, draft_id: str, *, who: str, now: datetime) -> None:
    """Throw a draft away; what was submitted stays at the provider."""
    with warehouse.writing(is_about_people=False) as cursor:
        cursor.execute("UPDATE template_drafts SET archived_at = ? WHERE draft_id = ?", [to_store(now), draft_id])
        audit(cursor, who=who, verb="threw away", subject=("template draft", draft_id), now=now)


def get_draft(cursor: duckdb.DuckDBPyConnection, draft_id: str) -> KeptDraft:
    """One draft.

    Raises:
        NotFound: there is none, or it was thrown away.
    """
    rows = cursor.execute(f"{_SELECT} AND d.draft_id = ?", [draft_id]).fetchall()
    if not rows:
        raise NotFound(kind="template draft", id=draft_id)
    return _kept(rows[0])


def list_drafts(cursor: duckdb.DuckDBPyConnection, channel_id: str) -> list[KeptDraft]:
    """A channel's drafts that aren't approved yet, the latest change first."""
    rows = cursor.execute(f"{_SELECT} AND d.channel_id = ? ORDER BY d.updated_at DESC", [channel_id]).fetchall()
    return [kept for kept in map(_kept, rows) if not (kept.is_under_way and kept.status != "PENDING")]


def read_template(cursor: duckdb.DuckDBPyConnection, channel_id: str, name: str, language: str) -> TemplateDraft:
    """A template that was synced, as a draft.

    Raises:
        NotFound: it was never synced.
    """
    rows = cursor.execute(
        "SELECT category, components FROM templates WHERE channel_id = ? AND name = ? AND language = ?",
        [channel_id, name, language],
    ).fetchall()
    if not rows:
        raise NotFound(kind="template", id=f"{name}/{language}")
    category, components = rows[0]
    return draft_of({"name": name, "language": language, "category": category, "components": json.loads(components)})


def as_copy(draft: TemplateDraft) -> TemplateDraft:
    """The same under another name."""
    return draft.model_copy(update={"name": f"{draft.name[: NAME_LIMIT - 5]}_copy"})


def name_problems(cursor: duckdb.DuckDBPyConnection, kept: KeptDraft, now: datetime) -> tuple[Problem, ...]:
    """What speaks against the name at the provider, as far as is known here."""
    if kept.target_id is not None:
        return ()
    rows = cursor.execute(
        "SELECT gone_at FROM templates WHERE channel_id = ? AND name = ? AND language = ? AND template_id <> ?",
        [kept.channel_id, kept.draft.name, kept.draft.language, kept.template_id or ""],
    ).fetchall()
    if not rows:
        return ()
    gone_at = rows[0][0]
    if gone_at is None:
        text = N_("There is a template of this name in this language")
        return (error("name", text, N_("Choose another name, or change that one.")),)
    if now - from_store(gone_at) < NAME_LOCK:
        text = N_("A template of this name was deleted less than 30 days ago")
        advice = N_("If it was approved, the provider refuses the name until then.")
        return (hint("name", text, advice),)
    return ()


def _columns(draft: TemplateDraft) -> list[str]:
    return [draft.name, draft.language, draft.category, draft.model_dump_json()]


def _kept(row: tuple[object, ...]) -> KeptDraft:
    draft_id, channel_id, definition, edits, template_id, problem, created_by, updated, submitted, by, *state = row
    return KeptDraft(
        draft_id=str(draft_id),
        channel_id=str(channel_id),
        draft=TemplateDraft.model_validate_json(str(definition)),
        edits_template_id=None if edits is None else str(edits),
        template_id=None if template_id is None else str(template_id),
        problem=None if problem is None else str(problem),
        created_by=str(created_by),
        updated_at=from_store(updated),  # type: ignore[arg-type]
        submitted_at=None if submitted is None else from_store(submitted),  # type: ignore[arg-type]
        submitted_by=None if by is None else str(by),
        status=str(state[0] or ("PENDING" if submitted is not None else "")),
        rejected_reason=None if state[1] is None else str(state[1]),
        is_gone=bool(state[2]),
    )
