"""Imports in threads: progress, cancelling, turns; and processes killed in the middle: all is there, or nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.contacts import import_work
from engine.contacts.fields import load_registry
from engine.contacts.guessing import guess_mapping
from engine.contacts.import_jobs import ImportJobs, import_jobs
from engine.contacts.import_work import Given, Merging
from engine.contacts.importing import count_contacts, import_folder, load_source
from engine.contacts.job_record import ImportJob, JobState
from engine.contacts.mapping import Mapping
from engine.contacts.options import ImportOptions
from engine.contacts.source import DETECT, ReadOptions, SourceFile
from engine.errors import NotFound, StateError
from engine.settings import Settings
from engine.warehouse import Warehouse, open_warehouse

OPTIONS = ImportOptions(region="TR")
ROOT = Path(__file__).parents[2]
SECONDS = 60


@pytest.fixture
def jobs(settings: Settings, warehouse: Warehouse) -> ImportJobs:
    return import_jobs(settings, lambda: warehouse)


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return Given(write(tmp_path / "liste.csv"), "liste.csv", DETECT)


def write(path: Path, rows: int = 10) -> Path:
    path.write_text(
        "Ad;Telefon\n" + "".join(f"Kişi {n};0532 000 {n // 100:02d} {n % 100:02d}\n" for n in range(rows))
    )
    return path


def choose_of(warehouse: Warehouse) -> import_work.Choose:
    def choose(source: SourceFile) -> tuple[Mapping, ImportOptions]:
        return guess_mapping(source, load_registry(warehouse.cursor())), OPTIONS

    return choose


def planned(jobs: ImportJobs, given: Given, warehouse: Warehouse) -> ImportJob:
    """A file read and planned."""
    job = jobs.wait(jobs.begin(given, who="Elif").import_id, SECONDS)
    assert job.state is JobState.READ
    mapping, options = choose_of(warehouse)(load_source(jobs.settings, job.import_id))
    job = jobs.wait(jobs.plan(job.import_id, mapping, options).import_id, SECONDS)
    assert job.state is JobState.PLANNED
    return job


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[tuple[threading.Event, threading.Event]]:
    """A piece of work that stops as it begins: (it has begun, let it go on)."""
    begun, go_on = threading.Event(), threading.Event()
    real: Callable[..., object] = getattr(import_work, name)

    def slow(*arguments: object, **named: object) -> object:
        begun.set()
        assert go_on.wait(SECONDS)
        return real(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(import_work, name, slow)
        try:
            yield begun, go_on
        finally:
            go_on.set()


def count(warehouse: Warehouse) -> int:
    return count_contacts(warehouse.cursor())


def test_a_file_goes_step_by_step_to_contacts(jobs: ImportJobs, given: Given, warehouse: Warehouse) -> None:
    job = planned(jobs, given, warehouse)
    assert count(warehouse) == 0
    assert jobs.wait(jobs.merge(job.import_id, Merging("Deniz")).import_id, SECONDS).state is JobState.DONE
    assert count(warehouse) == 10
    rows = warehouse.cursor().execute("SELECT import_id, by_whom FROM imports").fetchall()
    assert rows == [(job.import_id, "Deniz")]


def test_merging_twice_is_one_import(jobs: ImportJobs, given: Given, warehouse: Warehouse) -> None:
    job = planned(jobs, given, warehouse)
    for _ in range(3):
        jobs.merge(job.import_id, Merging("Elif"))
    assert jobs.wait(job.import_id, SECONDS).state is JobState.DONE
    assert jobs.merge(job.import_id, Merging("Elif")).state is JobState.DONE
    assert warehouse.cursor().execute("SELECT count(*) FROM imports").fetchall() == [(1,)]


def test_all_of_it_runs_through_by_itself(jobs: ImportJobs, given: Given, warehouse: Warehouse) -> None:
    job = jobs.run_through(given, choose_of(warehouse), Merging("Elif"))
    assert jobs.wait(job.import_id, SECONDS).state is JobState.DONE
    assert count(warehouse) == 10


def test_a_dry_run_stops_before_the_merge(jobs: ImportJobs, given: Given, warehouse: Warehouse) -> None:
    job = jobs.run_through(given, choose_of(warehouse), Merging("Elif"), is_dry=True)
    assert jobs.wait(job.import_id, SECONDS).state is JobState.PLANNED
    assert count(warehouse) == 0


def test_a_spooled_copy_is_removed_once_it_was_read(jobs: ImportJobs, tmp_path: Path) -> None:
    spool = write(tmp_path / "spool")
    jobs.wait(jobs.begin(Given(spool, "a.csv", DETECT, is_spool=True), who="Elif").import_id, SECONDS)
    assert not spool.exists()


def test_a_file_that_cant_be_read_fails_with_its_reason_and_leaves_nothing(jobs: ImportJobs, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    job = jobs.begin(Given(tmp_path / "empty.csv", "empty.csv", DETECT), who="Elif")
    job = jobs.wait(job.import_id, SECONDS)
    assert (job.state, job.error) == (JobState.FAILED, "UnreadableFile")
    assert job.fields["reason"]
    assert not import_folder(jobs.settings, job.import_id).exists()


def test_a_reading_that_fails_in_another_way_keeps_the_first(jobs: ImportJobs, given: Given) -> None:
    job = jobs.wait(jobs.begin(given, who="Elif").import_id, SECONDS)
    jobs.read_again(job.import_id, ReadOptions(encoding="utf-16-le"))
    job = jobs.wait(job.import_id, SECONDS)
    assert job.state is JobState.READ
    assert job.error
    assert load_source(jobs.settings, job.import_id).row_count == 10


def test_a_second_import_waits_for_the_first_and_says_so(
    jobs: ImportJobs, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(monkeypatch, "begin_import") as (begun, go_on):
        first = jobs.begin(given, who="Elif")
        assert begun.wait(SECONDS)
        second = jobs.begin(given, who="Deniz")
        give_up = threading.Event()
        while not jobs.get(second.import_id).is_waiting:
            assert not give_up.wait(0.01)
        assert not jobs.get(first.import_id).is_waiting
        go_on.set()
        assert jobs.wait(second.import_id, SECONDS).state is JobState.READ
    assert not jobs.get(second.import_id).is_waiting


def test_one_who_waits_can_be_given_up(
    jobs: ImportJobs, given: Given, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = planned(jobs, given, warehouse)
    with held(monkeypatch, "begin_import") as (begun, _):
        jobs.begin(given, who="Elif")
        assert begun.wait(SECONDS)
        jobs.merge(job.import_id, Merging("Elif"))
        while not jobs.get(job.import_id).is_waiting:
            assert not threading.Event().wait(0.01)
        assert jobs.cancel(job.import_id).state is JobState.CANCELLED
        assert jobs.wait(job.import_id, SECONDS).state is JobState.CANCELLED
    assert count(warehouse) == 0
    assert not import_folder(jobs.settings, job.import_id).exists()


@pytest.mark.parametrize("name", ["begin_import", "plan_import"])
def test_reading_and_planning_can_be_given_up_in_the_middle(
    jobs: ImportJobs, given: Given, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with held(monkeypatch, name) as (begun, go_on):
        job = jobs.run_through(given, choose_of(warehouse), Merging("Elif"))
        assert begun.wait(SECONDS)
        assert jobs.cancel(job.import_id).state is JobState.CANCELLED
        go_on.set()
        assert jobs.wait(job.import_id, SECONDS).state is JobState.CANCELLED
    assert count(warehouse) == 0
    assert not import_folder(jobs.settings, job.import_id).exists()
    assert jobs.cancel(job.import_id).state is JobState.CANCELLED


def test_a_merge_that_has_begun_is_not_given_up(
    jobs: ImportJobs, given: Given, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = planned(jobs, given, warehouse)
    with held(monkeypatch, "finish_import") as (begun, _):
        jobs.merge(job.import_id, Merging("Elif"))
        assert begun.wait(SECONDS)
        with pytest.raises(StateError):
            jobs.cancel(job.import_id)
    assert jobs.wait(job.import_id, SECONDS).state is JobState.DONE
    with pytest.raises(StateError):
        jobs.cancel(job.import_id)
    assert count(warehouse) == 10


def test_back_while_planning_returns_to_the_columns(
    jobs: ImportJobs, given: Given, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = planned(jobs, given, warehouse)
    assert job.mapping is not None
    with held(monkeypatch, "plan_import") as (begun, go_on):
        jobs.plan(job.import_id, job.mapping, OPTIONS)
        assert begun.wait(SECONDS)
        jobs.back(job.import_id)
        go_on.set()
        assert jobs.wait(job.import_id, SECONDS).state is JobState.READ
    assert load_source(jobs.settings, job.import_id).row_count == 10


def test_what_was_chosen_is_there_for_whoever_opens_it_next(
    jobs: ImportJobs, given: Given, warehouse: Warehouse
) -> None:
    job = planned(jobs, given, warehouse)
    other = ImportJobs(jobs.settings, lambda: warehouse)
    again = other.get(job.import_id)
    assert (again.state, again.mapping, again.options) == (JobState.PLANNED, job.mapping, OPTIONS)
    assert [each.import_id for each in other.all()] == [job.import_id]


@pytest.mark.parametrize("name", ["imp-20260101-000000-abcdef", "../../etc/passwd", ""])
def test_an_import_nobody_knows_is_not_found(jobs: ImportJobs, name: str) -> None:
    with pytest.raises(NotFound):
        jobs.get(name)


# Killed processes. The child stops inside the step, says so, and is killed there.

CHILD = """
import sys, threading
from pathlib import Path
import engine.contacts.{module} as module
from engine.contacts.fields import load_registry
from engine.contacts.guessing import guess_mapping
from engine.contacts.import_jobs import import_jobs
from engine.contacts.import_work import Given, Merging
from engine.contacts.options import ImportOptions
from engine.contacts.source import DETECT
from engine.settings import current_settings
from engine.warehouse.shared import shared_warehouse

