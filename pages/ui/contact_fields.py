"""The fields of a contact: read as a quiet table, edited in the same place, all in one step."""

from __future__ import annotations

from datetime import date
from typing import Any

import streamlit as st

from engine.clock import utc_now
from engine.contacts.editing import edit_contact
from engine.contacts.field_values import Value, is_editable, known_countries, known_languages
from engine.contacts.fields import Field, FieldType
from engine.contacts.profile import Profile
from engine.errors import InputError, UlakError
from pages.ui import formats, t, who
from pages.ui.audience_words import label_of
from pages.ui.contact_state import ID_PARAMETER, Key, say_problem
from pages.ui.contact_words import shown_value
from pages.ui.i18n import nt
from pages.ui.operation_words import plain
from pages.ui.services import settings, warehouse

MOST_OPTIONS = 200
ELSEWHERE = frozenset({"origin", "consent", "consent_source", "consent_at"})
"""Said in the head and beside the fields."""
EARLIEST, LATEST = date(1900, 1, 1), date(2100, 12, 31)


def draw_fields(profile: Profile) -> None:
    """The fields, or the form that changes them."""
    editing = st.session_state.get(Key.EDITING) == profile.contact_id
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(t("Fields"), anchor=False, width="content")
        if not editing:
            st.button(
                t("Edit"),
                icon=":material/edit:",
                type="tertiary",
                key="contact.edit",
                on_click=_begin,
                args=(profile,),
            )
    if editing:
        _draw_form(profile)
    else:
        _draw_values(profile)


def _draw_values(profile: Profile) -> None:
    shown = [field for field in profile.registry if not (field.built_in and field.name in ELSEWHERE)]
    filled = [field for field in shown if _is_filled(profile.values.get(field.name))]
    empty = [field for field in shown if not _is_filled(profile.values.get(field.name))]
    with st.container(gap="xsmall"):
        for field in filled:
            left, right = st.columns([1, 2], gap="small")
            left.caption(plain(label_of(field)))
            right.markdown(plain(shown_value(field, profile.values[field.name])))
    if empty:
        st.caption(t("Empty: {fields}", fields=plain(", ".join(label_of(field) for field in empty))))


def _is_filled(value: Any) -> bool:
    return value is not None and value not in ("", [])


def _begin(profile: Profile) -> None:
    """Remember what the form starts from: what somebody else changes meanwhile is not overwritten."""
    editable = [field.name for field in profile.registry if is_editable(field)]
    st.session_state[Key.EDITING] = profile.contact_id
    st.session_state[Key.BASE] = {name: profile.values.get(name) for name in editable}
    st.session_state[Key.PROBLEMS] = {}


def _stop() -> None:
    for key in (Key.EDITING, Key.BASE, Key.PROBLEMS):
        st.session_state.pop(key, None)


def _draw_form(profile: Profile) -> None:
    base: dict[str, Any] = st.session_state.get(Key.BASE, {})
    problems: dict[str, str] = st.session_state.get(Key.PROBLEMS, {})
    fields = [field for field in profile.registry if field.name in base]
    with st.form("contact.form", border=False):
        cells = st.grid(2, min_column_width=220, gap="small")
        for field in fields:
            with cells.cell():
                _draw_input(profile.contact_id, field, base[field.name])
                if field.name in problems:
                    st.caption(f":red[{plain(t(problems[field.name]))}]")
                    if field.name == "phone" and (other := problems.get("@contact")):
                        st.page_link(
                            "pages/contact.py", label=t("Who has it"), query_params={ID_PARAMETER: str(other)}
                        )
        with st.container(horizontal=True):
            st.form_submit_button(
                t("Save changes"),
                type="primary",
                key="contact.save",
                on_click=_save,
                args=(profile.contact_id, fields),
            )
            st.form_submit_button(t("Cancel"), key="contact.cancel", on_click=_stop)


