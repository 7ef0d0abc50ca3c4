"""Gathers what a backup holds, as it is at one moment: a copy of the store, and links to the files it speaks of.

Frozen audiences, media and what finished imports left are never changed in place, only replaced by whole new files;
so a link keeps what was there at the moment. Imports that aren't finished, exports, the sandbox and Redis stay out.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from engine.contacts.merging import KEPT_FILES
from engine.errors import InputError, StoreError
from engine.ids import new_id
from engine.operations.launch import one_at_a_time
from engine.settings import Settings
from engine.warehouse import Warehouse, audit
from engine.warehouse.backup import FOLDER
from engine.warehouse.backup_archive import Written, write_archive

STORE_FILE, KEY_FILE = "ulak.duckdb", "secret.key"
LEFTOVER_SECONDS = 6 * 3600.0
COUNTED = ("contacts", "operations", "deliveries", "suppressions", "imports", "templates", "channels")


@dataclass(frozen=True)
class Gathered:
    """What a backup is written from: a folder for it alone, and what its manifest says."""

    backup_id: str
    folder: Path
    facts: dict[str, Any]
    still_seconds: float


def gather(warehouse: Warehouse, settings: Settings, *, who: str, now: datetime) -> Gathered:
    """Copy the store and link its files into a folder of their own; remove it with `forget` afterwards.

    Everything goes on meanwhile. Writers, launches and erasures wait for `still_seconds`, while the files are linked.

    Raises:
        StateError: another backup or a purge is at work.
        StoreError: there is no room.
    """
    backup_id = new_id("bak", now)
    folder = settings.home / FOLDER / backup_id
    _forget_leftovers(settings, now)
    folder.mkdir(parents=True, mode=0o700)
    facts: dict[str, Any] = {"made_at": now.isoformat(), "made_by": who}
    still: list[float] = []

    def at_the_moment(cursor: duckdb.DuckDBPyConnection) -> None:
        began = time.monotonic()
        _link_files(cursor, settings, folder)
        facts.update(_facts(cursor))
        still.append(time.monotonic() - began)

    try:
        warehouse.copy_to(folder / STORE_FILE, at_the_moment, hold=one_at_a_time)
    except BaseException as problem:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(problem, OSError):
            raise StoreError(reason="the files can't be gathered; is there room on the disk?") from problem
        raise
    return Gathered(backup_id, folder, facts, still[0])


def write_backup(
    settings: Settings, backup_id: str, facts: dict[str, Any], target: Path, *, with_key: bool
) -> Written:
    """Write what was gathered to one file.

    Args:
        with_key: the secret key goes in too: whoever has the file can open the channels' secrets.

    Raises:
        InputError, StoreError: as `write_archive`; or the key is asked for and there is none.
    """
    folder, key = settings.home / FOLDER / backup_id, _key_here(settings)
    if with_key:
        if not key:
            raise InputError(reason="there is no secret key yet")
        with open(os.open(folder / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    if STORE_FILE not in found:
        raise StoreError(reason="what was gathered for the backup is gone; make another one")
    members = {STORE_FILE: found.pop(STORE_FILE)} | found
    return write_archive(members, {**facts, "key_mark": key_mark(key) if key else "", "with_key": with_key}, target)


def _key_here(settings: Settings) -> bytes:
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    path = settings.home / KEY_FILE
    return path.read_bytes().strip() if path.exists() else b""


def forget(settings: Settings, backup_id: str) -> None:
    """Remove what was gathered."""
    shutil.rmtree(settings.home / FOLDER / backup_id, ignore_errors=True)


def record_backup(
    warehouse: Warehouse, backup_id: str, *, who: str, now: datetime, sha256: str, byte_count: int, with_key: bool
) -> None:
    """Note in the audit that a backup was written."""
    with warehouse.writing(is_about_people=False) as cursor:
        detail = {"sha256": sha256, "bytes": byte_count, "with_key": with_key}
        audit(cursor, who=who, verb="backed up", subject=("store", backup_id), now=now, **detail)


def key_mark(key: str | bytes) -> str:
    """What tells two secret keys apart, and nothing of the key: 8 bytes of BLAKE2b, hexadecimal."""
    plain = key.encode() if isinstance(key, str) else key
    return hashlib.blake2b(plain.strip(), digest_size=8, person=b"ulak-key").hexdigest()


def _facts(cursor: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    ((epoch,),) = cursor.execute("SELECT value FROM store WHERE key = 'epoch'").fetchall()
    ((schema,),) = cursor.execute("SELECT max(number) FROM migrations").fetchall()
    counts = {name: int(cursor.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]) for name in COUNTED}
    return {"epoch": epoch, "schema": schema, "counts": counts}


def _link_files(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> None:
    for path, name in _files(cursor, settings):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, target)
        except FileNotFoundError:
            continue  # it went with its import just now
        except OSError:  # another disk, or one without links
            shutil.copy2(path, target)


def _files(cursor: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[tuple[Path, str]]:
    """Every file that the store speaks of, with its name in the archive."""
    launched = cursor.execute("SELECT operation_id FROM operations WHERE operation_no IS NOT NULL").fetchall()
    for (operation_id,) in launched:
        for path in sorted((settings.operations_folder / operation_id).glob("*.parquet")):
            yield path, f"operations/{operation_id}/{path.name}"
    for (import_id,) in cursor.execute("SELECT import_id FROM imports").fetchall():
        for name in sorted(KEPT_FILES):
            if (path := settings.home / "imports" / import_id / name).is_file():
                yield path, f"imports/{import_id}/{name}"
    kept = {media_hash for (media_hash,) in cursor.execute("SELECT media_hash FROM media").fetchall()}
    for path in sorted(settings.media_folder.glob("*")):
        if path.stem in kept and path.suffix != ".part":
            yield path, f"media/{path.name}"


def _forget_leftovers(settings: Settings, now: datetime) -> None:
    """What a killed backup left is removed by a later one."""
    for path in (settings.home / FOLDER).glob("*"):
        if now.timestamp() - path.stat().st_mtime > LEFTOVER_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
