"""The verbs `ulak backup` and `ulak restore`.

A backup is gathered by the process that owns the store, and packed here; a restore wants nobody to run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import redis
import typer

from engine import live
from engine.clock import utc_now
from engine.errors import InputError, QueueUnavailable, StateError
from engine.operations.backing_up import forget, write_backup
from engine.operations.restoring import NO_ONES, Restored, refuse_unempty
from engine.operations.restoring import restore as restore_into
from engine.settings import Settings, current_settings
from engine.warehouse.backup_archive import packing_of
from worker.cli_verbs import AsOption, JsonOption, Row, client_as, name_of, show
from worker.heartbeat import DEAD_AFTER_SECONDS, read_beats
from worker.parts import answers

MEGABYTE = 1_000_000
KEYS = {
    "fits": "The channels' secrets can be opened with the key that is used here.",
    "other": "The key that is used here is not the one that sealed the channels' secrets: give the former key "
    "(ULAK_SECRET_KEY, or secret.key under ULAK_HOME), or archive each channel and add it again with its secrets.",
    "none": "The backup is without the secret key, so the channels' secrets can't be opened: give the former key "
    "(ULAK_SECRET_KEY, or secret.key under ULAK_HOME), or archive each channel and add it again with its secrets.",
}


def backup(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="The file to write: .tar.zst, .tar.gz or .tar.")],
    with_key: Annotated[
        bool, typer.Option("--with-key", help="Put the secret key in: whoever has the file can open all secrets.")
    ] = False,
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write everything to one file, while Ulak runs or while it doesn't."""
    try:
        packing_of(file)
    except InputError as problem:
        raise typer.BadParameter(str(problem.reason)) from None
    if file.exists():
        raise typer.BadParameter(f"the file {file} is there already")
    if not file.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {file.absolute().parent}")
    settings, client = current_settings(), client_as(person)
    begun = client.call("POST", "/backups")
    backup_id, facts = str(begun["backup_id"]), dict(begun["facts"])
    try:
        written = write_backup(settings, backup_id, facts, file, with_key=with_key)
    finally:
        forget(settings, backup_id)
    told = {"sha256": written.sha256, "byte_count": written.byte_count, "with_key": with_key}
    client.call("POST", f"/backups/{backup_id}", json=told)
    row = {"file": str(file), "backup_id": backup_id, "bytes": written.byte_count, "sha256": written.sha256}
    row |= {"files": written.member_count, "with_key": with_key, "counts": facts["counts"]}
    show(row | {"still_seconds": begun["still_seconds"]}, as_json, _backup_line)


def _backup_line(row: Row) -> str:
    line = f"{row['file']}: {row['bytes'] / MEGABYTE:.1f} MB, {_counts(row['counts'])}, {row['files']} files"
    if row["with_key"]:
        return f"{line}. The secret key is in it: keep it as you keep a password."
    return (
        f"{line}. The secret key is not in it (--with-key): without that key the channels' secrets can't be opened "
        "after a restore and must be given again."
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts[name]:,} {name}" for name in ("contacts", "operations", "suppressions"))


def restore(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="A file that `ulak backup` wrote.")],
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Bring a backup back into an empty home, as a new epoch: nothing that was live is sent again."""
    settings = current_settings()
    with nobody_else(settings):
        done = restore_into(settings, file, who=name_of(person), now=utc_now())
    show({**asdict(done), "home": str(settings.home)}, as_json, lambda _: _restored_lines(settings, done))


def _restored_lines(settings: Settings, done: Restored) -> str:
    lines = [f"{settings.home}: restored from the backup of {done.made_at} by {done.made_by}: {_counts(done.counts)}"]
    if done.halted:
        lines.append(
            f"{len(done.halted)} operations were not over and are halted; {done.unknown_count:,} of their recipients "
            "are unknown, and are not sent to by themselves: " + ", ".join(done.halted)
        )
    lines.append(KEYS[done.key])
    lines.append(
        "What happened since then is not in it (opt-outs, erasures, launches): read docs/operating.md first."
    )
    return "\n".join(lines)


@contextlib.contextmanager
def nobody_else(settings: Settings) -> Iterator[None]:
    """Hold an empty home, so that nobody starts on it meanwhile; a home that nothing came into is left as it was.

    Raises:
        AlreadyRunning, StateError: Ulak runs, or the home isn't empty.
    """
    from worker.supervisor import home_lock

    if not (settings.run_folder / "up.lock").exists():
        refuse_unempty(settings)
    was_there = settings.home.exists()
    with home_lock(settings):
        try:
            refuse_unempty(settings)
            _refuse_running(settings)
            yield
        finally:
            _leave_no_trace(settings, was_there)


def _leave_no_trace(settings: Settings, was_there: bool) -> None:
    if settings.home.exists() and {path.name for path in settings.home.iterdir()} <= NO_ONES:
        with contextlib.suppress(OSError):
            (settings.run_folder / "up.lock").unlink()
            settings.run_folder.rmdir()
            if not was_there:
                settings.home.rmdir()


def _refuse_running(settings: Settings) -> None:
    """Whoever still runs for the former home would go on with what is no more."""
    if answers(f"http://{settings.host}:{settings.port}/_stcore/health"):
        raise StateError(reason=f"an Ulak answers on port {settings.port}; stop it first")
    if settings.redis_url is None:
        return
    with contextlib.suppress(QueueUnavailable, redis.RedisError, OSError), live.connect(settings) as client:
        beats: dict[str, dict[str, Any]] = read_beats(client)
        alive = sorted(name for name, row in beats.items() if row["age_seconds"] <= DEAD_AFTER_SECONDS)
        if alive:
            raise StateError(reason=f"Ulak still runs beside this Redis ({', '.join(alive)}); stop it first")
