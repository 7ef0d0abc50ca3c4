"""Exports under way: a thread each, one record of all of them in this process, the files under `home/exports/<id>`.

A file can be fetched for a day by whoever has its secret, then it is deleted: it holds names and numbers. What a
killed process left half-written is deleted with it.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
import shutil
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from engine.clock import utc_now
from engine.errors import NotFound, UlakError
from engine.ids import new_id
from engine.segments.audience import Audience
from engine.segments.context import Context
from engine.segments.exporting import FOR_EXCEL, ExportFormat, ExportOptions, Stopped, export_audience
from engine.settings import Settings
from engine.warehouse import Warehouse, audit

KEPT = timedelta(days=1)
RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"
_FILE_NAME = re.compile(r"[^\w. -]+")
log = logging.getLogger("ulak.export")


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What somebody wants in a file; as `export_audience`."""

    audience: Audience
    columns: tuple[str, ...]
    format: ExportFormat
    headings: tuple[str, ...] = ()
    options: ExportOptions = FOR_EXCEL
    title: str = "contacts"


@dataclass(frozen=True, slots=True)
class ExportJob:
    """How an export is getting on."""

    export_id: str
    file_name: str
    state: str
    by_whom: str
    begun_at: datetime
    share: float = 0.0
    count: int = 0
    byte_count: int = 0
    error: UlakError | None = None

    @property
    def is_over(self) -> bool:
        """Nothing more happens to it."""
        return self.state != RUNNING


_lock = threading.Lock()
_jobs: dict[str, ExportJob] = {}
_secrets: dict[str, str] = {}
_stops: dict[str, threading.Event] = {}
_threads: dict[str, threading.Thread] = {}


def exports_folder(settings: Settings) -> Path:
    """Where all files of exports lie."""
    return settings.home / "exports"


def start_export(
    warehouse: Warehouse, settings: Settings, request: ExportRequest, context: Context, *, who: str, now: datetime
) -> ExportJob:
    """Begin to write a file in a thread; `get_export` says how far it is."""
    forget_old_exports(settings, now)
    export_id = new_id("exp", now)
    (exports_folder(settings) / export_id).mkdir(parents=True, mode=0o700)
    title = " ".join(_FILE_NAME.sub(" ", request.title).split()).strip(".")[:60] or "contacts"
    job = ExportJob(export_id, f"{title}.{request.format.value}", RUNNING, who, now)
    thread = threading.Thread(
        target=_run, args=(warehouse, settings, request, context, job), name=export_id, daemon=True
    )
    with _lock:
        _jobs[export_id], _secrets[export_id] = job, secrets.token_urlsafe(18)
        _stops[export_id], _threads[export_id] = threading.Event(), thread
    thread.start()
    return job


def _run(warehouse: Warehouse, settings: Settings, request: ExportRequest, context: Context, job: ExportJob) -> None:
    folder, stop = exports_folder(settings) / job.export_id, _stops[job.export_id]
    cursor = warehouse.cursor()
    try:
        done = export_audience(
            cursor, request.audience, context, request.columns, request.format, folder / job.file_name,
            headings=request.headings, options=request.options, should_stop=stop.is_set,
            on_progress=lambda share: _note(job.export_id, share=share),
        )  # fmt: skip
        with warehouse.writing() as writing:
            detail = {"count": done.count, "format": request.format.value, "columns": list(request.columns)}
            subject = ("export", job.export_id)
            audit(writing, who=job.by_whom, verb="exported", subject=subject, now=utc_now(), **detail)
        _note(job.export_id, state=DONE, share=1.0, count=done.count, byte_count=done.byte_count)
    except Stopped:
        _give_up(folder, job.export_id, state=CANCELLED)
    except UlakError as problem:
        _give_up(folder, job.export_id, state=FAILED, error=problem)
    except (duckdb.Error, OSError) as problem:
        log.error("%s failed: %s", job.export_id, type(problem).__name__)
        _give_up(folder, job.export_id, state=FAILED)
    finally:
        cursor.close()


def _note(export_id: str, **changes: object) -> None:
    with _lock:
        if export_id in _jobs:
            _jobs[export_id] = replace(_jobs[export_id], **changes)  # type: ignore[arg-type]


def _give_up(folder: Path, export_id: str, **changes: object) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _note(export_id, **changes)


def get_export(export_id: str) -> ExportJob:
    """How an export is getting on.

    Raises:
        NotFound: there is none of that id, or not any more.
    """
    with _lock:
        if export_id not in _jobs:
            raise NotFound(kind="export", id=export_id)
        return _jobs[export_id]


def list_exports(who: str) -> tuple[ExportJob, ...]:
    """A person's exports of the last day, newest first."""
    with _lock:
        found = [job for job in _jobs.values() if job.by_whom == who]
    return tuple(sorted(found, key=lambda job: job.begun_at, reverse=True))


def cancel_export(export_id: str) -> None:
    """Stop writing at the next batch; what was written is deleted."""
    with _lock:
        if export_id in _stops:
            _stops[export_id].set()


def wait_for_export(export_id: str, seconds: float | None = None) -> ExportJob:
    """Wait until an export is over, at most so long."""
    with _lock:
        thread = _threads.get(export_id)
    if thread is not None:
        thread.join(seconds)
    return get_export(export_id)


def export_secret(export_id: str) -> str:
    """What the address of the file holds, so that nobody guesses it."""
    with _lock:
        return _secrets.get(export_id, "")


def file_of(settings: Settings, export_id: str, secret: str | None = None) -> Path:
    """The finished file.

    Args:
        secret: as `export_secret`; None for a caller who is known otherwise.

    Raises:
        NotFound: there is none, not any more, or the secret is wrong.
    """
    job = get_export(export_id)
    path = exports_folder(settings) / export_id / job.file_name
    is_right = secret is None or hmac.compare_digest(secret.encode(), export_secret(export_id).encode())
    if job.state != DONE or not is_right or not path.is_file():
        raise NotFound(kind="export", id=export_id)
    return path


def forget_old_exports(settings: Settings, now: datetime, *, all_of_them: bool = False) -> int:
    """Delete the files of exports that are a day old, a killed process's too. Returns how many went.

    Args:
        all_of_them: every file, whatever its age (a purge of erased people needs it).
    """
    gone = 0
    for folder in sorted(exports_folder(settings).glob("exp-*")):
        with _lock:
            job = _jobs.get(folder.name)
        if not all_of_them and (_is_young(folder, job, now) or (job is not None and not job.is_over)):
            continue
        if job is not None and not job.is_over:
            cancel_export(folder.name)
        shutil.rmtree(folder, ignore_errors=True)
        gone += 1
        with _lock:
            for kept in (_jobs, _secrets, _stops, _threads):
                kept.pop(folder.name, None)
    return gone


def _is_young(folder: Path, job: ExportJob | None, now: datetime) -> bool:
    """Less than a day old; of a folder without a job the file system knows its age."""
    try:
        begun_at = job.begun_at if job is not None else datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    except FileNotFoundError:
        return True  # somebody else deletes it just now
    return now - begun_at < KEPT
