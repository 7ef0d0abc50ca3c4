"""The file that somebody gave, kept in its import's folder so that it can be read again in another way."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from engine.contacts.child import Progress, read_source_apart
from engine.contacts.source import ReadOptions, SourceFile

_UPLOAD = "upload"
_KEPT = frozenset({_UPLOAD, "job.json"})


def keep_upload(path: Path, folder: Path) -> None:
    """Keep a file under the import's folder; without a copy where the file system allows."""
    try:
        os.link(path, folder / _UPLOAD)
    except OSError:
        shutil.copyfile(path, folder / _UPLOAD)


def read_upload(
    folder: Path, import_id: str, file_name: str, options: ReadOptions, on_progress: Progress
) -> SourceFile:
    """Read the kept file; only when that went well does it take the place of an earlier reading and its plan.

    Raises:
        UnreadableFile: with the reason.
    """
    fresh = folder / "reading"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        read = read_source_apart(folder / _UPLOAD, fresh, import_id, file_name, options, on_progress)
        _clear(folder)
        for entry in fresh.iterdir():
            entry.rename(folder / entry.name)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    source = read.model_copy(update={"folder": folder})
    source.save()
    return source


def _clear(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "reading":
            shutil.rmtree(entry)
        elif entry.is_file() and entry.name not in _KEPT:
            entry.unlink()
