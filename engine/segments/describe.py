"""Says a segment in one sentence, from the same operator table that compiles it.

The language comes in from outside: a translate function, and how values, numbers and dates are written.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import narwhals as nw

from engine.contacts.fields import Field
from engine.segments.activity import WINDOW
from engine.segments.compile import facets_of, target_of
from engine.segments.context import Context
from engine.segments.facet_tests import facet_expr as compile_facet
from engine.segments.joins import MEMBERSHIP_FIELDS
from engine.segments.operands import NO_FIELD, read_operand
from engine.segments.operators import Operand, find_operator
from engine.segments.rules import (
    IMPORT_FIELD,
    LIST_FIELD,
    OPERATION_FIELD,
    SEGMENT_FIELD,
    AllOf,
    AnyOf,
    Comparison,
    FacetChoice,
    Not,
    Segment,
)
from engine.segments.say_ranges import say_range
from engine.segments.speech import PLAIN, Speech
from engine.words import N_

EVERYBODY = N_("Everybody")
NOBODY = N_("nobody")
NO_VALUE = N_("none")
AND, OR = N_("and"), N_("or")
IS, IS_NOT = N_("{field} is {value}"), N_("{field} is not {value}")
STAY = N_("{sentence} (people with no value stay in)")
NEGATED = N_("not ({sentence})")
DRAWN = N_("{sentence}, drawn as {seed}")
ANNIVERSARY_TODAY = N_("{field} has its anniversary today")
MEMBERSHIP_LABELS = {
    LIST_FIELD: N_("List"), IMPORT_FIELD: N_("Imported file"), OPERATION_FIELD: N_("Bulk message"),
}  # fmt: skip
YES, NO = N_("yes"), N_("no")
MOST_VALUES = 6
AND_MORE = N_("{values} and {count} more")


def describe(segment: Segment, context: Context, speech: Speech = PLAIN) -> str:
    """One sentence for the whole segment.

    Raises:
        InvalidRule: it can't be compiled either.
    """
    places = {name: place for place, name in enumerate(context.registry.names())}
    chosen = sorted(facets_of(segment.facets), key=lambda pair: places.get(pair[0], 0))
    parts = [_facet(name, choice, context, speech) for name, choice in chosen]
    if segment.rule is not None:
        rules = segment.rule.rules if isinstance(segment.rule, AllOf) else (segment.rule,)
        alone = not parts and len(rules) == 1
        parts += [_rule(rule, context, speech, nested=not alone) for rule in rules]
    return " · ".join(parts) if parts else speech.translate(EVERYBODY)


def field_label(field: Field, translate: Callable[[str], str]) -> str:
    """A field's label: translated when it is ours, a person's own word when it is theirs."""
    return translate(field.label) if field.built_in else field.label


def _facet(name: str, choice: FacetChoice, context: Context, speech: Speech) -> str:
    compile_facet(nw, name, choice, context)
    label = facet_label(name, context, speech.translate)
    parts = []
    if choice.include:
        value = _joined([_facet_value(name, each, context, speech) for each in _ordered(choice.include)], speech, OR)
        parts.append(speech.translate(IS).format(field=label, value=value))
    if choice.exclude:
        value = _joined([_facet_value(name, each, context, speech) for each in _ordered(choice.exclude)], speech, OR)
        sentence = speech.translate(IS_NOT).format(field=label, value=value)
        stay = not choice.include and None not in choice.exclude and name not in (*MEMBERSHIP_FIELDS, WINDOW)
        parts.append(speech.translate(STAY).format(sentence=sentence) if stay else sentence)
    return f" {speech.translate(AND)} ".join(parts)


def facet_label(name: str, context: Context, translate: Callable[[str], str]) -> str:
    """What a facet is called."""
    if name in MEMBERSHIP_LABELS:
        return translate(MEMBERSHIP_LABELS[name])
    return field_label(context.known_field(name), translate)


def _ordered(values: frozenset[str | None]) -> list[str | None]:
    return sorted(values, key=lambda value: (value is None, value or ""))


def _facet_value(name: str, value: str | None, context: Context, speech: Speech) -> str:
    if value is None:
        return speech.strong(speech.translate(NO_VALUE))
    if name in MEMBERSHIP_FIELDS:
        return member_name(name, value, context, speech)
    target = context.known_field(name)
    if target.type == "bool":
        return speech.strong(speech.translate(YES if value == "true" else NO))
    if target.type in ("number", "date"):
        return speech.strong(say_range(target, value, context, speech))
    return speech.strong(speech.value(target, value))


def _rule(rule: AllOf | AnyOf | Not | Comparison, context: Context, speech: Speech, *, nested: bool) -> str:
    if isinstance(rule, Comparison):
        return _comparison(rule, context, speech)
    if isinstance(rule, Not):
        return speech.translate(NEGATED).format(sentence=_rule(rule.rule, context, speech, nested=False))
    if not rule.rules:
        return speech.translate(EVERYBODY if isinstance(rule, AllOf) else NOBODY)
    word = f" {speech.translate(AND if isinstance(rule, AllOf) else OR)} "
    text = word.join(_rule(each, context, speech, nested=True) for each in rule.rules)
    return f"({text})" if nested and len(rule.rules) > 1 else text


def _comparison(comparison: Comparison, context: Context, speech: Speech) -> str:
    target = target_of(comparison, context)
    operator = find_operator(comparison.operator, comparison.field, None if target is NO_FIELD else target.type)
    read_operand(comparison, operator, target, context)
    values = _values(comparison, operator.operand, target, context, speech)
    template = operator.sentence
    if operator.operand is Operand.YEAR_DAY and comparison.value == 0:
        template = ANNIVERSARY_TODAY
    sentence = speech.translate(template).format(field=field_label(target, speech.translate), **values)
    if operator.operand is Operand.PERCENT and isinstance(comparison.value, tuple):
        seed = speech.strong(f"“{comparison.value[1]}”")
        sentence = speech.translate(DRAWN).format(sentence=sentence, seed=seed)
    return speech.translate(STAY).format(sentence=sentence) if operator.stay else sentence


def _values(
    comparison: Comparison, operand: Operand, target: Field, context: Context, speech: Speech
) -> dict[str, str]:
    value = comparison.value
    if operand in (Operand.NOTHING, Operand.TODAY):
        return {}
    if operand in (Operand.NUMBERS, Operand.DATES) and isinstance(value, tuple):
        return {"low": _one(value[0], operand, target, speech), "high": _one(value[1], operand, target, speech)}
    if operand in (Operand.TEXTS, Operand.ENTRIES):
        texts = value if isinstance(value, tuple) else (value,)
        word = AND if comparison.operator == "has_all" else OR
        return {"value": _joined([_one(each, operand, target, speech) for each in texts], speech, word)}
    main, detail = value if isinstance(value, tuple) and len(value) == 2 else (value, None)
    said = {} if detail is None else {"detail": _detail(detail, operand, speech)}
    if comparison.field in (SEGMENT_FIELD, *MEMBERSHIP_FIELDS):
        return {"value": member_name(comparison.field, str(main), context, speech), **said}
    return {"value": _one(main, operand, target, speech), **said}


def member_name(field: str, member: str, context: Context, speech: Speech = PLAIN) -> str:
    """A segment, list, imported file or operation by name.

    Raises:
        InvalidRule: it isn't known.
    """
    if field == SEGMENT_FIELD:
        return speech.strong(f"“{context.known_segment(member).name}”")
    if field == LIST_FIELD:
        return speech.strong(f"“{context.known_list(member)}”")
    if field == OPERATION_FIELD:
        return speech.strong(f"“{context.known_operation(member).name}”")
    file = context.known_import(member)
    day = speech.day(file.imported_at.astimezone(context.zone).date())
    return speech.strong(f"“{file.file_name}” ({day})")


def _detail(detail: object, operand: Operand, speech: Speech) -> str:
    return speech.strong(f"{detail:d}" if isinstance(detail, int) else f"“{detail}”")


def _one(value: object, operand: Operand, target: Field, speech: Speech) -> str:
    if operand in (Operand.DATE, Operand.DATES):
        return speech.strong(speech.day(date.fromisoformat(str(value))))
    if isinstance(value, (int, float)):
        return speech.strong(speech.number(value))
    if operand in (Operand.TEXTS, Operand.ENTRIES) or (operand is Operand.TEXT and target.type == "choice"):
        return speech.strong(speech.value(target, str(value)))
    return speech.strong(f"“{value}”")


def _joined(values: list[str], speech: Speech, word: str) -> str:
    """`a, b or c`, cut after a few."""
    if len(values) > MOST_VALUES:
        cut = ", ".join(values[:MOST_VALUES])
        return speech.translate(AND_MORE).format(values=cut, count=speech.number(len(values) - MOST_VALUES))
    if len(values) == 1:
        return values[0]
    return f"{', '.join(values[:-1])} {speech.translate(word)} {values[-1]}"
