"""What the columns of a file start from: as they were left, as last time, a saved mapping, or a guess."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import streamlit as st

from engine.contacts import load_registry
from engine.contacts.fields import FieldRegistry
from engine.contacts.guessing import guess_mapping
from engine.contacts.job_record import ImportJob
from engine.contacts.mapping import Mapping
from engine.contacts.mappings import SavedMapping, find_mapping, get_mapping
from engine.contacts.options import ImportOptions
from engine.contacts.source import SourceFile
from pages.ui import formats, t
from pages.ui.import_state import Key, place_of
from pages.ui.services import settings, warehouse


class Origin(StrEnum):
    """Where a start comes from."""

    KEPT = "kept"
    LAST = "last"
    SAVED = "saved"
    GUESS = "guess"


@dataclass(frozen=True)
class Base:
    """The columns and options before a person changed anything."""

    origin: Origin
    name: str
    mapping: Mapping
    options: ImportOptions


def base_of(source: SourceFile, job: ImportJob, registry: FieldRegistry) -> Base:
    """The start of this file; decided once a session, so that what a person changes doesn't move it."""
    key = _key(source)
    if key not in st.session_state:
        _pin(key, _first(source, job, registry))
    origin, name, mapping, options = st.session_state[key]
    return Base(
        Origin(origin), name, Mapping.model_validate_json(mapping), ImportOptions.model_validate_json(options)
    )


def begin_with_guess(source: SourceFile) -> None:
    """Start from a guess."""
    _restart(source, _guessed(source, load_registry(warehouse().cursor())))


def begin_with_saved(source: SourceFile, name_or_id: str) -> None:
    """Start from a saved mapping."""
    cursor = warehouse().cursor()
    found = get_mapping(cursor, name_or_id)
    _restart(source, _saved(found, source, load_registry(cursor), Origin.SAVED))


def _first(source: SourceFile, job: ImportJob, registry: FieldRegistry) -> Base:
    if job.mapping is not None and tuple(each.header for each in job.mapping.columns) == source.headers:
        return Base(Origin.KEPT, "", job.mapping, job.options or _options())
    found = find_mapping(warehouse().cursor(), source)
    if found is not None:
        return _saved(found, source, registry, Origin.LAST if found.name is None else Origin.SAVED)
    return _guessed(source, registry)


def _guessed(source: SourceFile, registry: FieldRegistry) -> Base:
    return Base(Origin.GUESS, "", guess_mapping(source, registry, region=settings().default_region), _options())


def _saved(found: SavedMapping, source: SourceFile, registry: FieldRegistry, origin: Origin) -> Base:
    name = found.name or t("{who}, {ago}", who=found.who, ago=formats.ago(found.used_at))
    return Base(origin, name, found.fit(source, registry), found.options)


def _options() -> ImportOptions:
    return ImportOptions(region=settings().default_region)


def _key(source: SourceFile) -> str:
    place = place_of(source)
    return f"{Key.BASE}.{source.import_id}.{place.reading}.{place.base}"


def _restart(source: SourceFile, base: Base) -> None:
    """Another start: its widgets are others, so that no old choice slips in."""
    number = f"{Key.BASE}.number.{source.import_id}"
    st.session_state[number] = st.session_state.get(number, 0) + 1
    _pin(_key(source), base)


def _pin(key: str, base: Base) -> None:
    st.session_state[key] = (
        base.origin.value, base.name, base.mapping.model_dump_json(), base.options.model_dump_json()
    )  # fmt: skip
