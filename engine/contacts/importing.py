"""Importing contacts: read a file, plan (the dry run), merge. Reading and planning hold no lock; the merge holds the
writer lock and is one transaction: all of it happens, or nothing.

Whoever imports goes `begin_import` → `guess_mapping` → `plan_import` → `finish_import`; `import_contacts` is all of
it. Files lie under `home/imports/<import_id>/`; after the merge `merging.KEPT_FILES` stay.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from engine.contacts.child import stage_apart
from engine.contacts.fields import load_registry
from engine.contacts.guessing import guess_mapping
from engine.contacts.mapping import Mapping, check_mapping, types_of
from engine.contacts.merging import ImportResult, finish_import, keep_lasting
from engine.contacts.options import ImportOptions, check_options
from engine.contacts.people import StageRequest
from engine.contacts.planning import DryRun, count_changes, incoming_of, take_samples
from engine.contacts.source import DETECT, ReadOptions, SourceFile, open_source
from engine.contacts.uploads import keep_upload, read_upload
from engine.contacts.written import UNDO_FILE
from engine.errors import Cancelled, NotFound, UnreadableFile
from engine.ids import new_id
from engine.settings import Settings
from engine.warehouse import Warehouse
from engine.words import N_

Progress = Callable[[str, float], None]
UNFINISHED_FOR = timedelta(days=1)


def _silent(step: str, share: float) -> None:
    """Progress for whoever doesn't watch."""


def import_folder(settings: Settings, import_id: str) -> Path:
    """Where an import's files lie."""
    return settings.home / "imports" / import_id


def begin_import(
    settings: Settings,
    path: Path,
    *,
    now: datetime,
    file_name: str | None = None,
    import_id: str | None = None,
    options: ReadOptions = DETECT,
    on_progress: Progress = _silent,
) -> SourceFile:
    """Read a file: encoding, delimiter, rows, what is broken. Writes nothing to the store.

    The file itself is kept in the import's folder until the import is finished or given up.

    Args:
        import_id: a new one made by the caller, who speaks of the import before it is read.

    Raises:
        UnreadableFile: with the reason.
    """
    if not path.is_file():
        raise UnreadableFile(reason=N_("it can't be opened"))
    forget_unfinished(settings, now)
    import_id = import_id or new_id("imp", now)
    folder = import_folder(settings, import_id)
    folder.mkdir(parents=True)
    try:
        keep_upload(path, folder)
        return read_upload(folder, import_id, file_name or path.name, options, on_progress)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def read_again(
    settings: Settings, import_id: str, options: ReadOptions, *, on_progress: Progress = _silent
) -> SourceFile:
    """Read the same file in another way. If it can't be read so, the last reading stays as it was.

    Raises:
        NotFound: the import was finished or given up.
        UnreadableFile: with the reason.
    """
    source = load_source(settings, import_id)
    return read_upload(source.folder, import_id, source.file_name, options, on_progress)


def plan_import(
    warehouse: Warehouse,
    settings: Settings,
    source: SourceFile,
    mapping: Mapping,
    options: ImportOptions,
    *,
    now: datetime,
    on_progress: Progress = _silent,
    should_stop: Callable[[], bool] = lambda: False,
) -> DryRun:
    """Stage the file and say what the import would do. Writes nothing to the store.

    Args:
        should_stop: asked again and again; once it says so, planning ends and leaves the source as it was.

    Raises:
        InputError: the mapping or the options can't be carried out.
        Cancelled: `should_stop` said so.
    """

    def go_on(step: str, share: float) -> None:
        if should_stop():
            raise Cancelled
        on_progress(step, share)

    cursor = warehouse.cursor()
    registry = load_registry(cursor)
    check_mapping(mapping, source, registry, identity=options.identity)
    check_options(options, types_of(mapping, registry))
    go_on("reading", 0.0)
    try:
        return _plan(warehouse, settings, source, mapping, options, now=now, on_progress=go_on)
    except Cancelled:
        forget_plan(source.folder)
        raise


