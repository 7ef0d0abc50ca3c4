"""Writes a DuckDB file anew, without what was deleted from it: DuckDB keeps deleted values in the file's free blocks.

The new file takes the old one's place by one rename once it is complete and durable. Killed before, the old file is
there; killed after, the new one.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

from engine.errors import StoreError

FRESH_SUFFIX = ".fresh"


def remove_leftovers(path: Path) -> None:
    """Remove what a renewal that was killed left beside the file."""
    for suffix in (FRESH_SUFFIX, f"{FRESH_SUFFIX}.wal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.rmtree(path.with_name(f"{path.name}{FRESH_SUFFIX}.tmp"), ignore_errors=True)


def write_anew(scratch: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Let a copy of what the file holds take its place. Nobody may have it open.

    Args:
        scratch: a connection in memory, for this alone; it is closed.

    Raises:
        StoreError: the file wasn't closed in order, or the copy doesn't hold the same; the old file stays.
    """
    remove_leftovers(path)
    fresh = path.with_name(path.name + FRESH_SUFFIX)
    try:
        if wal_of(path).exists():
            raise StoreError(reason="its last changes are not in the file yet")
        _copy(scratch, path, fresh)
        if wal_of(fresh).exists():
            raise StoreError(reason="the copy could not be completed")
        make_durable(fresh)
        fresh.replace(path)
        make_durable(path.parent)
    except (duckdb.Error, OSError) as problem:
        raise StoreError(reason="the file can't be copied; is there room on the disk?") from problem
    finally:
        scratch.close()
        remove_leftovers(path)
    shutil.rmtree(path.with_name(f"{path.name}.tmp"), ignore_errors=True)


def _copy(scratch: duckdb.DuckDBPyConnection, path: Path, fresh: Path) -> None:
    scratch.execute(f"SET temp_directory = '{quoted(path.with_name(f'{path.name}{FRESH_SUFFIX}.tmp'))}'")
    scratch.execute(f"ATTACH '{quoted(path)}' AS former (READ_ONLY)")
    scratch.execute(f"ATTACH '{quoted(fresh)}' AS fresh")
    scratch.execute("COPY FROM DATABASE former TO fresh")
    if count_rows(scratch, "former") != count_rows(scratch, "fresh"):
        raise StoreError(reason="the copy doesn't hold the same rows")
    scratch.execute("CHECKPOINT fresh")
    scratch.execute("DETACH fresh")
    scratch.execute("DETACH former")


def count_rows(cursor: duckdb.DuckDBPyConnection, database: str) -> dict[str, int]:
    """Rows by table of an attached database."""
    names = cursor.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY table_name", [database]
    ).fetchall()
    return {
        name: int(cursor.execute(f'SELECT count(*) FROM "{database}"."{name}"').fetchall()[0][0]) for (name,) in names
    }


def wal_of(path: Path) -> Path:
    """Where DuckDB keeps what isn't in the file yet."""
    return path.with_name(path.name + ".wal")


def quoted(path: Path) -> str:
    """A path between single quotes of SQL."""
    return str(path).replace("'", "''")


def make_durable(path: Path) -> None:
    """Have a file's bytes, or a folder's names, on the disk before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
