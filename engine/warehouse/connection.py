"""Opens the DuckDB file, keeps its one writer lock, and counts versions of the data for caches.

The whole instance is fenced: it reaches no file but its own and those in the folders named here, loads nothing, and
its configuration is locked, so that no statement can undo that. Work on other files has a scratch database.

DuckDB lets one process hold a file. Within it, a cursor serves one thread or one page run; whoever changes
contacts, fields, segments or settings does so under `writing()`. The recorder alone writes its own tables and
needs the lock only to checkpoint.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import duckdb

from engine.errors import StateError, StoreError
from engine.warehouse.backup import FOLDER as BACKUP
from engine.warehouse.backup import AtTheMoment, copy_store
from engine.warehouse.gate import BUSY, PATIENCE_SECONDS, Gate
from engine.warehouse.migrate import apply_migrations
from engine.warehouse.renewal import remove_leftovers, write_anew

MEMORY_LIMIT = "1GB"
CHECKPOINT_THRESHOLD = "256MB"
FOLDERS = ("imports", "operations", "exports", BACKUP)
"""Beside the file, in which the store reads and writes other files: imports, frozen audiences, exports, copies."""


class Warehouse:
    """One open DuckDB file. Share it between threads; take a cursor per thread."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, path: Path | None = None, folders: Sequence[Path] = ()
    ) -> None:
        self._connection = connection
        self._path = path
        self._folders = folders
        self._gate = Gate()
        self._lock = threading.RLock()
        self._copying = threading.Lock()
        self._version = 0

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor for this thread or page run. Fetch all of a result before the next statement."""
        with self._gate.passing():
            return self._gate.note(self._connection.cursor())

    @contextmanager
    def writing(self, *, is_about_people: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor inside one transaction, under the writer lock; commits at the end, rolls back on an error.

        Args:
            is_about_people: contacts, lists, segments, templates or policies may change, so that what was counted is
                counted anew; drafts, files and notes of who did what leave counts as they are.
        """
        self._gate.wait()
        with self._lock:
            cursor = self.cursor()
            cursor.execute("BEGIN TRANSACTION")
            try:
                yield cursor
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            else:
                cursor.execute("COMMIT")
                self._version += is_about_people
            finally:
                self._gate.close(cursor)

    @contextmanager
    def exclusive(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor under the writer lock without a transaction, for CHECKPOINT."""
        self._gate.wait()
        with self._lock:
            cursor = self.cursor()
            try:
                yield cursor
            finally:
                self._gate.close(cursor)

    @property
    def data_version(self) -> int:
        """Grows with each commit under `writing()` that is about people: a key for what was counted."""
        return self._version

    def bump(self) -> None:
        """Tell caches that data changed outside `writing()` (the recorder added a contact)."""
        with self._lock:
            self._version += 1

    def value(self, key: str) -> str | None:
        """A value of the `store` table (epoch, salt), or None."""
        cursor = self.cursor()
        rows = cursor.execute("SELECT value FROM store WHERE key = ?", [key]).fetchall()
        return str(rows[0][0]) if rows else None

    @property
    def epoch(self) -> str:
        """The store's epoch (DESIGN §4): a live ledger of another epoch is never continued."""
        return self.value("epoch") or ""

    @property
    def salt(self) -> bytes:
        """The 16 bytes that key `person_key`."""
        return bytes.fromhex(self.value("salt") or "")

    def renew_file(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Write the file anew without what was deleted from it; a store in memory has none.

        Waits until nobody uses a cursor; who wants one meanwhile waits.

        Raises:
            StateError: somebody used one for longer than the patience; nothing was changed.
            StoreError: the copy failed; the old file stays.
        """
        if self._path is None:
            return
        with self._alone(), self._gate.quiet(patience_seconds):
            self._connection.close()
            try:
                write_anew(open_scratch(memory_limit=MEMORY_LIMIT), self._path)
            finally:
                self._connection = _connect(self._path, self._folders)

    def copy_to(
        self, target: Path, at_the_moment: AtTheMoment, hold: AbstractContextManager[object] | None = None
    ) -> None:
        """Write a copy of everything, as it is at one moment, to a new file in `backup` beside the store's file.

        Everybody goes on meanwhile; writers wait for that moment alone.

        Args:
            at_the_moment: called with a cursor that sees what the copy is going to hold, while nobody else writes.
            hold: what else must be held at the moment, taken before the writer lock.

        Raises:
            StateError: another copy is being written, or the file is written anew.
            StoreError: there is no room; nothing is left of it.
        """
        with self._alone():
            cursor = self.cursor()
            try:
                copy_store(cursor, target, self._still(hold), at_the_moment)
            finally:
                self._gate.close(cursor)

    @contextmanager
    def _still(self, hold: AbstractContextManager[object] | None) -> Iterator[None]:
        with hold or nullcontext(), self._lock:
            yield

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A copy and a renewal of the file never meet: one would wait for the other with everybody behind it."""
        if not self._copying.acquire(blocking=False):
            raise StateError(reason=BUSY)
        try:
            yield
        finally:
            self._copying.release()

    def close(self) -> None:
        """Close the file; cursors are dead afterwards."""
        self._connection.close()


def open_warehouse(path: Path | None, folders: Sequence[Path] = ()) -> Warehouse:
    """Open (or create) the file and bring it to this version's schema; None opens one in memory, for tests.

    Args:
        folders: where else than in `FOLDERS` beside it the store may read and write files.

    Raises:
        StoreError: another process holds the file, or it can't be opened.
        NewerDatabase: the file is from a newer version.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
    connection = _connect(path, folders)
    apply_migrations(connection)
    _found_store(connection)
    return Warehouse(connection, path, folders)


def _connect(path: Path | None, folders: Sequence[Path]) -> duckdb.DuckDBPyConnection:
    try:
        connection = duckdb.connect(str(path) if path else ":memory:")
    except duckdb.IOException as problem:
        held = "lock" in str(problem).lower()
        reason = "another process has the database open" if held else "the file can't be opened as a database"
        raise StoreError(reason=reason) from problem
    connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    connection.execute(f"SET checkpoint_threshold = '{CHECKPOINT_THRESHOLD}'")
    # A query names tables, never a variable of ours.
    connection.execute("SET GLOBAL python_enable_replacements = false")
    if path is not None:  # a store in memory works on files of any test
        _fence(connection, [*(path.parent / name for name in FOLDERS), *folders])
    return connection


def _fence(connection: duckdb.DuckDBPyConnection, folders: Sequence[Path]) -> None:
    """No file but those in the folders, no extension, no other setting, for good. Its own file stays open to it."""
    for name in ("autoinstall_known_extensions", "autoload_known_extensions", "allow_community_extensions"):
        connection.execute(f"SET {name} = false")
    listed = ", ".join("'" + str(folder).replace("'", "''") + "'" for folder in folders)
    connection.execute(f"SET allowed_directories = [{listed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def open_scratch(**config: str | int) -> duckdb.DuckDBPyConnection:
    """A database in memory beside the warehouse, for work on files; the caller closes it.

    Args:
        config: DuckDB's own settings, such as `memory_limit`, `temp_directory`, `threads`.
    """
    return duckdb.connect(":memory:", config=dict(config))


def _found_store(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a new store its epoch and its salt."""
    for key, value in (("epoch", secrets.token_hex(8)), ("salt", secrets.token_hex(16))):
        connection.execute(
            "INSERT INTO store SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM store WHERE key = ?)",
            [key, value, key],
        )
