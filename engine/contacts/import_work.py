"""The pieces of work of an import: read, read again, plan, merge, all of it; and what a kill left of them.

They run in a thread of `import_jobs` and know nothing of it but what `Work` hands them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.clock import utc_now
from engine.contacts.importing import (
    begin_import,
    discard_import,
    import_folder,
    load_plan,
    load_source,
    plan_import,
    read_again,
)
from engine.contacts.job_record import ImportJob, JobState
from engine.contacts.mapping import Mapping
from engine.contacts.merging import finish_import, keep_lasting
from engine.contacts.options import ImportOptions
from engine.contacts.source import ReadOptions, SourceFile
from engine.errors import NotFound
from engine.settings import Settings
from engine.warehouse import Warehouse

Choose = Callable[[SourceFile], tuple[Mapping, ImportOptions]]


@dataclass(frozen=True)
class Given:
    """A file that somebody gave.

    Args:
        is_spool: a copy, removed once it was read.
        import_id: made before, by who has to know it; else a new one.
    """

    path: Path
    file_name: str
    options: ReadOptions
    is_spool: bool = False
    import_id: str | None = None


@dataclass(frozen=True)
class Merging:
    """Who carries an import out, and how.

    Args:
        translate: for the reasons in the rejects file.
        list_name: of a list to put everybody into.
        make_list: called with it before the contacts are written; the list's id.
    """

    who: str
    translate: Callable[[str], str] = str
    list_name: str = ""
    make_list: Callable[[str], str | None] = lambda name: None


@dataclass(frozen=True)
class Work:
    """What a piece of work may use.

    Args:
        tell: told the step and its share; raises Cancelled when the import was given up.
        advance: enters another state, or raises Cancelled; from MERGING on nothing cancels.
    """

    settings: Settings
    warehouse: Warehouse
    job: ImportJob
    tell: Callable[[str, float], None]
    should_stop: Callable[[], bool]
    advance: Callable[[JobState], None]


def do_read(work: Work, given: Given) -> JobState:
    """Read the file for the first time."""
    try:
        begin_import(
            work.settings,
            given.path,
            now=utc_now(),
            file_name=given.file_name,
            import_id=work.job.import_id,
            options=given.options,
            on_progress=work.tell,
        )
    finally:
        if given.is_spool:
            given.path.unlink(missing_ok=True)
    return JobState.READ


def do_read_again(work: Work, options: ReadOptions) -> JobState:
    """Read the kept file in another way."""
    read_again(work.settings, work.job.import_id, options, on_progress=work.tell)
    return JobState.READ


def do_plan(work: Work, mapping: Mapping, options: ImportOptions) -> JobState:
    """Make the dry run."""
    source = load_source(work.settings, work.job.import_id)
    plan_import(
        work.warehouse,
        work.settings,
        source,
        mapping,
        options,
        now=utc_now(),
        on_progress=work.tell,
        should_stop=work.should_stop,
    )
    return JobState.PLANNED


def do_merge(work: Work, merging: Merging) -> JobState:
    """Carry out the dry run."""
    plan = load_plan(work.settings, work.job.import_id)
    work.advance(JobState.MERGING)
    if merging.list_name and (list_id := merging.make_list(merging.list_name)) is not None:
        plan = plan.model_copy(update={"options": plan.options.model_copy(update={"list_id": list_id})})
    who, translate = merging.who, merging.translate
    finish_import(work.warehouse, plan, who=who, now=utc_now(), translate=translate)
    return JobState.DONE


def do_through(work: Work, given: Given, choose: Choose, merging: Merging | None) -> JobState:
    """Read and plan without asking anybody, and merge unless it is a dry run."""
    do_read(work, given)
    work.advance(JobState.PLANNING)
    mapping, options = choose(load_source(work.settings, work.job.import_id))
    do_plan(work, mapping, options)
    return do_merge(work, merging) if merging else JobState.PLANNED


def state_after_failure(job: ImportJob, settings: Settings) -> JobState:
    """Where an import is after a piece of work failed, by the files it has."""
    if job.is_through:
        return JobState.FAILED
    try:
        load_source(settings, job.import_id)
        if job.state is JobState.MERGING:
            load_plan(settings, job.import_id)
            return JobState.PLANNED
    except NotFound:
        return JobState.FAILED
    return JobState.READ


def settle(job: ImportJob, warehouse: Warehouse, settings: Settings) -> ImportJob:
    """What became of an import whose process has ended: merged if the store says so, else nothing of it is there."""
    if not job.is_busy:
        return job
    merged = warehouse.cursor().execute("SELECT 1 FROM imports WHERE import_id = ?", [job.import_id]).fetchall()
    if merged:
        settled = job.changed(utc_now(), state=JobState.DONE, interrupted=job.state, is_waiting=False)
        tidy(settled, settings)
    else:
        # Half-read files are not trusted: only a dry run or a merge leaves the reading whole.
        state = JobState.FAILED if job.state is JobState.READING else state_after_failure(job, settings)
        settled = job.changed(utc_now(), state=state, interrupted=job.state, is_waiting=False)
        if state is JobState.FAILED:
            tidy(settled, settings)
    settled.save(settings)
    return settled


def tidy(job: ImportJob, settings: Settings) -> None:
    """Remove the working files of an import that is over."""
    folder = import_folder(settings, job.import_id)
    if job.state is JobState.DONE:
        if folder.exists():
            keep_lasting(folder)
        return
    discard_import(settings, job.import_id)
    shutil.rmtree(folder, ignore_errors=True)
