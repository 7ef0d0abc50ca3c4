"""The rules of the Audience page: what facets can't say. A list of rules, all or any, and a form for one more."""

from __future__ import annotations

from datetime import date
from typing import Any

import streamlit as st

from engine.contacts.fields import Field, FieldType
from engine.errors import InvalidRule
from engine.segments import AllOf, AnyOf, Comparison, Context, Rule, Segment
from engine.segments.compile import compile_rule
from engine.segments.operators import EVERY_OPERATOR, Operand, Operator, operators_for
from engine.segments.rules import LIST_FIELD, PERSON_FIELD, SEGMENT_FIELD, SHARE_FIELD
from pages.ui.audience_state import set_segment
from pages.ui.audience_words import label_of, sentence
from pages.ui.i18n import t

FORM = "audience.rule"


def draw_rules(segment: Segment, context: Context, choices: dict[str, list[str]]) -> None:
    """The rules there are, and the form for one more.

    Args:
        choices: values a field is known to have, offered while typing.
    """
    rules = _parts(segment)
    if len(rules) > 1:
        st.segmented_control(
            t("How rules combine"), ["all", "any"], default="any" if isinstance(segment.rule, AnyOf) else "all",
            format_func=lambda kind: t("All hold") if kind == "all" else t("Any holds"), required=True,
            key=f"{FORM}.combine", on_change=_combine, args=(segment,), label_visibility="collapsed",
            width="stretch",
        )  # fmt: skip
    for place, rule in enumerate(rules):
        said, remove = st.columns([6, 1], vertical_alignment="center", gap="small")
        said.markdown(sentence(Segment(rule=rule), context))
        remove.button(
            ":material/close:", key=f"{FORM}.remove.{place}", type="tertiary", on_click=_remove,
            args=(segment, place), help=t("Remove this rule"),
        )  # fmt: skip
    if not rules:
        st.caption(t("Rules say what facets can't: comparisons, dates, texts, lists, a random share."))
    with st.container(border=True):
        _form(segment, context, choices)


def _form(segment: Segment, context: Context, choices: dict[str, list[str]]) -> None:
    names = [field.name for field in context.registry] + [LIST_FIELD, SEGMENT_FIELD, SHARE_FIELD]
    name = st.selectbox(
        t("Field"), names, key=f"{FORM}.field", format_func=lambda name: _field_name(name, context),
        placeholder=t("Choose a field"), index=None,
    )  # fmt: skip
    if name is None:
        return
    operators = _operators(name, context)
    operator = st.selectbox(
        t("Operator"), operators, key=f"{FORM}.operator.{name}", format_func=lambda each: t(each.label),
        label_visibility="collapsed",
    )  # fmt: skip
    field = context.registry.get(name) if name in context.registry else None
    value, ready = _operand(operator, field, context, choices.get(name, []))
    comparison = Comparison(field=name, operator=operator.key, value=value)
    reason = _unfit(comparison, context) if ready else ""
    if reason:
        st.caption(f":red[{t(reason)}]")
    st.button(
        t("Add rule"), icon=":material/add:", width="stretch", disabled=not ready or bool(reason),
        on_click=_add, args=(segment, comparison), key=f"{FORM}.add",
    )  # fmt: skip


def _operand(operator: Operator, field: Field | None, context: Context, known: list[str]) -> tuple[Any, bool]:
    """The value the person gives, and whether it is one yet."""
    key, hidden = f"{FORM}.value.{operator.operand}.{field.name if field else ''}", "collapsed"
    match operator.operand:
        case Operand.NOTHING:
            return None, True
        case Operand.TEXT if known:
            value = st.selectbox(t("Value"), known, index=None, accept_new_options=True, key=key,
                                 placeholder=t("Choose or type"), label_visibility=hidden)  # fmt: skip
            return value, bool(value)
        case Operand.TEXT:
            value = st.text_input(t("Value"), key=key, label_visibility=hidden, placeholder=t("Text"))
            return value, bool(value.strip())
        case Operand.TEXTS:
            values = st.multiselect(t("Values"), known, accept_new_options=True, key=key,
                                    placeholder=t("Choose or type"), label_visibility=hidden)  # fmt: skip
            return tuple(values), bool(values)
        case Operand.NUMBER | Operand.PERCENT:
            value = st.number_input(t("Value"), value=None, key=key, label_visibility=hidden, placeholder=t("Number"))
            return value, value is not None
        case Operand.DAYS:
            days = st.number_input(t("Days"), value=30, min_value=1, max_value=36_500, step=1, key=key)
            return int(days), True
        case Operand.NUMBERS:
            low = st.number_input(t("From"), value=None, key=f"{key}.low")
            high = st.number_input(t("To"), value=None, key=f"{key}.high")
            return (low, high), low is not None and high is not None
        case Operand.DATE:
            day = _date(t("Day"), key)
            return day and day.isoformat(), day is not None
        case Operand.DATES:
            first, last = _date(t("From"), f"{key}.first"), _date(t("To"), f"{key}.last")
            both = first is not None and last is not None
            return (first.isoformat(), last.isoformat()) if both else None, both  # type: ignore[union-attr]
        case Operand.LIST:
            return _named(context.lists, key, t("Choose a list"))
        case Operand.SEGMENT:
            return _named({each: named.name for each, named in context.segments.items()}, key, t("Choose a segment"))


def _date(label: str, key: str) -> date | None:
    return st.date_input(label, value=None, key=key, min_value=date(1900, 1, 1), max_value=date(2200, 1, 1))


def _named(names: Any, key: str, placeholder: str) -> tuple[str | None, bool]:
    chosen = st.selectbox(
        placeholder, list(names), index=None, key=key, format_func=lambda each: names[each],
        placeholder=placeholder, label_visibility="collapsed",
    )  # fmt: skip
    return chosen, chosen is not None


def _operators(name: str, context: Context) -> list[Operator]:
    if name in context.registry:
        return list(operators_for(FieldType(context.registry.get(name).type)))
    return [each for each in EVERY_OPERATOR if each.field == name]


def _field_name(name: str, context: Context) -> str:
    special = {
        LIST_FIELD: t("List"), SEGMENT_FIELD: t("Segment"), SHARE_FIELD: t("Random share"),
        PERSON_FIELD: t("Name or phone"),
    }  # fmt: skip
    return special[name] if name in special else label_of(context.registry.get(name))


def _unfit(comparison: Comparison, context: Context) -> str:
    import narwhals as nw

    try:
        compile_rule(Segment(rule=comparison), nw, context)
    except InvalidRule as problem:
        return str(problem.fields.get("problem", problem.message))
    return ""


def _parts(segment: Segment) -> tuple[Rule, ...]:
    if segment.rule is None:
        return ()
    return segment.rule.rules if isinstance(segment.rule, (AllOf, AnyOf)) else (segment.rule,)


def _with(segment: Segment, rules: tuple[Rule, ...]) -> Segment:
    kind = AnyOf if isinstance(segment.rule, AnyOf) and len(rules) > 1 else AllOf
    return segment.with_rule(kind(rules=rules) if rules else None)


def _add(segment: Segment, comparison: Comparison) -> None:
    set_segment(_with(segment, (*_parts(segment), comparison)))
    st.session_state[f"{FORM}.field"] = None


def _remove(segment: Segment, place: int) -> None:
    rules = _parts(segment)
    set_segment(_with(segment, rules[:place] + rules[place + 1 :]))


def _combine(segment: Segment) -> None:
    kind = AnyOf if st.session_state[f"{FORM}.combine"] == "any" else AllOf
    set_segment(segment.with_rule(kind(rules=_parts(segment))))
