"""Compiles a segment to one boolean expression, for polars (`pl`) or for Narwhals over DuckDB (`nw`).

Null means "doesn't hold", as a filter takes it; under a `Not` it is made false first, so that `Not` and "is not" keep
people with no value. (Making every comparison two-valued costs a plain count two thirds of its speed.)
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
from engine.segments.folding import loose_pattern
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
SHORTEST_PHONE_PART = 3


def compile_rule(segment: Segment, ns: Any, context: Context, within: tuple[str, ...] = ()) -> Any:
    """The segment as one expression to filter by: true for its people, false or null for all others.

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
        parts.append(reduce(logic.or_, _tests(ns, target, choice.include)))
    if choice.exclude:
        column, blank = ns.col(name), None in choice.exclude
        for test in _tests(ns, target, choice.exclude - {None}):
            parts.append(~test if blank else ~test | column.is_null())
        if blank:
            parts.append(~column.is_null() if target.type is FieldType.BOOL else column != "")
    return _all(ns, parts)


def is_constant(segment: Segment, context: Context) -> bool:
    """It looks at no column: empty groups alone, itself and in the segments it refers to."""
    if facets_of(segment.facets):
        return False
    return all(
        each.field == SEGMENT_FIELD and is_constant(context.known_segment(str(each.value)).segment, context)
        for each in segment.comparisons()
    )


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


def _tests(ns: Any, target: Field, values: frozenset[str | None]) -> list[Any]:
    """Expressions of which one is true for those who have one of the values."""
    column, parts = ns.col(target.name), []
    some = sorted(value for value in values if value is not None)
    if target.type is FieldType.BOOL:
        if unknown := set(some) - {"true", "false"}:
            raise InvalidRule(
                reason=f"{target.name!r} is yes or no, not {sorted(unknown)}", field=target.name,
                problem=N_("a yes/no field has the values true and false"),
            )  # fmt: skip
        parts += [column if value == "true" else ~column for value in some]
    elif some:
        parts.append(column.is_in(some) if len(some) > 1 else column == some[0])
    if None in values:
        parts.append(column.is_null() if target.type is FieldType.BOOL else column.is_null() | (column == ""))
    return parts


def _rule_expr(rule: AllOf | AnyOf | Not | Comparison, ns: Any, context: Context, within: tuple[str, ...]) -> Any:
    if isinstance(rule, Comparison):
        return _comparison_expr(rule, ns, context, within)
    if isinstance(rule, Not):
        return ~_rule_expr(rule.rule, ns, context, within).fill_null(False)
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
    return operator.build(ns, column, operand)


def _special_column(comparison: Comparison, ns: Any, context: Context, within: tuple[str, ...], operand: Any) -> Any:
    """What stands in the place of a column for an `@` field."""
    if comparison.field == SHARE_FIELD:
        return ns.col("bucket")
    if comparison.field == LIST_FIELD:
        context.known_list(operand)
        return ns.col(list_column(operand))
    if comparison.field == SEGMENT_FIELD:
        refuse_cycle(operand, within)
        return compile_rule(context.known_segment(operand).segment, ns, context, (*within, operand))
    return _person_expr(ns, operand, context)


def _person_expr(ns: Any, needle: str, context: Context) -> Any:
    """Whom a person means by a bit of text: digits are a phone, a space is a full name, an @ is an e-mail."""
    if digits := phone_part(needle):
        return ns.col("phone").str.contains(digits, literal=True)
    pattern = loose_pattern(" ".join(needle.split()))
    if " " in needle.strip():
        whole = ns.concat_str([ns.col("name"), ns.col("surname")], separator=" ", ignore_nulls=True)
        return whole.str.contains(pattern)
    columns = ("email",) if "@" in needle else ("name", "surname", "email")
    return reduce(logic.or_, (ns.col(name).str.contains(pattern) for name in columns))


def phone_part(needle: str) -> str:
    """The digits to look for in a phone number, or nothing: `0532 123` becomes `532123`."""
    compact = needle.translate(str.maketrans("", "", " +-()./\u00a0"))
    if not (compact.isascii() and compact.isdigit()):
        return ""
    digits = compact.lstrip("0")
    return digits if len(digits) >= SHORTEST_PHONE_PART else ""


def _all(ns: Any, parts: list[Any]) -> Any:
    return reduce(logic.and_, parts) if parts else ns.lit(True)
