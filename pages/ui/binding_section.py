"""The part of a template's page that fills its blanks: the form, what is kept as the default, what is still empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import streamlit as st

from engine.clock import utc_now
from engine.contacts import FieldRegistry
from engine.errors import UlakError
from engine.operations.drafts import Draft, create_draft
from engine.templates import (
    Binding,
    Bindings,
    KeptBindings,
    Template,
    empty_slots,
    save_bindings,
    unknown_fields,
)
from engine.templates.people import count_contacts, count_without
from pages.ui import t
from pages.ui.binding_form import binding_form, merged, slot_label
from pages.ui.binding_samples import first_contacts, samples_of
from pages.ui.services import warehouse
from pages.ui.shell import who
from pages.ui.template_state import Key, edits_of, forget_edits, form_key, remember_edits


def draw_bindings(
    cursor: duckdb.DuckDBPyConnection, template: Template, kept: KeptBindings, registry: FieldRegistry
) -> Bindings:
    """Draw the form and its buttons; return what is typed now."""
    if not template.slots:
        st.markdown(t("This template has no variables: everybody gets the same text."))
        _draw_actions(template, kept, {}, registry)
        return {}
    bindings = edits_of(template, kept)
    _draw_misfits(template, kept)
    st.caption(
        t("Type text, or @ and a field of the contact; both may be mixed, such as “Dear @name”. “@@” is an @ sign.")
    )

    def count(fields: Sequence[str]) -> tuple[int, int]:
        names = tuple(fields)
        return _without(warehouse().data_version, warehouse().epoch, names, registry, cursor)

    def take(changes: Mapping[str, Binding]) -> None:
        remember_edits(template, kept, merged(edits_of(template, kept), changes))

    binding_form(
        template,
        bindings,
        registry,
        key=form_key(template, kept),
        on_change=take,
        samples=samples_of(cursor, template, bindings, first_contacts(cursor), registry),
        count_without=count,
    )
    _draw_actions(template, kept, bindings, registry)
    return bindings


def _draw_misfits(template: Template, kept: KeptBindings) -> None:
    """What was saved for another form of the template."""
    if not kept.is_current:
        st.info(t("The template was changed since these values were saved. Look at the message, then save again."))


@st.cache_data(show_spinner=False, max_entries=64)
def _without(
    version: int, epoch: str, fields: tuple[str, ...], registry: FieldRegistry, _cursor: duckdb.DuckDBPyConnection
) -> tuple[int, int]:
    return count_without(_cursor, fields, registry), count_contacts(_cursor)


def _draw_actions(template: Template, kept: KeptBindings, bindings: Bindings, registry: FieldRegistry) -> None:
    """Save, throw away, go on to a message; and the sentence that says what is missing."""
    changed = dict(bindings) != dict(kept.bindings) or (template.has_variables and not kept.is_current)
    strange = unknown_fields(bindings, registry.names())
    empty = empty_slots(template, bindings)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if template.has_variables:
            st.button(
                t("Save as default"),
                type="primary",
                icon=":material/bookmark:",
                key="templates.save",
                disabled=not changed or bool(strange),
                on_click=_save,
                args=(template, kept, bindings, registry.names()),
            )
        if changed and template.has_variables and kept.is_current:
            st.button(
                t("Undo"),
                type="tertiary",
                icon=":material/undo:",
                key="templates.undo",
                on_click=forget_edits,
                args=(template, kept),
            )
        if template.unsendable_reason is None and st.button(
            t("Still empty: {slot}", slot=slot_label(empty[0])) if empty else t("New bulk message with it"),
            icon=":material/send:",
            key="templates.message",
            disabled=bool(empty or strange),
        ):
            _begin_message(template, bindings)
    if empty:
        names = " · ".join(slot_label(slot) for slot in empty)
        st.caption(t("Still empty: {slots}. A message can't be sent before they are filled.", slots=names))
    elif template.has_variables and not changed:
        st.caption(t("Saved: the next bulk message with this template begins with these values."))


def _save(template: Template, kept: KeptBindings, bindings: Bindings, fields: tuple[str, ...]) -> None:
    try:
        save_bindings(warehouse(), template, bindings, who=who(), now=utc_now(), fields=fields)
    except UlakError as problem:
        st.session_state[Key.PROBLEM] = problem
    else:
        forget_edits(template, kept)
        st.toast(t("Saved as the template's default."), icon=":material/bookmark_added:")


def _begin_message(template: Template, bindings: Bindings) -> None:
    draft = Draft(
        channel_id=template.channel_id,
        template_name=template.name,
        template_language=template.language,
        template_hash=template.content_hash,
        bindings=bindings,
    )
    operation_id = create_draft(warehouse(), who=who(), now=utc_now(), draft=draft)
    st.switch_page("pages/bulk_message.py", query_params={"draft": operation_id})
