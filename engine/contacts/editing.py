"""Changes of one contact by hand: fields, the number, lists. Each is audited and kept with its old value.

A number decides who a person is, so a new one gives the contact another `person_key`: what stands against the old
one (a suppression) is told of the new one too. Consent has a module of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb

from engine.clock import to_store
from engine.contacts.bulk_edits import EditBatch, list_edits, set_field, undo_edit
from engine.contacts.field_values import Value, check_value, value_text
from engine.contacts.fields import Field, FieldRegistry, load_registry
from engine.contacts.person import bucket_of, key_to_int, person_key
from engine.contacts.phones import Phone, parse_phone
from engine.errors import InputError, InvalidPhone, NotFound
from engine.warehouse import Warehouse, audit
from engine.words import N_

__all__ = [
    "EditBatch",
    "edit_contact",
    "list_edits",
    "put_in_list",
    "set_field",
    "take_out_of_list",
    "undo_edit",
]

ANY_REGION = "ZZ"
"""A number without a country code is refused."""
_IDENTITY = ("phone", "match_key", "person_key", "phone_valid", "bucket")


def edit_contact(
    warehouse: Warehouse,
    contact_id: int,
    changes: Mapping[str, Any],
    *,
    who: str,
    now: datetime,
    region: str = ANY_REGION,
) -> tuple[str, ...]:
    """Change fields of one contact, all of them or, if one can't be, none.

    Args:
        changes: field -> value; None empties it.
        region: of a phone number without a country code.

    Returns: the fields that have another value now, in their order.

    Raises:
        NotFound: there is no such contact.
        UnknownName: there is no such field.
        InputError: a value can't be used; `problems` holds a reason for each such field. For a number that another
            contact has, `contact_id` is that contact.
    """
    with warehouse.writing() as cursor:
        registry = load_registry(cursor)
        names = [each.name for each in registry if each.name in changes]
        for name in changes:
            registry.get(name)
        row = _row_of(cursor, contact_id, [*names, "user_id", "person_key", *_IDENTITY])
        checked = _checked_all(cursor, registry, contact_id, {name: changes[name] for name in names}, row, region)
        changed = tuple(name for name in names if checked[name] != row[name])
        if not changed:
            return ()
        written: dict[str, Any] = {name: checked[name] for name in changed}
        if "phone" in changed:
            written |= _identity(warehouse.salt, written["phone"], row["user_id"])
            _follow_suppressions(cursor, row["person_key"], written["person_key"], who, now)
        _write(cursor, contact_id, written, now)
        for name in changed:
            cursor.execute(
                "INSERT INTO contact_edits VALUES (?, ?, ?, ?, ?, ?, NULL)",
                [contact_id, name, value_text(row[name]), value_text(checked[name]), who, to_store(now)],
            )
        audit(cursor, who=who, verb="edited", subject=("contact", str(contact_id)), now=now, fields=list(changed))
    return changed


def put_in_list(warehouse: Warehouse, contact_id: int, list_id: str, *, who: str, now: datetime) -> bool:
    """Put one contact into a list; False when it was in it.

    Raises:
        NotFound: there is no such contact or list.
    """
    with warehouse.writing() as cursor:
        _known_list(cursor, contact_id, list_id)
        if cursor.execute(_MEMBER, [list_id, contact_id]).fetchall():
            return False
        cursor.execute("INSERT INTO list_members VALUES (?, ?, ?)", [list_id, contact_id, to_store(now)])
        audit(cursor, who=who, verb="added to", subject=("list", list_id), now=now, added=1, contact=contact_id)
    return True


def take_out_of_list(warehouse: Warehouse, contact_id: int, list_id: str, *, who: str, now: datetime) -> bool:
    """Take one contact out of a list; False when it wasn't in it.

    Raises:
        NotFound: there is no such contact or list.
    """
    with warehouse.writing() as cursor:
        _known_list(cursor, contact_id, list_id)
        if not cursor.execute(_MEMBER, [list_id, contact_id]).fetchall():
            return False
        cursor.execute("DELETE FROM list_members WHERE list_id = ? AND contact_id = ?", [list_id, contact_id])
        audit(cursor, who=who, verb="removed from", subject=("list", list_id), now=now, removed=1, contact=contact_id)
    return True


_MEMBER = "SELECT 1 FROM list_members WHERE list_id = ? AND contact_id = ?"


def _known_list(cursor: duckdb.DuckDBPyConnection, contact_id: int, list_id: str) -> None:
    _row_of(cursor, contact_id, ["contact_id"])
    if not cursor.execute("SELECT 1 FROM lists WHERE list_id = ?", [list_id]).fetchall():
        raise NotFound(kind="list", id=list_id)


def _row_of(cursor: duckdb.DuckDBPyConnection, contact_id: int, columns: list[str]) -> dict[str, Any]:
    names = list(dict.fromkeys(columns))
    wanted = ", ".join(f'"{name}"' for name in names)
    rows = cursor.execute(f"SELECT {wanted} FROM contacts WHERE contact_id = ?", [contact_id]).fetchall()
    if not rows:
        raise NotFound(kind="contact", id=contact_id)
    return dict(zip(names, rows[0], strict=True))


def _checked_all(
    cursor: duckdb.DuckDBPyConnection,
    registry: FieldRegistry,
    contact_id: int,
    changes: Mapping[str, Any],
    row: Mapping[str, Any],
    region: str,
) -> dict[str, Value]:
    checked: dict[str, Value] = {}
    refused: dict[str, InputError] = {}
    for name, value in changes.items():
        field = registry.get(name)
        try:
            if field.built_in and name == "phone":
                checked[name] = _checked_phone(cursor, contact_id, field, value, row, region)
            else:
                checked[name] = check_value(field, value)
        except InputError as problem:
            refused[name] = problem
    if refused:
        name, first = next(iter(refused.items()))
        problems = {each: problem.fields["reason"] for each, problem in refused.items()}
        raise type(first)(**{**first.fields, "field": name, "problems": problems})
    return checked


def _checked_phone(
    cursor: duckdb.DuckDBPyConnection,
    contact_id: int,
    field: Field,
    value: Any,
    row: Mapping[str, Any],
    region: str,
) -> str | None:
    text = check_value(field, value)
    if text is None:
        if not row["user_id"]:
            raise InvalidPhone(code="empty", reason=N_("a contact needs a phone number or a user id"))
        return None
    phone = parse_phone(str(text), region)
    if phone.match_key == row["match_key"]:
        return phone.e164
    others = cursor.execute(
        "SELECT contact_id FROM contacts WHERE match_key = ? AND contact_id <> ? ORDER BY contact_id LIMIT 1",
        [phone.match_key, contact_id],
    ).fetchall()
    if others:
        raise InvalidPhone(code="taken", reason=N_("another contact has this number"), contact_id=others[0][0])
    return phone.e164


def _identity(salt: bytes, e164: str | None, user_id: str | None) -> dict[str, Any]:
    """The columns that follow from the number, or from the user id where there is no number any more."""
    phone: Phone | None = parse_phone(e164, ANY_REGION) if e164 else None
    person = key_to_int(person_key(salt, phone.match_key if phone else None, user_id))
    return {
        "match_key": phone.match_key if phone else None,
        "person_key": person,
        "phone_valid": phone.is_valid if phone else None,
        "bucket": bucket_of(person),
    }


def _follow_suppressions(
    cursor: duckdb.DuckDBPyConnection, old_key: int, new_key: int, who: str, now: datetime
) -> None:
    """Whoever wanted no messages wants none at the new number either."""
    if old_key != new_key:
        cursor.execute(
            "INSERT INTO pending_suppressions"
            " SELECT DISTINCT CAST(? AS UBIGINT), scope, reason, ?, CAST(? AS TIMESTAMP)"
            " FROM suppressions WHERE person_key = ? AND lifted_at IS NULL",
            [new_key, who, to_store(now), old_key],
        )


def _write(cursor: duckdb.DuckDBPyConnection, contact_id: int, written: Mapping[str, Any], now: datetime) -> None:
    assigned = ", ".join(f'"{name}" = ?' for name in written)
    cursor.execute(
        f"UPDATE contacts SET {assigned}, updated_at = ? WHERE contact_id = ?",
        [*written.values(), to_store(now), contact_id],
    )