def _draw_input(contact_id: int, field: Field, value: Any) -> None:
    key, label = Key.FIELD.of(contact_id, field.name), label_of(field)
    if field.built_in and field.name in ("country", "language"):
        _draw_code(field, label, value, key)
    elif field.type is FieldType.NUMBER:
        st.number_input(label, value=value, key=key, step=None, format="%.10g")
    elif field.type is FieldType.DATE:
        st.date_input(label, value=value, key=key, min_value=EARLIEST, max_value=LATEST)
    elif field.type is FieldType.BOOL:
        st.selectbox(
            label, [True, False], index=None if value is None else int(not value), key=key, placeholder="–",
            format_func=lambda each: t("yes") if each else t("no"),
        )  # fmt: skip
    elif field.type is FieldType.LIST:
        options = list(dict.fromkeys([*(value or []), *_known(field)]))
        st.multiselect(
            label, options, default=value or [], key=key, accept_new_options=True, placeholder=t("Choose or type")
        )
    elif field.type is FieldType.CHOICE:
        options = list(dict.fromkeys([*([value] if value else []), *_known(field)]))
        st.selectbox(
            label, options, index=0 if value else None, key=key, accept_new_options=True,
            placeholder=t("Choose or type"),
        )  # fmt: skip
    else:
        shown = formats.phone(value) if value and field.built_in and field.name == "phone" else value or ""
        st.text_input(label, value=shown, key=key)


def _draw_code(field: Field, label: str, value: str | None, key: str) -> None:
    name_of = formats.country_name if field.name == "country" else formats.language_name
    codes = known_countries() if field.name == "country" else known_languages()
    options = sorted({*codes, *([value] if value else [])}, key=lambda code: name_of(code).casefold())
    st.selectbox(
        label, options, index=options.index(value) if value else None, key=key, placeholder="–",
        format_func=lambda code: f"{name_of(code)} ({code})",
    )  # fmt: skip


def _known(field: Field) -> list[str]:
    """The values others have, to choose from."""
    each = f'unnest("{field.name}")' if field.type is FieldType.LIST else f'"{field.name}"'
    rows = warehouse().cursor().execute(
        f"SELECT value FROM (SELECT {each} AS value FROM contacts) WHERE value IS NOT NULL"
        f" GROUP BY value ORDER BY count(*) DESC, value LIMIT {MOST_OPTIONS}"
    )  # fmt: skip
    return sorted((row[0] for row in rows.fetchall()), key=str.casefold)


def _save(contact_id: int, fields: list[Field]) -> None:
    """After "Save changes": only what the person changed in the form is changed."""
    base: dict[str, Any] = st.session_state.get(Key.BASE, {})
    changes = {field.name: _given(contact_id, field, base[field.name]) for field in fields}
    changes = {name: value for name, value in changes.items() if value != (base[name] or None)}
    region = settings().default_region
    try:
        changed = edit_contact(warehouse(), contact_id, changes, who=who(), now=utc_now(), region=region)
    except InputError as problem:
        found = problem.fields.get("problems") or {str(problem.fields.get("field")): str(problem.fields["reason"])}
        st.session_state[Key.PROBLEMS] = {**found, "@contact": problem.fields.get("contact_id")}
        return
    except UlakError as problem:
        _stop()
        say_problem(problem)
        return
    _stop()
    for field in fields:
        st.session_state.pop(Key.FIELD.of(contact_id, field.name), None)
    if changed:
        st.toast(nt("{count} field changed", "{count} fields changed", len(changed)), icon=":material/check:")


def _given(contact_id: int, field: Field, was: Any) -> Value:
    """What the form holds for a field; a number left as it was shown is the number it was."""
    value = st.session_state.get(Key.FIELD.of(contact_id, field.name))
    if field.built_in and field.name == "phone" and was and value == formats.phone(was):
        return str(was)
    if isinstance(value, str):
        value = value.strip()
    return value if value not in ("", []) else None
