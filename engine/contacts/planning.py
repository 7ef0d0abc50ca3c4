"""The dry run: what an import would do, in numbers and samples, before anything is written."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from pydantic import BaseModel, ConfigDict

from engine.contacts.changes import Incoming, counts_sql
from engine.contacts.column import Column
from engine.contacts.fields import FieldRegistry
from engine.contacts.identity import resolve_people
from engine.contacts.mapping import USER_ID, Mapping, types_of
from engine.contacts.options import Duplicates, ImportOptions
from engine.contacts.source import SourceFile
from engine.contacts.staging import Staged

_SAMPLES = 5


class FieldChange(BaseModel):
    """One field of one contact: what it was, what it becomes (as text)."""

    model_config = ConfigDict(frozen=True)

    field: str
    old: str | None
    new: str | None


class ContactSample(BaseModel):
    """A row of the file and what it does to its contact; of a new contact every filled field is a change."""

    model_config = ConfigDict(frozen=True)

    line: int
    phone: str | None
    changes: tuple[FieldChange, ...]


class Note(BaseModel):
    """A row that is taken with a warning: its number has a possible length, and no such number is given out."""

    model_config = ConfigDict(frozen=True)

    line: int
    phone: str


class Counts(BaseModel):
    """What becomes of the staged people: new + updated + unchanged + duplicates + rejected are all of them."""

    model_config = ConfigDict(frozen=True)

    new_count: int
    updated_count: int
    unchanged_count: int
    kept_out_count: int  # opt-ins that are not taken, because the person opted out
    withdrawn_count: int  # contacts we have that opt out
    in_again_count: int = 0  # opt-ins of people who opted out, taken because it was chosen
    still_suppressed_count: int = 0  # those among them whom a suppression goes on keeping messages from
    number_kept_count: int = 0  # rows with another number than their contact's, which is not taken
    duplicate_count: int = 0  # rows that turn out to be about a contact that another row is about
    rejected: dict[str, int] = {}  # rows of which it isn't clear whom they are about, by reason
    changed: dict[str, int]  # known contacts changed, by field

    @property
    def rejected_count(self) -> int:
        """Rows of which it isn't clear whom they are about."""
        return sum(self.rejected.values())


class Samples(BaseModel):
    """The first of each kind."""

    model_config = ConfigDict(frozen=True)

    new: tuple[ContactSample, ...] = ()
    updated: tuple[ContactSample, ...] = ()
    unchanged: tuple[ContactSample, ...] = ()
    duplicates: tuple[tuple[int, int], ...] = ()  # (line, the line that counts)
    notes: tuple[Note, ...] = ()


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
    samples: Samples

    @property
    def row_count(self) -> int:
        """The file's data lines."""
        return self.staged.row_count

    @property
    def duplicate_count(self) -> int:
        """Rows about somebody whom another row of the file is about."""
        return self.staged.duplicate_count + self.counts.duplicate_count

    @property
    def rejected_count(self) -> int:
        """Rows that can't be taken."""
        return self.staged.rejected_count + self.counts.rejected_count

    @property
    def reasons(self) -> dict[str, int]:
        """Rejected rows by the code of their reason, the most frequent first."""
        both = self.staged.reasons | self.counts.rejected
        return dict(sorted(both.items(), key=lambda each: (-each[1], each[0])))

    @property
    def notes_count(self) -> int:
        """Rows that are taken though their number is possible and not valid."""
        return self.staged.invalid_phone_count

    @property
    def updated_samples(self) -> tuple[ContactSample, ...]:
        """The first contacts that would change."""
        return self.samples.updated

    @property
    def staged_path(self) -> Path:
        """Parquet: one row a person of the file, with `person_key`."""
        return self.folder / "staged.parquet"

    @property
    def to_import_count(self) -> int:
        """Contacts that would be new or change."""
        return self.counts.new_count + self.counts.updated_count


def incoming_of(
    cursor: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    registry: FieldRegistry,
    options: ImportOptions,
    folder: Path,
    now: datetime,
) -> Incoming:
    """How an import's staged people meet the contacts as this cursor sees them: makes the table `decided`, of which
    the counts are, and `resolved` where rows bring ids."""
    new = frozenset(each.target or "" for _, each in mapping if each.new and each.target not in registry)
    incoming = Incoming(folder / "staged.parquet", types_of(mapping, registry), new, options, now)
    if incoming.is_resolved:
        resolve_people(
            cursor,
            incoming.staged,
            has_user_id=USER_ID in incoming.types,
            identity=options.identity,
            has_consent=incoming.has_consent,
            first_wins=options.duplicates is Duplicates.FIRST,
            is_new_field=options.identity in new,
        )
    ((is_anybody_known,),) = cursor.execute(incoming.is_anybody_known_sql()).fetchall()
    decided = incoming.decided_sql(incoming.columns(), are_all_new=not is_anybody_known)
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE decided AS {decided}").fetchall()
    return incoming


