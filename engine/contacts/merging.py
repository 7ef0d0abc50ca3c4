"""Carries out a plan: fields, contacts, the import's row and the audit, in one transaction under the writer lock."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict

from engine.clock import to_store
from engine.contacts.changes import Column
from engine.contacts.fields import add_field_within, load_registry
from engine.contacts.mapping import Mapping
from engine.contacts.model import Origin
from engine.contacts.person import BUCKETS
from engine.contacts.planning import Counts, DryRun, count_changes, incoming_of
from engine.contacts.rejects import write_rejects_file
from engine.contacts.source import SourceFile, open_source
from engine.errors import NotFound, StoreError
from engine.warehouse import Warehouse, audit


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


def finish_import(
    warehouse: Warehouse, plan: DryRun, *, who: str, now: datetime, translate: Callable[[str], str] = str
) -> ImportResult:
    """Carry out a plan, once.

    Args:
        translate: for the reasons in `rejects.csv`.

    Raises:
        NotFound: the plan was carried out or given up already.
    """
    try:
        source = open_source(plan.folder)
        rejects_path = write_rejects_file(source, translate)
    except FileNotFoundError:
        raise NotFound(kind="import", id=plan.import_id) from None
    with warehouse.writing() as cursor:
        if cursor.execute("SELECT 1 FROM imports WHERE import_id = ?", [plan.import_id]).fetchall():
            raise NotFound(kind="import", id=plan.import_id)
        _add_fields(cursor, plan.mapping, who, now)
        columns, incoming = incoming_of(plan.mapping, load_registry(cursor), plan.folder, now)
        counts = count_changes(cursor, columns, incoming)
        _merge(cursor, plan, columns, counts, incoming, now)
        result = ImportResult(
            import_id=plan.import_id,
            file_name=plan.file_name,
            row_count=plan.row_count,
            counts=counts,
            duplicate_count=plan.staged.duplicate_count,
            rejected_count=plan.staged.rejected_count,
            rejects_path=rejects_path,
        )
        _record(cursor, plan, source, result, who, now)
    keep_rejects_only(plan.folder)
    return result


def next_contact_id(cursor: duckdb.DuckDBPyConnection) -> int:
    """An id above all others; asked inside `Warehouse.writing`, it is free."""
    return int(cursor.execute("SELECT coalesce(max(contact_id), 0) + 1 FROM contacts").fetchall()[0][0])


def _add_fields(cursor: duckdb.DuckDBPyConnection, mapping: Mapping, who: str, now: datetime) -> None:
    """Make the new fields; one that somebody made since, of the same label and type, is taken as it is."""
    registry = load_registry(cursor)
    for _, each in mapping:
        if not (each.new and each.target):
            continue
        known = registry.get(each.target) if each.target in registry else None
        if known is None or (known.label, known.type) != (each.new.label, each.new.type):
            add_field_within(cursor, each.target, each.new.label, each.new.type, who=who, now=now)


def _merge(
    cursor: duckdb.DuckDBPyConnection,
    plan: DryRun,
    columns: list[Column],
    counts: Counts,
    incoming: str,
    now: datetime,
) -> None:
    """MERGE; only columns that change are set, for each costs time on a million rows."""
    base = next_contact_id(cursor)
    changed = [each.name for each in columns if each.name in counts.changed]
    assignments = ", ".join([f'"{name}" = m."new_{name}"' for name in changed] + ["updated_at = $now"])
    names = "".join(f', "{each.name}"' for each in columns)
    new_values = "".join(f', m."new_{each.name}"' for each in columns)
    ours = "contact_id, phone, match_key, person_key, phone_valid, bucket, origin, import_id, created_at, updated_at"
    values = (
        f"{base} + m.n, m.phone, m.match_key, m.person_key, m.phone_valid, m.person_key % {BUCKETS}, "
        f"'{Origin.IMPORT}', $import_id, $now, $now"
    )
    cursor.execute(
        f"MERGE INTO contacts USING (SELECT * FROM ({incoming}) WHERE found IS NULL OR is_changed) m "
        f"ON contacts.contact_id = m.found "
        f"WHEN MATCHED THEN UPDATE SET {assignments} "
        f"WHEN NOT MATCHED THEN INSERT ({ours}{names}) "
        f"VALUES ({values}{new_values})",
        {"now": to_store(now), "import_id": plan.import_id},
    ).fetchall()


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
    if sum(numbers) != result.row_count:
        raise StoreError(reason="the counts of the import don't add up to the file's rows")
    rejects = result.rejects_path.name if result.rejects_path else None
    cursor.execute(
        "INSERT INTO imports SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'done', NULL, NULL, NULL, NULL, NULL",
        [
            plan.import_id,
            plan.file_name,
            source.file_hash,
            result.row_count,
            *numbers,
            rejects,
            plan.mapping.model_dump_json(),
            who,
            to_store(now),
        ],
    )
    detail = dict(zip(("new", "updated", "unchanged", "duplicates", "rejected"), numbers, strict=True))
    audit(cursor, who=who, verb="imported", subject=("import", plan.import_id), now=now, **detail)


def keep_rejects_only(folder: Path) -> None:
    """Remove an import's working files."""
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != "rejects.csv":
            entry.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
