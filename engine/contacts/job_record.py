"""What is known of an import under way: one frozen record, kept as a file beside the import's folder.

The file outlives the process: after a kill it says how far the import was, and the store says whether it was merged.
It holds no cell of the file.
"""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from engine import errors
from engine.contacts.mapping import Mapping
from engine.contacts.options import ImportOptions
from engine.errors import UlakError
from engine.settings import Settings

PROCESS = f"{os.getpid()}-{secrets.token_hex(4)}"
_ENDING = ".job.json"


class JobState(StrEnum):
    """How far an import is."""

    READING = "reading"
    READ = "read"
    PLANNING = "planning"
    PLANNED = "planned"
    MERGING = "merging"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


BUSY = frozenset({JobState.READING, JobState.PLANNING, JobState.MERGING})
FINAL = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


class ImportJob(BaseModel):
    """One import, from the moment its file was given.

    Args:
        step, share: of the work under way.
        is_waiting: another import has its turn.
        is_through: goes on by itself to the end, as the command line and the API ask for.
        error, fields: the class of the error that ended the last piece of work, and its fields.
        interrupted: what was under way when the process that did it ended.
        mapping, options: what was chosen so far.
        new_list: the name of a list to make for everybody in the file.
    """

    model_config = ConfigDict(frozen=True)

    import_id: str
    file_name: str
    who: str
    state: JobState
    step: str = ""
    share: float = 0.0
    is_waiting: bool = False
    is_through: bool = False
    error: str | None = None
    fields: dict[str, Any] = {}
    interrupted: JobState | None = None
    mapping: Mapping | None = None
    options: ImportOptions | None = None
    new_list: str = ""
    process: str = PROCESS
    started_at: datetime
    changed_at: datetime

    @property
    def is_busy(self) -> bool:
        """Whether something is at work for it."""
        return self.state in BUSY

    @property
    def is_final(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state in FINAL

    @property
    def failure(self) -> UlakError | None:
        """The error that ended the last piece of work."""
        return getattr(errors, self.error, UlakError)(**self.fields) if self.error else None

    def changed(self, now: datetime, **changes: Any) -> Self:
        """The record after a change."""
        return self.model_copy(update={"changed_at": now, "process": PROCESS} | changes)

    def save(self, settings: Settings) -> None:
        """Keep it; a reader sees the old record or the new one."""
        path = record_path(settings, self.import_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{secrets.token_hex(4)}")
        fresh.write_text(self.model_dump_json(), "utf-8")
        fresh.replace(path)


def record_path(settings: Settings, import_id: str) -> Path:
    """Where the record of an import lies."""
    return settings.home / "imports" / f"{import_id}{_ENDING}"


def kept_records(settings: Settings) -> list[ImportJob]:
    """All records that are kept, the newest import first."""
    paths = sorted((settings.home / "imports").glob(f"*{_ENDING}"), reverse=True)
    return [record for path in paths if (record := _load(path)) is not None]


def kept_record(settings: Settings, import_id: str) -> ImportJob | None:
    """The record of one import, or None."""
    plain = import_id.replace("-", "")
    return _load(record_path(settings, import_id)) if plain.isascii() and plain.isalnum() else None


def _load(path: Path) -> ImportJob | None:
    try:
        return ImportJob.model_validate_json(path.read_text("utf-8"))
    except (FileNotFoundError, ValidationError):
        return None
