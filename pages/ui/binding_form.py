"""The form that fills a template's slots, part by part as the message has them: header, body, offer, buttons, cards.

It knows nothing of where the bindings are kept: they come in, each change goes out through `on_change`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import streamlit as st

from engine.contacts import FieldRegistry
from engine.templates import Binding, Bindings, Slot, Template, unknown_fields
from pages.ui import formats, t
from pages.ui.audience_words import label_of
from pages.ui.binding_fields import field_views
from pages.ui.binding_media import draw_media
from pages.ui.binding_samples import Samples
from pages.ui.message_holes import HoleView, hole_panel, typed_holes

CountWithout = Callable[[Sequence[str]], tuple[int, int]]
"""Fields -> (people who lack one of them, people in all)."""

Change = Callable[[Mapping[str, Binding]], None]
"""Takes what changed: slot key -> what fills it now (an empty binding: nothing)."""


def binding_form(
    template: Template,
    bindings: Bindings,
    registry: FieldRegistry,
    *,
    key: str,
    on_change: Change,
    samples: Samples | None = None,
    count_without: CountWithout | None = None,
) -> None:
    """Draw a control for each slot.

    Args:
        samples: what real contacts get, shown beside each control.
        count_without: who lacks a value, said beside each control.
    """
    form = _Form(template, bindings, registry, key, on_change, samples or {}, count_without)
    for title, slots in _parts(template):
        st.markdown(f"**{title}**")
        form.draw(slots, slots[0].key)
    if template.cards:
        st.markdown(f"**{t('Cards')}**")
        tabs = st.tabs([_card_label(form, number) for number in range(len(template.cards))], key=f"{key}.cards")
        for number, tab in enumerate(tabs):
            with tab:
                slots = [slot for slot in template.slots if slot.card == number]
                if slots:
                    form.draw(slots, f"card.{number}")
                else:
                    st.caption(t("This card is the same for everybody."))


def merged(bindings: Bindings, changes: Mapping[str, Binding]) -> dict[str, Binding]:
    """Bindings with changes; what became empty is gone."""
    found = {**bindings, **changes}
    return {key: binding for key, binding in found.items() if not binding.is_empty}


def slot_label(slot: Slot) -> str:
    """How a person calls a slot, in the session's language."""
    label = t(slot.caption, name=slot.name)
    return label if slot.card is None else t("Card {number}: {slot}", number=slot.card + 1, slot=label)


def _parts(template: Template) -> Iterator[tuple[str, list[Slot]]]:
    """The parts of the message that have slots, as a person calls them."""
    own = [slot for slot in template.slots if slot.card is None]
    for title, is_in in (
        (t("Header"), lambda slot: slot.key.startswith("header.")),
        (t("Body"), lambda slot: slot.key.startswith("body:") or slot.key.endswith(".otp")),
        (t("Offer"), lambda slot: slot.key.startswith("offer.")),
        (t("Buttons"), lambda slot: slot.key.startswith("button.") and not slot.key.endswith(".otp")),
    ):
        if slots := [slot for slot in own if is_in(slot)]:
            yield title, slots


def _card_label(form: _Form, number: int) -> str:
    label = t("Card {number}", number=formats.number(number + 1))
    return f"{label} · {t('empty')}" if form.has_empty(number) else label


class _Form:
    """One drawing of the form: what every control needs to know."""

    def __init__(
        self,
        template: Template,
        bindings: Bindings,
        registry: FieldRegistry,
        key: str,
        on_change: Change,
        samples: Samples,
        count_without: CountWithout | None,
    ) -> None:
        self._template, self._bindings, self._registry = template, bindings, registry
        self._key, self._on_change, self._samples = key, on_change, samples
        self._count_without = count_without
        self._fields = field_views(registry, template.language)

    def has_empty(self, card: int) -> bool:
        """Whether a blank of that card still needs something."""
        return any(
            slot.card == card and not slot.is_optional and slot.key not in self._bindings
            for slot in self._template.slots
        )

    def draw(self, slots: Sequence[Slot], name: str) -> None:
        """The file's control first, then all texts of the part in one panel."""
        texts = list(slots)
        for slot in slots:
            if slot.is_media:
                binding = self._bindings.get(slot.key, Binding())
                if not draw_media(slot, binding, f"{self._key}.{slot.key}", self._take_file):
                    texts.remove(slot)
        if texts:
            panel_key = f"{self._key}.{name}.{'.'.join(slot.kind[0] for slot in texts)}"
            views = [self._view(slot) for slot in texts]
            hole_panel(views, self._fields, key=panel_key, on_typed=lambda: self._take(panel_key, texts))

    def _take(self, panel_key: str, slots: Sequence[Slot]) -> None:
        typed = typed_holes(panel_key, [slot.key for slot in slots])
        if typed is not None:
            self._on_change(typed)

    def _take_file(self, slot_key: str, binding: Binding) -> None:
        self._on_change({slot_key: binding})

    def _view(self, slot: Slot) -> HoleView:
        binding = self._bindings.get(slot.key, Binding())
        shown = Binding() if slot.is_media and binding.media_hash else binding
        return HoleView(
            key=slot.key,
            label=t(slot.caption, name=slot.name),
            kind=slot.kind,
            binding=shown,
            hole=f"{{{{{slot.name}}}}}" if slot.kind == "text" and slot.name and ":" in slot.key else "",
            hint=_hint(slot),
            prefix=slot.prefix,
            is_optional=slot.is_optional,
            samples=[] if shown.is_empty else self._samples.get(slot.key, ()),
            notes=list(self._notes(slot, shown)),
        )

    def _notes(self, slot: Slot, binding: Binding) -> Iterator[tuple[str, str]]:
        """Fields that don't exist, what can't be used, and how many people have no value."""
        strange = unknown_fields({slot.key: binding}, self._registry.names())
        if strange:
            yield "bad", t("There is no field {fields}.", fields=", ".join(f"@{name}" for name in strange))
            return
        samples = self._samples.get(slot.key, ())
        if not binding.is_empty and not binding.fields and samples and samples[0][1] is None:
            yield "bad", _refusal(slot)
        if not binding.fields or self._count_without is None or slot.is_optional:
            return
        missing, total = self._count_without(binding.fields)
        if missing:
            yield "", _missing_line(missing, total, binding, self._registry)


def _missing_line(missing: int, total: int, binding: Binding, registry: FieldRegistry) -> str:
    figures = {
        "count": formats.number(missing),
        "total": formats.number(total),
        "fields": ", ".join(label_of(registry.get(name)) for name in binding.fields),
    }
    if binding.leaves_out:
        return t("{count} of {total} people have no value in {fields}: they are left out.", **figures)
    return t("{count} of {total} people have no value in {fields}: they get the fallback.", **figures)


def _hint(slot: Slot) -> str:
    if slot.kind == "moment":
        return t("or @ for a field with the date")
    if slot.is_media:
        return t("https://… or @ for a field with the link")
    if slot.example and len(slot.example) <= 60:
        return t("e.g. {example}", example=slot.example)
    return t("Text, or @ for a field")


def _refusal(slot: Slot) -> str:
    """Why a fixed value can't be used."""
    if slot.kind == "url_suffix":
        return t("This link doesn't begin as the template's does.")
    if slot.is_media:
        return t("The link must begin with https://")
    if slot.kind == "number":
        return t("This is no place on earth: a number with a decimal point is needed.")
    if slot.kind == "moment":
        return t("The end of the offer must be a moment to come.")
    if slot.kind == "code":
        return t("A code has letters and digits alone.")
    return t("There is nothing to see in this text.")
