"""The downloads of an import: rejected rows and duplicates, made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.contacts.import_files import kept_file, planned_duplicates, planned_rejects
from engine.contacts.import_history import ImportRow
from engine.contacts.planning import DryRun
from engine.contacts.source import SourceFile
from engine.errors import NotFound
from pages.ui import nt, t
from pages.ui.i18n import catalogue, language
from pages.ui.services import settings, warehouse


def draw_rejects_download(plan: DryRun, source: SourceFile) -> None:
    """The rows that can't be taken, before anything is imported."""
    translate = translator()
    label = nt("Download {count} rejected row", "Download {count} rejected rows", plan.rejected_count)
    _button(label, f"rejects-{source.import_id}.csv", lambda: _bytes(planned_rejects(warehouse(), plan, translate)))


def draw_duplicates_download(plan: DryRun) -> None:
    """The rows about somebody who comes again, before anything is imported."""
    translate = translator()
    label = nt("Download {count} duplicate", "Download {count} duplicates", plan.duplicate_count)
    _button(
        label, f"duplicates-{plan.import_id}.csv", lambda: _bytes(planned_duplicates(warehouse(), plan, translate))
    )


def draw_kept_downloads(past: ImportRow) -> None:
    """What an import left to read: rejects, duplicates, and whom undoing left as they were."""
    files = (
        (
            "rejects.csv",
            past.rejected_count,
            nt("{count} rejected row", "{count} rejected rows", past.rejected_count),
        ),
        ("duplicates.csv", past.duplicate_count, nt("{count} duplicate", "{count} duplicates", past.duplicate_count)),
        (
            "undo_kept.csv",
            past.undo_kept_count or 0,
            nt("{count} contact kept", "{count} contacts kept", past.undo_kept_count or 0),
        ),
    )
    for name, count, label in files:
        if not count:
            continue
        try:
            path = kept_file(settings(), past.import_id, name)
        except NotFound:
            continue
        _button(label, f"{path.stem}-{past.import_id}.csv", path.read_bytes)


def translator() -> Callable[[str], str]:
    """`t` of this session, for work outside it."""
    words = catalogue(language())
    return lambda text: words.get(text, text)


def _button(label: str, file_name: str, content: Callable[[], bytes]) -> None:
    st.download_button(
        label,
        content,
        file_name=file_name,
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"import.download.{file_name}",
        help=t("A CSV with line and reason that your spreadsheet opens.") if "rejects" in file_name else None,
    )


def _bytes(path: object) -> bytes:
    from pathlib import Path

    return path.read_bytes() if isinstance(path, Path) else b""
