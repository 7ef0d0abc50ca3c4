"""REST verbs of imports: begin, look, carry out, give up, undo, and the files they leave.

An import runs in the background of web; `wait=true` answers when it is over. `Idempotency-Key` on its begin: the
key's first use fixes the import's id, a repeat finds it.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Annotated, Any

import redis
from fastapi import APIRouter, Depends, File, Header, Query, Response, UploadFile

from engine.clock import to_store, utc_now
from engine.contacts.import_files import kept_file, planned_duplicates, planned_rejects
from engine.contacts.import_history import past_import, past_imports
from engine.contacts.import_jobs import ImportJobs, import_jobs
from engine.contacts.import_work import Given, Merging
from engine.contacts.importing import load_plan
from engine.contacts.job_record import ImportJob, JobState
from engine.contacts.mappings import list_mappings
from engine.contacts.undo import plan_undo, undo_import
from engine.errors import NotFound, QueueUnavailable, StateError, UnknownName
from engine.ids import new_id
from engine.operations.pending import apply_pending
from engine.segments import create_list, find_list
from engine.warehouse import Warehouse
from engine.words import N_
from worker.api import Doors, Person, Services
from worker.api_import_form import Asked
from worker.api_import_rows import row_of_job, row_of_past

router = APIRouter()
Wait = Annotated[bool, Query(description="answer when the import is over, not at once")]


@router.post("/contacts/imports", status_code=202)
def begin(
    doors: Doors,
    person: Person,
    file: Annotated[UploadFile, File(description="CSV, TSV, XLSX, Parquet, or one of them as .gz or .zip")],
    asked: Annotated[Asked, Depends()],
    response: Response,
    wait: Wait = False,
    idempotency_key: Annotated[str, Header(description="the same key twice imports once")] = "",
) -> dict[str, Any]:
    """Import contacts from a file. Columns are recognised by their headers unless `mapping` says where each goes.

    Answers 202 at once with the import's id; every rejected row has its reason in `rejects.csv`.
    """
    asked.check()
    jobs, name = _jobs(doors), Path(file.filename or "contacts.csv").name
    spool, file_hash = _spool(doors, file)
    digest = hashlib.sha256(f"{file_hash}{asked}".encode()).hexdigest()
    import_id, is_repeat = _id_for(doors.warehouse(), digest, person, idempotency_key)
    if is_repeat:
        spool.unlink()
    else:
        given = Given(spool, name, asked.read_options(), is_spool=True, import_id=import_id)
        jobs.run_through(given, asked.chooser(doors), _merging(doors, person, asked.list), is_dry=asked.dry_run)
    return _answer(doors, import_id, response, wait) | {"repeated": is_repeat}


@router.get("/contacts/imports")
def imports(
    doors: Doors,
    person: Person,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> list[dict[str, Any]]:
    """The imports that are not over, then those that were carried out, the newest first."""
    open_ones = [row_of_job(doors, job) for job in _jobs(doors).all() if not job.is_final] if not offset else []
    done = past_imports(doors.warehouse().cursor(), limit=limit, offset=offset)
    return open_ones + [row_of_past(doors.settings, past) for past in done]


@router.get("/contacts/imports/{import_id}")
def one_import(import_id: str, doors: Doors, person: Person) -> dict[str, Any]:
    """One import: how far it is, then what it did."""
    return _found(doors, import_id)


@router.post("/contacts/imports/{import_id}/merge", status_code=202)
def merge(import_id: str, doors: Doors, person: Person, response: Response, wait: Wait = False) -> dict[str, Any]:
    """Carry out an import that was begun as a dry run; doing it twice is one import."""
    jobs = _jobs(doors)
    jobs.merge(import_id, _merging(doors, person, jobs.get(import_id).new_list))
    return _answer(doors, import_id, response, wait)


@router.delete("/contacts/imports/{import_id}")
def cancel(import_id: str, doors: Doors, person: Person) -> dict[str, Any]:
    """Give up an import that is not written yet; nothing of it stays."""
    return row_of_job(doors, _jobs(doors).cancel(import_id))


@router.post("/contacts/imports/{import_id}/undo")
def undo(
    import_id: str,
    doors: Doors,
    person: Person,
    dry_run: Annotated[bool, Query(description="say what would happen; change nothing")] = False,
) -> dict[str, Any]:
    """Undo an import: contacts it brought are deleted, those it changed get their values back, unless something
    happened to them since."""
    warehouse = doors.warehouse()
    if dry_run:
        plan = plan_undo(warehouse.cursor(), doors.settings, import_id)
        return {"restored": plan.to_restore, "deleted": plan.to_delete, "kept": plan.kept_count, "reasons": plan.kept}
    done = undo_import(warehouse, doors.settings, import_id, who=person, now=utc_now())
    _tell(doors)
    return {"restored": done.restored, "deleted": done.deleted, "kept": done.kept_count, "reasons": done.kept}


@router.get("/contacts/imports/{import_id}/rejects.csv", response_class=Response)
def rejects(import_id: str, doors: Doors, person: Person) -> Response:
    """The rejected rows as they stood in the file, with line and reason; of a dry run too."""
    return _csv(doors, import_id, "rejects.csv")


@router.get("/contacts/imports/{import_id}/duplicates.csv", response_class=Response)
def duplicates(import_id: str, doors: Doors, person: Person) -> Response:
    """The rows about somebody whom another row is about, with the line that counts; of a dry run too."""
    return _csv(doors, import_id, "duplicates.csv")


@router.get("/contacts/mappings")
def mappings(doors: Doors, person: Person) -> list[dict[str, Any]]:
    """The saved mappings: `mapping` takes their names."""
    return [
        {"name": each.name, "columns": len(each.mapping.columns), "saved_by": each.who}
        for each in list_mappings(doors.warehouse().cursor())
    ]


def _jobs(doors: Services) -> ImportJobs:
    return import_jobs(doors.settings, doors.warehouse)


def _spool(doors: Services, file: UploadFile) -> tuple[Path, str]:
    """The upload on disk, and its hash."""
    folder = doors.settings.home / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    spool, digest = folder / new_id("upload", utc_now()), hashlib.sha256()
    with spool.open("wb") as target:
        while block := file.file.read(1 << 20):
            digest.update(block)
            target.write(block)
    return spool, digest.hexdigest()


def _id_for(warehouse: Warehouse, digest: str, who: str, key: str) -> tuple[str, bool]:
    """The id of the import this request is about: a new one, or the one its key began; and whether it repeats.

    Raises:
        StateError: the key was used for something else.
    """
    fresh = new_id("imp", utc_now())
    if not key:
        return fresh, False
    with warehouse.writing() as cursor:
        rows = cursor.execute(
            "SELECT body_hash, subject_id FROM requests WHERE idempotency_key = ? AND verb = 'import'", [key]
        ).fetchall()
        if rows and rows[0][0] != digest:
            raise StateError(reason=N_("this idempotency key was used for another request"))
        if rows:
            return str(rows[0][1]), True
        cursor.execute(
            "INSERT INTO requests VALUES (?, 'import', ?, ?, ?, ?)", [key, digest, fresh, who, to_store(utc_now())]
        )
    return fresh, False


def _answer(doors: Services, import_id: str, response: Response, wait: bool) -> dict[str, Any]:
    if not wait:
        return _found(doors, import_id)
    with contextlib.suppress(NotFound):
        job = _jobs(doors).wait(import_id)
        if job.state is JobState.DONE:
            _tell(doors)
        if (failure := job.failure) is not None:
            raise failure
    response.status_code = 200
    return _found(doors, import_id)


def _found(doors: Services, import_id: str) -> dict[str, Any]:
    """An import under way or lately over, else one that the store has."""
    try:
        job: ImportJob | None = _jobs(doors).get(import_id)
    except NotFound:
        job = None
    if job is not None:
        return row_of_job(doors, job)
    return row_of_past(doors.settings, past_import(doors.warehouse().cursor(), import_id))


def _merging(doors: Services, who: str, list_name: str) -> Merging:
    def make_list(name: str) -> str:
        try:
            return find_list(doors.warehouse().cursor(), name).list_id
        except UnknownName:
            return create_list(doors.warehouse(), name, who=who, now=utc_now())

    return Merging(who, list_name=list_name, make_list=make_list)


def _tell(doors: Services) -> None:
    """Tell Redis at once whom the import opted out; without Redis, web tells it when it is back."""
    with contextlib.suppress(QueueUnavailable, redis.RedisError, OSError), doors.live() as client:
        apply_pending(doors.warehouse(), client)


def _csv(doors: Services, import_id: str, name: str) -> Response:
    make = planned_rejects if name == "rejects.csv" else planned_duplicates
    try:
        path = kept_file(doors.settings, import_id, name)
    except NotFound:
        made = make(doors.warehouse(), load_plan(doors.settings, import_id))
        if made is None:
            raise
        path = made
    headers = {"Content-Disposition": f'attachment; filename="{path.stem}-{import_id}.csv"'}
    return Response(path.read_bytes(), media_type="text/csv; charset=utf-8", headers=headers)
