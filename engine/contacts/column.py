"""One column of contacts as an import changes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A column of contacts that the import may change, in SQL.

    Args:
        value: what it becomes in a known contact; `old`: what it is.
        first: what it is in a new one.
        differs: whether a known contact gets another value, said so that it is quick on a million rows.
        is_of_known: a new contact gets it anyway.
    """

    name: str
    value: str
    old: str
    first: str
    differs: str
    is_of_known: bool = False
