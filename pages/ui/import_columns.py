"""The columns of a file under way: where each goes, how well its values fit there, and the way on to the dry run."""

from __future__ import annotations

import streamlit as st

from engine.contacts import load_registry
from engine.contacts.fields import FieldRegistry, FieldType
from engine.contacts.job_record import ImportJob
from engine.contacts.mapping import Mapping, build_mapping, check_mapping
from engine.contacts.options import ImportOptions
from engine.contacts.source import SourceFile
from engine.errors import InputError, InvalidField
from pages.ui import formats, t
from pages.ui.import_base import Base, base_of
from pages.ui.import_column import desk_of, draw_column, head
from pages.ui.import_fit import fits_of
from pages.ui.import_options import Chosen, chosen_options, draw_options
from pages.ui.import_reading import draw_reading
from pages.ui.import_saved import draw_saved
from pages.ui.import_state import LEFT_OUT, NEW, Key, Place, give_up, jobs, place_of
from pages.ui.services import warehouse
from pages.ui.shell import sentence_of


def draw_columns(source: SourceFile, job: ImportJob) -> None:
    """Draw the file's columns; the primary button begins the dry run."""
    registry = load_registry(warehouse().cursor())
    base, place = base_of(source, job, registry), place_of(source)
    mapping = build_mapping(source, registry, _choices(source, base, place))
    chosen = chosen_options(source, mapping, registry, base, place, job.new_list)
    draw_reading(source)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(t("Where does each column go?"), anchor=False, width="content")
        draw_saved(source, base, mapping, chosen.options)
    _draw_all(source, place, registry, base, mapping, chosen)
    draw_options(source, place, registry, mapping, base, chosen)
    jobs().choose(source.import_id, mapping, chosen.options, chosen.new_list)
    _draw_actions(source, mapping, registry, chosen)


def _draw_all(
    source: SourceFile, place: Place, registry: FieldRegistry, base: Base, mapping: Mapping, chosen: Chosen
) -> None:
    fits = fits_of(source, mapping, registry, chosen.options, place)
    with st.container(border=True, gap="xsmall"):
        head()
        desk = desk_of(source, place, registry, base, chosen)
        for number, column in enumerate(mapping.columns):
            draw_column(desk, number, column, fits.get(number))


def _choices(source: SourceFile, base: Base, place: Place) -> list[str | FieldType | None]:
    """What each column's widgets say, for `build_mapping`; before they are drawn, what they start from."""
    found: list[str | FieldType | None] = []
    for number in range(len(source.headers)):
        start = base.mapping.columns[number]
        target = st.session_state.get(place.key(Key.TARGET, number), NEW if start.new else start.target or LEFT_OUT)
        usual = start.new.type if start.new else FieldType.TEXT
        kind = st.session_state.get(place.key(Key.TYPE, number), usual)
        found.append(FieldType(kind) if target == NEW else target or None)
    return found


def _draw_actions(source: SourceFile, mapping: Mapping, registry: FieldRegistry, chosen: Chosen) -> None:
    problem = chosen.problem or _problem_of(mapping, source, registry, chosen.options)
    with st.bottom, st.container(horizontal=True, vertical_alignment="center"):
        check = st.button(
            t("Check the rows"),
            type="primary",
            icon=":material/fact_check:",
            disabled=bool(problem),
            key="import.check",
        )
        st.button(t("Give it up"), on_click=give_up, args=(source.import_id,), key="import.give_up")
        if problem:
            st.markdown(f":red[:material/rule:] {problem}")
        else:
            st.caption(_summary(mapping))
    if check:
        jobs().plan(source.import_id, mapping, chosen.options)
        st.rerun()


def _summary(mapping: Mapping) -> str:
    taken = sum(1 for _ in mapping)
    new = sum(1 for _, each in mapping if each.new)
    return t(
        "{taken} of {all} columns are taken, {new} as new fields. Checking writes nothing.",
        taken=formats.number(taken),
        all=formats.number(len(mapping.columns)),
        new=formats.number(new),
    )


def _problem_of(mapping: Mapping, source: SourceFile, registry: FieldRegistry, options: ImportOptions) -> str:
    try:
        check_mapping(mapping, source, registry, identity=options.identity)
    except InvalidField as problem:
        return t("The new field “{name}” can't be made: {reason}.", name=problem.name, reason=t(problem.reason))
    except InputError as problem:
        reason = problem.fields.get("reason")
        return t("Not yet: {reason}.", reason=t(str(reason))) if reason else sentence_of(problem)
    return ""
