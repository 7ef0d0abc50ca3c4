"""What targets, types and policies are called, for a person."""

from __future__ import annotations

from engine.contacts.fields import FieldRegistry
from engine.contacts.mapping import TARGET_LABELS
from pages.ui import t
from pages.ui.import_state import LEFT_OUT, NEW

_JOINER = "\u2060"  # unseen


def field_label(name: str, registry: FieldRegistry) -> str:
    """A target as a person reads it."""
    if name in TARGET_LABELS:
        return t(TARGET_LABELS[name])
    found = registry.get(name) if name in registry else None
    if found is None:
        return name
    return t(found.label) if found.built_in else found.label


def target_label(target: str, registry: FieldRegistry) -> str:
    """A choice of where a column goes."""
    if target == LEFT_OUT:
        return t("Leave out")
    return t("New field") if target == NEW else field_label(target, registry)


def plain(text: str) -> str:
    """Somebody's text without Markdown's marks and links, on one line."""
    shown = " ".join(text.split())
    for mark in ("@", "www", ":"):
        shown = shown.replace(mark, mark + _JOINER)  # an address is no link here
    return "".join(f"\\{mark}" if mark in "\\*_`[]<>:~$#|" else mark for mark in shown)


def short(text: str, letters: int = 40) -> str:
    """A text cut to so many letters."""
    return text if len(text) <= letters else text[: letters - 1] + "…"
