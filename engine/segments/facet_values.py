"""What a facet shows: its values with their counts, in the order in which they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.segments.cubes import Tally
from engine.segments.rules import FacetChoice


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet (None: no value) and how many have it, given the other facets."""

    value: str | None
    count: int


FacetCounts = dict[str, tuple[FacetValue, ...]]


def by_size(tallies: Sequence[Tally], choice: FacetChoice | None) -> tuple[FacetValue, ...]:
    """Those first that most people have without any facet, no value last; a chosen value is there in any case."""
    chosen = choice.include | choice.exclude if choice is not None else frozenset()
    seen = [
        (each.value is None, -each.always, each.value or "", FacetValue(each.value, each.now))
        for each in tallies
        if each.always or each.value in chosen
    ]
    absent = chosen - {each.value for each in tallies}
    seen += [(value is None, 0, value or "", FacetValue(value, 0)) for value in absent]
    return tuple(each[-1] for each in sorted(seen, key=lambda row: row[:3]))
