"""Mappings that are kept: remembered by themselves for files with the same headers, or saved by name.

Headers are known again whatever their order, case and spaces; the columns that our own rejects file adds count for
nothing. What has to be decided anew each time is not kept: opting in again, and the list people are put into.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime

import duckdb
from pydantic import BaseModel, ConfigDict

from engine.clock import from_store, to_store
from engine.contacts.fields import FieldRegistry
from engine.contacts.headers import fold_header
from engine.contacts.mapping import TARGET_LABELS, ColumnTarget, Mapping
from engine.contacts.options import ImportOptions
from engine.contacts.source import SourceFile
from engine.errors import InputError, NotFound
from engine.ids import new_id
from engine.warehouse import Warehouse, audit
from engine.words import N_

LONGEST_NAME = 80
_OF_REJECTS = (("line", "reason"), ("satir", "neden"))
_OF_REJECTS_LAST = ("cellstoomany", "fazlahucreler")
_COLUMNS = "mapping_id, name, signature, mapping, options, by_whom, created_at, used_at"


class SavedMapping(BaseModel):
    """A mapping as it was kept; `fit` makes one of it for a file."""

    model_config = ConfigDict(frozen=True)

    mapping_id: str
    name: str | None  # None: remembered by itself
    signature: str
    mapping: Mapping
    options: ImportOptions
    who: str
    created_at: datetime
    used_at: datetime

    def fit(self, source: SourceFile, registry: FieldRegistry) -> Mapping:
        """The same targets for the columns of this file, by header; columns it doesn't know are left out."""
        return fit_columns_to(self.mapping.columns, source, registry)


def own_columns(headers: Sequence[str]) -> frozenset[int]:
    """The numbers of the columns that a mended `rejects.csv` has before and behind those of the file."""
    folded = [fold_header(each) for each in headers]
    if tuple(folded[:2]) not in _OF_REJECTS:
        return frozenset()
    return frozenset({0, 1} | ({len(folded) - 1} if folded[-1] in _OF_REJECTS_LAST else set()))


def signature_of(headers: Sequence[str]) -> str:
    """What files with these headers are known by."""
    own = own_columns(headers)
    plain = sorted(plain_header(each) for number, each in enumerate(headers) if number not in own)
    return hashlib.sha256("\n".join(plain).encode()).hexdigest()


def fit_columns_to(known: Iterable[ColumnTarget], source: SourceFile, registry: FieldRegistry) -> Mapping:
    """A mapping for the file's columns in its own order; a field that was new then and is there now is that field."""
    by_header = {plain_header(each.header): each for each in known}
    own, columns = own_columns(source.headers), []
    for number, header in enumerate(source.headers):
        found = by_header.get(plain_header(header)) if number not in own else None
        columns.append(_target(header, found, registry) if found else ColumnTarget(header=header))
    return Mapping(columns=tuple(columns))


def find_mapping(cursor: duckdb.DuckDBPyConnection, source: SourceFile) -> SavedMapping | None:
    """The mapping that was used last for a file with these headers, or None."""
    rows = _select(
        cursor, "WHERE signature = ? ORDER BY used_at DESC, name NULLS FIRST LIMIT 1", [_signature(source)]
    )
    return rows[0] if rows else None


def list_mappings(cursor: duckdb.DuckDBPyConnection) -> tuple[SavedMapping, ...]:
    """The mappings saved by name, in the order of their names."""
    return _select(cursor, "WHERE name IS NOT NULL ORDER BY lower(name), name", [])


def get_mapping(cursor: duckdb.DuckDBPyConnection, name_or_id: str) -> SavedMapping:
    """A mapping by its name, or by its id.

    Raises:
        NotFound: there is none.
    """
    rows = _select(cursor, "WHERE lower(name) = lower(?) OR mapping_id = ?", [name_or_id, name_or_id])
    if not rows:
        raise NotFound(kind="mapping", id=name_or_id)
    return rows[0]


