"""Third step: the template, what fills its blanks, and the message as each person of the audience would see it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from engine.channels.provider import Channel
from engine.clock import utc_now
from engine.contacts import load_registry
from engine.operations.drafts import Draft, load_draft
from engine.templates import Binding, Template, empty_slots, list_templates, load_bindings, save_bindings
from pages.ui import empty_state, t, who
from pages.ui.binding_form import binding_form, merged, slot_label
from pages.ui.binding_samples import samples_of
from pages.ui.operation_words import plain
from pages.ui.services import warehouse
from pages.ui.wizard_preview import draw_audience_preview, first_of_audience
from pages.ui.wizard_state import Key, change


def draw_message(operation_id: str, draft: Draft, channel: Channel) -> None:
    """Template and blanks on the left, the phone on the right."""
    templates = {
        f"{each.name}/{each.language}": each for each in list_templates(warehouse().cursor(), channel.channel_id)
    }
    if not templates:
        empty_state(
            t("This channel has no templates yet"),
            t("Sync them on the Templates page, then come back: the draft is kept."),
            icon=":material/chat:",
        )
        st.page_link("pages/templates.py", label=t("Templates"), icon=":material/chat:")
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        template = _draw_choice(operation_id, draft, templates)
        if template is not None:
            _draw_blanks(operation_id, draft, template)
    if template is not None:
        with right:
            draw_audience_preview(operation_id, draft, template)


def _draw_choice(operation_id: str, draft: Draft, templates: dict[str, Template]) -> Template | None:
    chosen = f"{draft.template_name}/{draft.template_language}"
    sendable = [name for name, each in templates.items() if each.unsendable_reason is None]
    others = [name for name in templates if name not in sendable]
    options = [*sendable, *others]
    key = Key.TEMPLATE.of(operation_id)
    st.selectbox(
        t("Template"),
        options,
        index=options.index(chosen) if chosen in options else None,
        format_func=lambda name: _option(templates[name]),
        key=key,
        placeholder=t("Choose a template"),
        on_change=lambda: _take_template(operation_id, templates.get(st.session_state[key] or "")),
    )
    template = templates.get(chosen)
    if template is None:
        st.caption(t("The message is a template: a text that the provider has approved."))
    elif template.unsendable_reason is not None:
        st.warning(
            t("This template can't be sent: {reason}", reason=t(template.unsendable_reason)), icon=":material/block:"
        )
    return template


def _option(template: Template) -> str:
    mark = "{ }  " if template.has_variables else ""
    why = f" · {t(template.unsendable_reason)}" if template.unsendable_reason else ""
    return f"{mark}{template.name} / {template.language} · {t(template.category.capitalize())}{why}"


def _take_template(operation_id: str, template: Template | None) -> None:
    """Another template begins with what was saved as its default."""
    if template is None:
        return
    kept = load_bindings(warehouse().cursor(), template)
    change(
        operation_id,
        template_name=template.name,
        template_language=template.language,
        template_hash=template.content_hash,
        bindings=kept.bindings,
    )


def _draw_blanks(operation_id: str, draft: Draft, template: Template) -> None:
    if not template.slots:
        st.caption(t("This template has no blanks: everybody gets the same text."))
        return
    _draw_changed(operation_id, draft, template)
    cursor = warehouse().cursor()
    registry = load_registry(cursor)

    def take(changes: Mapping[str, Binding]) -> None:
        kept = load_draft(warehouse().cursor(), operation_id)
        if (kept.template_name, kept.template_language) == (template.name, template.language):
            change(operation_id, bindings=merged(kept.bindings, changes))

    _draw_wanted(operation_id, draft, template)
    binding_form(
        template,
        draft.bindings,
        registry,
        key=f"{Key.BINDING.of(operation_id)}.{template.name}.{template.language}",
        on_change=take,
        samples=samples_of(cursor, template, draft.bindings, first_of_audience(draft), registry),
    )
    if empty := empty_slots(template, draft.bindings):
        names = " · ".join(slot_label(slot) for slot in empty)
        st.caption(t("Still empty: {slots}. A message can't be sent before they are filled.", slots=names))
    st.button(
        t("Keep this as the template's default"),
        type="tertiary",
        icon=":material/bookmark:",
        key=f"bulk_message.default.{operation_id}",
        help=t("The next message with {template} begins with these blanks.", template=plain(template.name)),
        on_click=lambda: _keep(template, draft, registry.names()),
    )


def _draw_wanted(operation_id: str, draft: Draft, template: Template) -> None:
    """Which blank somebody came here for from the review, until it has a fallback."""
    wanted = st.session_state.get(Key.HOLE.of(operation_id))
    for slot in template.slots:
        if slot.key == wanted and draft.bindings.get(slot.key, Binding()).leaves_out:
            st.info(
                t(
                    "**{slot}**: choose “gets instead” and give a text for those who have no value.",
                    slot=slot_label(slot),
                ),
                icon=":material/edit:",
            )


def _draw_changed(operation_id: str, draft: Draft, template: Template) -> None:
    """What no longer fits since the blanks were filled."""
    if draft.template_hash == template.content_hash:
        return
    known = {slot.key for slot in template.slots}
    gone = [plain(key) for key in draft.bindings if key not in known]
    with st.container(border=True):
        st.markdown(t("The template was changed since its blanks were filled. Look at the message, then go on."))
        if gone:
            st.markdown(t("These blanks are no longer in it: {slots}.", slots=", ".join(gone)))
        st.button(
            t("I have looked at it"),
            icon=":material/check:",
            key=f"bulk_message.looked.{operation_id}",
            on_click=lambda: change(
                operation_id,
                template_hash=template.content_hash,
                bindings={key: binding for key, binding in draft.bindings.items() if key in known},
            ),
        )


def _keep(template: Template, draft: Draft, fields: tuple[str, ...]) -> None:
    save_bindings(warehouse(), template, draft.bindings, who=who(), now=utc_now(), fields=fields)
    st.toast(t("Kept as the default of {template}.", template=template.name), icon=":material/bookmark_added:")
