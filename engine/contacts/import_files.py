"""The files that tell of an import: its rejected rows and its duplicates, before it is carried out and afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from engine.clock import utc_now
from engine.contacts.fields import load_registry
from engine.contacts.importing import import_folder
from engine.contacts.planning import DryRun, incoming_of
from engine.contacts.rejects import write_duplicates_file, write_rejects_file
from engine.contacts.source import open_source
from engine.contacts.unclear import double_rows, unclear_rows
from engine.errors import NotFound
from engine.settings import Settings
from engine.warehouse import Warehouse

KEPT = ("rejects.csv", "duplicates.csv", "undo_kept.csv")


def planned_rejects(warehouse: Warehouse, plan: DryRun, translate: Callable[[str], str] = str) -> Path | None:
    """The rows that a dry run would reject, as a CSV; None when there are none."""
    source = open_source(plan.folder)
    if not plan.counts.rejected_count:
        return write_rejects_file(source, translate)
    cursor = warehouse.cursor()
    incoming_of(cursor, plan.mapping, load_registry(cursor), plan.options, plan.folder, utc_now())
    return write_rejects_file(source, translate, unclear_rows(cursor, source))


def planned_duplicates(warehouse: Warehouse, plan: DryRun, translate: Callable[[str], str] = str) -> Path | None:
    """The rows about somebody whom another row is about, as a CSV; None when there are none."""
    source = open_source(plan.folder)
    more: pl.DataFrame | None = None
    if plan.counts.duplicate_count:
        cursor = warehouse.cursor()
        incoming_of(cursor, plan.mapping, load_registry(cursor), plan.options, plan.folder, utc_now())
        more = double_rows(cursor, source, str(plan.staged_path))
    return write_duplicates_file(source, translate, more)


def kept_file(settings: Settings, import_id: str, name: str) -> Path:
    """A file that an import left, one of `KEPT`.

    Raises:
        NotFound: it left none, or it is gone.
    """
    path = import_folder(settings, import_id) / name
    if name not in KEPT or not path.is_file():
        raise NotFound(kind="file", id=name)
    return path
