"""Imports that were carried out, as the store has them: who, when, which file, what became of its rows."""

from __future__ import annotations

from datetime import datetime

import duckdb
from pydantic import BaseModel, ConfigDict

from engine.clock import from_store
from engine.contacts.mapping import Mapping
from engine.errors import NotFound

_COLUMNS = (
    "import_id, file_name, file_hash, row_count, new_count, updated_count, unchanged_count, duplicate_count, "
    "rejected_count, coalesce(withdrawn_count, 0), rejects_file, mapping, by_whom, happened_at, "
    "coalesce(state, 'done') = 'undone', undone_by, undone_at, undo_kept_count"
)


class ImportRow(BaseModel):
    """One import; new + updated + unchanged + duplicates + rejected = rows."""

    model_config = ConfigDict(frozen=True)

    import_id: str
    file_name: str
    file_hash: str
    row_count: int
    new_count: int
    updated_count: int
    unchanged_count: int
    duplicate_count: int
    rejected_count: int
    withdrawn_count: int
    rejects_file: str | None
    mapping: Mapping
    who: str
    happened_at: datetime
    is_undone: bool
    undone_by: str | None
    undone_at: datetime | None
    undo_kept_count: int | None

    @property
    def taken_count(self) -> int:
        """Contacts that are new or were changed."""
        return self.new_count + self.updated_count


def past_imports(cursor: duckdb.DuckDBPyConnection, *, limit: int = 50, offset: int = 0) -> list[ImportRow]:
    """The imports, the newest first."""
    return _select(cursor, "ORDER BY happened_at DESC, import_id DESC LIMIT ? OFFSET ?", [limit, offset])


def past_import(cursor: duckdb.DuckDBPyConnection, import_id: str) -> ImportRow:
    """One import.

    Raises:
        NotFound: it was never carried out.
    """
    rows = _select(cursor, "WHERE import_id = ?", [import_id])
    if not rows:
        raise NotFound(kind="import", id=import_id)
    return rows[0]


def _select(cursor: duckdb.DuckDBPyConnection, rest: str, bound: list[str | int]) -> list[ImportRow]:
    found = cursor.execute(f"SELECT {_COLUMNS} FROM imports {rest}", bound).fetchall()
    return [_row(*row) for row in found]


def _row(*values: object) -> ImportRow:
    said = dict(zip(ImportRow.model_fields, values, strict=True))
    said["mapping"] = Mapping.model_validate_json(str(said["mapping"]))
    for name in ("happened_at", "undone_at"):
        if isinstance(moment := said[name], datetime):
            said[name] = from_store(moment)
    return ImportRow.model_validate(said)
