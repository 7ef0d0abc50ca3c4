"""What becomes of each column of a file: a field that exists, a new field, the provider's user id, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from engine.contacts.fields import LONGEST_LABEL, RESERVED, FieldRegistry, FieldType, check_new_field, field_name
from engine.contacts.source import SourceFile
from engine.errors import InputError, UnknownName
from engine.words import N_

USER_ID = "user_id"
USER_ID_LABEL = N_("WhatsApp user id")
CONSENT_CHANNEL = "consent_channel"
CONSENT_CHANNEL_LABEL = N_("Consent channel")
TARGET_LABELS: dict[str, str] = {USER_ID: USER_ID_LABEL, CONSENT_CHANNEL: CONSENT_CHANNEL_LABEL}
"""Targets that are no fields: the id that the provider knows a person by, and what the history of consent keeps."""
OWN_ID_TYPES = (FieldType.TEXT, FieldType.CHOICE, FieldType.NUMBER)
READ_ONLY = frozenset({"origin", "created_at", "updated_at"})


class NewField(BaseModel):
    """A field that the import makes."""

    model_config = ConfigDict(frozen=True)

    label: str
    type: FieldType


class ColumnTarget(BaseModel):
    """What becomes of one column; without a target it is left out."""

    model_config = ConfigDict(frozen=True)

    header: str
    target: str | None = None
    new: NewField | None = None


class Mapping(BaseModel):
    """The targets of all columns, in the file's order; its JSON is kept with the import."""

    model_config = ConfigDict(frozen=True)

    columns: tuple[ColumnTarget, ...]

    def __iter__(self) -> Iterator[tuple[int, ColumnTarget]]:  # type: ignore[override]
        """(column number, target) of the columns that go somewhere."""
        return ((number, each) for number, each in enumerate(self.columns) if each.target)

    def targets(self) -> dict[str, int]:
        """Column number by target."""
        return {each.target or "": number for number, each in self}


def mappable_fields(registry: FieldRegistry) -> list[str]:
    """The targets a column may go to, besides a new field: fields, then those of `TARGET_LABELS`."""
    return [each.name for each in registry if each.name not in READ_ONLY] + list(TARGET_LABELS)


def types_of(mapping: Mapping, registry: FieldRegistry) -> dict[str, FieldType]:
    """The type of each target but the phone."""
    types = {}
    for _, each in mapping:
        if each.target and each.target != "phone":
            known = FieldType.TEXT if each.target in TARGET_LABELS else None
            types[each.target] = each.new.type if each.new else known or registry.get(each.target).type
    return types


def check_mapping(
    mapping: Mapping, source: SourceFile, registry: FieldRegistry, *, identity: str | None = None
) -> None:
    """Refuse a mapping that can't be carried out.

    Args:
        identity: the target that names a person beside the phone and the user id.

    Raises:
        InputError: it is for another file, has no identity, or two columns go to one target.
        UnknownName: a target is no field.
        InvalidField: a new field can't be.
    """
    if tuple(each.header for each in mapping.columns) != source.headers:
        raise InputError(reason=N_("the mapping is for a file with other columns"))
    targets = [each.target for _, each in mapping]
    if len(set(targets)) != len(targets):
        raise InputError(reason=N_("two columns go to the same field"))
    if not {"phone", USER_ID, identity} & set(targets):
        raise InputError(
            reason=N_("no column is the phone number (or the WhatsApp user id), so nobody can be told apart")
        )
    if {"consent_source", "consent_at", CONSENT_CHANNEL} & set(targets) and "consent" not in targets:
        raise InputError(reason=N_("source, time and channel of consent need the column that says yes or no"))
    labels = [each.new.label.casefold() for _, each in mapping if each.new]
    if len(set(labels)) != len(labels):
        raise InputError(reason=N_("two new fields have the same label"))
    for _, each in mapping:
        if each.new:
            check_new_field(registry, each.target or "", each.new.label, each.new.type)
        elif each.target not in mappable_fields(registry):
            raise UnknownName(kind="field", name=each.target)


def build_mapping(source: SourceFile, registry: FieldRegistry, choices: Sequence[str | FieldType | None]) -> Mapping:
    """The mapping that these choices make.

    Args:
        choices: for each column a target, or the type of a new field (named after its header), or None: left out.
    """
    taken = {each for each in choices if isinstance(each, str) and not isinstance(each, FieldType)}
    taken |= set(registry.names()) | RESERVED
    labels = {each.label.casefold() for each in registry}
    columns = []
    for header, choice in zip(source.headers, choices, strict=True):
        if isinstance(choice, FieldType):
            new = NewField(label=_free_label(header, labels), type=choice)
            columns.append(ColumnTarget(header=header, target=_free_name(field_name(header), taken), new=new))
        else:
            columns.append(ColumnTarget(header=header, target=choice))
    return Mapping(columns=tuple(columns))


def _free_name(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name[:36]}_{number}", number + 1
    taken.add(free)
    return free


def _free_label(header: str, labels: set[str]) -> str:
    plain = " ".join(header.split())[:LONGEST_LABEL]
    number, free = 2, plain
    while free.casefold() in labels:
        free, number = f"{plain[: LONGEST_LABEL - 5]} ({number})", number + 1
    labels.add(free.casefold())
    return free
