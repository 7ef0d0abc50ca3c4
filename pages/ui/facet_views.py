"""One facet as the panel draws it: its rows, its histogram, the quick ranges, what was searched for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import narwhals as nw

from engine.errors import InvalidRule
from engine.segments import Context, FacetChoice, FacetValue
from engine.segments.activity import ACTIVITY
from engine.segments.facet_tests import facet_expr
from engine.segments.folding import fold
from engine.segments.ranges import read_number_range
from pages.ui.facet_fields import Kind, kind_of
from pages.ui.facet_words import edge_title, facet_title, value_title

MOST_SENT = 200
"""So many values of a facet go to the browser; the rest is found by a search."""
FEWEST_BARS = 3
LAST_DAYS = (7, 30, 90)
NEXT_DAYS = (7, 30)
_PLAIN = str.maketrans("çğöşü", "cgosu")

Row = tuple[str | None, str, int]
"""A value, its label, how many have it."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What was searched for in one facet, and what was found."""

    needle: str
    rows: tuple[Row, ...]
    size: int


@dataclass(frozen=True, slots=True)
class FacetView:
    """One facet as it is drawn; `rows` is None while it is folded away.

    `bars` are the bins of a histogram, `ends` the words at its ends; `quick` are ranges relative to today (a value,
    what is written on it, its whole label). `size` is how many values there are, sent or not.
    """

    name: str
    label: str
    kind: Kind
    used: bool = True
    rows: tuple[Row, ...] | None = None
    size: int = 0
    bars: tuple[Row, ...] = ()
    ends: tuple[str, ...] = ()
    quick: tuple[tuple[str, str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    sought: Sought | None = None

    def as_json(self) -> dict[str, Any]:
        """What the browser gets."""
        return asdict(self)


def folded_view(name: str, context: Context, *, used: bool) -> FacetView:
    """A facet whose values aren't counted."""
    return FacetView(name, facet_title(name, context), kind_of(name, context), used)


def values_view(
    view: FacetView, counted: Sequence[FacetValue], choice: FacetChoice, context: Context, *, size: int | None = None
) -> FacetView:
    """A facet of values: the first of them, and whatever is chosen or says that there is none."""
    chosen = choice.include | choice.exclude
    sent = [
        each for place, each in enumerate(counted) if place < MOST_SENT or each.value is None or each.value in chosen
    ]
    known = sum(each.value is not None for each in counted)
    return replace(view, rows=_rows(view.name, sent, context), size=known if size is None else size)


def sought_view(view: FacetView, needle: str, found: Sequence[FacetValue], size: int, context: Context) -> FacetView:
    """The same facet with what a search found."""
    return replace(view, sought=Sought(needle, _rows(view.name, found[:MOST_SENT], context), size))


def search(name: str, counted: Sequence[FacetValue], needle: str, context: Context) -> list[FacetValue]:
    """The values with the needle in their label: for facets that are counted whole."""
    wanted = _loose(needle)
    return [each for each in counted if each.value and wanted in _loose(value_title(name, each.value, context))]


def range_view(
    view: FacetView, counted: Sequence[FacetValue], bins: Collection[str | None], context: Context
) -> FacetView:
    """A facet of numbers or days: bars for its bins, rows for what is chosen beside them and for no value."""
    bars = [each for each in counted if each.value in bins]
    single = view.kind == "numbers" and all(".." not in str(each.value) for each in bars)
    if single or len(bars) < FEWEST_BARS:
        view = replace(view, rows=_rows(view.name, counted, context), size=len(bars))
    else:
        rest = [each for each in counted if each.value not in bins]
        target = context.known_field(view.name)
        ends = (edge_title(target, str(bars[0].value), context), edge_title(target, str(bars[-1].value), context))
        view = replace(view, rows=_rows(view.name, rest, context), bars=_rows(view.name, bars, context), ends=ends)
    return replace(view, quick=_quick(view, context))


def fitting_choice(name: str, choice: FacetChoice, context: Context) -> FacetChoice:
    """The choice without values that the facet can't have; ranges of numbers as the engine writes them."""

    def fitting(values: frozenset[str | None]) -> frozenset[str | None]:
        return frozenset(_written(name, value, context) for value in values if _fits(name, value, context))

    include = fitting(choice.include)
    return FacetChoice(include=include, exclude=fitting(choice.exclude) - include)


def _written(name: str, value: str | None, context: Context) -> str | None:
    if value is None or kind_of(name, context) != "numbers":
        return value
    return read_number_range(value, context.known_field(name)).token


def _fits(name: str, value: str | None, context: Context) -> bool:
    try:
        facet_expr(nw, name, FacetChoice(include=frozenset({value})), context)
    except InvalidRule:
        return False
    return True


def _rows(name: str, values: Sequence[FacetValue], context: Context) -> tuple[Row, ...]:
    return tuple((each.value, value_title(name, each.value, context), each.count) for each in values)


def _quick(view: FacetView, context: Context) -> tuple[tuple[str, str, str], ...]:
    if view.kind != "days":
        return ()
    tokens = [f"last:{days}" for days in LAST_DAYS]
    if view.name not in ACTIVITY and not context.known_field(view.name).built_in:
        tokens += [f"next:{days}" for days in NEXT_DAYS]
    return tuple((each, each.partition(":")[2], value_title(view.name, each, context)) for each in tokens)


def _loose(text: str) -> str:
    return fold(text).translate(_PLAIN)
