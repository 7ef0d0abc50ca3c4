"""One column of a file: its first values, where it goes, of what type, how well it fits, what goes first."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from engine.contacts.fields import TYPE_LABELS, FieldRegistry, FieldType
from engine.contacts.fitting import Fit
from engine.contacts.mapping import TARGET_LABELS, ColumnTarget, mappable_fields
from engine.contacts.options import LIST_POLICIES, POLICY_LABELS, VALUE_POLICIES, FieldPolicy
from engine.contacts.source import SourceFile
from pages.ui import formats, nt, t
from pages.ui.import_base import Base
from pages.ui.import_options import Chosen
from pages.ui.import_state import LEFT_OUT, NEW, Key, Place
from pages.ui.import_words import plain, short, target_label

_WIDTHS = [3, 2.4, 1.8, 1.6, 1.5]
_SHOWN_VALUES, _SHOWN_LETTERS = 3, 44


def head() -> None:
    """What stands in which place."""
    titles = (t("Column"), t("Goes to"), t("Type"), t("Values that fit"), t("Contacts you have"))
    for place, title in zip(st.columns(_WIDTHS), titles, strict=True):
        place.caption(title)


@dataclass(frozen=True)
class Desk:
    """What the columns of one file are drawn from; the words are looked up once, not for each of forty columns."""

    source: SourceFile
    place: Place
    registry: FieldRegistry
    base: Base
    chosen: Chosen
    targets: dict[str, str]
    types: dict[FieldType, str]
    policies: dict[FieldPolicy, str]


def desk_of(source: SourceFile, place: Place, registry: FieldRegistry, base: Base, chosen: Chosen) -> Desk:
    """The desk of one run."""
    names = (LEFT_OUT, NEW, *mappable_fields(registry))
    targets = {name: target_label(name, registry) for name in names}
    types = {type: t(TYPE_LABELS[type]) for type in FieldType}
    return Desk(source, place, registry, base, chosen, targets, types, _policy_words())


def draw_column(desk: Desk, number: int, column: ColumnTarget, fit: Fit | None) -> None:
    """Draw one column."""
    name, target, kind, fitting, policy = st.columns(_WIDTHS, vertical_alignment="center")
    values = _first_values(desk.source, number)
    name.markdown(f"**{plain(column.header)}**  \n:small[:gray[{plain(values) or '–'}]]")
    with target:
        _choose_target(desk, number)
    type = _type_of(column, desk.registry)
    with kind:
        _choose_type(desk, number, column, type)
    if column.target is None:
        return
    with fitting:
        _draw_fit(fit)
    with policy:
        _choose_policy(desk, number, column, type)
    if fit is not None:
        _draw_below(desk, number, column, fit)


def _choose_target(desk: Desk, number: int) -> None:
    start, options = desk.base.mapping.columns[number], list(desk.targets)
    first = NEW if start.new else start.target or LEFT_OUT
    st.selectbox(
        t("{column} goes to", column=start.header),
        options,
        index=options.index(first) if first in options else 0,
        format_func=desk.targets.__getitem__,
        key=desk.place.key(Key.TARGET, number),
        label_visibility="collapsed",
        persist_state="session",
    )


def _choose_type(desk: Desk, number: int, column: ColumnTarget, type: FieldType | None) -> None:
    if column.new is None:
        st.caption(desk.types[type] if type else "–")
        return
    start = desk.base.mapping.columns[number].new
    usual = start.type if start else FieldType.TEXT
    st.selectbox(
        t("Type of {column}", column=column.header),
        list(FieldType),
        index=list(FieldType).index(usual),
        format_func=desk.types.__getitem__,
        key=desk.place.key(Key.TYPE, number),
        label_visibility="collapsed",
        persist_state="session",
    )


def _type_of(column: ColumnTarget, registry: FieldRegistry) -> FieldType | None:
    if column.new is not None:
        return column.new.type
    if column.target is None:
        return None
    return FieldType.TEXT if column.target in TARGET_LABELS else registry.get(column.target).type


def _draw_fit(fit: Fit | None) -> None:
    if fit is None or not fit.filled:
        st.caption(t("no values") if fit else "–")
        return
    ratio = fit.fitting / fit.filled
    if fit.fitting == fit.filled:
        st.caption(f":primary[:material/check:] {formats.percent(1)}")
        return
    shown = min(ratio, 0.999)  # one that doesn't fit is not "all"
    st.progress(ratio, text=f":small[:orange[{formats.percent(shown, 1 if shown > 0.9 else 0)}]]")


def _choose_policy(desk: Desk, number: int, column: ColumnTarget, type: FieldType | None) -> None:
    target = column.target or ""
    if target in TARGET_LABELS or target == desk.chosen.options.identity:
        return
    is_list = type is FieldType.LIST
    key = desk.place.key(Key.POLICY, number) + (".list" if is_list else "")
    now = desk.chosen.options.policy(target, is_list=is_list)
    with st.popover(desk.policies[now], type="tertiary", key=f"{key}.open", on_change="rerun") as opened:
        if not opened.open:
            return
        policies = list(LIST_POLICIES if is_list else VALUE_POLICIES)
        st.radio(
            t("For contacts you have already"),
            policies,
            index=policies.index(now) if now in policies else 0,
            format_func=lambda each: t(POLICY_LABELS[each]),
            key=key,
            persist_state="session",
        )
        st.caption(t("An empty cell never changes anything. New contacts take every value."))


def _policy_words() -> dict[FieldPolicy, str]:
    return {
        FieldPolicy.OVERWRITE: t("overwrite"),
        FieldPolicy.FILL: t("fill empty"),
        FieldPolicy.KEEP: t("keep"),
        FieldPolicy.ADD: t("add"),
        FieldPolicy.REPLACE: t("replace"),
        FieldPolicy.REMOVE: t("take off"),
    }


def _draw_below(desk: Desk, number: int, column: ColumnTarget, fit: Fit) -> None:
    """What a person has to see of this column: cells that don't fit, dates that can be read in two ways."""
    if fit.misfits:
        some = " · ".join(
            f"“{plain(short(text, 24))}” ({t('line')} {formats.number(line)})" for line, text in fit.misfits
        )
        count = fit.filled - fit.fitting
        st.caption(f"&emsp;:orange[{nt('{count} doesn’t fit:', '{count} don’t fit:', count)}] {some}")
    if fit.month_first is not None and (fit.is_ambiguous or column.header in desk.chosen.options.month_first):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"&emsp;:orange[:material/calendar_today:] {t('Dates such as 03/04/2026 are read')}", width="content"
            )
            st.segmented_control(
                t("Order of day and month in {column}", column=column.header),
                [False, True],
                default=desk.chosen.options.month_first.get(column.header, fit.month_first),
                required=True,
                format_func=lambda first: t("month first") if first else t("day first"),
                key=desk.place.key(Key.MONTH, number),
                label_visibility="collapsed",
                persist_state="session",
            )


def _first_values(source: SourceFile, number: int) -> str:
    """As many of the first values as fit a line."""
    shown = ""
    for value in [row[number] for row in source.samples if row[number]][:_SHOWN_VALUES]:
        longer = f"{shown} · {value}" if shown else str(value)
        if shown and len(longer) > _SHOWN_LETTERS:
            break
        shown = longer
    return short(shown, _SHOWN_LETTERS)
