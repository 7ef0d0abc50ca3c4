"""One field set for many people at once, audited, each old value kept; and taking that back.

The old values lie in `contact_edits`, in the transaction of the change: nothing to lose, and an erasure finds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import duckdb
import polars as pl
import pyarrow as pa

from engine.clock import from_store, to_store
from engine.contacts.field_values import check_value, restored_sql, text_sql, value_of_text, value_text
from engine.contacts.fields import COLUMN_TYPES, Field, FieldType, load_registry
from engine.errors import InputError, NotFound, StateError
from engine.ids import new_id
from engine.warehouse import Warehouse, audit
from engine.words import N_

How = Literal["set", "add", "remove"]
HOW_LABELS: dict[str, str] = {"set": N_("Set"), "add": N_("Add"), "remove": N_("Remove")}
_COLUMNS = (
    "edit_id, field, how, new_value, people_count, changed_count, by_whom, happened_at, undone_at, undone_by,"
    " restored_count"
)


@dataclass(frozen=True, slots=True)
class EditBatch:
    """An edit of many. `people_count` were asked for and exist, `changed_count` had another value before."""

    edit_id: str
    field: str
    how: How
    value: Any
    people_count: int
    changed_count: int
    by_whom: str
    happened_at: datetime
    undone_at: datetime | None = None
    undone_by: str | None = None
    restored_count: int | None = None

    @property
    def kept_count(self) -> int:
        """Whom undoing left as they were, because the field was changed since (or they are gone)."""
        return 0 if self.restored_count is None else self.changed_count - self.restored_count


def set_field(
    warehouse: Warehouse,
    contact_ids: pl.DataFrame | pa.Table,
    field: str,
    value: Any,
    *,
    who: str,
    now: datetime,
    how: How = "set",
) -> EditBatch:
    """Give one field a value for many people; None empties it. Those who have the value already stay untouched.

    Args:
        contact_ids: **Shape**: a column `contact_id`; repeats and ids of nobody don't matter.
        how: set; for a field of several choices also add (to what is there) and remove.

    Returns: what was done, with the id to take it back by.

    Raises:
        UnknownName: there is no such field.
        InputError: the field isn't set for many, or the value doesn't fit it.
    """
    with warehouse.writing() as cursor:
        target = load_registry(cursor).get(field)
        checked = _checked(target, value, how)
        edit_id, moment = new_id("edit", now), to_store(now)
        cursor.register("asked_ids", contact_ids)
        try:
            people = _stage(cursor, target, checked, how)
        finally:
            cursor.unregister("asked_ids")
        ((changed,),) = cursor.execute("SELECT count(*) FROM edited").fetchall()
        cursor.execute(
            f"INSERT INTO contact_edits SELECT contact_id, ?, {text_sql(target, 'old')}, {text_sql(target, 'new')},"
            " ?, ?, ? FROM edited",
            [field, who, moment, edit_id],
        )
        _write(cursor, field, moment)
        cursor.execute(
            "INSERT INTO edits VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
            [edit_id, field, how, value_text(checked), people, changed, who, moment],
        )
        detail = {"field": field, "how": how, "people": people, "changed": changed}
        audit(cursor, who=who, verb="set a field", subject=("edit", edit_id), now=now, **detail)
        return get_edit(cursor, edit_id)


def undo_edit(warehouse: Warehouse, edit_id: str, *, who: str, now: datetime) -> EditBatch:
    """Give everybody back the value they had; whoever's field was changed since keeps it as it is.

    Raises:
        NotFound: there is no such edit.
        StateError: it is undone already.
    """
    with warehouse.writing() as cursor:
        batch = get_edit(cursor, edit_id)
        if batch.undone_at is not None:
            raise StateError(reason=N_("this edit is undone already"))
        target = load_registry(cursor).get(batch.field)
        old, new = restored_sql(target, "e.old_value"), restored_sql(target, "e.new_value")
        cursor.execute(
            f'CREATE OR REPLACE TEMP TABLE edited AS SELECT c.contact_id, c."{batch.field}" AS old, {old} AS new'
            " FROM contact_edits AS e JOIN contacts AS c ON c.contact_id = e.contact_id"
            f' WHERE e.edit_id = ? AND c."{batch.field}" IS NOT DISTINCT FROM {new}',
            [edit_id],
        )
        ((restored,),) = cursor.execute("SELECT count(*) FROM edited").fetchall()
        moment = to_store(now)
        cursor.execute(
            f"INSERT INTO contact_edits SELECT contact_id, ?, {text_sql(target, 'old')}, {text_sql(target, 'new')},"
            " ?, ?, NULL FROM edited",
            [batch.field, who, moment],
        )
        _write(cursor, batch.field, moment)
        cursor.execute(
            "UPDATE edits SET undone_at = ?, undone_by = ?, restored_count = ? WHERE edit_id = ?",
            [moment, who, restored, edit_id],
        )
        detail = {"field": batch.field, "restored": restored, "kept": batch.changed_count - restored}
        audit(cursor, who=who, verb="undid an edit", subject=("edit", edit_id), now=now, **detail)
        return get_edit(cursor, edit_id)


def list_edits(cursor: duckdb.DuckDBPyConnection, *, limit: int = 20) -> tuple[EditBatch, ...]:
    """The last edits of many, the newest first."""
    sql = f"SELECT {_COLUMNS} FROM edits ORDER BY happened_at DESC, edit_id DESC LIMIT ?"
    registry = load_registry(cursor)
    return tuple(_batch(row, registry) for row in cursor.execute(sql, [limit]).fetchall())


def get_edit(cursor: duckdb.DuckDBPyConnection, edit_id: str) -> EditBatch:
    """The edit of that id.

    Raises:
        NotFound: there is none.
    """
    rows = cursor.execute(f"SELECT {_COLUMNS} FROM edits WHERE edit_id = ?", [edit_id]).fetchall()
    if not rows:
        raise NotFound(kind="edit", id=edit_id)
    return _batch(rows[0], load_registry(cursor))


def _checked(target: Field, value: Any, how: How) -> Any:
    if target.built_in and target.name == "phone":
        raise InputError(field=target.name, reason=N_("a phone number belongs to one person"))
    if how != "set" and target.type is not FieldType.LIST:
        raise InputError(field=target.name, reason=N_("only several choices can be added to and taken from"))
    checked = check_value(target, value)
    if how != "set" and checked is None:
        raise InputError(field=target.name, reason=N_("say which choices"))
    return checked


def _stage(cursor: duckdb.DuckDBPyConnection, target: Field, value: Any, how: How) -> int:
    """The table `edited` (contact_id, old, new) of those whose value changes; how many were asked for and exist."""
    column, given = f'c."{target.name}"', f"CAST($value AS {COLUMN_TYPES[target.type]})"
    held = f"coalesce({column}, CAST([] AS VARCHAR[]))"
    new = {
        "set": given,
        "add": f"{held} || list_filter({given}, lambda x: NOT list_contains({held}, x))",
        "remove": f"list_filter({held}, lambda x: NOT list_contains({given}, x))",
    }[how]
    if target.type is FieldType.LIST and how != "set":
        new = f"CASE WHEN len({new}) > 0 THEN {new} END"
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE edited AS"
        f" SELECT c.contact_id, {column} AS old, {new} AS new FROM contacts AS c"
        " WHERE c.contact_id IN (SELECT contact_id FROM asked_ids)",
        {"value": value},
    )
    ((people,),) = cursor.execute("SELECT count(*) FROM edited").fetchall()
    cursor.execute("DELETE FROM edited WHERE old IS NOT DISTINCT FROM new")
    return int(people)


def _write(cursor: duckdb.DuckDBPyConnection, field: str, moment: datetime) -> None:
    cursor.execute(
        f'UPDATE contacts SET "{field}" = edited.new, updated_at = ? FROM edited'
        " WHERE contacts.contact_id = edited.contact_id",
        [moment],
    )
    cursor.execute("DROP TABLE edited")


def _batch(row: tuple[Any, ...], registry: Any) -> EditBatch:
    edit_id, field, how, value, people, changed, who, happened_at, undone_at, undone_by, restored = row
    shown = value_of_text(registry.get(field), value) if field in registry else value
    return EditBatch(
        edit_id, field, how, shown, people, changed, who, from_store(happened_at),
        from_store(undone_at) if undone_at else None, undone_by, restored,
    )  # fmt: skip