def count_changes(cursor: duckdb.DuckDBPyConnection, incoming: Incoming) -> Counts:
    """Count what `incoming_of` decided."""
    columns = incoming.columns()
    (counted,) = cursor.execute(counts_sql(columns)).fetchall()
    names = [name for name in Counts.model_fields if name not in ("duplicate_count", "rejected", "changed")]
    numbers: dict[str, Any] = dict(zip(names, counted, strict=False))
    by_field = counted[len(names) :]
    numbers["changed"] = {each.name: count for each, count in zip(columns, by_field, strict=True) if count}
    if incoming.is_resolved:
        unclear = "SELECT code, count(*) FROM resolved WHERE code IS NOT NULL GROUP BY code ORDER BY code"
        numbers["rejected"] = dict(cursor.execute(unclear).fetchall())
        twice = "SELECT count(*) FROM resolved WHERE code IS NULL AND n <> kept_n"
        numbers["duplicate_count"] = cursor.execute(twice).fetchall()[0][0]
    return Counts(**numbers)


def take_samples(
    cursor: duckdb.DuckDBPyConnection, incoming: Incoming, source: SourceFile, staged: Staged, counts: Counts
) -> Samples:
    """The first rows of each kind, field by field."""
    columns, lines = incoming.columns(), source.lines()
    changed = " OR ".join(f'"d_{each.name}"' for each in columns)
    kinds = (
        (counts.new_count, "found IS NULL"),
        (counts.updated_count, f"found IS NOT NULL AND ({changed})"),
        (counts.unchanged_count, f"found IS NOT NULL AND NOT ({changed})"),
    )
    new, updated, unchanged = (_contacts(cursor, incoming, where, lines) if count else () for count, where in kinds)
    twice: list[tuple[int, int]] = []
    if counts.duplicate_count:
        query = "SELECT n, kept_n FROM resolved WHERE code IS NULL AND n <> kept_n ORDER BY n LIMIT ?"
        twice = [(int(lines[row]), int(lines[kept])) for row, kept in cursor.execute(query, [_SAMPLES]).fetchall()]
    notes: list[tuple[int, str]] = []
    if staged.invalid_phone_count:
        query = "SELECT n, phone FROM read_parquet(?) WHERE phone IS NOT NULL AND NOT phone_valid ORDER BY n LIMIT ?"
        notes = cursor.execute(query, [str(incoming.staged), _SAMPLES]).fetchall()
    return Samples(
        new=new,
        updated=updated,
        unchanged=unchanged,
        duplicates=tuple(sorted([*staged.duplicates, *twice])[:_SAMPLES]),
        notes=tuple(Note(line=int(lines[row]), phone=phone) for row, phone in notes),
    )


def _contacts(
    cursor: duckdb.DuckDBPyConnection, incoming: Incoming, where: str, lines: Any
) -> tuple[ContactSample, ...]:
    """The first rows of which that holds in `decided`; sought by number first, so that few of a million are read."""
    found = cursor.execute(f"SELECT n FROM decided WHERE {where} ORDER BY n LIMIT ?", [_SAMPLES]).fetchall()
    wanted = ", ".join(str(row[0]) for row in found)
    is_new = where == "found IS NULL"
    columns = [each for each in incoming.columns() if not (is_new and each.is_of_known)]
    old = "" if is_new else '"old_{}"::VARCHAR'
    pairs = "".join(f', {old.format(each.name) or "NULL"}, "new_{each.name}"::VARCHAR' for each in columns)
    rows_of = incoming.new_sql(columns, are_all=True) if is_new else incoming.known_sql(columns)
    query = f"SELECT n, phone{pairs} FROM ({rows_of}) WHERE n IN ({wanted}) ORDER BY n"
    return tuple(
        ContactSample(line=int(lines[row[0]]), phone=row[1], changes=_changes(columns, row[2:]))
        for row in cursor.execute(query).fetchall()
    )


def _changes(columns: list[Column], values: tuple[Any, ...]) -> tuple[FieldChange, ...]:
    pairs = zip(columns, values[0::2], values[1::2], strict=True)
    return tuple(
        FieldChange(field=each.name, old=old, new=new)
        for each, old, new in pairs
        if old != new and each.name not in ("match_key", "person_key", "phone_valid")
    )
