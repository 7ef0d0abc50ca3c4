"""Which facets there are, in which order, and which are open: the default, and what a person made of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from engine.contacts.fields import FieldType
from engine.segments import Context
from engine.segments.activity import ACTIVITY, BEGAN, LAST_ANSWER, LAST_MESSAGE, WINDOW
from engine.segments.joins import MEMBERSHIP_FIELDS
from engine.segments.rules import IMPORT_FIELD, LIST_FIELD, OPERATION_FIELD

SETTING = "audience.facets"
OPEN_AT_FIRST = 5
MOST_OPEN = 20
"""So many are counted at a click; opening another folds the one that was opened first."""
MOST_NAMES = 400
_FIRST = (BEGAN, "consent", WINDOW, "language", "country", "city", "assignee")
_MOMENTS = ("created_at", LAST_MESSAGE, LAST_ANSWER)
_LAST = (
    OPERATION_FIELD,
    IMPORT_FIELD,
    "updated_at",
    "consent_source",
    "consent_at",
    "name",
    "surname",
    "phone",
    "email",
)
_NEVER = frozenset({"origin"})
"""BEGAN says more, by the same name."""

Kind = Literal["values", "numbers", "days"]


class Arrangement(BaseModel):
    """The order of a person's facets and which are open; empty and None: as they come."""

    model_config = ConfigDict(frozen=True)

    order: tuple[str, ...] = ()
    opened: tuple[str, ...] | None = None


def facet_names(context: Context) -> tuple[str, ...]:
    """Every facet, in the order in which one looks for them: where people come from, who they are, what they did."""
    registry = context.registry
    choices = registry.names(FieldType.CHOICE, FieldType.BOOL)
    others = [*registry.names(FieldType.NUMBER), *registry.names(FieldType.DATE), *registry.names(FieldType.LIST)]
    wanted = [*_FIRST, *choices, LIST_FIELD, *_MOMENTS, *others, *registry.names(FieldType.TEXT)]
    known = [name for name in wanted if name not in _LAST and _is_known(name, context)]
    return tuple(dict.fromkeys([*known, *(name for name in _LAST if _is_known(name, context))]))


def _is_known(name: str, context: Context) -> bool:
    return name in ACTIVITY or name in MEMBERSHIP_FIELDS or (name in context.registry and name not in _NEVER)


def arranged(names: Sequence[str], order: Sequence[str]) -> tuple[str, ...]:
    """The names in a person's order; those it doesn't know (new fields) keep the neighbour they have by default."""
    placed = [name for name in order if name in names]
    for place, name in enumerate(names):
        if name not in placed:
            before = next((each for each in reversed(names[:place]) if each in placed), None)
            placed.insert(placed.index(before) + 1 if before is not None and order else len(placed), name)
    return tuple(placed)


def open_at_first(names: Sequence[str], used: Collection[str], many: Collection[str], context: Context) -> list[str]:
    """The first facets that have a few values each: they tell most, and one click answers for all of them."""
    few = [name for name in names if name in used and name not in many and kind_of(name, context) == "values"]
    return [name for name in few if name not in MEMBERSHIP_FIELDS][:OPEN_AT_FIRST]


def kind_of(name: str, context: Context) -> Kind:
    """How a facet is drawn: its values, a histogram of numbers, or one of days."""
    if name in MEMBERSHIP_FIELDS:
        return "values"
    kind = context.known_field(name).type
    return "numbers" if kind is FieldType.NUMBER else "days" if kind is FieldType.DATE else "values"
