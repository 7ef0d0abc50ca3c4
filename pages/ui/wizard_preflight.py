"""Preflight for the pages, kept by what was asked and the version of the data; and one recipient's message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import polars as pl
import streamlit as st

from engine.clock import utc_now
from engine.operations.drafts import Draft
from engine.operations.preflight import preflight
from engine.operations.snapshot import person_keys
from engine.segments import Audience, Selection, load_context
from engine.templates import PayloadBuilder, Rendered, Template, render_message
from engine.templates.bindings import MEDIA_MARK
from pages.ui.services import settings, warehouse


@dataclass(frozen=True)
class Verdicts:
    """What preflight said of everybody: figures, who gets it (ids), and who doesn't (ids and reasons)."""

    audience_count: int
    recipient_ids: np.ndarray[Any, np.dtype[np.int64]]
    person_keys: bytes
    reasons: dict[str, int]
    left_out: pl.DataFrame
    doubtful_phone_count: int
    regions: dict[str, int]
    fingerprint: str

    @property
    def recipient_count(self) -> int:
        """How many get the message."""
        return len(self.recipient_ids)


def verdicts(draft: Draft, template: Template) -> Verdicts:
    """Judge everybody of the draft's audience, or remember it from before.

    Raises:
        InvalidRule: the audience or a binding names what is no more.
    """
    asked = draft.model_dump_json(include={"audience", "bindings"})
    moment = utc_now()
    state = (warehouse().epoch, warehouse().data_version, moment.astimezone(settings().zone).date())
    return _verdicts(state, asked, template.model_dump_json(), warehouse().cursor())


@st.cache_data(show_spinner=False, max_entries=3, ttl=60)
def _verdicts(state: tuple[object, ...], asked: str, template: str, _cursor: duckdb.DuckDBPyConnection) -> Verdicts:
    draft = Draft.model_validate_json(asked)
    context = load_context(_cursor, now=utc_now(), zone=settings().zone)
    found = preflight(_cursor, draft.audience, Template.model_validate_json(template), draft.bindings, context)
    return Verdicts(
        found.audience_count,
        found.recipients["contact_id"].to_numpy(),
        person_keys(found.recipients["person_key"]),
        found.reasons,
        found.left_out,
        found.doubtful_phone_count,
        found.regions,
        found.fingerprint,
    )


def forget_verdicts() -> None:
    """Judge anew at the next look: something said that what was shown no longer holds."""
    _verdicts.clear()


def message_of(draft: Draft, template: Template, contact_id: int) -> Rendered | str:
    """What one contact would see, drawn from the very payload; or the reason why the contact is left out."""
    cursor = warehouse().cursor()
    context = load_context(cursor, now=utc_now(), zone=settings().zone)
    one = Audience(selection=Selection.only(frozenset({contact_id})))
    found = preflight(cursor, one, template, draft.bindings, context)
    if found.recipients.is_empty():
        return next(iter(found.reasons), "")
    row = found.recipients.row(0, named=True)
    parameters = [row[f"p_{index}"] or "" for index in range(len(template.slots))]
    files = {value.removeprefix(MEDIA_MARK): value for value in parameters if value.startswith(MEDIA_MARK)}
    payload = PayloadBuilder(template, files).build(row["phone"], row["user_id"], parameters, "preview")
    return render_message(payload, template)
