"""Drafts of operations: what a person has chosen so far, kept until it is launched or thrown away.

A draft is a row of `operations` in state `draft`, its choices as JSON in the column `draft`. Its id is the id of the
operation that a launch makes of it: that is what makes a second launch of the same draft find the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb
from pydantic import BaseModel, ConfigDict, ValidationError

from engine.clock import from_store, to_store
from engine.errors import InvalidTransition, NotFound, StoreError
from engine.ids import new_id
from engine.operations.states import OperationState
from engine.segments import Audience
from engine.templates import Binding
from engine.warehouse import Warehouse, audit

NAME_LIMIT = 80


class Draft(BaseModel):
    """The choices of the wizard; frozen, so that it can key a cache once it is JSON."""

    model_config = ConfigDict(frozen=True)

    name: str = ""
    channel_id: str | None = None
    template_name: str | None = None
    template_language: str | None = None
    template_hash: str | None = None
    """Content hash of the template when its holes were filled: a template edited since must be looked at again."""
    bindings: Mapping[str, Binding] = {}
    audience: Audience = Audience()
    step: str = ""
    """Where in the wizard the person was."""

    def changed(self, **values: object) -> Draft:
        """A copy with some choices replaced, checked like a new one."""
        return Draft.model_validate({**dict(self), **values})


@dataclass(frozen=True)
class DraftRow:
    """A draft as a list shows it. `cause` says why a launch of it failed, if one did."""

    operation_id: str
    name: str
    template_name: str | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    cause: str | None


def create_draft(
    warehouse: Warehouse, *, who: str, now: datetime, audience: Audience | None = None, draft: Draft | None = None
) -> str:
    """Begin a draft and return its id, which is the later operation's."""
    begun = draft or Draft(audience=audience or Audience())
    operation_id = new_id("op", now)
    with warehouse.writing(is_about_people=False) as cursor:
        cursor.execute(
            "INSERT INTO operations (operation_id, name, state, draft, created_by, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                operation_id,
                begun.name,
                OperationState.DRAFT,
                begun.model_dump_json(),
                who,
                to_store(now),
                to_store(now),
            ],
        )
        audit(cursor, who=who, verb="drafted", subject=("operation", operation_id), now=now)
    return operation_id


def save_draft(warehouse: Warehouse, operation_id: str, draft: Draft, *, now: datetime) -> None:
    """Keep the choices; one statement, and no news for caches of contacts.

    Raises:
        NotFound: there is no such operation.
        InvalidTransition: it is launched already.
    """
    with warehouse.exclusive() as cursor:
        changed = cursor.execute(
            "UPDATE operations SET draft = ?, name = ?, cause = NULL, updated_at = ?"
            " WHERE operation_id = ? AND state = 'draft' RETURNING operation_id",
            [draft.model_dump_json(), draft.name, to_store(now), operation_id],
        ).fetchall()
        if not changed:
            raise _not_a_draft(cursor, operation_id, "be edited")


def load_draft(cursor: duckdb.DuckDBPyConnection, operation_id: str) -> Draft:
    """The draft of that id.

    Raises:
        NotFound: there is no such operation.
        InvalidTransition: it is launched already.
        StoreError: what is stored is no draft of this version.
    """
    rows = cursor.execute(
        "SELECT draft FROM operations WHERE operation_id = ? AND state = 'draft'", [operation_id]
    ).fetchall()
    if not rows:
        raise _not_a_draft(cursor, operation_id, "be edited")
    return parse_draft(rows[0][0])


def list_drafts(cursor: duckdb.DuckDBPyConnection) -> list[DraftRow]:
    """Every draft, the one touched last first."""
    rows = cursor.execute(
        "SELECT operation_id, name, json_extract_string(draft, '$.template_name'), created_by, created_at,"
        " updated_at, cause FROM operations WHERE state = 'draft' ORDER BY updated_at DESC, operation_id DESC"
    ).fetchall()
    return [
        DraftRow(operation_id, name, template, who, from_store(created), from_store(updated), cause)
        for operation_id, name, template, who, created, updated, cause in rows
    ]


def discard_draft(warehouse: Warehouse, operation_id: str, *, who: str, now: datetime) -> None:
    """Throw a draft away; nothing was ever sent from it.

    Raises:
        NotFound: there is no such operation.
        InvalidTransition: it is launched already.
    """
    with warehouse.writing(is_about_people=False) as cursor:
        gone = cursor.execute(
            "DELETE FROM operations WHERE operation_id = ? AND state = 'draft' RETURNING operation_id", [operation_id]
        ).fetchall()
        if not gone:
            raise _not_a_draft(cursor, operation_id, "be thrown away")
        audit(cursor, who=who, verb="discarded", subject=("operation", operation_id), now=now)


def parse_draft(text: str | None) -> Draft:
    """Read what `save_draft` wrote.

    Raises:
        StoreError: it is no draft of this version.
    """
    try:
        return Draft.model_validate_json(text or "{}")
    except ValidationError as problem:
        raise StoreError(reason="a stored draft can't be read by this version") from problem


def _not_a_draft(cursor: duckdb.DuckDBPyConnection, operation_id: str, verb: str) -> NotFound | InvalidTransition:
    rows = cursor.execute("SELECT state FROM operations WHERE operation_id = ?", [operation_id]).fetchall()
    if not rows:
        return NotFound(kind="operation", id=operation_id)
    return InvalidTransition(state=rows[0][0], verb=verb)
