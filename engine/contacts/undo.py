"""Undoes an import: what it changed goes back, whom it made goes, unless something happened to them since.

What it can't take back, it says: a suppression that the import caused stays, for nobody is written to because a file
was withdrawn; new fields stay, empty; whoever has had messages stays.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict

from engine.clock import from_store, to_store
from engine.contacts.options import ImportOptions
from engine.contacts.undo_rows import (
    CONSENT,
    Undoing,
    changed_columns,
    follow_number,
    goes_back,
    look_at_changed,
    look_at_made,
    remove_traces,
    restore,
)
from engine.contacts.written import UNDO_FILE
from engine.errors import NotFound, StateError
from engine.settings import Settings
from engine.warehouse import Warehouse, audit
from engine.words import N_

KEPT_FILE = "undo_kept.csv"
KEPT_REASONS: dict[str, str] = {
    "in_operation": N_("was in an operation since"),
    "wrote": N_("wrote to us"),
    "imported_again": N_("is in another import"),
    "edited": N_("was changed since"),
    "changed_since": N_("some of the import's changes were changed again since; those stay"),
}
_KEPT_HEADERS = (N_("contact"), N_("phone"), N_("name"), N_("reason"))
_SAMPLES = 5
# A contact that the import made and that stays, and one that it changed and that is changed again.
_KEPT = """
    SELECT contact_id, phone, nullif(concat_ws(' ', name, surname), '') AS name, reason FROM (
        SELECT contact_id, reason FROM undo_made WHERE reason IS NOT NULL
        UNION ALL SELECT contact_id, 'changed_since' FROM undo_changed WHERE stays)
    JOIN contacts USING (contact_id) ORDER BY contact_id"""


class KeptContact(BaseModel):
    """A contact that undoing leaves, or leaves in part."""

    model_config = ConfigDict(frozen=True)

    contact_id: int
    phone: str | None
    name: str | None
    reason: str  # a key of KEPT_REASONS


class UndoPlan(BaseModel):
    """What undoing would do now."""

    model_config = ConfigDict(frozen=True)

    import_id: str
    to_restore: int
    to_delete: int
    kept: dict[str, int]
    kept_samples: tuple[KeptContact, ...]
    still_suppressed: int  # the import withdrew their consent; that comes back, the suppression stays

    @property
    def kept_count(self) -> int:
        """Contacts that stay, or stay in part."""
        return sum(self.kept.values())


class UndoResult(BaseModel):
    """What undoing did."""

    model_config = ConfigDict(frozen=True)

    import_id: str
    restored: int
    deleted: int
    kept: dict[str, int]
    kept_path: Path | None  # CSV: contact, phone, name, reason
    still_suppressed: int

    @property
    def kept_count(self) -> int:
        """Contacts that stay, or stay in part."""
        return sum(self.kept.values())


def plan_undo(cursor: duckdb.DuckDBPyConnection, settings: Settings, import_id: str) -> UndoPlan:
    """Say what undoing an import would do now. Writes nothing.

    Raises:
        NotFound: there is no such import.
        StateError: it was undone already, or what undoes it is not there.
    """
    return _look(_undoing(cursor, settings, import_id))


def undo_import(
    warehouse: Warehouse,
    settings: Settings,
    import_id: str,
    *,
    who: str,
    now: datetime,
    translate: Callable[[str], str] = str,
) -> UndoResult:
    """Undo an import, once, in one transaction; who stays is listed in the import's folder.

    Args:
        translate: for the headers and reasons of that list.

    Raises:
        NotFound, StateError: as in `plan_undo`.
    """
    folder = _folder(settings, import_id)
    with warehouse.writing() as cursor:
        undoing = _undoing(cursor, settings, import_id)
        plan = _look(undoing)
        kept_path = _write_kept(cursor, folder, translate) if plan.kept else None
        follow_number(undoing, who, now)
        restore(undoing, now)
        remove_traces(undoing)
        cursor.execute(
            "UPDATE imports SET state = 'undone', undone_at = ?, undone_by = ?, undo_kept_count = ? "
            "WHERE import_id = ?",
            [to_store(now), who, plan.kept_count, import_id],
        )
        told = {"restored": plan.to_restore, "deleted": plan.to_delete, "kept": plan.kept_count}
        audit(cursor, who=who, verb="undid", subject=("import", import_id), now=now, **told)
    (folder / UNDO_FILE).unlink(missing_ok=True)
    return UndoResult(
        import_id=import_id,
        restored=plan.to_restore,
        deleted=plan.to_delete,
        kept=plan.kept,
        kept_path=kept_path,
        still_suppressed=plan.still_suppressed,
    )


def _folder(settings: Settings, import_id: str) -> Path:
    return settings.home / "imports" / import_id


def _undoing(cursor: duckdb.DuckDBPyConnection, settings: Settings, import_id: str) -> Undoing:
    rows = cursor.execute(
        "SELECT coalesce(state, 'done'), happened_at, updated_count, options FROM imports WHERE import_id = ?",
        [import_id],
    ).fetchall()
    if not rows:
        raise NotFound(kind="import", id=import_id)
    ((state, happened_at, updated, options),) = rows
    if state != "done":
        raise StateError(reason=N_("this import was undone already"))
    file = _folder(settings, import_id) / UNDO_FILE
    if updated and not file.exists():
        raise StateError(reason=N_("what this import changed was not kept, so it can't be undone"))
    decided = ImportOptions.model_validate_json(options) if options else None
    return Undoing(
        cursor=cursor,
        import_id=import_id,
        happened_at=from_store(happened_at),
        list_id=decided.list_id if decided else None,
        file=file if updated else None,
        columns=changed_columns(cursor, file) if updated else (),
    )


def _look(undoing: Undoing) -> UndoPlan:
    look_at_made(undoing)
    look_at_changed(undoing)
    cursor = undoing.cursor
    ((to_restore, to_delete),) = cursor.execute(
        f"SELECT (SELECT count(*) FROM undo_changed WHERE {goes_back(undoing)}), "
        f"(SELECT count(*) FROM undo_made WHERE reason IS NULL)"
    ).fetchall()
    kept = cursor.execute(f"SELECT reason, count(*) FROM ({_KEPT}) GROUP BY reason ORDER BY 2 DESC, 1").fetchall()
    samples = cursor.execute(f"{_KEPT} LIMIT {_SAMPLES}").fetchall() if kept else []
    return UndoPlan(
        import_id=undoing.import_id,
        to_restore=to_restore,
        to_delete=to_delete,
        kept=dict(kept),
        kept_samples=tuple(KeptContact(contact_id=i, phone=p, name=n, reason=r) for i, p, n, r in samples),
        still_suppressed=_still_suppressed(undoing),
    )


def _still_suppressed(undoing: Undoing) -> int:
    """Who is opted in or unknown again and gets no marketing all the same."""
    if CONSENT not in undoing.parts() or "consent" not in undoing.columns:
        return 0
    return int(
        undoing.cursor.execute(
            f"SELECT count(*) FROM {undoing.undo} JOIN undo_changed USING (contact_id) "
            f"WHERE gets_consent AND new_consent = 'opted_out' AND old_consent IS DISTINCT FROM 'opted_out'"
        ).fetchall()[0][0]
    )


def _write_kept(cursor: duckdb.DuckDBPyConnection, folder: Path, translate: Callable[[str], str]) -> Path:
    reasons = {key: translate(text) for key, text in KEPT_REASONS.items()}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / KEPT_FILE
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([translate(each) for each in _KEPT_HEADERS])
        cursor.execute(_KEPT)
        while rows := cursor.fetchmany(10_000):
            writer.writerows((*row[:3], reasons[row[3]]) for row in rows)
    return path
