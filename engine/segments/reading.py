"""Reads a segment that a person wrote as JSON: what is wrong is said with its place in the tree and what is allowed.

`parse_segment` reads what the store holds; this reads what comes in from a file, the command line or REST. The texts
are English, as all that the command line says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import narwhals as nw
from pydantic import ValidationError

from engine.errors import InvalidRule
from engine.segments.activity import ACTIVITY
from engine.segments.compile import compile_rule
from engine.segments.context import Context
from engine.segments.joins import MEMBERSHIP_FIELDS
from engine.segments.operators import EVERY_OPERATOR, Operand, Operator, operators_for, operators_of
from engine.segments.rules import (
    AllOf,
    AnyOf,
    Comparison,
    FacetChoice,
    Not,
    Segment,
)
from engine.words import N_

KEYS = {
    "all": ("kind", "rules"), "any": ("kind", "rules"), "not": ("kind", "rule"),
    "is": ("kind", "field", "operator", "value"),
}  # fmt: skip
KINDS = 'allowed as "kind": ' + ", ".join(KEYS)
NEEDED = {
    "model_type": "an object is needed", "model_attributes_type": "an object is needed",
    "dict_type": "an object is needed", "mapping_type": "an object is needed", "tuple_type": "a list is needed",
    "frozen_set_type": "a list is needed", "string_type": "a text is needed",
}  # fmt: skip
MOST_NAMES = 40
SHAPE = N_("this is not in the shape of a segment")
VALUES: dict[Operand, str] = {
    Operand.NOTHING: "no value", Operand.TODAY: "no value", Operand.TEXT: "a text", Operand.TEXTS: "a list of texts",
    Operand.PATTERN: "a regular expression (RE2)", Operand.NUMBER: "a number", Operand.NUMBERS: "[low, high]",
    Operand.DATE: 'a day such as "2026-03-08"', Operand.DATES: '["2026-03-01", "2026-03-31"]',
    Operand.DAYS: "a whole number of days", Operand.NEXT_DAYS: "a whole number of days",
    Operand.YEAR_DAY: "0 to 366 days", Operand.YEAR_DAYS: "1 to 366 days", Operand.ENTRIES: "a list of texts",
    Operand.COUNT: "a whole number", Operand.PERCENT: 'a number of per cent, or [number, "seed"]',
    Operand.OPERATION_CODE: "[operation id, code]", Operand.OPERATION_BUTTON: '[operation id, "payload"]',
}  # fmt: skip


def read_segment(given: str | bytes | Mapping[str, Any], context: Context) -> Segment:
    """The segment of a JSON text, or of what was parsed out of one, fit for use.

    Raises:
        InvalidRule: `reason` names the place (`rule.rules[1].operator`), what is wrong there and what is allowed.
    """
    values = _parsed(given)
    try:
        segment = Segment.model_validate(values)
    except ValidationError as problem:
        error = problem.errors(include_url=False, include_input=False)[0]
        raise _shape(*_misshapen(values, error["loc"], str(error["type"]), str(error["msg"]))) from None
    for place, part in _parts(segment):
        try:
            compile_rule(part, nw, context)
        except InvalidRule as problem:
            raise _located(place, part, problem, context) from None
    compile_rule(segment, nw, context)
    return segment


def _parsed(given: str | bytes | Mapping[str, Any]) -> Any:
    if not isinstance(given, str | bytes):
        return given
    try:
        return json.loads(given)
    except json.JSONDecodeError as problem:
        raise _shape(f"line {problem.lineno}, column {problem.colno}", f"no JSON: {problem.msg}") from None
    except (UnicodeDecodeError, RecursionError):
        raise _shape("", "no JSON") from None


def _shape(place: str, text: str) -> InvalidRule:
    return InvalidRule(reason=f"{place}: {text}" if place else text, place=place, problem=SHAPE)


def _misshapen(values: Any, location: tuple[str | int, ...], kind: str, text: str) -> tuple[str, str]:
    """(place, what is wrong and allowed). The kinds of rules that a location names are left out."""
    place, here, within = "", values, values
    for part in location:
        if isinstance(here, list) and isinstance(part, int) and part < len(here):
            within, here, place = here, here[part], f"{place}[{part}]"
        elif isinstance(here, Mapping) and part in here:
            within, here, place = here, here[str(part)], f"{place}.{part}".lstrip(".")
        elif isinstance(here, Mapping) and kind == "missing" and part == location[-1]:
            return f"{place}.{part}".lstrip("."), f"is missing; {_allowed_keys(here, place)}"
    if kind == "extra_forbidden" and isinstance(within, Mapping):
        return place, f"is unknown here; {_allowed_keys(within, place.rpartition('.')[0])}"
    if kind.startswith("union_tag"):
        return f"{place}.kind".lstrip("."), KINDS
    if place.endswith(".value"):
        return place, "a text, a number, true, false, null or a list of these is needed"
    return place or "the whole", NEEDED.get(kind, text.removeprefix("Value error, "))


def _allowed_keys(within: Mapping[str, Any], place: str) -> str:
    if not place:
        return "allowed: facets, rule"
    if place.startswith("facets"):
        return "allowed: include, exclude"
    return "allowed: " + ", ".join(KEYS.get(str(within.get("kind", "is")), KEYS["is"]))


def _parts(segment: Segment) -> Iterator[tuple[str, Segment]]:
    """Each facet and each comparison alone, with its place."""
    for name, choice in segment.facets.items():
        yield f"facets.{name}", Segment(facets={name: choice})
    if segment.rule is not None:
        for place, comparison in _comparisons("rule", segment.rule):
            yield place, Segment(rule=comparison)


def _comparisons(place: str, rule: AllOf | AnyOf | Not | Comparison) -> Iterator[tuple[str, Comparison]]:
    if isinstance(rule, Comparison):
        yield place, rule
    elif isinstance(rule, Not):
        yield from _comparisons(f"{place}.rule", rule.rule)
    else:
        for number, inner in enumerate(rule.rules):
            yield from _comparisons(f"{place}.rules[{number}]", inner)


def _located(place: str, part: Segment, problem: InvalidRule, context: Context) -> InvalidRule:
    if isinstance(part.rule, Comparison):
        detail, text = _unfit(part.rule, problem, context)
        place = f"{place}.{detail}"
    else:
        name, choice = next(iter(part.facets.items()))
        text = _unfit_facet(name, choice, problem, context)
    fields = {**problem.fields, "reason": f"{place}: {text}", "place": place}
    return InvalidRule(**fields)


def _unfit(comparison: Comparison, problem: InvalidRule, context: Context) -> tuple[str, str]:
    """(key, what is wrong and allowed)."""
    name = comparison.field
    found = _operators(name, context)
    if found is None:
        return "field", _unknown_field(name, _rule_fields(context))
    operator = next((each for each in found if each.key == comparison.operator), None)
    if operator is None:
        return (
            "operator",
            f"{comparison.operator!r} is unknown; allowed for {name}: {', '.join(o.key for o in found)}",
        )
    wrong = str(problem.fields.get("problem") or problem.fields.get("reason", ""))
    allowed = VALUES.get(operator.operand) or _members(operator.operand, context)
    return "value", f"{wrong}; allowed: {allowed}"


def _unfit_facet(name: str, choice: FacetChoice, problem: InvalidRule, context: Context) -> str:
    if name not in MEMBERSHIP_FIELDS and name not in ACTIVITY and name not in context.registry:
        return _unknown_field(name, (*context.registry.names(), *ACTIVITY, *MEMBERSHIP_FIELDS))
    wrong = str(problem.fields.get("problem") or problem.fields.get("reason", ""))
    if name not in MEMBERSHIP_FIELDS:
        return wrong
    operand = {field: Operand(field.removeprefix("@")) for field in MEMBERSHIP_FIELDS}[name]
    return f"{wrong}; allowed: {_members(operand, context)}"


def _operators(name: str, context: Context) -> tuple[Operator, ...] | None:
    """The operators of a field; None where there is no such field."""
    if name in ACTIVITY or name in context.registry:
        return operators_for(context.known_field(name).type)
    return operators_of(name) or None


def _rule_fields(context: Context) -> tuple[str, ...]:
    special = dict.fromkeys(each.field for each in EVERY_OPERATOR if each.field)
    return (*context.registry.names(), *ACTIVITY, *special)


def _unknown_field(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ";"
    return f"there is no field {name!r}{meant} known: {_listed(known)}"


def _members(operand: Operand, context: Context) -> str:
    """What an id may be: the known ones with their names."""
    if operand is Operand.SEGMENT:
        return "the id of a segment: " + _listed(f"{id_} ({each.name})" for id_, each in context.segments.items())
    if operand is Operand.LIST:
        return "the id of a list: " + _listed(f"{id_} ({name})" for id_, name in context.lists.items())
    if operand is Operand.IMPORT:
        return "the id of an import: " + _listed(f"{id_} ({each.file_name})" for id_, each in context.imports.items())
    return "the id of an operation: " + _listed(f"{id_} ({each.name})" for id_, each in context.operations.items())


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    more = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    return (", ".join(known[:MOST_NAMES]) or "none yet") + more
