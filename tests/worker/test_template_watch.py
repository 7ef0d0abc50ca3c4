"""Templates are read by themselves, and what was frozen with other blanks is held."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import redis

from engine.clock import to_store
from engine.errors import ProviderError
from engine.operations import ledger
from engine.operations.causes import TEMPLATE_CHANGED
from engine.operations.template_watch import hold_changed
from engine.settings import Settings
from engine.warehouse import Warehouse
from tests.engine.operations_world import CHANNEL, NOW, PLAIN, WELCOME, World, add_contacts, make_world
from worker import template_watch
from worker.template_watch import TemplateWatch


@pytest.fixture
def world(warehouse: Warehouse, live: redis.Redis, settings: Settings) -> World:
    made = make_world(warehouse, live, settings)
    add_contacts(warehouse, [{}, {}])
    return made


def change(world: World, name: str, **columns: str) -> None:
    with world.warehouse.writing() as cursor:
        for column, value in columns.items():
            cursor.execute(f"UPDATE templates SET {column} = ? WHERE name = ?", [value, name])


def held(world: World) -> list[str]:
    return hold_changed(world.warehouse, world.client, CHANNEL, now=NOW)


def test_an_operation_whose_template_has_other_blanks_is_held_and_the_others_go_on(world: World) -> None:
    affected, other = world.draft(WELCOME), world.draft(PLAIN)
    world.launch(affected)
    world.launch(other)
    assert held(world) == []
    change(world, WELCOME, components=json.dumps([{"type": "BODY", "text": "Hello {{1}}, here is {{2}} for you."}]))
    assert held(world) == [affected]
    assert world.client.hget(f"ulak:op:{affected}", "cause") == TEMPLATE_CHANGED.encode()
    assert ledger.operation_state(world.client, other) == "running"
    assert held(world) == []


def test_a_template_that_is_paused_or_gone_stops_its_operations(world: World) -> None:
    paused, gone = world.draft(WELCOME), world.draft(PLAIN)
    world.launch(paused)
    world.launch(gone)
    change(world, WELCOME, status="PAUSED")
    change(world, PLAIN, gone_at=str(to_store(NOW)))
    assert set(held(world)) == {paused, gone}
    assert ledger.operation_state(world.client, paused) == ledger.operation_state(world.client, gone) == "halted"


def test_other_words_alone_hold_nothing(world: World) -> None:
    operation_id = world.draft(WELCOME)
    world.launch(operation_id)
    change(world, WELCOME, components=json.dumps([{"type": "BODY", "text": "Dear {{1}}, a warm welcome."}]))
    assert held(world) == []


def test_templates_are_read_at_the_start_every_quarter_of_an_hour_and_soon_after_news(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(*args: object, **named: object) -> None:
        asked.append(str(args[3]))
        raise ProviderError(code=0)

    monkeypatch.setattr(template_watch, "sync_templates", refuse)
    watch = TemplateWatch(world.warehouse, world.settings)

    def asks(minutes: float) -> int:
        before = len(asked)
        watch.look(world.client, NOW + timedelta(minutes=minutes))
        return len(asked) - before

    assert [asks(0), asks(0.1), asks(14), asks(15), asks(16)] == [1, 0, 0, 1, 0]
    with world.warehouse.writing() as cursor:
        news = [to_store(NOW + timedelta(minutes=16)), CHANNEL, "message_template_status_update", "{}"]
        cursor.execute("INSERT INTO account_events VALUES (?, ?, ?, ?)", news)
    assert [asks(16.1), asks(16.2), asks(29), asks(31.2)] == [1, 0, 0, 1]


def test_what_somebody_else_read_is_held_at_the_next_look(world: World) -> None:
    operation_id = world.draft(WELCOME)
    world.launch(operation_id)
    watch = TemplateWatch(world.warehouse, world.settings)
    change(world, WELCOME, components=json.dumps([{"type": "BODY", "text": "Hello {{1}} and {{2}} over there."}]))
    watch._tried[CHANNEL] = NOW  # it was read just now: nothing is due
    assert watch.look(world.client, NOW) == []
    assert ledger.operation_state(world.client, operation_id) == "halted"
