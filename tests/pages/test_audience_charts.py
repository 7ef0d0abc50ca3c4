"""The small charts of the Audience page: what they count, what a click does, whose choice of fields is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.segments import FacetChoice, Segment
from engine.warehouse import Warehouse
from engine.warehouse.person_settings import get_setting
from engine.warehouse.shared import shared_warehouse
from pages.ui.audience_charts import SETTING, ChosenCharts
from pages.ui.audience_state import Key
from tests.engine import segments_world as world

IN_IZMIR = Segment(facets={"city": FacetChoice(include=frozenset({"İzmir"}))})


@pytest.fixture
def store(live: object) -> Warehouse:
    """90 contacts: a third in each city of two and none, of nine ages, with three names."""
    warehouse = shared_warehouse()
    world.prepare(warehouse)
    rows = [
        {**dict.fromkeys(world.SCHEMA), "name": f"Ad {number % 3}", "city": ["İzmir", "Ankara", None][number % 3],
         "vip": True, "age": float(number), "bucket": number, "created_at": datetime(2026, 1 + number % 9, 3)}
        for number in range(90)
    ]  # fmt: skip
    world.fill(warehouse, [{name: value for name, value in row.items() if name != "contact_id"} for row in rows])
    return warehouse


def _charts() -> None:
    import streamlit as st

    from engine.clock import utc_now
    from engine.segments import load_context
    from pages.ui.audience_chart_values import charts_of
    from pages.ui.audience_charts import _take_click, _take_field
    from pages.ui.audience_figures import figures
    from pages.ui.audience_state import Key, current_view
    from pages.ui.services import settings, warehouse

    if Key.CHARTS in st.session_state:
        _take_click(["city", "created_at"])
        _take_field(("city", "age", "name"), ("city", "age"))
    cursor = warehouse().cursor()
    found = figures(cursor, load_context(cursor, now=utc_now(), zone=settings().zone))
    st.session_state["drawn"] = charts_of(current_view(), found, ("vip", "city", "name", "age", "created_at"), {})


def _run(**state: Any) -> AppTest:
    at = AppTest.from_function(_charts, default_timeout=30)
    at.session_state["shell.person"] = "Elif"
    for key, value in state.items():
        at.session_state[f"audience.{key}"] = value
    at.run()
    assert not at.exception, at.exception
    return at


def test_each_kind_of_field_has_its_chart_and_every_chart_counts_everybody_once(store: Warehouse) -> None:
    drawn = _run().session_state["drawn"]
    assert [(bar.value, bar.count) for bar in drawn["vip"].bars] == [("true", 90)]
    assert {bar.value: bar.count for bar in drawn["city"].bars} == {"İzmir": 30, "Ankara": 30, None: 30}
    assert {bar.value: bar.count for bar in drawn["name"].bars} == {"Ad 0": 30, "Ad 1": 30, "Ad 2": 30}
    for name in ("age", "created_at"):
        assert sum(bar.count for bar in (*drawn[name].columns, *drawn[name].bars)) == 90


def test_a_chosen_bar_stays_among_the_others_and_the_other_charts_follow(store: Warehouse) -> None:
    drawn = _run(segment=IN_IZMIR).session_state["drawn"]
    assert {bar.value: bar.count for bar in drawn["city"].bars} == {"İzmir": 30, "Ankara": 30, None: 30}
    assert sum(bar.count for bar in drawn["created_at"].columns) == 30
    assert [bar.count for bar in drawn["name"].bars] == [30]


def test_growth_says_how_many_came_and_how_many_there_were_by_then(store: Warehouse) -> None:
    columns = _run().session_state["drawn"]["created_at"].columns
    assert columns[-1].words.endswith(f"{columns[-1].count} added, 90 by then")


def _sent(**sent: Any) -> dict[str, Any]:
    return {"chosen": None, "field": None, **sent}


def test_a_click_on_a_month_narrows_to_who_came_then(store: Warehouse) -> None:
    choices = {"created_at": {"include": ["2026-03"], "exclude": []}}
    at = _run(segment=IN_IZMIR, charts=_sent(chosen={"click": 4, "choices": choices}))
    segment = at.session_state[Key.SEGMENT]
    assert segment.facets == {**IN_IZMIR.facets, "created_at": FacetChoice(include=frozenset({"2026-03"}))}
    assert at.session_state[Key.CHART_CLICK] == 4


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({"slot": 0, "name": "name"}, ("name", "age")),
        ({"slot": 0, "name": "age"}, ("age", "city")),
        ({"slot": 7, "name": "age"}, ()),
        ({"slot": 0, "name": "person_key"}, ()),
        ("age", ()),
    ],
    ids=["another", "they change places", "no such chart", "no such field", "out of shape"],
)
def test_the_fields_of_the_own_charts_are_kept_for_the_person(
    store: Warehouse, sent: Any, fields: tuple[str, ...]
) -> None:
    _run(charts=_sent(field=sent))
    assert get_setting(store.cursor(), "Elif", SETTING, ChosenCharts).fields == fields
    assert get_setting(store.cursor(), "Can", SETTING, ChosenCharts).fields == ()
