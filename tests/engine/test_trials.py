"""A test goes to one's own number, with a chosen person's values, under the rules of every message."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
import redis
from pydantic import SecretStr

from engine import live as doors
from engine.channels import Channel, ChannelSecrets, add_channel
from engine.channels.sync import keep_templates
from engine.clock import to_store
from engine.contacts import key_to_int, person_key
from engine.errors import InputError, InvalidPhone, InvalidTemplate, MissingParameter, StateError
from engine.operations.trials import (
    Trial,
    add_own_number,
    list_own_numbers,
    list_tests,
    remove_own_number,
    send_test,
)
from engine.settings import Settings
from engine.templates import Binding, Bindings, Template, get_template
from engine.warehouse import Warehouse
from tests.engine.operations_world import NOW, add_contacts
from tests.engine.templates_world import body, node

TEXT = {"body:1": Binding.of("@name")}


class Desk:
    """A channel with a template, two contacts, a number of one's own, and a provider that notes what it gets."""

    def __init__(self, warehouse: Warehouse, client: redis.Redis, settings: Settings) -> None:
        self.warehouse, self.client, self.settings = warehouse, client, settings
        self.posted: list[dict[str, Any]] = []
        secrets = ChannelSecrets(access_token=SecretStr("t"), app_secret=SecretStr("s"), verify_token=SecretStr("v"))
        channel = Channel(
            channel_id="ch-1",
            name="Shop",
            provider="cloud_api",
            portfolio_id="pf-1",
            waba_id="10",
            phone_number_id="55",
            graph_url="https://graph.example",
            graph_version="v25.0",
            rate_per_second=80,
        )
        add_channel(warehouse, settings, channel, secrets, who="Elif", now=NOW)
        keep_templates(warehouse, "ch-1", [node(body("Hello {{1}}, welcome"))], who="Elif", now=NOW)
        add_contacts(warehouse, [{"name": "Işıl"}, {"name": None}])
        self.number = add_own_number(warehouse, "Elif", "0532 123 45 67", region="TR", who="Elif", now=NOW)

    @property
    def template(self) -> Template:
        return get_template(self.warehouse.cursor(), "ch-1", "news", "en")

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.posted.append(json.loads(request.content))
        return httpx.Response(200, json={"messages": [{"id": "wamid.1"}], "contacts": [{"wa_id": "905321234567"}]})

    def send(self, contact_id: int | None = 1, bindings: Bindings = TEXT, later: int = 0) -> Trial:
        return send_test(
            self.warehouse,
            self.client,
            self.settings,
            self.template,
            bindings,
            number_id=self.number.number_id,
            contact_id=contact_id,
            who="Elif",
            now=NOW + timedelta(seconds=later),
            transport=httpx.MockTransport(self.answer),
        )


@pytest.fixture
def desk(warehouse: Warehouse, live: redis.Redis, settings: Settings) -> Desk:
    return Desk(warehouse, live, settings)


def test_the_own_number_gets_what_the_chosen_person_would_get(desk: Desk) -> None:
    sent = desk.send()
    (payload,) = desk.posted
    assert payload["to"] == "+905321234567"
    assert payload["template"]["components"][0]["parameters"] == [{"type": "text", "text": "Işıl"}]
    assert payload["biz_opaque_callback_data"] == sent.test_id
    assert (sent.is_accepted, sent.message_id) == (True, "wamid.1")
    assert list_tests(desk.warehouse.cursor(), desk.template) == [sent]


def test_the_channel_is_named_by_what_the_provider_verified_else_by_our_own_name(desk: Desk) -> None:
    by_channel = {"body:1": Binding.of("@channel")}
    desk.send(bindings=by_channel)
    with desk.warehouse.writing() as cursor:
        cursor.execute("UPDATE channels SET verified_name = 'Lale Mağazası'")
    desk.send(bindings=by_channel, later=60)
    texts = [payload["template"]["components"][0]["parameters"][0]["text"] for payload in desk.posted]
    assert texts == ["Shop", "Lale Mağazası"]


def test_pressing_twice_sends_once_and_a_minute_later_is_another_test(desk: Desk) -> None:
    first = desk.send()
    assert desk.send(later=1) == first
    assert desk.send(later=60) != first
    assert len(desk.posted) == 2


def test_a_test_is_on_record_before_it_goes_out(desk: Desk) -> None:
    def die(request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    desk.answer = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        desk.send()
    assert [each.outcome for each in list_tests(desk.warehouse.cursor(), desk.template)] == ["unknown"]


def test_a_test_is_no_operation_and_no_delivery(desk: Desk) -> None:
    desk.send()
    cursor = desk.warehouse.cursor()
    for table in ("operations", "deliveries", "events"):
        assert cursor.execute(f"SELECT count(*) FROM {table}").fetchall() == [(0,)]
    assert desk.client.smembers(doors.OPERATIONS) == set()


def test_a_person_without_a_value_is_named_and_nothing_is_posted(desk: Desk) -> None:
    with pytest.raises(MissingParameter):
        desk.send(contact_id=2)
    assert desk.posted == []


def test_a_halted_channel_a_paused_template_and_a_number_that_said_no_get_nothing(desk: Desk) -> None:
    key = person_key(desk.warehouse.salt, "905321234567", None)
    with desk.warehouse.writing() as cursor:
        cursor.execute(
            "INSERT INTO pending_suppressions VALUES (?, 'all', 'manual', 'Elif', ?)",
            [key_to_int(key), to_store(NOW)],
        )
    with pytest.raises(StateError):
        desk.send()
    with desk.warehouse.writing() as cursor:
        cursor.execute("DELETE FROM pending_suppressions")
    desk.client.hset(doors.channel_key("ch-1"), "state", "halted")
    with pytest.raises(StateError):
        desk.send()
    desk.client.hset(doors.channel_key("ch-1"), "state", "ok")
    with desk.warehouse.writing() as cursor:
        cursor.execute("UPDATE templates SET status = 'PAUSED'")
    with pytest.raises(InvalidTemplate):
        desk.send()
    assert desk.posted == []


def test_a_number_is_kept_once_and_nothing_goes_to_a_removed_one(desk: Desk) -> None:
    again = add_own_number(desk.warehouse, "Me", "+90 532 123 45 67", region="TR", who="Can", now=NOW)
    assert again == desk.number
    with pytest.raises(InvalidPhone):
        add_own_number(desk.warehouse, "Me", "12", region="TR", who="Can", now=NOW)
    with pytest.raises(InputError):
        add_own_number(desk.warehouse, " ", "+905321234568", region="TR", who="Can", now=NOW)
    remove_own_number(desk.warehouse, desk.number.number_id, who="Can", now=NOW)
    assert list_own_numbers(desk.warehouse.cursor()) == []
