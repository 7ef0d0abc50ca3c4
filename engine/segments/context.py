"""What a segment is read against: the fields, the other segments and lists by id, the moment and the zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from engine.contacts.fields import Field, FieldRegistry, FieldType
from engine.errors import InvalidRule
from engine.segments.activity import ACTIVITY
from engine.segments.rules import IMPORT_FIELD, LIST_FIELD, OPERATION_FIELD, SEGMENT_FIELD, Segment
from engine.words import N_


@dataclass(frozen=True)
class Named:
    """A saved segment as others refer to it."""

    name: str
    segment: Segment


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """An import as rules refer to it."""

    file_name: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class SentOperation:
    """A launched operation as rules refer to it: its recipients are the rows of its frozen audience."""

    name: str
    number: int
    snapshot_path: str


@dataclass(frozen=True)
class Context:
    """Frozen for one page run or one command; `now` is aware, days are days of `zone`."""

    registry: FieldRegistry
    now: datetime
    zone: tzinfo = UTC
    segments: Mapping[str, Named] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    imports: Mapping[str, ImportedFile] = field(default_factory=dict)
    operations: Mapping[str, SentOperation] = field(default_factory=dict)
    recorded_count: int = 0  # how many events the recorder had recorded: what people did may change with each
    matched: Mapping[str, Any] = field(default_factory=dict)  # fingerprint of a rule -> Arrow table of `contact_id`

    @property
    def today(self) -> date:
        """The day it is in the business's zone."""
        return self.now.astimezone(self.zone).date()

    def day_start(self, day: date) -> datetime:
        """The moment a day begins, as the store keeps moments: naive UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC).replace(tzinfo=None)

    def bounds(self, target: Field, first: date, last: date) -> tuple[date, date]:
        """The half-open bounds of whole days for a field: days for a date, moments for a timestamp."""
        after = last + timedelta(days=1)
        if is_moment(target):
            return self.day_start(first), self.day_start(after)
        return first, after

    def known_field(self, name: str) -> Field:
        """The field of that name: a column of contacts, or one of `activity`.

        Raises:
            InvalidRule: there is none.
        """
        if name in ACTIVITY:
            return ACTIVITY[name]
        if name not in self.registry:
            raise InvalidRule(reason=f"there is no field {name!r}", field=name, problem=N_("there is no such field"))
        return self.registry.get(name)

    def known_segment(self, segment_id: str) -> Named:
        """The saved segment of that id (archived ones too).

        Raises:
            InvalidRule: there is none.
        """
        if segment_id not in self.segments:
            raise InvalidRule(
                reason=f"there is no segment {segment_id!r}", field=SEGMENT_FIELD,
                problem=N_("there is no such segment"),
            )  # fmt: skip
        return self.segments[segment_id]

    def known_list(self, list_id: str) -> str:
        """The name of that list.

        Raises:
            InvalidRule: there is none.
        """
        if list_id not in self.lists:
            raise InvalidRule(
                reason=f"there is no list {list_id!r}", field=LIST_FIELD, problem=N_("there is no such list")
            )
        return self.lists[list_id]

    def known_import(self, import_id: str) -> ImportedFile:
        """The import of that id.

        Raises:
            InvalidRule: there is none.
        """
        if import_id not in self.imports:
            raise InvalidRule(
                reason=f"there is no import {import_id!r}", field=IMPORT_FIELD, problem=N_("there is no such import")
            )
        return self.imports[import_id]

    def known_operation(self, operation_id: str) -> SentOperation:
        """The launched operation of that id.

        Raises:
            InvalidRule: there is none, or it is a draft.
        """
        if operation_id not in self.operations:
            raise InvalidRule(
                reason=f"there is no launched operation {operation_id!r}", field=OPERATION_FIELD,
                problem=N_("there is no such operation"),
            )  # fmt: skip
        return self.operations[operation_id]


def is_moment(target: Field) -> bool:
    """The field is a timestamp (the built-in ones), not a calendar date."""
    return target.built_in and target.type is FieldType.DATE


def refuse_cycle(segment_id: str, within: tuple[str, ...]) -> None:
    """Refuse a segment that is reached from inside itself.

    Raises:
        InvalidRule: it is.
    """
    if segment_id in within:
        raise InvalidRule(
            reason=f"the segment {segment_id!r} refers to itself", field=SEGMENT_FIELD,
            problem=N_("a segment can't refer to itself"),
        )  # fmt: skip
