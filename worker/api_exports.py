"""REST verbs: an audience as a file, at once or as a job whose file is fetched within a day."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import Field
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from engine.clock import utc_now
from engine.errors import InputError, NotFound
from engine.segments.export_jobs import (
    ExportJob,
    ExportRequest,
    cancel_export,
    exports_folder,
    file_of,
    get_export,
    start_export,
)
from engine.segments.exporting import FOR_EXCEL, ExportFormat, ExportOptions, export_audience
from engine.settings import current_settings
from engine.warehouse import Warehouse, audit
from worker.api import Doors, Person
from worker.api_lists import AudienceBody, audience_named
from worker.api_messages import context_of

router = APIRouter()
USUAL_COLUMNS = ("name", "surname", "phone", "email", "language", "country", "city", "consent", "created_at")


class ExportBody(AudienceBody):
    """Whom, which columns, which kind of file."""

    columns: list[str] = Field([], description="field names in order, also contact_id and user_id; none: the usual")
    format: ExportFormat = Field(ExportFormat.CSV, description="csv, xlsx or parquet")
    delimiter: str = Field(FOR_EXCEL.delimiter, description="of a CSV: comma, semicolon or tab")
    bom: bool = Field(FOR_EXCEL.bom, description="a CSV begins with a byte order mark, which Excel wants")
    title: str = Field("contacts", description="the file's name without its ending")


@router.post("/contacts/export", response_class=FileResponse)
def export(body: ExportBody, doors: Doors, person: Person) -> FileResponse:
    """The audience as a file, in the answer."""
    warehouse, wanted = doors.warehouse(), _wanted(doors.warehouse(), body)
    root = exports_folder(doors.settings)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(prefix="exp-now-", dir=root))
    try:
        done = export_audience(
            warehouse.cursor(), wanted.audience, context_of(doors, warehouse), wanted.columns, wanted.format,
            folder / f"contacts.{body.format.value}", options=wanted.options,
        )  # fmt: skip
        with warehouse.writing() as cursor:
            detail = {"count": done.count, "format": body.format.value, "columns": list(wanted.columns)}
            audit(cursor, who=person, verb="exported", subject=("export", folder.name), now=utc_now(), **detail)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    gone = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(
        done.path, headers={"X-Ulak-Count": str(done.count)}, filename=done.path.name, background=gone
    )


@router.post("/contacts/exports")
def begin(body: ExportBody, doors: Doors, person: Person) -> dict[str, Any]:
    """Begin to write a file; its id tells how far it is."""
    warehouse = doors.warehouse()
    request, context = _wanted(warehouse, body), context_of(doors, warehouse)
    return _row(start_export(warehouse, doors.settings, request, context, who=person, now=utc_now()))


@router.get("/contacts/exports/{export_id}")
def progress(export_id: str, doors: Doors, person: Person) -> dict[str, Any]:
    """How far an export is."""
    return _row(get_export(export_id))


@router.get("/contacts/exports/{export_id}/file", response_class=FileResponse)
def fetch(export_id: str, doors: Doors, person: Person) -> FileResponse:
    """The finished file, for a day."""
    path = file_of(doors.settings, export_id)
    return FileResponse(path, filename=path.name)


@router.delete("/contacts/exports/{export_id}")
def cancel(export_id: str, doors: Doors, person: Person) -> dict[str, Any]:
    """Stop writing; nothing stays."""
    get_export(export_id)
    cancel_export(export_id)
    return {"export_id": export_id, "cancelled": True}


def download_routes() -> list[BaseRoute]:
    """Where a browser fetches a finished file: the address holds a secret that only its page knows."""
    return [Route("/download/{export_id}/{secret}", _download)]


def _download(request: Request) -> Response:
    try:
        path = file_of(current_settings(), request.path_params["export_id"], request.path_params["secret"])
    except NotFound as problem:
        return PlainTextResponse(problem.message, status_code=404)
    return FileResponse(path, filename=path.name, headers={"Cache-Control": "no-store"})


def _wanted(warehouse: Warehouse, body: ExportBody) -> ExportRequest:
    if len(body.delimiter) != 1:
        raise InputError(reason="the delimiter must be a comma, a semicolon or a tab")
    return ExportRequest(
        audience_named(warehouse, body),
        tuple(body.columns) or USUAL_COLUMNS,
        body.format,
        options=ExportOptions(delimiter=body.delimiter, bom=body.bom),
        title=body.title,
    )


def _row(job: ExportJob) -> dict[str, Any]:
    return {
        "export_id": job.export_id,
        "file_name": job.file_name,
        "state": job.state,
        "share": round(job.share, 4),
        "count": job.count,
        "bytes": job.byte_count,
        "reason": job.error.message if job.error else None,
    }
