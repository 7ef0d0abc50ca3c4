"""Operations: the list, one operation with true figures, and pause, resume, cancel."""

from __future__ import annotations

import pytest
import redis

from engine.clock import to_store
from engine.operations import ledger
from engine.operations.states import DeliveryState
from tests.engine.operations_world import NOW, World
from tests.pages.operations_pages import open_page, said, world_behind


@pytest.fixture
def world(live: redis.Redis) -> World:
    """The world behind the pages."""
    return world_behind(live)


def record(world: World, states: list[DeliveryState], code: int = 131026) -> None:
    """Deliveries of operation 1 as the recorder would have them."""
    moment = to_store(NOW)
    with world.warehouse.writing() as cursor:
        for number, state in enumerate(states):
            accepted = moment if state is not DeliveryState.FAILED else None
            failed = moment if state is DeliveryState.FAILED else None
            cursor.execute(
                "INSERT INTO deliveries (operation_no, recipient_no, state, attempt, code, pricing, accepted_at,"
                " failed_at, updated_at) VALUES (1, ?, ?, 1, ?, 0, ?, ?, ?)",
                [number, int(state), code if failed else 0, accepted, failed, moment],
            )


def test_without_operations_the_page_leads_on() -> None:
    app = open_page("operations")
    assert not app.exception
    assert "No bulk message was launched yet" in said(app)


def test_the_list_shows_each_operation_with_its_progress(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    app = open_page("operations")
    assert not app.exception
    assert "running" in said(app)
    app.button(key=f"operations.open.{operation_id}").click().run()
    assert not app.exception
    assert "November news" in app.title[0].value


def test_one_operation_tells_figures_left_out_and_people(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    app = open_page("operations", operation=operation_id)
    assert not app.exception
    text = said(app)
    assert "**0 of 11**" in text
    assert "Left out: 1" in text
    assert "Ankara" in text
    reasons, people = app.dataframe[0].value, app.dataframe[-1].value
    assert reasons["reason"].to_list() == ["opted out (consent)"]
    assert people["name"].to_list() == [f"Name {number}" for number in range(1, 12)]
    assert set(people["state"]) == {"pending"}


def test_recipients_are_found_by_name_and_by_phone(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    app = open_page("operations", operation=operation_id)
    for typed, names in (("name 11", ["Name 11"]), ("532 000 00 07", ["Name 7"]), ("nobody", None)):
        app.text_input(key="operations.search").set_value(typed).run()
        assert not app.exception
        if names is None:
            assert "Nobody matches" in said(app)
        else:
            assert app.dataframe[-1].value["name"].to_list() == names


def test_failures_say_what_the_code_means_and_what_follows(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    record(world, [DeliveryState.FAILED] * 2 + [DeliveryState.READ] * 9)
    world.client.flushall()  # the ledger is gone after 31 days: the store alone speaks
    world.warehouse.cursor().execute("UPDATE operations SET state = 'completed', completed_at = launched_at")
    app = open_page("operations", operation=operation_id)
    assert not app.exception
    assert "**11 of 11**" in said(app)
    failures = next(table.value for table in app.dataframe if "meaning" in table.value.columns)
    assert failures["code"].to_list() == ["131026"]
    assert failures["meaning"].to_list() == ["Not on WhatsApp, or an old version"]
    assert failures["people"].to_list() == ["2"]


def test_those_left_out_are_named(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    app = open_page("operations", operation=operation_id)
    app.segmented_control(key="operations.people").set_value("left_out").run()
    assert not app.exception
    assert app.dataframe[-1].value["name"].to_list() == ["Name 12"]


def test_pause_and_resume_by_a_person_are_audited(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    app = open_page("operations", operation=operation_id)
    app.button(key="operations.pause").click().run()
    assert ledger.operation_state(world.client, operation_id) == "paused"
    assert "Paused by a person" in said(app)
    app.button(key="operations.resume").click().run()
    assert ledger.operation_state(world.client, operation_id) == "running"
    rows = world.warehouse.cursor().execute("SELECT who, verb FROM audit WHERE verb IN ('paused', 'resumed')")
    assert rows.fetchall() == [("Elif", "paused"), ("Elif", "resumed")]


def test_a_cancel_is_asked_first_and_then_leaves_nobody_open(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    app = open_page("operations", operation=operation_id)
    app.button(key="operations.cancel").click().run()
    assert ledger.operation_state(world.client, operation_id) == "running"
    app.button(key="operations.cancel_confirmed").click().run()
    assert not app.exception
    assert ledger.operation_state(world.client, operation_id) == "cancelled"
    assert ledger.counters(world.client, operation_id)[DeliveryState.CANCELLED] == 11
    assert not [button for button in app.button if button.key in ("operations.pause", "operations.cancel")]


def test_a_halted_operation_says_why(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    ledger.run(world.client, ledger.control(operation_id, "halt", who="", cause="template:132015"))
    app = open_page("operations", operation=operation_id)
    assert "The template is paused because of its quality" in said(app)


def test_an_unknown_operation_is_said_to_be_unknown(world: World) -> None:
    app = open_page("operations", operation="op-none")
    assert not app.exception
    assert "There is no such operation" in said(app)


def test_the_page_speaks_turkish(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    app = open_page("operations", language="tr", operation=operation_id)
    assert not app.exception
    assert "sürüyor" in app.title[0].value
    assert "Dışarıda kalan: 1" in said(app)
