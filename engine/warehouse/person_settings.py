"""What a person set for themselves, such as the order of facets: a small record by person and key.

It is kept as JSON in the shape of its record. What can't be read any more (an older shape, a hand's edit) is as good
as never set: a preference must not stop a page. Caches of contacts stay good, so nothing here makes a new version.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import duckdb
from pydantic import BaseModel, ValidationError

from engine.clock import to_store
from engine.errors import InputError
from engine.warehouse.connection import Warehouse
from engine.words import N_

MOST_CHARACTERS = 20_000
Shape = TypeVar("Shape", bound=BaseModel)


def get_setting(cursor: duckdb.DuckDBPyConnection, person: str, key: str, shape: type[Shape]) -> Shape:
    """The person's setting; the shape's own defaults where there is none, or none that can be read."""
    rows = cursor.execute(
        "SELECT value FROM person_settings WHERE person = ? AND key = ? ORDER BY changed_at DESC LIMIT 1",
        [person, key],
    ).fetchall()
    try:
        return shape.model_validate_json(rows[0][0]) if rows else shape()
    except ValidationError:
        return shape()


def set_setting(warehouse: Warehouse, person: str, key: str, value: BaseModel, *, now: datetime) -> None:
    """Keep the person's setting, in the place of an earlier one.

    Raises:
        InputError: it is larger than a setting may be.
    """
    text = value.model_dump_json()
    if len(text) > MOST_CHARACTERS:
        raise InputError(reason=N_("this is too large to be kept as a setting"))
    with warehouse.exclusive() as cursor:  # no `writing`: caches of contacts stay good
        cursor.execute("BEGIN TRANSACTION")
        try:
            cursor.execute("DELETE FROM person_settings WHERE person = ? AND key = ?", [person, key])
            cursor.execute("INSERT INTO person_settings VALUES (?, ?, ?, ?)", [person, key, text, to_store(now)])
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
