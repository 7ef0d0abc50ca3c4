"""The state of the import page: which import the session looks at, what the columns start from, and the actions.

The import itself lives in `engine.contacts.import_jobs`; the address holds its id, so that a reload, or another
browser, finds it again.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import redis
import streamlit as st

from engine.clock import utc_now
from engine.contacts.import_jobs import ImportJobs, import_jobs
from engine.contacts.import_work import Given, Merging
from engine.contacts.job_record import ImportJob
from engine.contacts.source import DETECT, ReadOptions, SourceFile
from engine.errors import NotFound, QueueUnavailable, UlakError
from engine.ids import new_id
from engine.operations.pending import apply_pending
from engine.segments import create_list
from pages.ui import t, who
from pages.ui.i18n import catalogue, language
from pages.ui.services import live_redis, settings, warehouse

NEW = "+"
LEFT_OUT = ""
PARAMETER = "import"
_BLOCK = 1 << 20


class Key(StrEnum):
    """Session state and widget keys of the import page; most end in the import's id."""

    FILE = "import.file"  # the id of the import the session looks at
    UPLOAD = "import.upload"
    PROBLEM = "import.problem"
    BASE = "import.base"  # what the columns start from
    TARGET = "import.target"
    TYPE = "import.type"
    POLICY = "import.policy"
    MONTH = "import.month"
    REGION = "import.region"
    IDENTITY = "import.identity"
    DUPLICATES = "import.duplicates"
    LIST = "import.list"
    OPT_IN = "import.opt_in"
    READING = "import.reading"
    UNDO = "import.undo"
    UNDONE = "import.undone"


@dataclass(frozen=True)
class Place:
    """Which reading of which file the widgets belong to, and what their columns started from."""

    import_id: str
    reading: int
    base: int

    def key(self, kind: Key, column: int | None = None) -> str:
        """A widget's key; of one column, if one is given."""
        stem = f"{kind.value}.{self.import_id}.{self.reading:x}.{self.base}"
        return stem if column is None else f"{stem}.{column}"


def place_of(source: SourceFile) -> Place:
    """The place of a file that was read."""
    reading = zlib.crc32(repr((source.headers, source.part, source.has_header)).encode())
    return Place(source.import_id, reading, st.session_state.get(f"{Key.BASE}.number.{source.import_id}", 0))


def jobs() -> ImportJobs:
    """The imports of this home."""
    return import_jobs(settings(), warehouse)


def current_job() -> ImportJob | None:
    """The import that the address names, else the one the session was at."""
    import_id = st.query_params.get(PARAMETER) or st.session_state.get(Key.FILE)
    if not import_id:
        return None
    try:
        job = jobs().get(str(import_id))
    except NotFound:
        leave()
        return None
    look_at(job.import_id)
    return job


def look_at(import_id: str) -> None:
    """Show an import."""
    st.session_state[Key.FILE] = import_id
    if st.query_params.get(PARAMETER) != import_id:
        st.query_params[PARAMETER] = import_id


def leave() -> None:
    """Back to the start; the import stays as it is."""
    st.session_state.pop(Key.FILE, None)
    st.query_params.pop(PARAMETER, None)


def take_upload(name: str, content: BinaryIO) -> None:
    """Begin to read an uploaded file: spooled to disk, then read from there."""
    folder = settings().home / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    spool = folder / new_id("upload", utc_now())
    try:
        with spool.open("wb") as file:
            while block := content.read(_BLOCK):
                file.write(block)
    except BaseException:
        spool.unlink(missing_ok=True)
        raise
    _begin(Given(spool, name, DETECT, is_spool=True))


def take_file(path: Path, name: str) -> None:
    """Begin to read a file of this machine."""
    _begin(Given(path, name, DETECT))


def _begin(given: Given) -> None:
    st.session_state.pop(Key.PROBLEM, None)
    look_at(jobs().begin(given, who=who()).import_id)


def read_again(import_id: str, options: ReadOptions) -> None:
    """Begin to read the file in another way."""
    _try(lambda: jobs().read_again(import_id, options))


def carry_out(import_id: str) -> None:
    """Begin to import; a second click is the same import."""
    words, person = catalogue(language()), who()  # the thread knows no session
    name = jobs().get(import_id).new_list

    def make_list(name: str) -> str:
        return create_list(warehouse(), name, who=person, now=utc_now())

    merging = Merging(person, lambda text: words.get(text, text), name, make_list)
    _try(lambda: jobs().merge(import_id, merging))


def tell_suppressions() -> None:
    """Tell Redis at once whom an import opted out; without Redis, web tells it when it is back."""
    with contextlib.suppress(QueueUnavailable, redis.RedisError, OSError):
        apply_pending(warehouse(), live_redis())


def back_to_columns(import_id: str) -> None:
    """From the dry run to the columns, choices kept."""
    _try(lambda: jobs().back(import_id))


def give_up(import_id: str) -> None:
    """Drop an import, and go to the start."""
    _try(lambda: jobs().cancel(import_id))
    leave()


def _try(act: Callable[[], object]) -> None:
    try:
        act()
    except UlakError as problem:  # the import went on in another tab
        st.session_state[Key.PROBLEM] = problem


def step_words() -> dict[str, str]:
    """What the work under way is called."""
    return {
        "copying": t("Copying the file…"),
        "unpacking": t("Unpacking the file…"),
        "scanning": t("Looking at every line…"),
        "splitting": t("Parting the rows from what is broken…"),
        "reading": t("Reading the cells…"),
        "phones": t("Checking the phone numbers…"),
        "values": t("Reading dates, numbers and consent…"),
        "duplicates": t("Looking for people who appear twice…"),
        "rejects": t("Gathering what can't be taken…"),
        "comparing": t("Comparing with the contacts you have…"),
    }
