"""The registry of fields: the columns of `contacts` that a person sees, uses in rules and binds to slots.

Each field is a real column, so a name is checked before it becomes one. Columns that are ours alone (ids, keys)
are not fields and their names can't be taken.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import duckdb

from engine.clock import to_store
from engine.errors import InvalidField, UnknownName
from engine.warehouse import Warehouse, audit
from engine.words import N_

# The labels of the built-in fields, as the first migration wrote them: here for the catalogues.
BUILT_IN_LABELS = (
    N_("Name"), N_("Surname"), N_("Phone"), N_("E-mail"), N_("Language"), N_("Country"), N_("City"),
    N_("Assignee"), N_("Conversation began by"), N_("Consent"), N_("Consent source"), N_("Consent since"),
    N_("Created"), N_("Updated"),
)  # fmt: skip
RESERVED = frozenset({
    "contact_id", "match_key", "user_id", "person_key", "phone_valid", "bucket", "import_id", "id", "rowid",
    "variant", "recipient_no", "line", "reason", "consent_channel", "today", "channel",
})  # fmt: skip
MOST_FIELDS = 300
LONGEST_LABEL = 80
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class FieldType(StrEnum):
    """What a field's values are; the value is what `fields.type` holds."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOL = "bool"
    CHOICE = "choice"
    LIST = "list"


COLUMN_TYPES: dict[FieldType, str] = {
    FieldType.TEXT: "VARCHAR",
    FieldType.NUMBER: "DOUBLE",
    FieldType.DATE: "DATE",
    FieldType.BOOL: "BOOLEAN",
    FieldType.CHOICE: "VARCHAR",
    FieldType.LIST: "VARCHAR[]",
}
TYPE_LABELS: dict[FieldType, str] = {
    FieldType.TEXT: N_("Text"),
    FieldType.NUMBER: N_("Number"),
    FieldType.DATE: N_("Date"),
    FieldType.BOOL: N_("Yes/no"),
    FieldType.CHOICE: N_("Choice"),
    FieldType.LIST: N_("Several choices"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field. The label of a built-in field is a catalogue text; that of another is a person's own word."""

    name: str
    label: str
    type: FieldType
    built_in: bool = False


@dataclass(frozen=True)
class FieldRegistry:
    """All fields in their order; hashable, so that it can key a cache."""

    fields: tuple[Field, ...]
    _by_name: dict[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {each.name: each for each in self.fields})

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def get(self, name: str) -> Field:
        """The field of that name.

        Raises:
            UnknownName: there is none.
        """
        if name not in self._by_name:
            raise UnknownName(kind="field", name=name)
        return self._by_name[name]

    def names(self, *types: FieldType) -> tuple[str, ...]:
        """The names, of these types only if any are given, in order."""
        return tuple(each.name for each in self.fields if not types or each.type in types)


def load_registry(cursor: duckdb.DuckDBPyConnection) -> FieldRegistry:
    """The registry as the store has it now."""
    rows = cursor.execute("SELECT name, label, type, built_in FROM fields ORDER BY position, name").fetchall()
    return FieldRegistry(tuple(Field(name, label, FieldType(kind), built_in) for name, label, kind, built_in in rows))


def add_field(
    warehouse: Warehouse, name: str, label: str, type: FieldType | str, *, who: str, now: datetime
) -> Field:
    """Add a field: a column of `contacts` and its row in the registry, audited.

    Raises:
        InvalidField: the name, label or type can't be used, or is taken.
    """
    with warehouse.writing() as cursor:
        return add_field_within(cursor, name, label, type, who=who, now=now)


def add_field_within(
    cursor: duckdb.DuckDBPyConnection, name: str, label: str, type: FieldType | str, *, who: str, now: datetime
) -> Field:
    """`add_field` inside a transaction that is open already."""
    added = check_new_field(load_registry(cursor), name, label, type)
    position = cursor.execute("SELECT coalesce(max(position), 0) + 1 FROM fields").fetchall()[0][0]
    cursor.execute(f'ALTER TABLE contacts ADD COLUMN "{added.name}" {COLUMN_TYPES[added.type]}')
    cursor.execute(
        "INSERT INTO fields VALUES (?, ?, ?, false, ?, ?, ?)",
        [added.name, added.label, added.type.value, position, who, to_store(now)],
    )
    audit(cursor, who=who, verb="added", subject=("field", added.name), now=now, label=added.label, type=added.type)
    return added


def check_new_field(registry: FieldRegistry, name: str, label: str, type: FieldType | str) -> Field:
    """The field these would make.

    Raises:
        InvalidField: as in `add_field`.
    """
    label = " ".join(label.split())
    if not _NAME.fullmatch(name):
        raise InvalidField(name=name, reason=N_("a name is 1 to 40 of a-z, 0-9 and _, and starts with a letter"))
    if name in RESERVED or name in registry:
        raise InvalidField(name=name, reason=N_("the name is taken"))
    if not 0 < len(label) <= LONGEST_LABEL:
        raise InvalidField(name=name, reason=N_("a label is 1 to 80 characters"))
    if any(each.label.casefold() == label.casefold() for each in registry):
        raise InvalidField(name=name, reason=N_("the label is taken"))
    if type not in list(FieldType):
        raise InvalidField(name=name, reason=N_("the type must be text, number, date, bool, choice or list"))
    if len(registry) >= MOST_FIELDS:
        raise InvalidField(name=name, reason=N_("there are too many fields"))
    return Field(name, label, FieldType(type))


def field_name(label: str) -> str:
    """A name made from a label: `Doğum tarihi` becomes `dogum_tarihi`."""
    plain = label.replace("ı", "i").replace("İ", "I").replace("ß", "ss")
    plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40].strip("_")
    if not name:
        return "field"
    return name if name[0].isalpha() else f"f_{name}"[:40]
