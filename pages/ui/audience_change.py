"""Giving one field a value for everybody of an audience, and taking it back."""

from __future__ import annotations

from datetime import date
from typing import Any

import streamlit as st

from engine.clock import utc_now
from engine.contacts.bulk_edits import HOW_LABELS, How, list_edits, set_field, undo_edit
from engine.contacts.field_values import is_editable
from engine.contacts.fields import Field, FieldType
from engine.segments import Audience, Context, audience_frame
from pages.ui import formats
from pages.ui.audience_words import label_of, plain
from pages.ui.i18n import nt, t
from pages.ui.list_dialogs import said
from pages.ui.services import warehouse
from pages.ui.shell import who

KEY = "audience.set"


def draw_set_field(audience: Audience, context: Context, people: int) -> None:
    """Choose a field and a value; how many people it touches is said before."""
    fields = [each for each in context.registry if is_editable(each) and each.name != "phone"]
    target = st.selectbox(t("Field"), fields, format_func=label_of, index=None, key=f"{KEY}.field",
                          placeholder=t("Choose a field"))  # fmt: skip
    if target is None:
        _draw_past()
        return
    how: How = "set"
    if target.type is FieldType.LIST:
        hows: list[How] = ["add", "remove", "set"]
        how = st.segmented_control(
            t("How"), hows, default="add", format_func=lambda each: t(HOW_LABELS[each]), required=True,
            key=f"{KEY}.how",
        ) or "add"  # fmt: skip
    value = _value(target)
    empties = value is None
    st.caption(
        nt("Empties the field of **{count}** person. It can be undone.",
           "Empties the field of **{count}** people. It can be undone.", people) if empties else
        nt("Changes **{count}** person. It can be undone.", "Changes **{count}** people. It can be undone.", people)
    )  # fmt: skip
    if st.button(t("Set for all of them"), type="primary", key=f"{KEY}.go"):
        with said():
            cursor = warehouse().cursor()
            ids = audience_frame(cursor, audience, context).select("contact_id").to_native().pl()
            done = set_field(warehouse(), ids, target.name, value, who=who(), now=utc_now(), how=how)
            st.toast(
                nt("{count} person was changed.", "{count} people were changed.", done.changed_count),
                icon=":material/edit:",
            )
            st.rerun()


def _value(target: Field) -> Any:
    """What the field shall hold; nothing empties it."""
    key = f"{KEY}.value.{target.name}"
    if target.type is FieldType.NUMBER:
        return st.number_input(t("Value"), value=None, key=key, placeholder=t("Nothing: empties the field"))
    if target.type is FieldType.DATE:
        return st.date_input(t("Value"), value=None, key=key, min_value=date(1900, 1, 1), max_value=date(2200, 1, 1))
    if target.type is FieldType.BOOL:
        words = {True: t("yes"), False: t("no")}
        return st.segmented_control(t("Value"), [True, False], format_func=words.__getitem__, key=key)
    if target.type is FieldType.LIST:
        return st.multiselect(t("Values"), [], accept_new_options=True, key=key) or None
    return st.text_input(t("Value"), key=key, placeholder=t("Nothing: empties the field")).strip() or None


def _draw_past() -> None:
    """The last changes of this kind, each with its way back."""
    edits = [each for each in list_edits(warehouse().cursor(), limit=5) if each.undone_at is None]
    if not edits:
        return
    st.caption(t("Set before"))
    for each in edits:
        words = {"field": plain(each.field), "who": plain(each.by_whom), "ago": formats.ago(each.happened_at)}
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                nt("{field}: {count} person, {who}, {ago}", "{field}: {count} people, {who}, {ago}",
                   each.changed_count, **words),
                width="stretch",
            )  # fmt: skip
            if st.button(t("Undo"), type="tertiary", key=f"{KEY}.undo.{each.edit_id}"):
                with said():
                    done = undo_edit(warehouse(), each.edit_id, who=who(), now=utc_now())
                    st.toast(
                        nt("{count} person has the old value again.", "{count} people have the old value again.",
                           done.restored_count or 0),
                        icon=":material/undo:",
                    )  # fmt: skip
                    st.rerun()
