"""Real contacts to look at a template with: who lacks a value, and what one of them would see.

The message is the very payload a worker would post; holes show their own marks until they are filled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from engine.contacts import FieldRegistry
from engine.templates.bindings import MEDIA_MARK, Bindings, fields_of_bindings
from engine.templates.components import Slot, Template
from engine.templates.render import PayloadBuilder, Rendered, render_message

NO_IMAGE = "0" * 64
NO_MOMENT = 4_102_444_800_000  # the year 2100, in ms
NOBODY = "+900000000000"


@dataclass(frozen=True)
class Look:
    """One contact's message.

    Attributes:
        empty: the slots that have no value for this contact; they show their marks.
    """

    payload: dict[str, Any]
    message: Rendered
    empty: tuple[Slot, ...]


def count_contacts(cursor: duckdb.DuckDBPyConnection) -> int:
    """How many contacts there are."""
    return int(cursor.execute("SELECT count(*) FROM contacts").fetchall()[0][0])


def count_without(cursor: duckdb.DuckDBPyConnection, fields: Sequence[str], registry: FieldRegistry) -> int:
    """How many contacts have no value in at least one of the fields; a field nobody has counts everybody."""
    if any(name not in registry for name in fields):
        return count_contacts(cursor)
    if not fields:
        return 0
    blank = " OR ".join(f"coalesce(trim(CAST(\"{name}\" AS VARCHAR)), '') = ''" for name in fields)
    return int(cursor.execute(f"SELECT count(*) FROM contacts WHERE {blank}").fetchall()[0][0])


def next_contact(cursor: duckdb.DuckDBPyConnection, contact_id: int) -> int | None:
    """The contact after this one; None after the last."""
    return _one(cursor, "SELECT min(contact_id) FROM contacts WHERE contact_id > ?", contact_id)


def previous_contact(cursor: duckdb.DuckDBPyConnection, contact_id: int) -> int | None:
    """The contact before this one; None before the first."""
    return _one(cursor, "SELECT max(contact_id) FROM contacts WHERE contact_id < ?", contact_id)


def place_of(cursor: duckdb.DuckDBPyConnection, contact_id: int) -> int:
    """The how manieth contact this is, from 1."""
    return _one(cursor, "SELECT count(*) FROM contacts WHERE contact_id <= ?", contact_id) or 0


def look_at(
    cursor: duckdb.DuckDBPyConnection,
    template: Template,
    bindings: Bindings,
    contact_id: int | None,
    registry: FieldRegistry,
    *,
    zone: str = "UTC",
) -> Look:
    """What one contact would get; without a contact every field is empty."""
    from engine.templates.parameters import resolve_parameters

    fields = [name for name in fields_of_bindings(bindings) if name in registry]
    columns = ", ".join(['phone AS "to"', "user_id AS _user_id", *(f'"{name}"' for name in fields)])
    frame = cursor.sql(f"SELECT {columns} FROM contacts WHERE contact_id = ?", params=[contact_id or 0]).pl()
    if frame.is_empty():
        frame = frame.clear(1)
    filled = resolve_parameters(frame, template, bindings, zone=zone).row(0)
    values = filled[: len(template.slots)]
    pairs = list(zip(template.slots, values, strict=True))
    empty = tuple(slot for slot, value in pairs if value is None and not slot.is_optional)
    shown = [value or ("" if slot.is_optional else _mark(slot)) for slot, value in pairs]
    files = {value.removeprefix(MEDIA_MARK): value for value in shown if value.startswith(MEDIA_MARK)}
    payload = PayloadBuilder(template, files).build(
        frame["to"][0] or (None if frame["_user_id"][0] else NOBODY), frame["_user_id"][0], shown, "preview"
    )
    return Look(payload, render_message(payload, template), empty)


def _mark(slot: Slot) -> str:
    """What an empty slot shows."""
    if slot.is_media:
        return MEDIA_MARK + NO_IMAGE
    if slot.kind == "number":
        return "0"
    if slot.kind == "moment":
        return str(NO_MOMENT)
    return f"{{{{{slot.name if slot.kind == 'text' else 1}}}}}"


def _one(cursor: duckdb.DuckDBPyConnection, sql: str, contact_id: int) -> int | None:
    value = cursor.execute(sql, [contact_id]).fetchall()[0][0]
    return None if value is None else int(value)
