"""The columns of a file under way: what was detected, where each column goes, and the way on to the dry run."""

from __future__ import annotations

import phonenumbers
import streamlit as st

from engine.contacts import load_registry
from engine.contacts.encodings import ENCODING_LABELS
from engine.contacts.fields import TYPE_LABELS, FieldRegistry, FieldType
from engine.contacts.mapping import TARGET_LABELS, Mapping, build_mapping, check_mapping, mappable_fields
from engine.contacts.source import SourceFile
from engine.errors import InputError, InvalidField
from pages.ui import formats, nt, t
from pages.ui.import_state import (
    LEFT_OUT,
    NEW,
    Key,
    choices_of,
    give_up,
    guessed_mapping,
    make_plan,
    target_key,
    type_key,
)
from pages.ui.services import settings, warehouse

_WIDTHS = [2, 2.6, 2.2, 1.3]
_SHOWN_VALUES, _SHOWN_LETTERS = 3, 38


def draw_columns(source: SourceFile) -> None:
    """Draw the file's columns; the primary button makes the dry run."""
    registry = load_registry(warehouse().cursor())
    _draw_detected(source)
    st.subheader(t("Where does each column go?"), anchor=False)
    guessed = guessed_mapping()
    with st.container(border=True):
        _draw_head()
        for number, header in enumerate(source.headers):
            _draw_column(source, number, header, registry, guessed)
    region = _choose_region()
    mapping = build_mapping(source, registry, choices_of(source))
    problem = _problem_of(mapping, source, registry)
    if problem:
        st.warning(problem, icon=":material/rule:")
    with st.container(horizontal=True):
        check = st.button(
            t("Check the rows"),
            type="primary",
            icon=":material/fact_check:",
            disabled=bool(problem),
            key="import.check",
        )
        st.button(t("Choose another file"), on_click=give_up, key="import.give_up")
    st.caption(t("Checking writes nothing: you see what would happen first."))
    if check:
        make_plan(source, mapping, region)
        st.rerun()


def field_label(name: str, registry: FieldRegistry) -> str:
    """A target as a person reads it."""
    if name in TARGET_LABELS:
        return t(TARGET_LABELS[name])
    found = registry.get(name) if name in registry else None
    if found is None:
        return name
    return t(found.label) if found.built_in else found.label


def _draw_detected(source: SourceFile) -> None:
    delimiters = {",": t("comma"), ";": t("semicolon"), "\t": t("tab"), "|": t("bar")}
    with st.container(horizontal=True, gap="large", border=True):
        st.metric(t("Rows"), formats.number(source.row_count), width="content")
        st.metric(t("Columns"), formats.number(len(source.headers)), width="content")
        st.metric(t("Encoding"), ENCODING_LABELS.get(source.encoding, source.encoding), width="content")
        st.metric(t("Separator"), delimiters.get(source.delimiter, source.delimiter), width="content")
        st.metric(t("Size"), _size(source.byte_count), width="content")
    notes = []
    if source.broken_count:
        notes.append(nt("{count} row is broken.", "{count} rows are broken.", source.broken_count))
    if source.blank_count:
        notes.append(nt("{count} blank line is no row.", "{count} blank lines are no rows.", source.blank_count))
    if source.damaged_count:
        notes.append(
            nt("{count} damaged character was found.", "{count} damaged characters were found.", source.damaged_count)
        )
    if notes:
        st.caption(":material/info: " + " ".join(notes))


def _size(byte_count: int) -> str:
    if byte_count < 1_000_000:
        return f"{formats.number(max(1, round(byte_count / 1_000)))} KB"
    return f"{formats.number(round(byte_count / 1_000_000, 1))} MB"


def _draw_head() -> None:
    titles = (t("Column"), t("First values"), t("Goes to"), t("Type"))
    for place, title in zip(st.columns(_WIDTHS), titles, strict=True):
        place.caption(title)


def _draw_column(source: SourceFile, number: int, header: str, registry: FieldRegistry, guessed: Mapping) -> None:
    name, values, target, kind = st.columns(_WIDTHS, vertical_alignment="center")
    name.text(header)
    values.text(_first_values(source, number) or "–")
    guess = guessed.columns[number]
    options = [LEFT_OUT, NEW, *mappable_fields(registry)]
    first = NEW if guess.new else guess.target or LEFT_OUT
    label = t("{column} goes to", column=header)
    with target:
        chosen = st.selectbox(
            label,
            options,
            index=options.index(first) if first in options else 0,
            format_func=lambda each: _target_label(each, registry),
            key=target_key(source.import_id, number),
            label_visibility="collapsed",
            persist_state="session",
        )
    with kind:
        _draw_type(source, number, header, str(chosen), registry, guess.new.type if guess.new else FieldType.TEXT)


def _first_values(source: SourceFile, number: int) -> str:
    """As many of the first values as fit a line."""
    shown = ""
    for value in [row[number] for row in source.samples if row[number]][:_SHOWN_VALUES]:
        longer = f"{shown} · {value}" if shown else str(value)
        if shown and len(longer) > _SHOWN_LETTERS:
            break
        shown = longer
    return shown if len(shown) <= _SHOWN_LETTERS else shown[: _SHOWN_LETTERS - 1] + "…"


def _draw_type(
    source: SourceFile, number: int, header: str, chosen: str, registry: FieldRegistry, guessed: FieldType
) -> None:
    if chosen == NEW:
        st.selectbox(
            t("Type of {column}", column=header),
            list(FieldType),
            index=list(FieldType).index(guessed),
            format_func=lambda each: t(TYPE_LABELS[each]),
            key=type_key(source.import_id, number),
            label_visibility="collapsed",
            persist_state="session",
        )
    elif chosen in registry:
        st.caption(t(TYPE_LABELS[registry.get(chosen).type]))
    elif chosen == LEFT_OUT:
        st.caption("–")


def _target_label(target: str, registry: FieldRegistry) -> str:
    if target == LEFT_OUT:
        return t("Leave out")
    return t("New field") if target == NEW else field_label(target, registry)


def _choose_region() -> str:
    regions = sorted(phonenumbers.SUPPORTED_REGIONS, key=formats.country_name)
    home = settings().default_region
    return str(
        st.selectbox(
            t("Numbers without a country code are from"),
            regions,
            index=regions.index(home) if home in regions else 0,
            format_func=formats.country_name,
            key=Key.REGION,
            width=360,
            persist_state="session",
        )
    )


def _problem_of(mapping: Mapping, source: SourceFile, registry: FieldRegistry) -> str:
    try:
        check_mapping(mapping, source, registry)
    except InvalidField as problem:
        return t("The new field “{name}” can't be made: {reason}.", name=problem.name, reason=t(problem.reason))
    except InputError as problem:
        return t("Not yet: {reason}.", reason=t(str(problem.fields.get("reason", ""))))
    return ""
