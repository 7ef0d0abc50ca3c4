"""Brings a backup back into an empty home, as a store of a new epoch: nothing that was live is sent again.

What went out after the backup was made is not known to it. So every operation that was not over is halted, and who
was open in it is `unknown`; its ledger, should some Redis still hold it, belongs to the former epoch and is refused.
Everything is unpacked and checked beside its place first; the store's file comes to its place last.
"""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from engine.clock import to_store
from engine.errors import NewerDatabase, StateError, StoreError
from engine.operations.backing_up import KEY_FILE, STORE_FILE, key_mark
from engine.operations.launch_record import LAST_NUMBER
from engine.operations.lost import RESTORED, make_unknown
from engine.operations.snapshot import snapshot_path
from engine.operations.states import FINAL_OPERATION_STATES, DeliveryState, OperationState
from engine.settings import Settings
from engine.warehouse import Warehouse, audit, open_warehouse
from engine.warehouse.backup_archive import DamagedBackup, open_archive
from engine.warehouse.renewal import make_durable, wal_of

UNPACKED = ".restoring"
"""In the home while a restore is under way; one that a kill left behind is in nobody's way."""
NO_ONES = frozenset({UNPACKED, "run", "lost+found"})
"""In a home that counts as empty, if `run` holds a lock and nothing else."""
NUMBERS_LEFT_FREE = 1_000
"""For the operations that were launched after the backup: a late word about one of them meets no other."""
_KEPT_STATES = ", ".join(f"'{state}'" for state in (OperationState.DRAFT, *sorted(FINAL_OPERATION_STATES)))


@dataclass(frozen=True)
class Restored:
    """What was brought back. `key` says whether the channels' secrets can be opened: `fits`, `other` or `none`."""

    made_at: str
    made_by: str
    epoch: str
    counts: dict[str, int]
    halted: tuple[str, ...]
    unknown_count: int
    key: str


def refuse_unempty(settings: Settings) -> None:
    """Say what stands in the way.

    Raises:
        StateError: names it.
    """
    for folder in {settings.home, settings.operations_folder}:
        names = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
        found = [name for name in names if name not in NO_ONES or (name == "run" and _is_used(folder / name))]
        if found:
            listed = ", ".join(found[:8]) + (" …" if len(found) > 8 else "")
            raise StateError(reason=f"{folder} is not empty ({listed}); restore into an empty home")


def _is_used(run_folder: Path) -> bool:
    return any(path.name != "up.lock" for path in run_folder.iterdir())


