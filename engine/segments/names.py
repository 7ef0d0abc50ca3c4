"""Names that people give to segments and lists: their length, and that no two of a kind are alike."""

from __future__ import annotations

import duckdb

from engine.errors import InputError
from engine.segments.folding import fold
from engine.words import N_

LONGEST_NAME = 80


def checked_name(name: str) -> str:
    """The name without spare spaces.

    Raises:
        InputError: it is empty or too long.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise InputError(reason=N_("a name of 1 to 80 characters is needed"))
    return name


def refuse_taken(cursor: duckdb.DuckDBPyConnection, table: str, key: str, name: str, own_id: str | None) -> None:
    """Names tell segments (or lists) apart for people, so two can't share one; archived ones don't count.

    Raises:
        InputError: another has it.
    """
    rows = cursor.execute(f"SELECT {key}, name FROM {table} WHERE archived_at IS NULL").fetchall()
    if any(is_same_name(taken, name) and taken_id != own_id for taken_id, taken in rows):
        raise InputError(reason=N_("the name is taken"))


def is_same_name(one: str, other: str) -> bool:
    """Whether people would take them for the same: case, accents of i and spare spaces don't count."""
    return fold(" ".join(one.split())) == fold(" ".join(other.split()))
