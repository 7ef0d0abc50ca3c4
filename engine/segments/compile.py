"""Compiles a segment to one boolean expression, for polars (`pl`) or for Narwhals over DuckDB (`nw`).

Null means "doesn't hold", as a filter takes it; under a `Not` it is made false first, so that `Not` and "is not" keep
people with no value. (Making every comparison two-valued costs a plain count two thirds of its speed.)
What no column of contacts says (lists, files, operations, what people did) is a column that `joins` names and
`joined` joins; membership of a segment is that segment, inlined.
"""

from __future__ import annotations

import operator as logic
from collections.abc import Mapping
from functools import reduce
from typing import Any

from engine.contacts.fields import Field
from engine.segments.activity import ACTIVITY
from engine.segments.context import Context, refuse_cycle
from engine.segments.facet_tests import check_member, column_expr, facet_expr
from engine.segments.folding import loose_pattern
from engine.segments.joins import MEMBERSHIP_FIELDS, JoinKind, entries_column, join_of
from engine.segments.operands import NO_FIELD, read_operand
from engine.segments.operators import find_operator
from engine.segments.rules import (
    SEGMENT_FIELD,
    SHARE_FIELD,
    AllOf,
    AnyOf,
    Comparison,
    FacetChoice,
    Not,
    Segment,
)

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


def is_constant(segment: Segment, context: Context) -> bool:
    """It looks at no column: empty groups alone, itself and in the segments it refers to."""
    if facets_of(segment.facets):
        return False
    return all(
        each.field == SEGMENT_FIELD and is_constant(context.known_segment(str(each.value)).segment, context)
        for each in segment.comparisons()
    )


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
    target = target_of(comparison, context)
    special = target is NO_FIELD
    operator = find_operator(comparison.operator, comparison.field, None if special else target.type)
    operand = read_operand(comparison, operator, target, context)
    if special:
        column = _special_column(comparison, ns, context, within, operand)
    else:
        join = join_of(comparison, context)
        is_entries = join is not None and join.kind is JoinKind.ENTRIES
        column = ns.col(entries_column(target.name)) if is_entries else column_expr(ns, target.name)
    return operator.build(ns, column, operand)


def target_of(comparison: Comparison, context: Context) -> Field:
    """The field a comparison is about; `NO_FIELD` for what is no column."""
    name = comparison.field
    return NO_FIELD if name.startswith("@") and name not in ACTIVITY else context.known_field(name)


def _special_column(comparison: Comparison, ns: Any, context: Context, within: tuple[str, ...], operand: Any) -> Any:
    """What stands in the place of a column for an `@` field."""
    if comparison.field == SHARE_FIELD:
        return ns.col("bucket")
    if comparison.field in MEMBERSHIP_FIELDS:
        check_member(comparison.field, operand[0] if isinstance(operand, tuple) else operand, context)
    if comparison.field == SEGMENT_FIELD:
        refuse_cycle(operand, within)
        return compile_rule(context.known_segment(operand).segment, ns, context, (*within, operand))
    join = join_of(comparison, context)
    return _person_expr(ns, operand, context) if join is None else ns.col(join.column)


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
