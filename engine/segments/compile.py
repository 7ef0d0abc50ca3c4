"""Compiles a segment to one boolean expression, for polars (`pl`) or for Narwhals over DuckDB (`nw`).

Each comparison is made two-valued before it is combined, so `Not` and "is not" keep people with no value.
Membership of a list is a column that `audience.with_lists` joins; membership of a segment is that segment, inlined.
Outcomes of operations can join the same way, as one more `@` field.
"""

from __future__ import annotations

import operator as logic
from collections.abc import Mapping
from functools import reduce
from typing import Any

from engine.contacts.fields import Field, FieldType
from engine.errors import InvalidRule
from engine.segments.context import Context, refuse_cycle
from engine.segments.folding import contains_pattern
from engine.segments.operands import NO_FIELD, read_operand
from engine.segments.operators import find_operator
from engine.segments.rules import (
    LIST_FIELD,
    SEGMENT_FIELD,
    SHARE_FIELD,
    AllOf,
    AnyOf,
    Comparison,
    FacetChoice,
    Not,
    Segment,
)
from engine.words import N_

FACET_TYPES = frozenset({FieldType.CHOICE, FieldType.TEXT, FieldType.BOOL})
PERSON_COLUMNS = ("name", "surname", "email")
SHORTEST_PHONE_PART = 3


def compile_rule(segment: Segment, ns: Any, context: Context, within: tuple[str, ...] = ()) -> Any:
    """The segment as one expression that is true for its people and false for all others, never null.

    Args:
        ns: the module `polars` or `narwhals`.
        within: ids of the segments being compiled already, from the outside in.

    Raises:
        InvalidRule: a field, operator, value, segment or list isn't known or doesn't fit, or a segment refers
            to itself.
    """
    parts = [facet_expr(ns, name, choice, context) for name, choice in facets_of(segment.facets)]
    if segment.rule is not None:
        parts.append(_rule_expr(segment.rule, ns, context, within))
    return _all(ns, parts)


def facets_of(facets: Mapping[str, FacetChoice]) -> list[tuple[str, FacetChoice]]:
    """The facets in which something is chosen, by name."""
    return sorted((name, choice) for name, choice in facets.items() if not choice.is_empty)


def facet_expr(ns: Any, name: str, choice: FacetChoice, context: Context) -> Any:
    """One facet: any of the included values (if some are), and none of the excluded ones. Values match exactly."""
    target = facet_field(name, context)
    parts = []
    if choice.include:
        parts.append(_among(ns, name, target.type, choice.include))
    if choice.exclude:
        parts.append(~_among(ns, name, target.type, choice.exclude))
    return _all(ns, parts)


def facet_field(name: str, context: Context) -> Field:
    """The field of that name, which can have a facet.

    Raises:
        InvalidRule: there is none, or its type can't.
    """
    target = context.known_field(name)
    if target.type not in FACET_TYPES:
        raise InvalidRule(
            reason=f"{name!r} has no facet; use a rule", field=name, problem=N_("only a rule can narrow this field")
        )
    return target


def list_column(list_id: str) -> str:
    """The name of the joined column that is true for the members of a list."""
    return f"@list:{list_id}"


def _among(ns: Any, name: str, kind: FieldType, values: frozenset[str | None]) -> Any:
    column, parts = ns.col(name), []
    some = sorted(value for value in values if value is not None)
    if kind is FieldType.BOOL:
        if unknown := set(some) - {"true", "false"}:
            raise InvalidRule(reason=f"{name!r} is yes or no, not {sorted(unknown)}", field=name,
                              problem=N_("a yes/no field has the values true and false"))  # fmt: skip
        parts += [column if value == "true" else ~column for value in some]
    elif some:
        parts.append(column.is_in(some) if len(some) > 1 else column == some[0])
    if None in values:
        parts.append(column.is_null() if kind is FieldType.BOOL else column.is_null() | (column == ""))
    return reduce(logic.or_, (part.fill_null(False) for part in parts))


def _rule_expr(rule: AllOf | AnyOf | Not | Comparison, ns: Any, context: Context, within: tuple[str, ...]) -> Any:
    if isinstance(rule, Comparison):
        return _comparison_expr(rule, ns, context, within)
    if isinstance(rule, Not):
        return ~_rule_expr(rule.rule, ns, context, within)
    parts = [_rule_expr(each, ns, context, within) for each in rule.rules]
    if isinstance(rule, AllOf):
        return _all(ns, parts)
    return reduce(logic.or_, parts) if parts else ns.lit(False)


def _comparison_expr(comparison: Comparison, ns: Any, context: Context, within: tuple[str, ...]) -> Any:
    special = comparison.field.startswith("@")
    target = NO_FIELD if special else context.known_field(comparison.field)
    operator = find_operator(comparison.operator, comparison.field, None if special else target.type)
    operand = read_operand(comparison, operator, target, context)
    column = _special_column(comparison, ns, context, within, operand) if special else ns.col(target.name)
    return operator.build(ns, column, operand).fill_null(False)


def _special_column(comparison: Comparison, ns: Any, context: Context, within: tuple[str, ...], operand: Any) -> Any:
    """What stands in the place of a column for an `@` field."""
    if comparison.field == SHARE_FIELD:
        return ns.col("bucket")
    if comparison.field == LIST_FIELD:
        context.known_list(operand)
        return ns.col(list_column(operand)).fill_null(False)
    if comparison.field == SEGMENT_FIELD:
        refuse_cycle(operand, within)
        return compile_rule(context.known_segment(operand).segment, ns, context, (*within, operand))
    return _person_expr(ns, operand, context)


def _person_expr(ns: Any, needle: str, context: Context) -> Any:
    """Anybody whose name, surname, both together, e-mail or phone contains the text."""
    pattern = contains_pattern(" ".join(needle.split()))
    parts = [ns.col(name).str.contains(pattern).fill_null(False) for name in PERSON_COLUMNS]
    if " " in needle.strip():
        whole = ns.concat_str([ns.col("name"), ns.col("surname")], separator=" ", ignore_nulls=True)
        parts.append(whole.str.contains(pattern).fill_null(False))
    if digits := phone_part(needle):
        parts.append(ns.col("phone").str.contains(digits, literal=True).fill_null(False))
    return reduce(logic.or_, parts)


def phone_part(needle: str) -> str:
    """The digits to look for in a phone number, or nothing: `0532 123` becomes `532123`."""
    compact = needle.translate(str.maketrans("", "", " +-()./\u00a0"))
    if not (compact.isascii() and compact.isdigit()):
        return ""
    digits = compact.lstrip("0")
    return digits if len(digits) >= SHORTEST_PHONE_PART else ""


def _all(ns: Any, parts: list[Any]) -> Any:
    return reduce(logic.and_, parts) if parts else ns.lit(True)
