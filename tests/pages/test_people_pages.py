"""Lists, suppressions and the menu of Audience: AppTest from `app.py`, as it runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from streamlit.testing.v1 import AppTest

from engine.live import STORE, SUPPRESSED
from engine.operations.drafts import load_draft
from engine.operations.suppressions import suppress_person
from engine.segments import (
    Audience,
    FacetChoice,
    Segment,
    Selection,
    SelectionMode,
    add_to_list,
    create_list,
    get_list,
    list_lists,
    load_context,
)
from engine.segments.export_jobs import list_exports, wait_for_export
from engine.warehouse import Warehouse
from engine.warehouse.shared import shared_warehouse
from pages.ui.audience_state import Key
from tests.engine.operations_world import add_contacts
from worker.recorder import Recorder

APP = str(Path(__file__).parents[2] / "app.py")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """No recorder runs beside a page under test."""
    monkeypatch.setattr("pages.ui.suppression_dialogs.RECORDED_SECONDS", 0.0)


@pytest.fixture
def store(live: redis.Redis) -> Warehouse:
    """Sixty contacts, ten of them in İzmir; contact 1 is Ayşe Demir."""
    live.hset(STORE, mapping={"epoch": "e1", "suppressions": "1"})
    rows: list[dict[str, Any]] = [{"city": "İzmir"} if number < 10 else {} for number in range(60)]
    rows[0] |= {"name": "Ayşe", "surname": "Demir"}
    add_contacts(shared_warehouse(), rows)
    return shared_warehouse()


def page(name: str, **state: Any) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=30)
    at.session_state["shell.person"] = "Elif"
    at.run()
    for key, value in state.items():
        at.session_state[key] = value
    at.switch_page(f"pages/{name}.py").run()
    assert not at.exception, at.exception
    return at


def button(at: AppTest, label: str) -> Any:
    (found,) = [each for each in at.button if each.label == label]
    return found


def said(at: AppTest) -> str:
    return " | ".join([str(each.value) for each in (*at.caption, *at.markdown)])


# All but some.


def test_all_who_match_can_be_selected_and_single_ones_left_out(store: Warehouse) -> None:
    at = page("audience")
    button(at, "Select all 60").click().run()
    assert "**All 60** selected." in said(at)
    at.session_state[Key.SELECTED] = frozenset({3, 7, 50})
    at.run()
    assert "**All 60 but 3** selected: actions go to 57." in said(at)
    button(at, "Send bulk message").click().run()
    cursor = store.cursor()
    (operation_id,) = cursor.execute("SELECT operation_id FROM operations").fetchall()[0]
    expected = Selection(mode=SelectionMode.EXCEPT, ids=frozenset({3, 7, 50}))
    assert load_draft(cursor, operation_id).audience.selection == expected


def test_another_filter_clears_all_but_some_and_can_leave_the_same_out(store: Warehouse) -> None:
    at = page("audience")
    button(at, "Select all 60").click().run()
    at.session_state[Key.SELECTED] = frozenset({3, 50})
    at.run()
    at.session_state[Key.SEGMENT] = Segment(facets={"city": FacetChoice(include=frozenset({"İzmir"}))})
    at.run()
    assert "Nobody selected: actions go to **all 10**." in said(at)
    button(at, "Leave the same one out here").click().run()
    assert "**All 10 but 1** selected: actions go to 9." in said(at)
    button(at, "Clear selection").click().run()
    assert "Nobody selected: actions go to **all 10**." in said(at)


# What the dialogs do; AppTest can't operate a dialog that a page opened, so each is drawn alone.


def _dialog() -> None:
    import streamlit as st

    from engine.clock import utc_now
    from engine.segments import Audience, load_context
    from pages.ui import audience_change, audience_export, list_dialogs, list_table, suppression_dialogs
    from pages.ui.services import settings, warehouse

    context = load_context(warehouse().cursor(), now=utc_now(), zone=settings().zone)
    {
        "add": lambda: list_dialogs.draw_add(Audience(), context, 60),
        "remove": lambda: list_dialogs.draw_remove(Audience(), context, 60),
        "set": lambda: audience_change.draw_set_field(Audience(), context, 60),
        "suppress": lambda: suppression_dialogs.draw_suppress(Audience(), context, 60),
        "export": lambda: audience_export.draw_export(Audience(), context, 60, ("name", "phone"), "All"),
        "one": suppression_dialogs.draw_add_one,
        "many": suppression_dialogs.draw_import,
        "list": list_table.draw_create,
    }[st.session_state["dialog"]]()


def dialog(name: str) -> AppTest:
    at = AppTest.from_function(_dialog, default_timeout=30)
    at.session_state["dialog"] = name
    at.session_state["shell.person"] = "Elif"
    at.run()
    assert not at.exception, at.exception
    return at


@pytest.mark.parametrize("choice", ["add", "remove", "export", "set", "suppress"])
def test_the_menu_opens_a_dialog_for_all_that_can_be_done_with_an_audience(store: Warehouse, choice: str) -> None:
    at = page("audience")
    at.menu_button(key="audience.menu").set_value(choice).run()
    assert not at.exception, at.exception


def test_people_are_taken_out_of_a_list(store: Warehouse) -> None:
    list_id = create_list(store, "Fair", who="Elif", now=NOW)
    context = load_context(store.cursor(), now=NOW, zone=UTC)
    add_to_list(store, list_id, Audience(), who="Elif", context=context)
    at = dialog("remove")
    at.selectbox(key="audience.list.from").set_value(list_id).run()
    assert "**60** of these people are in it" in said(at)
    at.button(key="audience.list.remove").click().run()
    assert get_list(store.cursor(), list_id).member_count == 0


def test_an_export_says_how_many_is_written_and_gives_its_address(store: Warehouse) -> None:
    at = dialog("export")
    assert "The file holds **60** people." in said(at)
    at.button(key="audience.export.go").click().run()
    job = wait_for_export(list_exports("Elif")[0].export_id)
    assert job.count == 60
    at.run()
    assert "**All.csv** is ready: 60 people" in said(at)
    assert job.export_id in at.get("link_button")[0].proto.url
    at.button(key="audience.export.again").click().run()
    assert at.button(key="audience.export.go")


def test_suppressing_an_audience_needs_its_number_typed(store: Warehouse, live: redis.Redis) -> None:
    at = dialog("suppress")
    at.text_input(key="audience.suppress.count").set_value("59").run()
    assert at.button(key="audience.suppress.go").disabled
    at.text_input(key="audience.suppress.count").set_value("60").run()
    at.button(key="audience.suppress.go").click().run()
    assert live.hlen(SUPPRESSED) == 60


def test_a_field_is_set_for_all_and_taken_back(store: Warehouse) -> None:
    at = dialog("set")
    registry = load_context(store.cursor(), now=NOW, zone=UTC).registry
    at.selectbox(key="audience.set.field").set_value(registry.get("assignee")).run()
    at.text_input(key="audience.set.value.assignee").set_value("Can").run()
    at.button(key="audience.set.go").click().run()
    assert store.cursor().execute("SELECT count(*) FROM contacts WHERE assignee = 'Can'").fetchall() == [(60,)]
    button(dialog("set"), "Undo").click().run()
    assert store.cursor().execute("SELECT count(assignee) FROM contacts").fetchall() == [(0,)]


# Suppressions.


def test_nobody_suppressed_is_explained(store: Warehouse) -> None:
    assert "Nobody is suppressed" in said(page("suppressions"))


def test_one_is_suppressed_by_a_number_that_is_no_contacts(store: Warehouse, live: redis.Redis) -> None:
    at = dialog("one")
    at.text_input(key="suppressions.who").set_value("12").run()
    at.button(key="suppressions.one.go").click().run()
    assert [each.value for each in at.error]
    at.text_input(key="suppressions.who").set_value("+49 1511 2345678").run()
    at.button(key="suppressions.one.go").click().run()
    assert live.hvals(SUPPRESSED) == [b"m;m:manual"]
    Recorder(store, live).drain()
    shown = page("suppressions")
    assert shown.dataframe[0].value["Name"].to_list() == ["Not a contact"]


def test_a_pasted_list_is_judged_before_it_is_done(store: Warehouse, live: redis.Redis) -> None:
    at = dialog("many")
    at.text_area(key="suppressions.pasted").set_value("05320000001\n05320000001\nnobody 1\n0532 999 99 99").run()
    assert [each.value for each in at.metric] == ["2", "0", "1", "1"]
    assert live.hlen(SUPPRESSED) == 0
    button(at, "Suppress 2 people").click().run()
    assert live.hlen(SUPPRESSED) == 2


def test_they_are_found_by_name_and_by_whole_number(store: Warehouse, live: redis.Redis) -> None:
    from engine.operations.suppression_people import people_of

    for identity in ("905320000001", "905329999999"):
        (person,) = people_of(store.cursor(), store.salt, identity)
        suppress_person(store, live, person, scope="all", who="Can", now=NOW, reason="asked")
    Recorder(store, live).drain()
    at = page("suppressions")
    assert "**2** people are suppressed." in said(at)
    for search, name in (("ayşe", "Ayşe Demir"), ("0532 999 99 99", "Not a contact")):
        at.text_input(key="suppressions.search").set_value(search).run()
        assert at.dataframe[0].value["Name"].to_list() == [name]
        assert "1 of them is found" in said(at)
    at.text_input(key="suppressions.search").set_value("nobody").run()
    assert "Nobody of that name or number is suppressed." in said(at)


# Lists.


def test_no_lists_are_explained_and_one_is_made(store: Warehouse) -> None:
    at = page("lists")
    assert "No lists yet" in said(at)
    assert not button(at, "New list").click().run().exception
    at = dialog("list")
    at.text_input(key="lists.new.name").set_value("Fair").run()
    at.button(key="lists.new.go").click().run()
    assert [each.name for each in list_lists(store.cursor())] == ["Fair"]
    assert page("lists").dataframe[0].value["List"].to_list() == ["Fair"]
    at.text_input(key="lists.new.name").set_value("FAIR").run()
    at.button(key="lists.new.go").click().run()
    assert "the name is taken" in str(at.error[0].value)


def test_the_pages_speak_turkish_without_a_fault(store: Warehouse) -> None:
    create_list(store, "Güz", who="Elif", now=NOW)
    for name in ("lists", "suppressions"):
        assert page(name, **{"shell.language": "tr"}).title
