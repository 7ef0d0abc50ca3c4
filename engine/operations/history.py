"""What became of each message to one person, over all operations; and those they were left out of.

A frozen audience says who was in it, `deliveries` and `events` what happened. One query looks through all frozen
audiences: they are in the order of the contacts, so a file's statistics tell where somebody can be.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from engine.clock import from_store
from engine.errors import MissingParameter
from engine.operations.snapshot_reader import PARAMETER_PREFIX
from engine.operations.states import FLAG_LATE, DeliveryState, OperationState
from engine.templates import PayloadBuilder, Rendered, Template, render_message
from engine.templates.bindings import MEDIA_MARK

_TIMES = ("accepted_at", "sent_at", "delivered_at", "read_at", "failed_at", "answered_at")
_OPERATIONS = """SELECT operation_no, operation_id, name, state, channel_id, template_name, template_language,
        template_category, template, snapshot_path, launched_by, launched_at
    FROM operations WHERE operation_no IS NOT NULL AND snapshot_path IS NOT NULL"""
_PLACES = "SELECT filename, recipient_no FROM read_parquet(?, filename = true) WHERE contact_id = ?"
_DELIVERIES = f"""SELECT d.operation_no, d.recipient_no, d.state, d.attempt, d.code, d.pricing, {", ".join(_TIMES)}
    FROM deliveries AS d JOIN (SELECT unnest(?::INTEGER[]) AS operation_no, unnest(?::INTEGER[]) AS recipient_no) AS p
        ON d.operation_no = p.operation_no AND d.recipient_no = p.recipient_no
    WHERE d.operation_no IN (SELECT unnest(?::INTEGER[]))"""
_LEFT_OUT = """SELECT o.operation_id, o.name, o.template_name, l.reason, o.launched_at FROM left_out AS l
    JOIN operations AS o ON o.operation_no = l.operation_no WHERE l.contact_id = ? ORDER BY o.operation_no DESC"""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person: the operation it belongs to, and what became of it."""

    operation_id: str
    operation_no: int
    operation_name: str
    operation_state: OperationState
    channel_id: str
    template_name: str
    template_language: str
    template_category: str
    template: str
    snapshot_path: str
    launched_by: str
    launched_at: datetime | None
    recipient_no: int
    state: DeliveryState
    attempt: int
    code: int
    pricing: int
    accepted_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    failed_at: datetime | None
    answered_at: datetime | None

    @property
    def name(self) -> str:
        """The operation's name, else the template's."""
        return self.operation_name or self.template_name

    @property
    def last_news_at(self) -> datetime | None:
        """When something was heard of it last."""
        times = [moment for name in _TIMES if (moment := getattr(self, name))]
        return max(times) if times else self.launched_at


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An operation whose audience the person was in, and that left them out."""

    operation_id: str
    operation_name: str
    template_name: str
    reason: str
    launched_at: datetime | None

    @property
    def name(self) -> str:
        """The operation's name, else the template's."""
        return self.operation_name or self.template_name


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """One word about one attempt; a late one changed no state."""

    attempt: int
    state: DeliveryState
    code: int
    is_late: bool
    happened_at: datetime


def messages_to(cursor: duckdb.DuckDBPyConnection, contact_id: int) -> tuple[Message, ...]:
    """Every message to a contact that was frozen and can still be found, the newest operation first."""
    rows = cursor.execute(_OPERATIONS).fetchall()
    operations = {row[9]: row for row in rows if Path(row[9]).exists()}
    if not operations:
        return ()
    places = cursor.execute(_PLACES, [list(operations), contact_id]).fetchall()
    numbers, recipients = [operations[path][0] for path, _ in places], [int(number) for _, number in places]
    found = cursor.execute(_DELIVERIES, [numbers, recipients, numbers]).fetchall()
    known = {(row[0], row[1]): row[2:] for row in found}
    nothing = (DeliveryState.PENDING, 0, 0, 0, *(None for _ in _TIMES))
    messages = [
        _message(operations[path], number, known.get((operations[path][0], number), nothing))
        for path, number in zip((path for path, _ in places), recipients, strict=True)
    ]
    return tuple(sorted(messages, key=lambda each: (each.operation_no, each.recipient_no), reverse=True))


def left_out_of(cursor: duckdb.DuckDBPyConnection, contact_id: int) -> tuple[LeftOut, ...]:
    """The operations that left a contact out, newest first."""
    rows = cursor.execute(_LEFT_OUT, [contact_id]).fetchall()
    return tuple(LeftOut(row[0], row[1], row[2] or "", row[3], _aware(row[4])) for row in rows)


def events_of(cursor: duckdb.DuckDBPyConnection, message: Message) -> tuple[MessageEvent, ...]:
    """Everything that was heard of a message, in the order it was recorded."""
    rows = cursor.execute(
        "SELECT attempt, state, code, flags, happened_at FROM events WHERE operation_no = ? AND recipient_no = ?"
        " ORDER BY rowid",
        [message.operation_no, message.recipient_no],
    ).fetchall()
    return tuple(
        MessageEvent(attempt, DeliveryState(state), code, bool(flags & FLAG_LATE), from_store(moment))
        for attempt, state, code, flags, moment in rows
    )


def rendered(cursor: duckdb.DuckDBPyConnection, message: Message) -> Rendered | None:
    """What the person saw, or will see: the frozen template with the frozen parameters, through the very payload.

    None when the frozen audience is gone or can't be read.
    """
    try:
        template = Template.model_validate(json.loads(message.template))
        row = cursor.sql(
            "SELECT * FROM read_parquet(?) WHERE recipient_no = ?",
            params=[message.snapshot_path, message.recipient_no],
        ).pl()
        if row.is_empty():
            return None
        values = row.row(0, named=True)
        parameters = [values[f"{PARAMETER_PREFIX}{index}"] or "" for index in range(len(template.slots))]
        files = {text.removeprefix(MEDIA_MARK): text for text in parameters if text.startswith(MEDIA_MARK)}
        payload = PayloadBuilder(template, files).build(values["phone"], values["user_id"], parameters, "history")
        return render_message(payload, template)
    except (duckdb.Error, MissingParameter, ValueError, KeyError):
        return None


def counted(messages: Sequence[Message]) -> dict[str, int]:
    """How many messages there are, and how many were delivered, read, answered, and failed."""
    return {
        "messages": len(messages),
        "delivered": sum(each.state in (DeliveryState.DELIVERED, DeliveryState.READ) for each in messages),
        "read": sum(each.state is DeliveryState.READ for each in messages),
        "answered": sum(each.answered_at is not None for each in messages),
        "failed": sum(each.state is DeliveryState.FAILED for each in messages),
    }


def _message(operation: tuple[Any, ...], recipient_no: int, outcome: Sequence[Any]) -> Message:
    number, operation_id, name, state, channel_id, template_name, language, category, template, path, who, at = (
        operation
    )
    delivered, attempt, code, pricing, *times = outcome
    return Message(
        operation_id, number, name, OperationState(state), channel_id, template_name, language, category or "",
        template or "", path, who or "", _aware(at), recipient_no, DeliveryState(delivered), attempt, code, pricing,
        *(_aware(moment) for moment in times),
    )  # fmt: skip


def _aware(moment: datetime | None) -> datetime | None:
    return from_store(moment) if moment else None
