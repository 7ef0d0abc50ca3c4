"""What happened with one person, newest first, out of everything that is kept: one list of happenings.

Words are made elsewhere: a happening has a kind, a moment, who did it, and the facts its sentence needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from engine.clock import from_store
from engine.contacts.profile import Profile
from engine.operations.history import LeftOut, Message

CREATED, IMPORTED, EDITED, CONSENT = "created", "imported", "edited", "consent"
SUPPRESSED, LIFTED, LISTED, UNLISTED, WROTE = "suppressed", "lifted", "listed", "unlisted", "wrote"
LEFT_OUT, ACCEPTED, DELIVERED, READ, ANSWERED, FAILED = (
    "left_out", "accepted", "delivered", "read", "answered", "failed",
)  # fmt: skip
_MILESTONES = (
    (ACCEPTED, "accepted_at"), (DELIVERED, "delivered_at"), (READ, "read_at"), (ANSWERED, "answered_at"),
    (FAILED, "failed_at"),
)  # fmt: skip
_UNLISTED = """SELECT a.happened_at, a.who, coalesce(l.name, a.subject_id) FROM audit AS a
    LEFT JOIN lists AS l ON l.list_id = a.subject_id
    WHERE a.subject_kind = 'list' AND a.verb = 'removed from' AND json_extract(a.detail, '$.contact')::BIGINT = ?"""


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened. `by_whom` is a person's name, or empty for what no person of ours did."""

    kind: str
    happened_at: datetime
    by_whom: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def timeline_of(
    cursor: duckdb.DuckDBPyConnection, profile: Profile, messages: Sequence[Message], left_out: Sequence[LeftOut]
) -> tuple[Happening, ...]:
    """Everything that is known to have happened with a person, the newest first."""
    found = [
        *_of_profile(profile),
        *_of_suppressions(profile),
        *_of_lists(cursor, profile),
        *_of_messages(messages),
        *(
            Happening(LEFT_OUT, each.launched_at, facts={"name": each.name, "reason": each.reason, "operation": each})
            for each in left_out
            if each.launched_at
        ),
    ]
    return tuple(sorted(found, key=lambda each: each.happened_at, reverse=True))


def _of_profile(profile: Profile) -> Iterator[Happening]:
    origin = profile.values.get("origin")
    yield Happening(CREATED, profile.created_at, facts={"origin": origin})
    for each in profile.imports:
        facts = {"file": each.file_name, "what": each.what, "is_undone": each.is_undone}
        yield Happening(IMPORTED, each.happened_at, each.by_whom, facts)
    for edit in profile.edits:
        facts = {"field": edit.field, "old": edit.old_value, "new": edit.new_value, "is_of_many": bool(edit.edit_id)}
        yield Happening(EDITED, edit.happened_at, edit.by_whom, facts)
    for event in profile.consents:
        facts = {"consent": event.consent, "source": event.source, "note": event.note, "said_at": event.happened_at}
        yield Happening(CONSENT, event.recorded_at, event.by_whom, facts)
    if profile.last_message_at:
        yield Happening(WROTE, profile.last_message_at)


def _of_suppressions(profile: Profile) -> Iterator[Happening]:
    for each in profile.suppressions:
        facts = {"scope": each.scope, "reason": each.reason}
        yield Happening(SUPPRESSED, each.happened_at, each.by_whom, facts)
        if each.lifted_at:
            yield Happening(LIFTED, each.lifted_at, each.lifted_by or "", facts)


def _of_lists(cursor: duckdb.DuckDBPyConnection, profile: Profile) -> Iterator[Happening]:
    for each in profile.lists:
        yield Happening(LISTED, each.added_at, facts={"name": each.name})
    for moment, who, name in cursor.execute(_UNLISTED, [profile.contact_id]).fetchall():
        yield Happening(UNLISTED, from_store(moment), who, {"name": name})


def _of_messages(messages: Sequence[Message]) -> Iterator[Happening]:
    for message in messages:
        for kind, column in _MILESTONES:
            moment: datetime | None = getattr(message, column)
            if moment:
                yield Happening(kind, moment, facts={"name": message.name, "code": message.code, "message": message})
