"""Who of a segment is chosen by hand: nobody (which means everybody), these, or everybody except these.

A predicate, never rows: ids are the only thing it holds, so it survives paging and sorting.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import field_serializer

from engine.segments.rules import Model


class SelectionMode(StrEnum):
    """What the ids of a selection mean."""

    NONE = "none"
    ONLY = "only"
    EXCEPT = "except"


class Selection(Model):
    """Contacts chosen by id; frozen."""

    mode: SelectionMode = SelectionMode.NONE
    ids: frozenset[int] = frozenset()

    @field_serializer("ids")
    def _sorted(self, ids: frozenset[int]) -> list[int]:
        return sorted(ids)

    @classmethod
    def only(cls, ids: frozenset[int]) -> Selection:
        """These and nobody else; no ids means nobody is chosen, so everybody."""
        return cls(mode=SelectionMode.ONLY, ids=ids) if ids else cls()

    @property
    def is_narrowing(self) -> bool:
        """It leaves somebody out."""
        return self.mode is SelectionMode.ONLY or (self.mode is SelectionMode.EXCEPT and bool(self.ids))

    def on_page(self, page_ids: frozenset[int], ticked: frozenset[int]) -> Selection:
        """The selection after the ticks of one page are known; other pages keep theirs."""
        if self.mode is SelectionMode.EXCEPT:
            return Selection(mode=SelectionMode.EXCEPT, ids=(self.ids - page_ids) | (page_ids - ticked))
        return Selection.only((self.ids - page_ids) | ticked)

    def ticked(self, page_ids: list[int]) -> list[int]:
        """The positions on a page that are chosen."""
        if self.mode is SelectionMode.NONE:
            return []
        wanted = self.mode is SelectionMode.ONLY
        return [position for position, each in enumerate(page_ids) if (each in self.ids) is wanted]
