"""The rules of the Audience page: what facets can't say. Groups of rules, all, any or none, and a form for more."""

from __future__ import annotations

import streamlit as st

from engine.contacts.fields import FieldType
from engine.errors import InvalidRule
from engine.segments import Comparison, Context, Segment
from engine.segments.activity import ACTIVITY
from engine.segments.compile import compile_rule
from engine.segments.operators import Operator, operators_for, operators_of
from engine.segments.rules import (
    IMPORT_FIELD,
    LIST_FIELD,
    MAX_DEPTH,
    MESSAGED_FIELD,
    OPERATION_FIELD,
    PERSON_FIELD,
    SEGMENT_FIELD,
    SHARE_FIELD,
)
from pages.ui.audience_state import set_segment
from pages.ui.audience_words import label_of, sentence
from pages.ui.i18n import t
from pages.ui.rule_operand import ask_operand
from pages.ui.rule_tree import Group, Kind, Path, read_tree, with_kind, with_part, without, write_tree

FORM = "audience.rule"
TREE = "audience.rule_tree"
SPECIAL = (OPERATION_FIELD, MESSAGED_FIELD, LIST_FIELD, SEGMENT_FIELD, IMPORT_FIELD, SHARE_FIELD)


def draw_rules(segment: Segment, context: Context, choices: dict[str, list[str]]) -> None:
    """The rules there are, and the form for one more in the group that was chosen for it.

    Args:
        choices: values a field is known to have, offered while typing.
    """
    tree = _tree(segment)
    where = st.session_state.get(f"{FORM}.where", ())
    if not tree.parts:
        st.caption(t("Rules say what facets can't: comparisons, dates, texts, lists, a random share."))
    _draw_group(tree, (), where, segment, context, choices)


def _tree(segment: Segment) -> Group:
    """The tree being edited: the segment's, with groups that are still empty if the person has just made some."""
    kept = st.session_state.get(TREE)
    if isinstance(kept, Group) and write_tree(kept) == segment.rule:
        return kept
    st.session_state.pop(f"{FORM}.where", None)
    return read_tree(segment.rule)


def _draw_group(
    group: Group, path: Path, where: Path, segment: Segment, context: Context, choices: dict[str, list[str]]
) -> None:
    if path or len(group.parts) > 1 or group.kind != "all":
        _draw_kind(group, path, segment)
    for place, part in enumerate(group.parts):
        inner = (*path, place)
        if isinstance(part, Group):
            with st.container(border=True):
                _draw_group(part, inner, where, segment, context, choices)
        else:
            said, remove = st.columns([6, 1], vertical_alignment="center", gap="small")
            said.markdown(sentence(Segment(rule=part), context))
            _remove_button(remove, inner, segment)
    if path == where:
        with st.container(border=True):
            _draw_form(path, segment, context, choices)
    with st.container(horizontal=True):
        if path != where:
            st.button(t("Rule here"), icon=":material/add:", key=f"{FORM}.here.{_name(path)}", type="tertiary",
                      on_click=_point_at, args=(path,))  # fmt: skip
        if group.parts and len(path) < MAX_DEPTH - 2:
            st.button(t("Group"), icon=":material/account_tree:", key=f"{FORM}.group.{_name(path)}", type="tertiary",
                      on_click=_add_group, args=(path, segment),
                      help=t("Rules of their own: all, any or none of them hold"))  # fmt: skip


def _draw_kind(group: Group, path: Path, segment: Segment) -> None:
    names: dict[Kind, str] = {"all": t("All hold"), "any": t("Any holds"), "none": t("None holds")}
    kinds, remove = st.columns([6, 1], vertical_alignment="center", gap="small")
    key = f"{FORM}.combine.{_name(path)}"
    kinds.segmented_control(
        t("How rules combine"), list(names), default=group.kind, format_func=lambda kind: names[kind], required=True,
        key=key, on_change=_combine, args=(path, key, segment), label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    if path:
        _remove_button(remove, path, segment)


def _remove_button(place: st.delta_generator.DeltaGenerator, path: Path, segment: Segment) -> None:
    place.button(
        ":material/close:", key=f"{FORM}.remove.{_name(path)}", type="tertiary", help=t("Remove this rule"),
        on_click=_remove, args=(path, segment),
    )  # fmt: skip


def _draw_form(path: Path, segment: Segment, context: Context, choices: dict[str, list[str]]) -> None:
    own = [field.name for field in context.registry if field.name != "origin"]  # BEGAN says more, by the same name
    names = [*own, *ACTIVITY, *SPECIAL]
    name = st.selectbox(
        t("Field"), names, key=f"{FORM}.field", format_func=lambda name: _field_name(name, context),
        placeholder=t("Choose a field"), index=None,
    )  # fmt: skip
    if name is None:
        return
    operator = st.selectbox(
        t("Operator"), _operators(name, context), key=f"{FORM}.operator.{name}",
        format_func=lambda each: t(each.label), label_visibility="collapsed",
    )  # fmt: skip
    field = None if name in SPECIAL else context.known_field(name)
    value, ready = ask_operand(operator, field, context, choices.get(name, []), f"{FORM}.value")
    comparison = Comparison(field=name, operator=operator.key, value=value) if ready else None
    reason = _unfit(comparison, context) if comparison else ""
    if reason:
        st.caption(f":red[{t(reason)}]")
    st.button(
        t("Add rule"), icon=":material/add:", width="stretch", disabled=comparison is None or bool(reason),
        on_click=_add, args=(path, segment, comparison), key=f"{FORM}.add",
    )  # fmt: skip


def _name(path: Path) -> str:
    return ".".join(map(str, path))


def _operators(name: str, context: Context) -> list[Operator]:
    if name in SPECIAL:
        return list(operators_of(name))
    return list(operators_for(FieldType(context.known_field(name).type)))


def _field_name(name: str, context: Context) -> str:
    special = {
        LIST_FIELD: t("List"), SEGMENT_FIELD: t("Segment"), SHARE_FIELD: t("Random share"),
        PERSON_FIELD: t("Name or phone"), IMPORT_FIELD: t("Imported file"), OPERATION_FIELD: t("Operation"),
        MESSAGED_FIELD: t("Messages from us"),
    }  # fmt: skip
    return special[name] if name in special else label_of(context.known_field(name))


def _unfit(comparison: Comparison, context: Context) -> str:
    import narwhals as nw

    try:
        compile_rule(Segment(rule=comparison), nw, context)
    except InvalidRule as problem:
        return str(problem.fields.get("problem", problem.message))
    return ""


def _take(tree: Group, segment: Segment) -> None:
    st.session_state[TREE] = tree
    set_segment(segment.with_rule(write_tree(tree)))


def _add(path: Path, segment: Segment, comparison: Comparison) -> None:
    _take(with_part(_tree(segment), path, comparison), segment)
    st.session_state[f"{FORM}.where"] = path
    st.session_state[f"{FORM}.field"] = None


def _add_group(path: Path, segment: Segment) -> None:
    tree = _tree(segment)
    grown = with_part(tree, path, Group("any"))
    _take(grown, segment)
    inner = tree
    for place in path:
        inner = inner.parts[place]  # type: ignore[assignment]
    _point_at((*path, len(inner.parts)))


def _point_at(path: Path) -> None:
    st.session_state[f"{FORM}.where"] = path


def _remove(path: Path, segment: Segment) -> None:
    _take(without(_tree(segment), path), segment)
    st.session_state[f"{FORM}.where"] = ()


def _combine(path: Path, key: str, segment: Segment) -> None:
    _take(with_kind(_tree(segment), path, st.session_state[key]), segment)
