"""The dry run: what an import would do, in numbers and samples, before anything is written."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from pydantic import BaseModel, ConfigDict

from engine.contacts.changes import Column, columns_of, counts_sql, incoming_sql
from engine.contacts.fields import FieldRegistry
from engine.contacts.mapping import Mapping, types_of
from engine.contacts.options import ImportOptions
from engine.contacts.source import SourceFile
from engine.contacts.staging import Staged

_SAMPLES = 5


class FieldChange(BaseModel):
    """One field of one contact: what it was, what it becomes (as text)."""

    model_config = ConfigDict(frozen=True)

    field: str
    old: str | None
    new: str | None


class UpdatedSample(BaseModel):
    """A contact that would change."""

    model_config = ConfigDict(frozen=True)

    line: int
    phone: str | None
    changes: tuple[FieldChange, ...]


class Counts(BaseModel):
    """What becomes of the staged people; together they are `Staged.person_count`."""

    model_config = ConfigDict(frozen=True)

    new_count: int
    updated_count: int
    unchanged_count: int
    kept_out_count: int  # opt-ins that are not taken, because the person opted out
    withdrawn_count: int  # contacts we have that opt out
    changed: dict[str, int]  # known contacts changed, by field


class DryRun(BaseModel):
    """All that an import would do; new + updated + unchanged + duplicates + rejected = the file's rows."""

    model_config = ConfigDict(frozen=True)

    import_id: str
    folder: Path
    file_name: str
    mapping: Mapping
    options: ImportOptions
    staged: Staged
    counts: Counts
    updated_samples: tuple[UpdatedSample, ...]

    @property
    def row_count(self) -> int:
        """The file's data lines."""
        return self.staged.row_count

    @property
    def duplicate_count(self) -> int:
        """Rows about somebody whom another row of the file is about."""
        return self.staged.duplicate_count

    @property
    def rejected_count(self) -> int:
        """Rows that can't be taken."""
        return self.staged.rejected_count

    @property
    def reasons(self) -> dict[str, int]:
        """Rejected rows by the code of their reason."""
        return self.staged.reasons

    @property
    def staged_path(self) -> Path:
        """Parquet: one row a person of the file, with `person_key`."""
        return self.folder / "staged.parquet"

    @property
    def to_import_count(self) -> int:
        """Contacts that would be new or change."""
        return self.counts.new_count + self.counts.updated_count


def incoming_of(mapping: Mapping, registry: FieldRegistry, folder: Path, now: datetime) -> tuple[list[Column], str]:
    """The columns an import changes, and the query over its staged people and the contacts as they are."""
    types = types_of(mapping, registry)
    new = frozenset(each.target or "" for _, each in mapping if each.new and each.target not in registry)
    columns = columns_of(types, new, now)
    return columns, incoming_sql(columns, folder / "staged.parquet", has_consent="consent" in types)


def count_changes(cursor: duckdb.DuckDBPyConnection, columns: list[Column], incoming: str) -> Counts:
    """Count over the store as this cursor sees it."""
    ((new, updated, unchanged, kept_out, withdrawn, *by_field),) = cursor.execute(
        counts_sql(columns, incoming)
    ).fetchall()
    changed = {each.name: count for each, count in zip(columns, by_field, strict=True) if count}
    return Counts(
        new_count=new,
        updated_count=updated,
        unchanged_count=unchanged,
        kept_out_count=kept_out,
        withdrawn_count=withdrawn,
        changed=changed,
    )


def sample_updates(
    cursor: duckdb.DuckDBPyConnection, columns: list[Column], incoming: str, source: SourceFile
) -> tuple[UpdatedSample, ...]:
    """The first contacts that would change, field by field."""
    pairs = ", ".join(f'"old_{each.name}"::VARCHAR, "new_{each.name}"::VARCHAR' for each in columns)
    rows = cursor.execute(
        f"SELECT n, phone, {pairs} FROM ({incoming}) WHERE found IS NOT NULL AND is_changed ORDER BY n LIMIT ?",
        [_SAMPLES],
    ).fetchall()
    lines = source.lines() if rows else ()
    return tuple(
        UpdatedSample(line=int(lines[row[0]]), phone=row[1], changes=_changes(columns, row[2:])) for row in rows
    )


def _changes(columns: list[Column], values: tuple[Any, ...]) -> tuple[FieldChange, ...]:
    pairs = zip(columns, values[0::2], values[1::2], strict=True)
    return tuple(FieldChange(field=each.name, old=old, new=new) for each, old, new in pairs if old != new)
