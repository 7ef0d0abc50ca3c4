"""One template: what fills its slots on the left, on the right the message as a real contact would see it."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import streamlit as st

from engine.channels import Channel
from engine.clock import utc_now
from engine.contacts import FieldRegistry, load_registry
from engine.errors import UlakError
from engine.operations.drafts import Draft, create_draft
from engine.templates import (
    Bindings,
    KeptBindings,
    Template,
    empty_slots,
    load_bindings,
    save_bindings,
    unknown_fields,
)
from engine.templates.people import count_contacts, count_without
from pages.ui import formats, t
from pages.ui.binding_form import binding_form
from pages.ui.services import warehouse
from pages.ui.shell import show_error, who
from pages.ui.template_list import sync_line
from pages.ui.template_preview import draw_preview
from pages.ui.template_state import Key, close_template, edits_of, forget_edits, form_key, remember_edits
from pages.ui.template_words import category_label, quality_label, reason_label, status_label


def draw_detail(channel: Channel, template: Template) -> None:
    """Draw the page of one template."""
    cursor = warehouse().cursor()
    registry, kept = load_registry(cursor), load_bindings(cursor, template)
    _draw_head(channel, template)
    if problem := st.session_state.pop(Key.PROBLEM, None):
        show_error(problem)
    left, right = st.columns([1.55, 1], gap="large")
    with left:
        bindings = _draw_form(cursor, template, kept, registry)
    with right:
        draw_preview(cursor, template, bindings, registry)


def _draw_head(channel: Channel, template: Template) -> None:
    st.button(
        t("All templates"),
        icon=":material/arrow_back:",
        type="tertiary",
        key="templates.back",
        on_click=close_template,
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(template.name.replace("_", r"\_"), anchor=False, width="content")
        good = template.unsendable_reason is None
        st.badge(status_label(template), color="green" if template.status == "APPROVED" else "orange")
        st.badge(category_label(template), color="gray")
        st.badge(formats.language_name(template.language), color="gray")
        if template.quality:
            st.badge(t("quality: {quality}", quality=quality_label(template)), color="gray")
    st.caption(f"{channel.name} · {sync_line(channel)}")
    if not good:
        st.warning(t("This template can't be sent: {reason}", reason=reason_label(template)), icon=":material/block:")


def _draw_form(
    cursor: duckdb.DuckDBPyConnection, template: Template, kept: KeptBindings, registry: FieldRegistry
) -> Bindings:
    if not template.has_variables:
        st.markdown(t("This template has no variables: everybody gets the same text."))
        _draw_actions(template, kept, {}, registry)
        return {}
    if not kept.is_current:
        st.info(t("The template was changed since these values were saved. Look at the message, then save again."))
    st.caption(
        t("Type text, or @ and a field of the contact; both may be mixed, such as “Dear @name”. “@@” is an @ sign.")
    )

    def count(fields: Sequence[str]) -> tuple[int, int]:
        names = tuple(fields)
        return _without(warehouse().data_version, warehouse().epoch, names, registry, cursor)

    begun = edits_of(template, kept)
    bindings = binding_form(template, begun, registry, key=form_key(template, kept), count_without=count)
    remember_edits(template, kept, bindings)
    _draw_actions(template, kept, bindings, registry)
    return bindings


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
            t("New bulk message with it"),
            icon=":material/send:",
            key="templates.message",
            disabled=bool(empty or strange),
        ):
            _begin_message(template, bindings)
    if empty:
        names = " · ".join(t(slot.caption, name=slot.name) for slot in empty)
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
