"""What a segment looks at that no column of contacts says: lists, files, operations, what people did.

Each becomes one column beside the contacts (`@list:…`, `@operation:…`), true or null, joined by contact or by person;
DuckDB makes a semi join of it where the rule demands it. Recipients of an operation are read from its frozen audience
(Parquet: `recipient_no` -> `contact_id`), what became of them from `deliveries`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.contacts.fields import FieldType
from engine.segments.activity import ACTIVITY, WINDOW
from engine.segments.context import Context, refuse_cycle
from engine.segments.rules import (
    IMPORT_FIELD,
    LIST_FIELD,
    MESSAGED_FIELD,
    OPERATION_FIELD,
    SEGMENT_FIELD,
    Comparison,
    FacetChoice,
    Segment,
)

MEMBERSHIP_FIELDS = (LIST_FIELD, IMPORT_FIELD, OPERATION_FIELD)
ANY = ""
"""In the place of an id: of any list, any file."""


class JoinKind(StrEnum):
    """Where the column comes from."""

    LIST = "list"
    IMPORT = "import"
    OPERATION = "operation"
    MESSAGED = "messaged"
    ACTIVITY = "activity"
    ENTRIES = "entries"


LIVE_KINDS = frozenset({JoinKind.OPERATION, JoinKind.MESSAGED, JoinKind.ACTIVITY})
"""The recorder changes these without a new version of the data."""


@dataclass(frozen=True, slots=True)
class Join:
    """One such column. `of`: the id of the list or file; operation, outcome and detail; days; a field."""

    column: str
    kind: JoinKind
    of: tuple[Any, ...]

    @property
    def key(self) -> str:
        """The column it is joined by."""
        return "person_key" if self.kind is JoinKind.ACTIVITY else "contact_id"


def list_column(list_id: str) -> str:
    """The name of the column that is true for the members of a list."""
    return f"@list:{list_id}"


def entries_column(name: str) -> str:
    """The name of the column with a list field's entries as one text."""
    return f"@entries:{name}"


def member_join(field: str, member: str) -> Join:
    """The column of a list or file (`ANY`: of any), or of the recipients of an operation."""
    if field == OPERATION_FIELD:
        return outcome_join("in", member)
    kind = JoinKind.LIST if field == LIST_FIELD else JoinKind.IMPORT
    return Join(f"{field}:{member}", kind, (member,))


def outcome_join(outcome: str, operation_id: str, detail: Any = None) -> Join:
    """The column of the recipients of an operation with one outcome."""
    outcome = "in" if outcome == "not_in" else outcome
    name = f"@operation:{outcome}:{operation_id}" + ("" if detail is None else f":{detail}")
    return Join(name, JoinKind.OPERATION, (operation_id, outcome, detail))


def activity_join(field: str) -> Join:
    """The column of a field of `activity`."""
    return Join(field, JoinKind.ACTIVITY, (field,))


def joins_of(segment: Segment, context: Context, within: tuple[str, ...] = ()) -> dict[str, Join]:
    """Every such column the segment looks at, through the segments it refers to, by name.

    Raises:
        InvalidRule: it refers to itself.
    """
    found: dict[str, Join] = {}
    for name, choice in segment.facets.items():
        found |= {each.column: each for each in _of_facet(name, choice)}
    for comparison in segment.comparisons():
        if comparison.field == SEGMENT_FIELD:
            inner = str(comparison.value)
            refuse_cycle(inner, within)
            found |= joins_of(context.known_segment(inner).segment, context, (*within, inner))
        elif (join := join_of(comparison, context)) is not None:
            found[join.column] = join
    return found


def join_of(comparison: Comparison, context: Context) -> Join | None:
    """The column one comparison looks at, if it isn't one of contacts."""
    field, value = comparison.field, comparison.value
    if field in (LIST_FIELD, IMPORT_FIELD):
        return member_join(field, str(value))
    if field == OPERATION_FIELD:
        operation_id, detail = value if isinstance(value, tuple) and len(value) == 2 else (value, None)
        return outcome_join(comparison.operator, str(operation_id), detail)
    if field == MESSAGED_FIELD:
        return Join(f"{field}:{value}", JoinKind.MESSAGED, (value,))
    if field in ACTIVITY:
        return activity_join(field)
    is_list = field in context.registry and context.registry.get(field).type is FieldType.LIST
    if is_list and comparison.operator in ("has_any", "has_all", "has_none"):
        return Join(entries_column(field), JoinKind.ENTRIES, (field,))
    return None


def _of_facet(name: str, choice: FacetChoice) -> Iterator[Join]:
    if choice.is_empty:
        return
    if name in ACTIVITY:
        yield activity_join(name)
    elif name in MEMBERSHIP_FIELDS:
        for member in choice.include | choice.exclude:
            yield member_join(name, member or ANY)


def freshness(segment: Segment, context: Context, fields: tuple[str, ...] = ()) -> tuple[int, ...]:
    """What an answer about the segment (and these facets) depends on beside the data version and the day.

    Empty when there is nothing; else it changes with what the recorder records, and each minute where a service
    window may close. Whoever keeps an answer keeps it by this too.
    """
    kinds = {join.kind for join in joins_of(segment, context).values()}
    fresh: tuple[int, ...] = ()
    if kinds & LIVE_KINDS or any(name in ACTIVITY or name == OPERATION_FIELD for name in fields):
        fresh = (context.recorded_count,)
    looks_at_windows = WINDOW in fields or WINDOW in joins_of(segment, context)
    return (*fresh, int(context.now.timestamp() // 60)) if looks_at_windows else fresh
