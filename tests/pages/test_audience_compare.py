"""Comparing an audience with a segment or list, what a size is noted for, which columns a person sees."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.segments import (
    Audience,
    FacetChoice,
    SavedSegment,
    Segment,
    add_to_list,
    compare,
    count_audience,
    create_list,
    list_sizes,
    load_context,
    save_segment,
)
from engine.warehouse import Warehouse
from engine.warehouse.shared import shared_warehouse
from pages.ui.audience_compare import audience_of, parts_of
from pages.ui.audience_sizes import _writer
from pages.ui.audience_state import Key
from tests.engine import segments_world as world

APP = str(Path(__file__).parents[2] / "app.py")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
IN_IZMIR = Segment(facets={"city": FacetChoice(include=frozenset({"İzmir"}))})
OLD = Segment(facets={"age": FacetChoice(include=frozenset({"30.."}))})


@pytest.fixture
def store(live: object) -> Iterator[Warehouse]:
    """60 people: every third in İzmir (20), half of them 30 or older (30), so 10 are both."""
    warehouse = shared_warehouse()
    world.prepare(warehouse)
    rows = [
        {**dict.fromkeys(world.SCHEMA), "name": f"Ad {number}", "city": ["İzmir", "Ankara", None][number % 3],
         "age": float(number), "bucket": number, "created_at": datetime(2026, 11, 3)}
        for number in range(60)
    ]  # fmt: skip
    world.fill(warehouse, [{name: value for name, value in row.items() if name != "contact_id"} for row in rows])
    yield warehouse
    _writer().submit(lambda: None).result()


def _context(store: Warehouse) -> Any:
    return load_context(store.cursor(), now=NOW, zone=UTC)


def _saved(store: Warehouse, name: str, segment: Segment) -> SavedSegment:
    return save_segment(store, name, segment, who="Elif", context=_context(store))


def _other(store: Warehouse, kind: str) -> tuple[str, str]:
    if kind == "segment":
        return "@segment", _saved(store, "Old", OLD).segment_id
    list_id = create_list(store, "Old", who="Elif", now=NOW)
    add_to_list(store, list_id, Audience(segment=OLD), context=_context(store), who="Elif")
    return "@list", list_id


@pytest.mark.parametrize("kind", ["segment", "list"])
@pytest.mark.parametrize("is_saved", [True, False], ids=["saved", "not saved"])
def test_each_part_has_as_many_people_as_the_figure_says(store: Warehouse, kind: str, is_saved: bool) -> None:
    other = _other(store, kind)
    here = _saved(store, "Ege", IN_IZMIR) if is_saved else None
    cursor, context = store.cursor(), _context(store)
    overlap = compare(cursor, Audience(segment=IN_IZMIR), audience_of(other), context)
    assert (overlap.both, overlap.only_first, overlap.only_second) == (10, 10, 20)
    parts = parts_of(IN_IZMIR, other, here)
    counts = [
        None if part is None else count_audience(cursor, Audience(segment=part), context) for part in parts.values()
    ]
    assert counts == [10, 10, 20 if is_saved else None]


def _page(person: str = "Elif", **state: Any) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=30)
    at.session_state["shell.person"] = person
    at.run()
    for key, value in state.items():
        at.session_state[f"audience.{key}"] = value
    at.switch_page("pages/audience.py").run()
    assert not at.exception, at.exception
    return at


def _dialog() -> None:
    from engine.clock import utc_now
    from engine.segments import list_segments, load_context
    from pages.ui.audience_compare import draw_compare
    from pages.ui.audience_state import current_view
    from pages.ui.services import settings, warehouse

    cursor = warehouse().cursor()
    saved = {each.segment_id: each for each in list_segments(cursor)}
    draw_compare(current_view(), saved, load_context(cursor, now=utc_now(), zone=settings().zone))


def test_a_part_is_opened_as_an_audience_of_its_own(store: Warehouse) -> None:
    saved = _saved(store, "Old", OLD)
    at = AppTest.from_function(_dialog, default_timeout=30)
    at.session_state[Key.SEGMENT] = IN_IZMIR
    at.session_state[Key.SEARCH] = "Ad"
    at.session_state[Key.COMPARED] = ("@segment", saved.segment_id)
    at.run()
    assert not at.exception, at.exception
    assert at.button(key="audience.compare.there").disabled
    assert "save these people as a segment first" in at.caption[0].value
    at.button(key="audience.compare.here").click().run()
    assert not at.exception, at.exception
    assert at.session_state[Key.SEARCH] == ""
    opened = at.session_state[Key.SEGMENT]
    assert count_audience(store.cursor(), Audience(segment=opened), _context(store)) == 10


def test_an_opened_segment_is_noted_with_its_size_once_and_a_changed_one_is_not(store: Warehouse) -> None:
    saved = _saved(store, "Ege", IN_IZMIR)
    at = _page(segment=IN_IZMIR, opened=saved.segment_id)
    at.run()
    _writer().submit(lambda: None).result()
    shown = [each.count for each in list_sizes(store.cursor(), saved.segment_id) if each.cause == "shown"]
    assert shown == [20]
    at.session_state[Key.SEGMENT] = OLD
    at.run()
    _writer().submit(lambda: None).result()
    assert len(list_sizes(store.cursor(), saved.segment_id)) == len(shown)


def test_chosen_columns_are_there_the_next_time_for_that_person_alone(store: Warehouse) -> None:
    at = _page()
    at.multiselect(key=Key.COLUMNS).set_value(["age", "name"]).run()
    assert list(at.dataframe[0].value.columns)[1:] == ["age", "name"]
    assert list(_page().dataframe[0].value.columns)[1:] == ["age", "name"]
    assert "age" not in _page("Can").dataframe[0].value.columns
