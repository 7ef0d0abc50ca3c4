"""The form that fills a template's slots: text with `@field`, what stands in for an empty value, the header's image.

It knows nothing of where the bindings are kept: they come in, what is typed goes out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import streamlit as st

from engine.contacts import FieldRegistry
from engine.contacts.fields import Field
from engine.templates import Binding, Bindings, Slot, Template
from pages.ui import formats, t
from pages.ui.audience_words import label_of
from pages.ui.binding_image import draw_image

MOST_SUGGESTIONS = 5
HOLE_PIXELS = 105
BEGUN_FIELD = re.compile(r"(?<!@)@([a-z0-9_]*)$", re.IGNORECASE)

CountWithout = Callable[[Sequence[str]], tuple[int, int]]
"""Fields -> (people who lack one of them, people in all)."""


def binding_form(
    template: Template,
    bindings: Bindings,
    registry: FieldRegistry,
    *,
    key: str,
    count_without: CountWithout | None = None,
) -> Bindings:
    """Draw a control for each slot.

    Args:
        bindings: what the controls begin with, the first time they are drawn under `key`.
        count_without: who lacks a value, said beside each slot.

    Returns: what is typed now; a slot without anything is absent.
    """
    found: dict[str, Binding] = {}
    for title, slots in _parts(template):
        with st.container(border=True, gap="small"):
            st.markdown(title)
            for slot in slots:
                begun = bindings.get(slot.key, Binding())
                where = f"{key}.{slot.key}"
                is_image = slot.kind == "image"
                binding = draw_image(slot, begun, where) if is_image else _draw_text(slot, begun, registry, where)
                if not binding.is_empty or binding.fallback:
                    found[slot.key] = binding
                _draw_notes(binding, registry, count_without)
    return found


def _parts(template: Template) -> Iterator[tuple[str, list[Slot]]]:
    """The parts of the message that have slots, as a person calls them."""
    for start, title in (
        ("header.image", t("**Header** · image")),
        ("header.text", t("**Header**")),
        ("body", t("**Body**")),
    ):
        if slots := [slot for slot in template.slots if slot.key.startswith(start)]:
            yield title, slots
    for slot in template.slots:
        if slot.kind == "url_suffix":
            number = formats.number(int(slot.key.split(".")[1]) + 1)
            yield t("**Button {number}** · `{url}`", number=number, url=slot.prefix + "{{1}}"), [slot]


def _draw_text(slot: Slot, begun: Binding, registry: FieldRegistry, key: str) -> Binding:
    text_key, fallback_key = f"{key}.text", f"{key}.fallback"
    st.session_state.setdefault(text_key, begun.typed)
    st.session_state.setdefault(fallback_key, begun.fallback)
    name = t(slot.caption, name=slot.name)
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.markdown(f"`{{{{{slot.name if slot.kind == 'text' else 1}}}}}`", width=HOLE_PIXELS)
    typed = row.text_input(
        name,
        key=text_key,
        label_visibility="collapsed",
        placeholder=t("e.g. {example}", example=slot.example) if slot.example else t("Text, or @ for a field"),
        live="400ms",
    )
    fields = {field.name: field for field in registry}
    row.menu_button(
        "@",
        list(fields),
        key=f"{key}.insert",
        type="tertiary",
        help=t("Put a field into {slot}", slot=name),
        format_func=lambda field: f"{label_of(fields[field])} · @{field}",
        on_click=_insert,
        args=(text_key, f"{key}.insert"),
    )
    _draw_suggestions(typed or "", registry, text_key)
    binding = Binding.of(typed or "")
    if not binding.fields:
        return binding
    below = st.container(horizontal=True, vertical_alignment="center", gap="small")
    below.markdown("", width=HOLE_PIXELS)
    fallback = below.text_input(
        t("{slot}, if empty", slot=name),
        key=fallback_key,
        label_visibility="collapsed",
        placeholder=t("If empty: left out (or type a text)"),
        live="400ms",
    )
    return Binding(pieces=binding.pieces, fallback=fallback or "")


def _insert(text_key: str, menu_key: str) -> None:
    if chosen := st.session_state.get(menu_key):
        text = st.session_state.get(text_key) or ""
        space = " " if text and not text.endswith((" ", "@", "/", "=", "-")) else ""
        st.session_state[text_key] = f"{text.removesuffix('@')}{space}@{chosen}"


def _draw_suggestions(typed: str, registry: FieldRegistry, text_key: str) -> None:
    """Fields that begin as the `@…` at the end does."""
    found = _suggested(typed, registry)
    if not found:
        return
    with st.container(horizontal=True, gap="small"):
        for field in found:
            st.button(
                f"@{field.name}",
                key=f"{text_key}.suggest.{field.name}",
                type="tertiary",
                help=label_of(field),
                on_click=_complete,
                args=(text_key, field.name),
            )


def _suggested(typed: str, registry: FieldRegistry) -> list[Field]:
    begun = BEGUN_FIELD.search(typed)
    if begun is None or begun.group(1) in registry:
        return []
    return _matching(begun.group(1), registry)[:MOST_SUGGESTIONS]


def _matching(begun: str, registry: FieldRegistry) -> list[Field]:
    folded = begun.lower()
    first = [field for field in registry if field.name.startswith(folded)]
    return first + [
        field
        for field in registry
        if field not in first and (folded in field.name or folded in label_of(field).lower())
    ]


def _complete(text_key: str, name: str) -> None:
    typed = st.session_state.get(text_key) or ""
    st.session_state[text_key] = BEGUN_FIELD.sub(f"@{name}", typed)


def _draw_notes(binding: Binding, registry: FieldRegistry, count_without: CountWithout | None) -> None:
    """Fields that don't exist, and how many people have no value."""
    strange = [name for name in binding.fields if name not in registry]
    if strange and _suggested(binding.typed, registry):
        return
    if strange:
        st.caption(t(":red[There is no field {fields}.]", fields=", ".join(f"@{name}" for name in strange)))
    elif binding.fields and count_without is not None:
        missing, total = count_without(binding.fields)
        figures = {
            "count": formats.number(missing),
            "total": formats.number(total),
            "fields": ", ".join(label_of(registry.get(name)) for name in binding.fields),
        }
        if missing and binding.leaves_out:
            st.caption(t("{count} of {total} people have no value in {fields}: they are left out.", **figures))
        elif missing:
            st.caption(t("{count} of {total} people have no value in {fields}: they get the fallback.", **figures))