def stand_still(*arguments, **named):
    print(module.__name__, flush=True)
    threading.Event().wait()

setattr(module, "{name}", stand_still)
jobs = import_jobs(current_settings(), shared_warehouse)
path = Path(sys.argv[1])
given = Given(path, path.name, DETECT)
def choose(source):
    return guess_mapping(source, load_registry(shared_warehouse().cursor())), ImportOptions(region="TR")
if {steps}:
    job = jobs.wait(jobs.begin(given, who="Elif").import_id)
    mapping, options = choose(module_source(job.import_id))
    jobs.wait(jobs.plan(job.import_id, mapping, options).import_id)
    jobs.merge(job.import_id, Merging("Elif"))
else:
    job = jobs.run_through(given, choose, Merging("Elif"))
jobs.wait(job.import_id)
"""


def killed_in(module: str, name: str, path: Path, *, by_steps: bool = False) -> None:
    """Run an import in a process of its own, and kill it where it calls `module.name`."""
    code = CHILD.format(module=module, name=name, steps=by_steps)
    if by_steps:
        code = code.replace(
            "module_source(job.import_id)",
            "__import__('engine.contacts.importing', fromlist=['x']).load_source(current_settings(), job.import_id)",
        )
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    with child:
        try:
            assert child.stdout.readline() == f"engine.contacts.{module}\n"
        finally:
            child.kill()
            child.wait()


@contextmanager
def after_the_kill(settings: Settings) -> Iterator[tuple[ImportJobs, Warehouse]]:
    """The home as the next process finds it."""
    warehouse = open_warehouse(settings.database_path)
    try:
        yield ImportJobs(settings, lambda: warehouse), warehouse
    finally:
        warehouse.close()


def test_killed_while_reading_nothing_is_there_and_it_says_so(settings: Settings, tmp_path: Path) -> None:
    killed_in("uploads", "read_source_apart", write(tmp_path / "liste.csv"))
    with after_the_kill(settings) as (jobs, warehouse):
        (job,) = jobs.all()
        assert (job.state, job.interrupted) == (JobState.FAILED, JobState.READING)
        assert count(warehouse) == 0
        assert not import_folder(settings, job.import_id).exists()


@pytest.mark.parametrize("by_steps", [True, False], ids=["by-steps", "in-one-go"])
def test_killed_in_mid_merge_nothing_is_there_and_it_says_so(
    settings: Settings, tmp_path: Path, by_steps: bool
) -> None:
    # The audit row is the transaction's last statement: the contacts are written, and not committed.
    killed_in("merging", "audit", write(tmp_path / "liste.csv", 3_000), by_steps=by_steps)
    with after_the_kill(settings) as (jobs, warehouse):
        (job,) = jobs.all()
        assert job.interrupted is JobState.MERGING
        assert count(warehouse) == 0
        assert warehouse.cursor().execute("SELECT count(*) FROM imports").fetchall() == [(0,)]
        if not by_steps:
            assert job.state is JobState.FAILED
            return
        # Nothing is lost either: the dry run is still there, and is carried out at a word.
        assert job.state is JobState.PLANNED
        assert jobs.wait(jobs.merge(job.import_id, Merging("Elif")).import_id, SECONDS).state is JobState.DONE
        assert count(warehouse) == 3_000


def test_killed_right_after_the_merge_all_is_there_and_it_says_so(settings: Settings, tmp_path: Path) -> None:
    killed_in("merging", "keep_lasting", write(tmp_path / "liste.csv", 3_000))
    with after_the_kill(settings) as (jobs, warehouse):
        (job,) = jobs.all()
        assert (job.state, job.interrupted) == (JobState.DONE, JobState.MERGING)
        assert count(warehouse) == 3_000
        assert not (import_folder(settings, job.import_id) / "table.csv").exists()


def test_killed_while_planning_the_columns_are_still_there(settings: Settings, tmp_path: Path) -> None:
    killed_in("importing", "stage_apart", write(tmp_path / "liste.csv"), by_steps=True)
    with after_the_kill(settings) as (jobs, warehouse):
        (job,) = jobs.all()
        assert (job.state, job.interrupted) == (JobState.READ, JobState.PLANNING)
        assert job.mapping is not None
        assert count(warehouse) == 0
