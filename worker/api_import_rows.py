"""An import as the API tells it: the same names for one under way, planned, done and long past."""

from __future__ import annotations

from typing import Any

from engine.contacts.import_history import ImportRow, past_import
from engine.contacts.importing import import_folder, load_plan
from engine.contacts.job_record import ImportJob, JobState
from engine.contacts.mapping import Mapping
from engine.contacts.planning import DryRun
from engine.errors import NotFound
from engine.settings import Settings
from worker.api import Services

Row = dict[str, Any]


def row_of_job(doors: Services, job: ImportJob) -> Row:
    """An import as its record has it, with its figures once there are any."""
    row: Row = {
        "import_id": job.import_id,
        "file_name": job.file_name,
        "state": job.state.value,
        "step": job.step,
        "progress": round(job.share, 3),
        "waiting": job.is_waiting,
        "interrupted": job.interrupted.value if job.interrupted else None,
        "error": None,
        "who": job.who,
        "started_at": job.started_at.isoformat(),
    }
    if (failure := job.failure) is not None:
        row["error"] = {"type": type(failure).__name__, "message": failure.message}
    elif job.interrupted and job.state is JobState.FAILED:
        message = f"Ulak was stopped while it was {job.interrupted.value}; nothing was imported, begin it again"
        row["error"] = {"type": "Interrupted", "message": message}
    return row | _figures(doors, job)


def row_of_past(settings: Settings, past: ImportRow) -> Row:
    """An import that the store has."""
    return {
        "import_id": past.import_id,
        "file_name": past.file_name,
        "state": "undone" if past.is_undone else "done",
        "who": past.who,
        "finished_at": past.happened_at.isoformat(),
    } | _of_past(settings, past)


def _figures(doors: Services, job: ImportJob) -> Row:
    try:
        if job.state is JobState.DONE:
            past = past_import(doors.warehouse().cursor(), job.import_id)
            return ({"state": "undone"} if past.is_undone else {}) | _of_past(doors.settings, past)
        if job.state is JobState.PLANNED:
            return _of_plan(load_plan(doors.settings, job.import_id))
    except NotFound:
        pass
    return {}


def _of_plan(plan: DryRun) -> Row:
    return {
        "rows": plan.row_count,
        "new": plan.counts.new_count,
        "updated": plan.counts.updated_count,
        "unchanged": plan.counts.unchanged_count,
        "duplicates": plan.duplicate_count,
        "rejected": plan.rejected_count,
        "withdrawn": plan.counts.withdrawn_count,
        "changed_fields": plan.counts.changed,
        "reasons": plan.reasons,
        "mapping": _columns(plan.mapping),
        "rejects_file": None,
    }


def _of_past(settings: Settings, past: ImportRow) -> Row:
    path = import_folder(settings, past.import_id) / past.rejects_file if past.rejects_file else None
    return {
        "rows": past.row_count,
        "new": past.new_count,
        "updated": past.updated_count,
        "unchanged": past.unchanged_count,
        "duplicates": past.duplicate_count,
        "rejected": past.rejected_count,
        "withdrawn": past.withdrawn_count,
        "mapping": _columns(past.mapping),
        "rejects_file": str(path) if path and path.exists() else None,
        "file_hash": past.file_hash,
        "undone_by": past.undone_by,
        "undone_at": past.undone_at.isoformat() if past.undone_at else None,
    }


def _columns(mapping: Mapping) -> dict[str, str | None]:
    return {each.header: each.target for _, each in mapping}