def restore(settings: Settings, file: Path, *, who: str, now: datetime) -> Restored:
    """Check a backup whole, then put it into the home as a new epoch. Nobody may start Ulak on it meanwhile.

    Raises:
        DamagedBackup: names the member; nothing was put in place.
        NewerDatabase, InputError: it is of a newer Ulak, or there is no such file.
        StateError: the home isn't empty.
        StoreError: there is no room.
    """
    refuse_unempty(settings)
    folder = settings.home / UNPACKED
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True, mode=0o700)
        manifest = _unpack(file, folder)
        restored = _begin_anew(settings, folder, manifest, who=who, now=now)
        _put_in_place(settings, folder)
    except OSError as problem:
        raise StoreError(
            reason=f"the backup can't be unpacked ({problem.strerror or type(problem).__name__})"
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return restored


def _unpack(file: Path, folder: Path) -> dict[str, Any]:
    with open_archive(file) as (manifest, members):
        wanted, free = sum(each["bytes"] for each in manifest["members"]), shutil.disk_usage(folder).free
        if wanted > free:
            raise StoreError(reason=f"it needs {wanted >> 20} MB, and {folder.parent} has {free >> 20} MB free")
        for name, blocks in members:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                for block in blocks:
                    out.write(block)
                out.flush()
                os.fsync(out.fileno())
    if not (folder / STORE_FILE).exists():
        raise DamagedBackup(member=STORE_FILE, reason="is missing")
    return manifest


def _begin_anew(settings: Settings, folder: Path, manifest: dict[str, Any], *, who: str, now: datetime) -> Restored:
    path = folder / STORE_FILE
    try:
        warehouse = open_warehouse(path, (settings.operations_folder,))
    except NewerDatabase:
        raise
    except (duckdb.Error, StoreError):
        raise DamagedBackup(member=STORE_FILE, reason="can't be opened as a store") from None
    try:
        halted, unknown = begin_epoch(warehouse, settings, who=who, now=now, made_at=manifest["made_at"])
        epoch = warehouse.epoch
    finally:
        warehouse.close()
    if wal_of(path).exists():
        raise StoreError(reason="the store's last changes could not be written into its file")
    make_durable(path)
    return Restored(
        made_at=manifest["made_at"],
        made_by=manifest["made_by"],
        epoch=epoch,
        counts=manifest["counts"],
        halted=halted,
        unknown_count=unknown,
        key=_judge_key(settings, folder / KEY_FILE, manifest.get("key_mark", "")),
    )


def begin_epoch(
    warehouse: Warehouse, settings: Settings, *, who: str, now: datetime, made_at: str
) -> tuple[tuple[str, ...], int]:
    """Give a restored store a new epoch, in one transaction: halt what was not over, its open rows are unknown.

    Returns: the ids of the operations halted, and how many rows became unknown.
    """
    with warehouse.writing() as cursor:
        cursor.execute("UPDATE store SET value = ? WHERE key = 'epoch'", [secrets.token_hex(8)])
        _leave_numbers_free(cursor)
        _find_snapshots_here(cursor, settings)
        rows = cursor.execute(
            f"SELECT operation_id, operation_no, recipient_count FROM operations WHERE state NOT IN ({_KEPT_STATES})"
            " ORDER BY operation_no"
        ).fetchall()
        unknown = 0
        for operation_id, operation_no, count in rows:
            unknown += _halt(cursor, operation_id, operation_no, count or 0, now)
        halted = tuple(operation_id for operation_id, _, _ in rows)
        detail = {"made_at": made_at, "halted": len(halted), "unknown": unknown}
        audit(cursor, who=who, verb="restored", subject=("store", "store"), now=now, **detail)
    return halted, unknown


def _halt(
    cursor: duckdb.DuckDBPyConnection, operation_id: str, operation_no: int | None, count: int, now: datetime
) -> int:
    cursor.execute(
        "UPDATE operations SET state = ?, cause = ?, updated_at = ? WHERE operation_id = ?",
        [OperationState.HALTED, RESTORED, to_store(now), operation_id],
    )
    unknown = 0
    if operation_no is not None:
        cursor.execute(  # a launch whose ledger the record had not heard of has no rows yet
            "INSERT INTO deliveries (operation_no, recipient_no, state, attempt, code, pricing, updated_at)"
            " SELECT $no, range, $state, 0, 0, 0, $moment FROM range($count)"
            " WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE operation_no = $no)",
            {"no": operation_no, "state": int(DeliveryState.PENDING), "moment": to_store(now), "count": count},
        )
        unknown = make_unknown(cursor, [operation_no], now)
    subject = ("operation", operation_id)
    audit(cursor, who="ulak", verb="halted", subject=subject, now=now, reason="restored", unknown=unknown)
    return unknown


def _leave_numbers_free(cursor: duckdb.DuckDBPyConnection) -> None:
    given = "SELECT max(operation_no) FROM operations UNION ALL SELECT value::INTEGER FROM store WHERE key = ?"
    ((last,),) = cursor.execute(
        f"SELECT coalesce(max(number), 0) FROM ({given}) AS g(number)", [LAST_NUMBER]
    ).fetchall()
    cursor.execute("DELETE FROM store WHERE key = ?", [LAST_NUMBER])
    cursor.execute("INSERT INTO store VALUES (?, ?)", [LAST_NUMBER, str(last + NUMBERS_LEFT_FREE)])


def _find_snapshots_here(cursor: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    kept = cursor.execute("SELECT operation_id FROM operations WHERE snapshot_path IS NOT NULL").fetchall()
    for (operation_id,) in kept:
        cursor.execute(
            "UPDATE operations SET snapshot_path = ? WHERE operation_id = ?",
            [str(snapshot_path(settings.operations_folder, operation_id)), operation_id],
        )


def _judge_key(settings: Settings, kept: Path, mark: str) -> str:
    """Whether the key that Ulak is going to use here is the one that sealed the secrets."""
    if settings.secret_key is not None:
        return "fits" if key_mark(settings.secret_key.get_secret_value()) == mark else "other"
    if kept.exists():
        return "fits" if key_mark(kept.read_bytes()) == mark else "other"
    return "none"


def _put_in_place(settings: Settings, folder: Path) -> None:
    """The store's file last: where it is, everything is."""
    operations = folder / "operations"
    if operations.exists() and settings.operations_folder != settings.home / "operations":
        shutil.copytree(operations, settings.operations_folder, dirs_exist_ok=True)
        shutil.rmtree(operations)
    for path in sorted(folder.iterdir(), key=lambda path: (path.name == STORE_FILE, path.name)):
        path.rename(settings.home / path.name)
    make_durable(settings.home)
