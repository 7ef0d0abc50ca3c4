"""Marks a text of the engine that pages show to a person, so that the catalogues hold it (gettext's `N_`)."""

from __future__ import annotations


def N_(text: str) -> str:
    """The text itself; `pages.ui.messages` collects what is marked, pages translate it."""
    return text
