"""Copies an open store to another file, as it is at one moment, while everybody goes on reading and writing.

DuckDB keeps what a transaction saw at its beginning for as long as it lasts; so only that beginning needs a moment in
which nobody writes. What was deleted from the store is not in the copy, as it is in the file's free blocks.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb

from engine.errors import StoreError
from engine.warehouse.renewal import count_rows, make_durable, quoted, wal_of

FOLDER = "backup"
"""Beside the store's file; the fence lets the store write there."""

AtTheMoment = Callable[[duckdb.DuckDBPyConnection], None]
"""Called with a cursor that sees what the copy is going to hold, while nobody else may write."""


def copy_store(
    cursor: duckdb.DuckDBPyConnection, target: Path, still: AbstractContextManager[object], at_the_moment: AtTheMoment
) -> None:
    """Write a copy of the store to a new file and make it durable.

    Args:
        still: held while the moment of the copy is fixed and `at_the_moment` runs, and no longer.

    Raises:
        StoreError: there is no room, or the copy doesn't hold the same; the file is removed.
    """
    name = f"copy_{secrets.token_hex(4)}"
    try:
        cursor.execute(f"ATTACH '{quoted(target)}' AS {name}")
        try:
            _copy(cursor, name, still, at_the_moment)
        finally:
            cursor.execute(f"DETACH {name}")
        if wal_of(target).exists():
            raise StoreError(reason="the copy could not be completed")
        make_durable(target)
    except (duckdb.Error, OSError) as problem:
        _remove(target)
        raise StoreError(reason="the file can't be copied; is there room on the disk?") from problem
    except StoreError:
        _remove(target)
        raise


def _copy(
    cursor: duckdb.DuckDBPyConnection, name: str, still: AbstractContextManager[object], at_the_moment: AtTheMoment
) -> None:
    own = str(cursor.execute("SELECT current_database()").fetchall()[0][0])
    try:
        with still:
            cursor.execute("BEGIN TRANSACTION")
            cursor.execute("SELECT value FROM store").fetchall()  # what a transaction sees is fixed by its first read
            at_the_moment(cursor)
        cursor.execute(f'COPY FROM DATABASE "{own}" TO {name}')
        if count_rows(cursor, own) != count_rows(cursor, name):
            raise StoreError(reason="the copy doesn't hold the same rows")
        cursor.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(duckdb.Error):
            cursor.execute("ROLLBACK")
        raise
    cursor.execute(f"CHECKPOINT {name}")


def _remove(target: Path) -> None:
    for path in (target, wal_of(target)):
        path.unlink(missing_ok=True)
