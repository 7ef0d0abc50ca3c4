"""The Audience page: what it counts, says and hands on; AppTest from `app.py`, as it runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.contacts.fields import FieldType
from engine.operations.drafts import load_draft
from engine.segments import (
    Comparison,
    FacetChoice,
    Segment,
    Selection,
    Sort,
    count_audience,
    get_list,
    list_lists,
    list_segments,
    load_context,
    save_segment,
)
from engine.segments.audience import Audience
from engine.segments.operators import operators_for
from engine.warehouse import Warehouse
from engine.warehouse.shared import shared_warehouse
from pages.ui.audience_state import Key, View
from tests.engine import segments_world as world

APP = str(Path(__file__).parents[2] / "app.py")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
IN_IZMIR = Segment(facets={"city": FacetChoice(include=frozenset({"İzmir"}))})
EVERYBODY = Segment()
CITIES = ["İzmir", "Ankara", None, "İzmir", "Bursa"]


@pytest.fixture
def store(live: object) -> Warehouse:
    """130 contacts: every fifth in Ankara, every fifth without a city, two in five in İzmir."""
    warehouse = shared_warehouse()
    world.prepare(warehouse)
    rows = [
        {**dict.fromkeys(world.SCHEMA), "name": f"Ad {number:03}", "surname": "Yılmaz", "city": CITIES[number % 5],
         "phone": f"+90532111{number:04}", "bucket": number, "age": float(number),
         "created_at": datetime(2026, 11, 1 + number % 9)}
        for number in range(130)
    ]  # fmt: skip
    world.fill(warehouse, [{name: value for name, value in row.items() if name != "contact_id"} for row in rows])
    return warehouse


def _page(**state: Any) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=30)
    at.session_state["shell.person"] = "Elif"
    at.run()
    for key, value in state.items():
        at.session_state[f"audience.{key}"] = value
    return at.switch_page("pages/audience.py").run()


def _count(at: AppTest) -> str:
    assert not at.exception, at.exception
    (figure,) = (str(each.value) for each in at.markdown if str(each.value).startswith("# "))
    return figure.split()[1]


def _said(at: AppTest) -> str:
    return "\n".join(str(each.value) for each in at.caption)


def _button(at: AppTest, label: str) -> Any:
    return next(each for each in at.button if each.label == label)


def _selected(*ids: int, among: Segment = EVERYBODY) -> dict[str, Any]:
    return {"selected": frozenset(ids), "selected_for": among.fingerprint}


def test_an_empty_store_leads_to_the_import(live: object) -> None:
    at = _page()
    assert not at.exception
    assert [each.label for each in at.button if each.label == "Import contacts"]
    assert not at.dataframe


def test_everybody_is_counted_and_nobody_selected_is_said(store: Warehouse) -> None:
    at = _page()
    assert _count(at) == "130"
    assert "Nobody selected: actions go to **all 130**." in _said(at)
    assert "Everybody" in _said(at)
    assert len(at.dataframe[0].value) == 50


def test_a_facet_narrows_the_count_and_is_said_in_words(store: Warehouse) -> None:
    at = _page(segment=Segment(facets={"city": FacetChoice(exclude=frozenset({"Ankara"}))}))
    assert _count(at) == "104"
    assert "City is not **Ankara** (people with no value stay in)" in _said(at)


def test_the_page_speaks_turkish(store: Warehouse) -> None:
    at = AppTest.from_file(APP, default_timeout=30)
    at.session_state["shell.person"] = "Elif"
    at.session_state["shell.language"] = "tr"
    at.run()
    at.session_state[Key.SEGMENT] = IN_IZMIR
    at.switch_page("pages/audience.py").run()
    assert not at.exception
    assert "**İzmir**" in _said(at)
    assert "Kimse seçilmedi" in _said(at)


def test_a_search_narrows_what_actions_touch_too(store: Warehouse) -> None:
    at = _page()
    at.text_input(key=Key.SEARCH).set_value("0532 111 0007").run()
    assert _count(at) == "1"
    assert "Nobody selected: actions go to **all 1**." in _said(at)
    _button(at, "Start over").click().run()
    assert _count(at) == "130"


def test_nobody_matching_says_so_and_offers_a_way_back(store: Warehouse) -> None:
    at = _page(search="nobody has this name")
    assert _count(at) == "0"
    assert not at.dataframe
    assert any("Nobody matches" in str(each.value) for each in at.markdown)
    assert _button(at, "Send bulk message").disabled
    assert _button(at, "Start over")


def test_a_selection_is_kept_by_id_through_sorting(store: Warehouse) -> None:
    at = _page(**_selected(7, 8))
    assert "**2** people selected: actions go to them alone." in _said(at)
    at.session_state[Key.SORT] = Sort("name", descending=True)
    at.run()
    assert "**2** people selected" in _said(at)
    _button(at, "Clear selection").click().run()
    assert "Nobody selected: actions go to **all 130**." in _said(at)


def test_the_order_can_be_chosen_in_the_form_too(store: Warehouse) -> None:
    at = _page()
    at.selectbox(key=Key.SORT_FIELD).set_value("name").run()
    at.toggle(key=Key.SORT_DESCENDING).set_value(False).run()
    assert at.session_state[Key.SORT] == Sort("name", descending=False)
    assert at.dataframe[0].value["name"].to_list()[:2] == ["Ad 000", "Ad 001"]


def test_another_filter_clears_the_selection_says_so_and_can_keep_who_matches(store: Warehouse) -> None:
    at = _page(**_selected(0, 1, 3))
    at.session_state[Key.SEGMENT] = IN_IZMIR
    at.run()
    assert "Nobody selected: actions go to **all 52**." in _said(at)
    assert "The filter changed, so the selection was cleared." in _said(at)
    _button(at, "Keep the 2 who still match").click().run()
    assert "**2** people selected" in _said(at)


def test_a_rule_is_built_from_field_operator_and_value_and_removed_again(store: Warehouse) -> None:
    at = _page(side="rules")
    at.selectbox(key="audience.rule.field").set_value("age").run()
    operators = at.selectbox(key="audience.rule.operator.age")
    operators.set_value(next(each for each in operators_for(FieldType.NUMBER) if each.key == "at_least")).run()
    at.number_input(key="audience.rule.value.number.age").set_value(100).run()
    _button(at, "Add rule").click().run()
    assert _count(at) == "30"
    assert "Age is at least **100**" in _said(at)
    at.button(key="audience.rule.remove.0").click().run()
    assert _count(at) == "130"


def test_a_segment_is_saved_by_name_and_opens_by_its_link(store: Warehouse) -> None:
    at = _page(segment=IN_IZMIR)
    _button(at, "Save").click().run()
    at.text_input(key="audience.save.new").set_value("Ege").run()
    saved = save_segment(store, "Ege", IN_IZMIR, who="Elif", context=load_context(store.cursor(), now=NOW, zone=UTC))
    linked = AppTest.from_file(APP, default_timeout=30)
    linked.session_state["shell.person"] = "Can"
    linked.run()
    linked.query_params["segment"] = saved.segment_id
    linked.switch_page("pages/audience.py").run()
    assert _count(linked) == "52"
    assert "Segment “Ege”, saved by Elif" in _said(linked)
    linked.session_state[Key.SEGMENT] = Segment()
    linked.run()
    assert "changed here and not saved yet" in _said(linked)


def test_a_link_to_what_is_gone_shows_everybody_and_says_so(store: Warehouse) -> None:
    at = AppTest.from_file(APP, default_timeout=30)
    at.session_state["shell.person"] = "Elif"
    at.run()
    at.query_params["segment"] = "seg-gone"
    at.switch_page("pages/audience.py").run()
    assert _count(at) == "130"
    assert "not here any more" in str(at.toast[0].value)


def test_a_rule_on_a_field_that_is_gone_is_explained(store: Warehouse) -> None:
    at = _page(segment=Segment(rule=Comparison(field="shoe_size", operator="empty")))
    assert not at.exception
    assert "there is no such field" in str(at.error[0].value)
    _button(at, "Start over").click().run()
    assert _count(at) == "130"


def test_sending_makes_a_draft_for_whom_the_page_says(store: Warehouse) -> None:
    at = _page(segment=IN_IZMIR, **_selected(0, 3, among=IN_IZMIR))
    _button(at, "Send bulk message").click().run()
    cursor = store.cursor()
    rows = cursor.execute("SELECT operation_id, created_by FROM operations").fetchall()
    assert [row[1] for row in rows] == ["Elif"]
    audience = load_draft(cursor, rows[0][0]).audience
    assert audience.selection == Selection.only(frozenset({0, 3}))
    assert count_audience(cursor, audience, load_context(cursor, now=NOW, zone=UTC)) == 2


def _ticks() -> None:
    import streamlit as st

    from pages.ui.audience_state import take_chosen, take_ticks
    from pages.ui.facet_panel import chosen_facets

    if "table" in st.session_state:
        take_ticks("table", [10, 11, 12], "filter")
    if "audience.facets" in st.session_state:
        chosen = chosen_facets("audience.facets", ["city"])
        if chosen is not None:
            take_chosen(chosen)


@pytest.mark.parametrize(
    ("rows", "before", "after"),
    [([0, 2], {10, 99}, {10, 12, 99}), ([], {10, 99}, {99}), ([1, 7], set(), {11})],
    ids=["ticks of other pages stay", "unticked", "a row that isn't there"],
)
def test_ticks_choose_the_ids_that_were_drawn(rows: list[int], before: set[int], after: set[int]) -> None:
    at = AppTest.from_function(_ticks)
    at.session_state["table"] = {"selection": {"rows": rows, "columns": []}}
    at.session_state[Key.SELECTED] = frozenset(before)
    at.run()
    assert not at.exception
    assert at.session_state[Key.SELECTED] == after


def test_a_click_on_a_head_sorts_and_a_second_turns_round() -> None:
    at = AppTest.from_function(_ticks)
    at.session_state["table"] = {"selection": {"rows": [], "columns": ["city"]}}
    at.run()
    assert at.session_state[Key.SORT] == Sort("city", descending=False)
    at.run()
    assert at.session_state[Key.SORT] == Sort("city", descending=True)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"click": 3, "choices": {"city": {"include": ["A", None], "exclude": ["B"]}, "person_key": {}}}, True),
        ({"click": "x", "choices": {}}, False),
        ({"choices": []}, False),
        ({"click": 1, "choices": {"city": {"include": ["A"], "exclude": ["A"]}}}, False),
        (None, False),
    ],
    ids=["whole choice", "no number", "no choices", "both sides", "nothing"],
)
def test_the_panel_is_believed_only_in_its_own_shape(sent: Any, expected: bool) -> None:
    at = AppTest.from_function(_ticks)
    at.session_state["audience.facets"] = {"chosen": sent}
    at.run()
    assert not at.exception
    chosen = FacetChoice(include=frozenset({"A", None}), exclude=frozenset({"B"}))
    wanted = Segment(facets={"city": chosen}) if expected else None
    assert at.session_state.get(Key.SEGMENT, None) == wanted


def test_the_search_is_part_of_whom_an_action_is_for() -> None:
    view = View(IN_IZMIR, "ayşe", Selection(), Sort(), ("name",))
    assert view.audience == Audience(segment=view.filtered)
    assert [each.value for each in view.filtered.comparisons()] == ["ayşe"]
    assert view.filtered.facets == IN_IZMIR.facets


def test_adding_to_a_list_by_a_new_name_makes_it(store: Warehouse) -> None:
    from pages.ui.list_dialogs import add_people

    context = load_context(store.cursor(), now=NOW, zone=UTC)
    assert add_people("Ege", Audience(segment=IN_IZMIR), context, who="Elif") == 52
    assert add_people("Ege", Audience(), context, who="Elif") == 78
    (kept,) = list_lists(store.cursor())
    assert get_list(store.cursor(), kept.list_id).member_count == 130
    assert list_segments(store.cursor()) == ()


def test_a_group_of_rules_is_built_within_the_rules(store: Warehouse) -> None:
    at = _page(side="rules")
    at.selectbox(key="audience.rule.field").set_value("age").run()
    operators = at.selectbox(key="audience.rule.operator.age")
    operators.set_value(next(each for each in operators_for(FieldType.NUMBER) if each.key == "at_least")).run()
    at.number_input(key="audience.rule.value.number.age").set_value(100).run()
    _button(at, "Add rule").click().run()
    at.button(key="audience.rule.group.").click().run()
    assert _count(at) == "30"  # a group that is still empty changes nobody
    at.selectbox(key="audience.rule.field").set_value("age").run()
    operators = at.selectbox(key="audience.rule.operator.age")
    operators.set_value(next(each for each in operators_for(FieldType.NUMBER) if each.key == "at_least")).run()
    at.number_input(key="audience.rule.value.number.age").set_value(120).run()
    _button(at, "Add rule").click().run()
    at.segmented_control(key="audience.rule.combine.1").set_value("none").run()
    assert not at.exception
    assert _count(at) == "20"


def test_a_count_about_what_people_do_follows_what_is_recorded(store: Warehouse) -> None:
    at = _page(segment=Segment(rule=Comparison(field="@window", operator="is_yes")))
    assert _count(at) == "0"
    cursor = store.cursor()  # as the recorder does it: no new version of the data
    cursor.execute(
        "INSERT INTO windows SELECT person_key, 'sandbox', TIMESTAMP '2100-01-01' FROM contacts WHERE age < 3"
    )
    cursor.execute("UPDATE ingest_offset SET recorded_count = recorded_count + 3")
    assert _count(at.run()) == "3"
