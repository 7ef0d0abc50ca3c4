"""Applies the numbered SQL files of `migrations/`, each in one transaction, and refuses a newer database."""

from __future__ import annotations

from importlib import resources

import duckdb

from engine.errors import NewerDatabase


def known_migrations() -> list[tuple[int, str, str]]:
    """(number, name, SQL) of every file, in order."""
    folder = resources.files("engine.warehouse") / "migrations"
    found = [(entry.name, entry.read_text("utf-8")) for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((int(name[:4]), name.removesuffix(".sql"), sql) for name, sql in found)


def apply_migrations(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Apply what is missing, each file in one transaction.

    Returns: the names applied now.

    Raises:
        NewerDatabase: the database holds a migration that this version doesn't know.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMP)"
    )
    known = known_migrations()
    done = {int(row[0]) for row in connection.execute("SELECT number FROM migrations").fetchall()}
    newest_known = max((number for number, _, _ in known), default=0)
    if done and max(done) > newest_known:
        raise NewerDatabase(found=max(done), known=newest_known)
    applied = []
    for number, name, sql in known:
        if number in done:
            continue
        connection.execute("BEGIN TRANSACTION")
        try:
            connection.execute(sql)
            connection.execute("INSERT INTO migrations VALUES (?, ?, now() AT TIME ZONE 'UTC')", [number, name])
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        applied.append(name)
    return applied
