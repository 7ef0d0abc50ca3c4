"""A mapping as a JSON file, for whoever imports without a page: columns by header, options by name.

    {"columns": {"Telefon": "phone", "Puan": {"new": "number", "label": "Puan"}, "Not": null},
     "options": {"region": "TR", "policies": {"city": "keep"}, "identity": "musteri_no"}}

A column that isn't named is left out. Opting in again and the list people are put into are said at each import.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from engine.contacts.fields import FieldRegistry, FieldType, field_name
from engine.contacts.mapping import TARGET_LABELS, ColumnTarget, Mapping, NewField, mappable_fields
from engine.contacts.mappings import fit_columns_to, lasting_options, own_columns, plain_header
from engine.contacts.options import ImportOptions
from engine.contacts.source import SourceFile
from engine.errors import InputError, InvalidMapping
from engine.words import N_

_LASTING = frozenset(ImportOptions.model_fields) - {"opt_in_again", "list_id"}


def mapping_to_json(mapping: Mapping, options: ImportOptions) -> str:
    """Write a mapping and its options as `mapping_from_json` reads them."""
    own = own_columns([each.header for each in mapping.columns])
    columns = {each.header: _written(each) for number, each in enumerate(mapping.columns) if number not in own}
    kept = lasting_options(options).model_dump(mode="json", exclude_defaults=True)
    return json.dumps({"columns": columns, "options": kept}, ensure_ascii=False, indent=2) + "\n"


def mapping_from_json(
    text: str, source: SourceFile, registry: FieldRegistry, defaults: ImportOptions
) -> tuple[Mapping, ImportOptions]:
    """Read a mapping for a file.

    Args:
        defaults: the options where the text says nothing.

    Raises:
        InputError: it is no mapping.
        InvalidMapping: `column` is not in the file, or its target can't be.
    """
    said = _parsed(text)
    known = [_column(header, said["columns"][header], registry) for header in said["columns"]]
    mapping = fit_columns_to(known, source, registry)
    found = {plain_header(each.header) for each in mapping.columns}
    for each in known:
        if plain_header(each.header) not in found:
            raise InvalidMapping(column=each.header, reason=N_("the file has no such column"))
    return mapping, _options(said.get("options", {}), defaults)


def _written(column: ColumnTarget) -> str | dict[str, str] | None:
    if column.new is None:
        return column.target
    return {"new": column.new.type.value, "label": column.new.label, "name": column.target or ""}


def _parsed(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        raise InputError(reason=N_("the mapping is no JSON")) from None
    if not isinstance(said, dict) or not isinstance(said.get("columns"), dict):
        raise InputError(reason=N_('the mapping has no "columns" that say where each column goes'))
    if set(said) - {"columns", "options"} or not isinstance(said.get("options", {}), dict):
        raise InputError(reason=N_('a mapping has "columns" and "options", and nothing else'))
    return said


def _column(header: str, said: Any, registry: FieldRegistry) -> ColumnTarget:
    if said is None or said == "":
        return ColumnTarget(header=header)
    if isinstance(said, str):
        return ColumnTarget(header=header, target=_known(header, said, registry))
    if not isinstance(said, dict) or set(said) - {"new", "label", "name"} or "new" not in said:
        raise InvalidMapping(column=header, reason=N_("say a field, or null, or a new field by its type and label"))
    if said["new"] not in list(FieldType):
        raise InvalidMapping(column=header, reason=N_("the type must be text, number, date, bool, choice or list"))
    label = str(said.get("label") or header)
    new = NewField(label=label, type=FieldType(said["new"]))
    return ColumnTarget(header=header, target=str(said.get("name") or field_name(label)), new=new)


def _known(header: str, said: str, registry: FieldRegistry) -> str:
    """A field by its name, else by its label."""
    if said in mappable_fields(registry):
        return said
    labels = {each.label.casefold(): each.name for each in registry if each.name in mappable_fields(registry)}
    labels |= {label.casefold(): name for name, label in TARGET_LABELS.items()}
    if said.casefold() not in labels:
        raise InvalidMapping(column=header, reason=N_("there is no such field to put it into"))
    return labels[said.casefold()]


def _options(said: dict[str, Any], defaults: ImportOptions) -> ImportOptions:
    for name in said:
        if name not in _LASTING:
            raise InvalidMapping(column=name, reason=N_("there is no such option in a mapping"))
    try:
        return ImportOptions.model_validate(defaults.model_dump() | said)
    except ValidationError as problem:
        name = str(problem.errors()[0]["loc"][-1])
        raise InvalidMapping(column=name, reason=N_("the option has no such value")) from None
