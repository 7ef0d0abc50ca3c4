"""Carries out a plan: fields, contacts, the import's row and the audit, in one transaction under the writer lock."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from pydantic import BaseModel, ConfigDict

from engine.clock import to_store
from engine.contacts.fields import add_field_within, load_registry
from engine.contacts.known_ids import follow_user_ids
from engine.contacts.mapping import USER_ID, Mapping
from engine.contacts.mappings import remember_mapping
from engine.contacts.planning import Counts, DryRun, count_changes, incoming_of
from engine.contacts.rejects import write_duplicates_file, write_rejects_file
from engine.contacts.source import SourceFile, open_source
from engine.contacts.unclear import double_rows, unclear_rows
from engine.contacts.written import UNDO_FILE, Writing, write_consent, write_contacts, write_members, write_undo
from engine.errors import NotFound, StoreError
from engine.warehouse import Warehouse, audit

KEPT_FILES = frozenset({"rejects.csv", "duplicates.csv", UNDO_FILE, "undo_kept.csv", "job.json"})


class ImportResult(BaseModel):
    """What an import did. new + updated + unchanged + duplicates + rejected = rows."""

    model_config = ConfigDict(frozen=True)

    import_id: str
    file_name: str
    row_count: int
    counts: Counts
    duplicate_count: int
    rejected_count: int
    rejects_path: Path | None
    duplicates_path: Path | None


def finish_import(
    warehouse: Warehouse, plan: DryRun, *, who: str, now: datetime, translate: Callable[[str], str] = str
) -> ImportResult:
    """Carry out a plan, once: all of it, or nothing. What changed in the store since the dry run is counted anew.

    Args:
        translate: for the headers and reasons in `rejects.csv` and `duplicates.csv`.

    Raises:
        NotFound: the plan was carried out or given up already, or its list is gone.
    """
    try:
        source = open_source(plan.folder)
        rejects_path = write_rejects_file(source, translate)
        duplicates_path = write_duplicates_file(source, translate)
    except FileNotFoundError:
        raise NotFound(kind="import", id=plan.import_id) from None
    with warehouse.writing() as cursor:
        _refuse_again(cursor, plan)
        _add_fields(cursor, plan.mapping, who, now)
        writing = _compare(cursor, plan, who, now)
        if writing.incoming.is_resolved:
            rejects_path = write_rejects_file(source, translate, unclear_rows(cursor, source))
            twice_frame = double_rows(cursor, source, str(plan.staged_path))
            duplicates_path = write_duplicates_file(source, translate, twice_frame)
        write_undo(writing)
        write_contacts(writing)
        write_consent(writing)
        if USER_ID in plan.mapping.targets():
            follow_user_ids(cursor, plan.import_id, warehouse.salt, now)
        if plan.options.list_id:
            write_members(writing, plan.options.list_id)
        result = _result(plan, writing.counts, rejects_path, duplicates_path)
        _record(cursor, plan, source, result, who, now)
        remember_mapping(cursor, source, plan.mapping, plan.options, who=who, now=now)
    keep_lasting(plan.folder)
    return result


def next_contact_id(cursor: duckdb.DuckDBPyConnection) -> int:
    """An id above all others, also of erased people; asked inside `Warehouse.writing`, it is free."""
    sql = (
        "SELECT greatest(max(c), max(e), 0) + 1 FROM (SELECT max(contact_id) AS c FROM contacts), "
        "(SELECT max(contact_id) AS e FROM erasures)"
    )
    return int(cursor.execute(sql).fetchall()[0][0])


def keep_lasting(folder: Path) -> None:
    """Remove an import's working files; what tells of it, and undoes it, stays."""
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name not in KEPT_FILES:
            entry.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _refuse_again(cursor: duckdb.DuckDBPyConnection, plan: DryRun) -> None:
    if cursor.execute("SELECT 1 FROM imports WHERE import_id = ?", [plan.import_id]).fetchall():
        raise NotFound(kind="import", id=plan.import_id)
    list_id = plan.options.list_id
    known = "SELECT 1 FROM lists WHERE list_id = ? AND archived_at IS NULL"
    if list_id and not cursor.execute(known, [list_id]).fetchall():
        raise NotFound(kind="list", id=list_id)


def _add_fields(cursor: duckdb.DuckDBPyConnection, mapping: Mapping, who: str, now: datetime) -> None:
    """Make the new fields; one that somebody made since, of the same label and type, is taken as it is."""
    registry = load_registry(cursor)
    for _, each in mapping:
        if not (each.new and each.target):
            continue
        known = registry.get(each.target) if each.target in registry else None
        if known is None or (known.label, known.type) != (each.new.label, each.new.type):
            add_field_within(cursor, each.target, each.new.label, each.new.type, who=who, now=now)


def _compare(cursor: duckdb.DuckDBPyConnection, plan: DryRun, who: str, now: datetime) -> Writing:
    incoming = incoming_of(cursor, plan.mapping, load_registry(cursor), plan.options, plan.folder, now)
    return Writing(
        cursor=cursor,
        import_id=plan.import_id,
        folder=plan.folder,
        incoming=incoming,
        counts=count_changes(cursor, incoming),
        base=next_contact_id(cursor),
        who=who,
        now=now,
    )


def _result(plan: DryRun, counts: Counts, rejects: Path | None, duplicates: Path | None) -> ImportResult:
    result = ImportResult(
        import_id=plan.import_id,
        file_name=plan.file_name,
        row_count=plan.row_count,
        counts=counts,
        duplicate_count=plan.staged.duplicate_count + counts.duplicate_count,
        rejected_count=plan.staged.rejected_count + counts.rejected_count,
        rejects_path=rejects,
        duplicates_path=duplicates,
    )
    together = counts.new_count + counts.updated_count + counts.unchanged_count
    if together + result.duplicate_count + result.rejected_count != result.row_count:
        raise StoreError(reason="the counts of the import don't add up to the file's rows")
    return result


def _record(
    cursor: duckdb.DuckDBPyConnection,
    plan: DryRun,
    source: SourceFile,
    result: ImportResult,
    who: str,
    now: datetime,
) -> None:
    counts = result.counts
    numbers = [counts.new_count, counts.updated_count, counts.unchanged_count]
    numbers += [result.duplicate_count, result.rejected_count]
    rejects = result.rejects_path.name if result.rejects_path else None
    row: list[Any] = [plan.import_id, plan.file_name, source.file_hash, result.row_count, *numbers, rejects]
    row += [
        plan.mapping.model_dump_json(),
        who,
        to_store(now),
        plan.options.model_dump_json(),
        counts.withdrawn_count,
    ]
    cursor.execute(
        "INSERT INTO imports (import_id, file_name, file_hash, row_count, new_count, updated_count, unchanged_count, "
        "duplicate_count, rejected_count, rejects_file, mapping, by_whom, happened_at, options, withdrawn_count, "
        "state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'done')",
        row,
    )
    detail = dict(zip(("new", "updated", "unchanged", "duplicates", "rejected"), numbers, strict=True))
    detail |= {"withdrawn": counts.withdrawn_count, "opted_in_again": counts.in_again_count}
    audit(cursor, who=who, verb="imported", subject=("import", plan.import_id), now=now, **detail)
