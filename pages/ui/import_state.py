"""The state of the import page: which file, how far; and the steps that change it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from engine.clock import utc_now
from engine.contacts import load_registry
from engine.contacts.fields import FieldType
from engine.contacts.guessing import guess_mapping
from engine.contacts.importing import begin_import, discard_import, plan_import
from engine.contacts.mapping import Mapping
from engine.contacts.merging import finish_import
from engine.contacts.options import ImportOptions
from engine.contacts.planning import DryRun
from engine.contacts.source import SourceFile
from engine.errors import InputError, NotFound
from engine.ids import new_id
from pages.ui import t, who
from pages.ui.services import settings, warehouse

NEW = "+"
LEFT_OUT = ""
_BLOCK = 1 << 20


class Key(StrEnum):
    """Session state of the import page."""

    FILE = "import.file"  # the id of the import that is under way
    STEP = "import.step"
    GUESS = "import.guess"  # JSON of the mapping that was guessed
    DONE = "import.done"  # the id of the import that was just carried out
    PROBLEM = "import.problem"
    UPLOAD = "import.upload"
    REGION = "import.region"


class Step(StrEnum):
    """How far the file under way is."""

    COLUMNS = "columns"
    PLAN = "plan"


def target_key(import_id: str, column: int) -> str:
    """The widget that chooses where a column goes."""
    return f"import.target.{import_id}.{column}"


def type_key(import_id: str, column: int) -> str:
    """The widget that chooses the type of a column's new field."""
    return f"import.type.{import_id}.{column}"


def take_upload(name: str, content: BinaryIO) -> None:
    """Read an uploaded file: spooled to disk, then read from there."""
    folder = settings().home / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    spool = folder / f"{new_id('upload', utc_now())}.csv"
    try:
        with spool.open("wb") as file:
            while block := content.read(_BLOCK):
                file.write(block)
        take_file(spool, name)
    finally:
        spool.unlink(missing_ok=True)


def take_file(path: Path, name: str) -> None:
    """Read a file and go to its columns; a file that can't be read is a problem to show."""
    give_up()
    forget_done()
    try:
        source = begin_import(settings(), path, now=utc_now(), file_name=name, on_progress=_bar())
        guessed = guess_mapping(source, load_registry(warehouse().cursor()), region=settings().default_region)
    except InputError as problem:
        st.session_state[Key.PROBLEM] = (name, problem.fields.get("reason", ""))
        return
    st.session_state[Key.FILE] = source.import_id
    st.session_state[Key.GUESS] = guessed.model_dump_json()
    st.session_state[Key.STEP] = Step.COLUMNS


def make_plan(source: SourceFile, mapping: Mapping, region: str) -> None:
    """Make the dry run and go to it."""
    plan_import(
        warehouse(), settings(), source, mapping, ImportOptions(region=region), now=utc_now(), on_progress=_bar()
    )
    st.session_state[Key.STEP] = Step.PLAN


def carry_out(plan: DryRun) -> None:
    """Import, once: a second click finds it done."""
    with contextlib.suppress(NotFound):
        finish_import(warehouse(), plan, who=who(), now=utc_now(), translate=t)
    st.session_state[Key.DONE] = plan.import_id
    _forget_file()


def back_to_columns() -> None:
    """From the dry run to the columns, choices kept."""
    st.session_state[Key.STEP] = Step.COLUMNS


def give_up() -> None:
    """Drop the file under way."""
    import_id = st.session_state.get(Key.FILE)
    if import_id:
        discard_import(settings(), import_id)
    _forget_file()


def forget_done() -> None:
    """Leave the result."""
    st.session_state.pop(Key.DONE, None)
    st.session_state.pop(Key.PROBLEM, None)


def guessed_mapping() -> Mapping:
    """The mapping that was guessed for the file under way."""
    return Mapping.model_validate_json(st.session_state[Key.GUESS])


def choices_of(source: SourceFile) -> list[str | FieldType | None]:
    """What a person chose for each column, for `build_mapping`."""
    chosen: list[str | FieldType | None] = []
    for number in range(len(source.headers)):
        target = st.session_state.get(target_key(source.import_id, number), LEFT_OUT)
        kind = st.session_state.get(type_key(source.import_id, number), FieldType.TEXT)
        chosen.append(FieldType(kind) if target == NEW else target or None)
    return chosen


def _forget_file() -> None:
    for key in (Key.FILE, Key.STEP, Key.GUESS):
        st.session_state.pop(key, None)


def _bar() -> Callable[[str, float], None]:
    """A progress bar in words."""
    words = {
        "copying": t("Copying the file…"),
        "scanning": t("Looking at every line…"),
        "splitting": t("Parting the rows from what is broken…"),
        "reading": t("Reading the cells…"),
        "phones": t("Checking the phone numbers…"),
        "values": t("Reading dates, numbers and consent…"),
        "duplicates": t("Looking for people who appear twice…"),
        "rejects": t("Gathering what can't be taken…"),
        "comparing": t("Comparing with the contacts you have…"),
    }
    place = st.empty()

    def show(step: str, share: float) -> None:
        if step in words:
            place.progress(min(share, 1.0), text=words[step])

    return show
