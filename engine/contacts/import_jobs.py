"""Imports at work in threads of this process: read, plan, merge, with a progress that outlives the page.

One import has its turn at a time; the others wait and can be cancelled meanwhile. Once the merge has begun nothing
cancels it: it is one transaction, and can be undone afterwards. Whoever asks after a restart learns from the store
and from the files what became of an import that was cut short.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.clock import utc_now
from engine.contacts import import_work
from engine.contacts.import_work import Choose, Given, Merging, Work, settle, state_after_failure, tidy
from engine.contacts.job_record import ImportJob, JobState, kept_record, kept_records
from engine.contacts.mapping import Mapping
from engine.contacts.options import ImportOptions
from engine.contacts.source import ReadOptions
from engine.errors import Cancelled, NotFound, StateError, UlakError
from engine.ids import new_id
from engine.settings import Settings
from engine.warehouse import Warehouse
from engine.words import N_

log = logging.getLogger("ulak.imports")
_TURN_SECONDS = 0.1
_IDLE = (JobState.READ, JobState.PLANNED)


class ImportJobs:
    """The imports of one home. Its methods may be called from any thread.
    `warehouse` is the door to the store, opened where it is needed.
    """

    def __init__(self, settings: Settings, warehouse: Callable[[], Warehouse]) -> None:
        self.settings = settings
        self.warehouse = warehouse
        self._lock = threading.RLock()
        self._turn = threading.Lock()
        self._jobs: dict[str, ImportJob] = {}
        self._stops: dict[str, threading.Event] = {}
        self._threads: dict[str, threading.Thread] = {}

    def get(self, import_id: str) -> ImportJob:
        """An import as it is now.

        Raises:
            NotFound: nothing is known of it: it never began, or is long over.
        """
        with self._lock:
            if import_id not in self._jobs:
                kept = kept_record(self.settings, import_id)
                if kept is None:
                    raise NotFound(kind="import", id=import_id)
                self._jobs[import_id] = settle(kept, self.warehouse(), self.settings)
            return self._jobs[import_id]

    def all(self) -> list[ImportJob]:
        """Every import that is known, the newest first."""
        return [self.get(each.import_id) for each in kept_records(self.settings)]

    def wait(self, import_id: str, seconds: float | None = None) -> ImportJob:
        """Wait until nothing is at work for an import, or so long; the import as it is then."""
        thread = self._threads.get(import_id)
        if thread is not None:
            thread.join(seconds)
        return self.get(import_id)

    def begin(self, given: Given, *, who: str) -> ImportJob:
        """Begin to read a file."""
        return self._start(self._new(given, who), JobState.READING, lambda work: import_work.do_read(work, given))

    def run_through(self, given: Given, choose: Choose, merging: Merging, *, is_dry: bool = False) -> ImportJob:
        """Begin to read, plan and merge a file without asking anybody.

        Args:
            choose: says what the columns are, once the file is read.
            is_dry: stop before the merge.
        """
        last = None if is_dry else merging
        chosen: dict[str, Any] = {"is_through": True, "new_list": merging.list_name}
        job = self._new(given, merging.who).model_copy(update=chosen)
        return self._start(job, JobState.READING, lambda work: import_work.do_through(work, given, choose, last))

    def read_again(self, import_id: str, options: ReadOptions) -> ImportJob:
        """Begin to read the file of an import again, in another way."""
        job = self._idle(import_id).model_copy(update={"mapping": None})
        return self._start(job, JobState.READING, lambda work: import_work.do_read_again(work, options))

    def plan(self, import_id: str, mapping: Mapping, options: ImportOptions) -> ImportJob:
        """Begin the dry run."""
        chosen = {"mapping": mapping, "options": options, "is_through": False}
        job = self._idle(import_id).model_copy(update=chosen)
        return self._start(job, JobState.PLANNING, lambda work: import_work.do_plan(work, mapping, options))

    def merge(self, import_id: str, merging: Merging) -> ImportJob:
        """Begin to carry out the dry run; asked again it is the same import."""
        job = self.get(import_id)
        if job.state in (JobState.MERGING, JobState.DONE):
            return job
        if job.state is not JobState.PLANNED:
            raise StateError(reason=N_("the import is at another step by now; look at it again"))
        return self._start(job, JobState.MERGING, lambda work: import_work.do_merge(work, merging))

    def choose(self, import_id: str, mapping: Mapping, options: ImportOptions, new_list: str = "") -> None:
        """Keep what was chosen so far, for whoever opens the import next."""
        with self._lock:
            job = self.get(import_id)
            if not job.is_busy and (job.mapping, job.options, job.new_list) != (mapping, options, new_list):
                self._keep(job, mapping=mapping, options=options, new_list=new_list)

    def back(self, import_id: str) -> ImportJob:
        """From the dry run, made or being made, to the columns."""
        with self._lock:
            job = self.get(import_id)
            if job.state is JobState.PLANNING:
                self._stops[import_id].set()
                return job
            return self._keep(
                self._idle(import_id), state=JobState.READ, is_through=False, error=None, interrupted=None
            )

    def cancel(self, import_id: str) -> ImportJob:
        """Give an import up; nothing of it stays. Doing it twice is no error.

        Raises:
            StateError: its merge has begun, or is done.
        """
        with self._lock:
            job = self.get(import_id)
            if job.state is JobState.DONE or (job.state is JobState.MERGING and not job.is_waiting):
                raise StateError(reason=N_("the contacts are being written or are written; undo the import instead"))
            if job.is_final:
                return job
            cancelled = self._keep(job, state=JobState.CANCELLED, is_waiting=False)
            if job.is_busy:
                self._stops[import_id].set()  # its thread removes the files
            else:
                tidy(cancelled, self.settings)
            return cancelled

    def _new(self, given: Given, who: str) -> ImportJob:
        now = utc_now()
        return ImportJob(
            import_id=given.import_id or new_id("imp", now),
            file_name=given.file_name,
            who=who,
            state=JobState.READING,
            started_at=now,
            changed_at=now,
        )

    def _idle(self, import_id: str) -> ImportJob:
        job = self.get(import_id)
        if job.state not in _IDLE:
            raise StateError(reason=N_("the import is at another step by now; look at it again"))
        return job

    def _keep(self, job: ImportJob, **changes: Any) -> ImportJob:
        with self._lock:
            kept = job.changed(utc_now(), **changes)
            self._jobs[kept.import_id] = kept
            kept.save(self.settings)
            return kept

    def _start(self, job: ImportJob, state: JobState, do: Callable[[Work], JobState]) -> ImportJob:
        with self._lock:
            if (known := self._jobs.get(job.import_id)) is not None and known.is_busy:
                return known
            begun = self._keep(job, state=state, step="", share=0.0, error=None, fields={}, interrupted=None)
            self._stops[begun.import_id] = threading.Event()
            thread = threading.Thread(target=self._run, args=(begun.import_id, do), daemon=True)
            self._threads[begun.import_id] = thread
            thread.start()
            return begun

    def _run(self, import_id: str, do: Callable[[Work], JobState]) -> None:
        """The outermost frame of one piece of work."""
        failure: dict[str, Any] = {}
        try:
            with self._its_turn(import_id):
                state = do(self._work(import_id))
        except Cancelled:
            state = state_after_failure(self.get(import_id), self.settings)
        except UlakError as problem:
            state = state_after_failure(self.get(import_id), self.settings)
            fields = {name: v if isinstance(v, int | str) else str(v) for name, v in problem.fields.items()}
            failure = {"error": type(problem).__name__, "fields": fields}
        except Exception as problem:
            log.critical("%s ended by %s", import_id, type(problem).__name__)
            self._end(import_id, state_after_failure(self.get(import_id), self.settings), error="UlakError")
            raise
        self._end(import_id, state, **failure)

    def _end(self, import_id: str, state: JobState, **failure: Any) -> None:
        with self._lock:
            job = self.get(import_id)
            if job.state is not JobState.CANCELLED:
                job = self._keep(job, state=state, is_waiting=False, share=1.0, **failure)
            if job.state in (JobState.CANCELLED, JobState.FAILED):
                tidy(job, self.settings)

    def _work(self, import_id: str) -> Work:
        stop = self._stops[import_id]

        def tell(step: str, share: float) -> None:
            with self._lock:
                if stop.is_set():
                    raise Cancelled
                self._jobs[import_id] = self._jobs[import_id].model_copy(update={"step": step, "share": share})

        def advance(state: JobState) -> None:
            self._go_on(import_id, state=state, step="", share=0.0)

        return Work(self.settings, self.warehouse(), self.get(import_id), tell, stop.is_set, advance)

    def _go_on(self, import_id: str, **changes: Any) -> None:
        """Change the record, unless the import was given up."""
        with self._lock:
            if self._stops[import_id].is_set():
                raise Cancelled
            self._keep(self._jobs[import_id], **changes)

    @contextmanager
    def _its_turn(self, import_id: str) -> Iterator[None]:
        """One import at work at a time: two would need twice the memory, and the second would win nothing."""
        if not self._turn.acquire(blocking=False):
            self._go_on(import_id, is_waiting=True)
            while not self._turn.acquire(timeout=_TURN_SECONDS):
                if self._stops[import_id].is_set():
                    raise Cancelled
        try:
            self._go_on(import_id, is_waiting=False)
            yield
        finally:
            self._turn.release()


_registries: dict[Path, ImportJobs] = {}
_registering = threading.Lock()


def import_jobs(settings: Settings, warehouse: Callable[[], Warehouse]) -> ImportJobs:
    """The imports of this home, one registry a process."""
    with _registering:
        found = _registries.setdefault(settings.home.resolve(), ImportJobs(settings, warehouse))
        found.settings, found.warehouse = settings, warehouse
        return found
