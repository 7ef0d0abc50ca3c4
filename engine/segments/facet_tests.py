"""One facet's choice as an expression: any of the included values and none of the excluded ones, by type."""

from __future__ import annotations

import operator as logic
from collections.abc import Iterable
from functools import reduce
from typing import Any

from engine.contacts.fields import Field, FieldType
from engine.errors import InvalidRule
from engine.segments.activity import BEGAN, WINDOW
from engine.segments.context import Context
from engine.segments.joins import ANY, MEMBERSHIP_FIELDS, member_join
from engine.segments.operators import TEXT
from engine.segments.ranges import read_day_range, read_number_range
from engine.segments.rules import IMPORT_FIELD, LIST_FIELD, OPERATION_FIELD, FacetChoice
from engine.words import N_


def facet_expr(ns: Any, name: str, choice: FacetChoice, context: Context) -> Any:
    """One facet: any of the included values (if some are), and none of the excluded ones. Values match exactly.

    Raises:
        InvalidRule: there is no such field, or a value that its type doesn't have.
    """
    if name in MEMBERSHIP_FIELDS:
        return _membership(ns, name, choice, context)
    target, parts = context.known_field(name), []
    if choice.include:
        parts.append(reduce(logic.or_, _tests(ns, target, choice.include, context)))
    column, stays = column_expr(ns, name), None not in choice.exclude
    for test in _tests(ns, target, choice.exclude - {None}, context):
        parts.append(~test | column.is_null() if stays else ~test)
    if not stays:
        parts.append(_has_value(ns, target))
    return reduce(logic.and_, parts)


def column_expr(ns: Any, name: str) -> Any:
    """The column of a field, the fields of `activity` included."""
    if name == BEGAN:
        return ns.coalesce(ns.col(BEGAN), ns.col("origin"))
    return ns.col(WINDOW).fill_null(False) if name == WINDOW else ns.col(name)


def check_member(field: str, member: str, context: Context) -> None:
    """Refuse a list, file or operation that isn't known.

    Raises:
        InvalidRule: it isn't.
    """
    known = {LIST_FIELD: context.known_list, IMPORT_FIELD: context.known_import}
    known.get(field, context.known_operation)(member)


def _tests(ns: Any, target: Field, values: frozenset[str | None], context: Context) -> list[Any]:
    """Expressions of which one is true for those who have one of the values."""
    column = column_expr(ns, target.name)
    some = sorted(value for value in values if value is not None)
    parts = _some(column, target, some, context) if some else []
    if None in values:
        parts.append(_has_no_value(ns, target))
    return parts


def _some(column: Any, target: Field, values: list[str], context: Context) -> list[Any]:
    match target.type:
        case FieldType.BOOL:
            return [column if value == "true" else ~column for value in _yes_no(target, values)]
        case FieldType.NUMBER:
            return [_in_numbers(column, value, target) for value in values]
        case FieldType.DATE:
            return [_in_days(column, value, target, context) for value in values]
        case FieldType.LIST:
            return [column.list.contains(value) for value in values]
        case _:
            return [column.is_in(values) if len(values) > 1 else column == values[0]]


def _yes_no(target: Field, values: list[str]) -> Iterable[str]:
    if unknown := set(values) - {"true", "false"}:
        raise InvalidRule(
            reason=f"{target.name!r} is yes or no, not {sorted(unknown)}", field=target.name,
            problem=N_("a yes/no field has the values true and false"),
        )  # fmt: skip
    return values


def _in_numbers(column: Any, token: str, target: Field) -> Any:
    numbers = read_number_range(token, target)
    parts = [] if numbers.low is None else [column >= numbers.low]
    if numbers.high is not None:
        parts.append(column <= numbers.high if numbers.closed else column < numbers.high)
    return reduce(logic.and_, parts)


def _in_days(column: Any, token: str, target: Field, context: Context) -> Any:
    days = read_day_range(token, target, context)
    start, end = context.bounds(target, *days.bounds)
    parts = [] if days.first is None else [column >= start]
    if days.last is not None:
        parts.append(column < end)
    return reduce(logic.and_, parts)


def _has_no_value(ns: Any, target: Field) -> Any:
    column = column_expr(ns, target.name)
    if target.type is FieldType.LIST:
        return column.is_null() | (column.list.len() == 0)
    return column.is_null() | (column == "") if target.type in TEXT else column.is_null()


def _has_value(ns: Any, target: Field) -> Any:
    column = column_expr(ns, target.name)
    if target.type is FieldType.LIST:
        return column.list.len() > 0
    return column != "" if target.type in TEXT else ~column.is_null()


def _membership(ns: Any, name: str, choice: FacetChoice, context: Context) -> Any:
    for member in (choice.include | choice.exclude) - {None}:
        check_member(name, str(member), context)
    if name == OPERATION_FIELD and None in choice.include | choice.exclude:
        raise InvalidRule(
            reason="the facet of operations has no value for none", field=name,
            problem=N_("this facet has no “none”; use a rule"),
        )  # fmt: skip
    parts = []
    if choice.include:
        parts.append(reduce(logic.or_, (_is_member(ns, name, each) for each in choice.include)))
    parts += [~_is_member(ns, name, each) for each in choice.exclude]
    return reduce(logic.and_, parts)


def _is_member(ns: Any, name: str, member: str | None) -> Any:
    column = ns.col(member_join(name, member or ANY).column).fill_null(False)
    return ~column if member is None else column