def remember_mapping(
    cursor: duckdb.DuckDBPyConnection,
    source: SourceFile,
    mapping: Mapping,
    options: ImportOptions,
    *,
    who: str,
    now: datetime,
) -> None:
    """Keep a mapping for the next file with these headers; call it inside the import's transaction."""
    signature = _signature(source)
    cursor.execute("DELETE FROM saved_mappings WHERE name IS NULL AND signature = ?", [signature])
    _insert(cursor, None, signature, _without_own(mapping), options, who, now)


def save_mapping(
    warehouse: Warehouse, name: str, mapping: Mapping, options: ImportOptions, *, who: str, now: datetime
) -> str:
    """Keep a mapping by name; one of that name is replaced.

    Returns: its id.

    Raises:
        InputError: the name is empty or too long.
    """
    plain = " ".join(name.split())
    if not 0 < len(plain) <= LONGEST_NAME:
        raise InputError(reason=N_("a name is 1 to 80 characters"))
    signature = signature_of([each.header for each in mapping.columns])
    with warehouse.writing() as cursor:
        cursor.execute("DELETE FROM saved_mappings WHERE lower(name) = lower(?)", [plain])
        mapping_id = _insert(cursor, plain, signature, _without_own(mapping), options, who, now)
        audit(cursor, who=who, verb="saved", subject=("mapping", mapping_id), now=now, name=plain)
    return mapping_id


def delete_mapping(warehouse: Warehouse, mapping_id: str, *, who: str, now: datetime) -> None:
    """Forget a mapping.

    Raises:
        NotFound: there is none.
    """
    with warehouse.writing() as cursor:
        if not cursor.execute("SELECT 1 FROM saved_mappings WHERE mapping_id = ?", [mapping_id]).fetchall():
            raise NotFound(kind="mapping", id=mapping_id)
        cursor.execute("DELETE FROM saved_mappings WHERE mapping_id = ?", [mapping_id])
        audit(cursor, who=who, verb="deleted", subject=("mapping", mapping_id), now=now)


def lasting_options(options: ImportOptions) -> ImportOptions:
    """The options without what has to be decided anew each time."""
    return options.model_copy(update={"opt_in_again": False, "list_id": None})


def plain_header(header: str) -> str:
    """A header without what may differ: case, spaces, Turkish i's."""
    return "".join(header.translate(str.maketrans("İIı", "iii")).casefold().split())


def _signature(source: SourceFile) -> str:
    return signature_of(source.headers)


def _without_own(mapping: Mapping) -> Mapping:
    own = own_columns([each.header for each in mapping.columns])
    return Mapping(columns=tuple(each for number, each in enumerate(mapping.columns) if number not in own))


def _target(header: str, found: ColumnTarget, registry: FieldRegistry) -> ColumnTarget:
    if found.target is None or found.target in registry or found.target in TARGET_LABELS:
        return ColumnTarget(header=header, target=found.target)
    return ColumnTarget(header=header, target=found.target if found.new else None, new=found.new)


def _insert(
    cursor: duckdb.DuckDBPyConnection,
    name: str | None,
    signature: str,
    mapping: Mapping,
    options: ImportOptions,
    who: str,
    now: datetime,
) -> str:
    mapping_id, moment = new_id("map", now), to_store(now)
    kept = [mapping.model_dump_json(), lasting_options(options).model_dump_json()]
    cursor.execute(
        f"INSERT INTO saved_mappings ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [mapping_id, name, signature, *kept, who, moment, moment],
    )
    return mapping_id


def _select(cursor: duckdb.DuckDBPyConnection, where: str, bound: list[str]) -> tuple[SavedMapping, ...]:
    rows = cursor.execute(f"SELECT {_COLUMNS} FROM saved_mappings {where}", bound).fetchall()
    return tuple(
        SavedMapping(
            mapping_id=row[0],
            name=row[1],
            signature=row[2],
            mapping=Mapping.model_validate_json(row[3]),
            options=ImportOptions.model_validate(json.loads(row[4])),
            who=row[5],
            created_at=from_store(row[6]),
            used_at=from_store(row[7]),
        )
        for row in rows
    )