def _plan(
    warehouse: Warehouse,
    settings: Settings,
    source: SourceFile,
    mapping: Mapping,
    options: ImportOptions,
    *,
    now: datetime,
    on_progress: Progress,
) -> DryRun:
    cursor = warehouse.cursor()
    registry = load_registry(cursor)
    request = StageRequest(
        folder=source.folder,
        mapping=mapping,
        types=types_of(mapping, registry),
        region=options.region,
        zone=settings.timezone,
        salt=warehouse.salt.hex(),
        duplicates=options.duplicates.value,
        month_first=options.month_first,
        identity=options.identity,
    )
    staged = stage_apart(request, source.byte_count, on_progress)
    on_progress("comparing", 0.97)
    incoming = incoming_of(cursor, mapping, registry, options, source.folder, now)
    counts = count_changes(cursor, incoming)
    plan = DryRun(
        import_id=source.import_id,
        folder=source.folder,
        file_name=source.file_name,
        mapping=mapping,
        options=options,
        staged=staged,
        counts=counts,
        samples=take_samples(cursor, incoming, source, staged, counts),
    )
    (source.folder / "plan.json").write_text(plan.model_dump_json(), "utf-8")
    on_progress("planned", 1.0)
    return plan


def forget_plan(folder: Path) -> None:
    """Remove what planning left; the source stays."""
    for name in ("staged.parquet", "rejects.parquet", "duplicates.parquet", "plan.json"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "spill", ignore_errors=True)


def import_contacts(
    warehouse: Warehouse,
    settings: Settings,
    path: Path,
    mapping: Mapping | None = None,
    *,
    who: str,
    now: datetime,
    options: ImportOptions | None = None,
    file_name: str | None = None,
    translate: Callable[[str], str] = str,
    on_progress: Progress = _silent,
) -> ImportResult:
    """Import a file in one go; without a mapping by the guessed one, without options by the usual ones."""
    decided = options or ImportOptions(region=settings.default_region)
    source = begin_import(settings, path, now=now, file_name=file_name, on_progress=on_progress)
    try:
        chosen = mapping or guess_mapping(source, load_registry(warehouse.cursor()), region=decided.region)
        plan = plan_import(warehouse, settings, source, chosen, decided, now=now, on_progress=on_progress)
    except BaseException:
        discard_import(settings, source.import_id)
        raise
    return finish_import(warehouse, plan, who=who, now=now, translate=translate)


def load_source(settings: Settings, import_id: str) -> SourceFile:
    """A file that was read and not imported yet.

    Raises:
        NotFound: it was imported or given up.
    """
    try:
        return open_source(import_folder(settings, import_id))
    except FileNotFoundError:
        raise NotFound(kind="import", id=import_id) from None


def load_plan(settings: Settings, import_id: str) -> DryRun:
    """A dry run that was made and not carried out yet.

    Raises:
        NotFound: it was carried out or given up.
    """
    try:
        return DryRun.model_validate_json((import_folder(settings, import_id) / "plan.json").read_text("utf-8"))
    except FileNotFoundError:
        raise NotFound(kind="import", id=import_id) from None


def discard_import(settings: Settings, import_id: str) -> None:
    """Give up an import that was not carried out: its files go."""
    folder = import_folder(settings, import_id)
    if (folder / "source.json").exists():
        shutil.rmtree(folder, ignore_errors=True)


def forget_unfinished(settings: Settings, now: datetime) -> None:
    """Remove what imports left that nobody carried out for a day, or that a kill cut short.

    What tells of an import that was carried out, and what undoes it, stays.
    """
    for entry in (settings.home / "imports").glob("*"):
        if now.timestamp() - entry.stat().st_mtime <= UNFINISHED_FOR.total_seconds():
            continue
        if entry.is_file():
            entry.unlink(missing_ok=True)
        elif (entry / "source.json").exists() and not (entry / UNDO_FILE).exists():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            keep_lasting(entry)


def count_contacts(cursor: duckdb.DuckDBPyConnection) -> int:
    """How many contacts there are."""
    return int(cursor.execute("SELECT count(*) FROM contacts").fetchall()[0][0])


def sample_path() -> Path:
    """The sample contacts that Ulak ships: invented people, with a few broken rows on purpose."""
    return Path(__file__).parents[2] / "data" / "sample" / "contacts.csv"
