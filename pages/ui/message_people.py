"""Whom a message is looked at for: a row of people to step through, everybody's or the hardest ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import streamlit as st

from engine.clock import utc_now
from engine.contacts import FieldRegistry
from engine.operations.hardest import LABELS, Hard, hardest
from engine.segments import Audience, Comparison, Context, Segment, Sort, audience_frame, load_context, page_of
from engine.segments.audience import count_frame
from engine.segments.rules import PERSON_FIELD
from engine.templates import Bindings, Template, dump_bindings, parse_bindings
from pages.ui import formats, nt, t
from pages.ui.binding_form import slot_label
from pages.ui.services import settings, warehouse

MOST_NAMESAKES = 1_000


@dataclass(frozen=True)
class Row:
    """The people to step through, in order."""

    count: int
    contact_at: Callable[[int], int]
    place_among: Callable[[list[int]], int | None]
    """The place of the first of these contacts who is in the row."""


def row_of_audience(audience: Audience, context: Context, count: int) -> Row:
    """Everybody of an audience, in the order of their ids."""
    order = Sort("contact_id")

    def contact_at(place: int) -> int:
        cursor = warehouse().cursor()
        page = page_of(cursor, audience, context, columns=["name"], sort=order, limit=1, offset=place)
        return int(page["contact_id"][0])

    def place_among(ids: list[int]) -> int | None:
        frame = audience_frame(warehouse().cursor(), audience, context).select("contact_id")
        found = frame.filter(nw.col("contact_id").is_in(ids)).to_native().aggregate("min(contact_id)").fetchall()
        first = found[0][0]
        return None if first is None else count_frame(frame.filter(nw.col("contact_id") < first))

    return Row(count, contact_at, place_among)


def row_of_ids(ids: np.ndarray[Any, np.dtype[np.int64]]) -> Row:
    """These contacts, in this order."""

    def place_among(wanted: list[int]) -> int | None:
        places = np.flatnonzero(np.isin(ids, wanted))
        return int(places[0]) if len(places) else None

    return Row(len(ids), lambda place: int(ids[place]), place_among)


def find_people(needle: str) -> list[int]:
    """The contacts of that name or number, by id."""
    cursor = warehouse().cursor()
    context = load_context(cursor, now=utc_now(), zone=settings().zone)
    wanted = Audience(segment=Segment(rule=Comparison(field=PERSON_FIELD, operator="finds", value=needle)))
    found = page_of(cursor, wanted, context, columns=["name"], sort=Sort("contact_id"), limit=MOST_NAMESAKES)
    return [int(each) for each in found["contact_id"]]


def name_of(contact_id: int) -> tuple[str, str | None]:
    """(name, phone) of a contact."""
    cursor = warehouse().cursor()
    rows = cursor.execute(
        "SELECT trim(concat_ws(' ', name, surname)), phone FROM contacts WHERE contact_id = ?", [contact_id]
    ).fetchall()
    return (str(rows[0][0]), rows[0][1]) if rows else ("", None)


def hardest_of(
    audience: Audience, template: Template, bindings: Bindings, registry: FieldRegistry, *, among: Any = None
) -> tuple[Hard, ...]:
    """The hardest messages of an audience, kept until the data, the blanks or the audience change.

    Args:
        among: the recipients' ids, in the review; they depend on the same.
    """
    known = {key: each for key, each in bindings.items() if all(name in registry for name in each.fields)}
    state = (warehouse().epoch, warehouse().data_version, utc_now().astimezone(settings().zone).date())
    count = None if among is None else len(among)
    asked = audience.model_dump_json(), template.model_dump_json(), dump_bindings(known)
    return _hardest(state, count, *asked, warehouse().cursor(), among)


@st.cache_data(show_spinner=False, max_entries=8, ttl=600)
def _hardest(
    state: tuple[object, ...],
    count: int | None,
    audience: str,
    template: str,
    bindings: str,
    _cursor: duckdb.DuckDBPyConnection,
    _among: Any,
) -> tuple[Hard, ...]:
    context = load_context(_cursor, now=utc_now(), zone=settings().zone)
    whom, what = Audience.model_validate_json(audience), Template.model_validate_json(template)
    return hardest(_cursor, whom, what, parse_bindings(bindings), context, among=_among)


def hard_line(hard: Hard, template: Template) -> str:
    """Why this message is worth a look, and how many are like it."""
    labels = {slot.key: slot_label(slot) for slot in template.slots}
    name = labels.get(hard.name) or (formats.language_name(hard.name) if hard.kind == "language" else hard.name)
    parts = [
        t(LABELS[hard.kind], name=name),
        nt("{count} character", "{count} characters", hard.length),
    ]
    if hard.count > 1:
        parts.append(nt("{count} such person", "{count} such people", hard.count))
    return " · ".join(parts)


def ids_of(hards: Sequence[Hard]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The contacts of the hardest messages, in their order."""
    return np.array([hard.contact_id for hard in hards], dtype=np.int64)
