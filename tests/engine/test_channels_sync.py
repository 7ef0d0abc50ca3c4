"""What a sync found, and what it left in the store; the number's state comes with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import redis
from pydantic import SecretStr

from engine import live as doors
from engine.channels import Channel, ChannelSecrets, add_channel, get_channel
from engine.channels.sync import SyncResult, keep_templates, sync_templates
from engine.errors import NotFound, ProviderError
from engine.settings import Settings
from engine.templates import get_template, list_templates
from engine.warehouse import Warehouse
from tests.engine.templates_world import body, node

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NUMBER = {
    "id": "55",
    "display_phone_number": "+90 212 123 45 67",
    "verified_name": "Shop",
    "status": "CONNECTED",
    "quality_rating": "GREEN",
    "throughput": {"level": "STANDARD"},
    "whatsapp_business_manager_messaging_limit": "TIER_2K",
}


def keep(warehouse: Warehouse, *nodes: dict[str, Any]) -> SyncResult:
    return keep_templates(warehouse, "ch-1", nodes, who="Elif", now=NOW)


def graph(nodes: list[dict[str, Any]]) -> httpx.MockTransport:
    """A provider with these templates."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/message_templates"):
            return httpx.Response(200, json={"data": nodes, "paging": {"cursors": {"after": "x"}}})
        return httpx.Response(200, json=NUMBER)

    return httpx.MockTransport(answer)


@pytest.fixture
def channel(warehouse: Warehouse, settings: Settings) -> Channel:
    secrets = ChannelSecrets(access_token=SecretStr("t"), app_secret=SecretStr("s"), verify_token=SecretStr("v"))
    made = Channel(
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
    return add_channel(warehouse, settings, made, secrets, who="Elif", now=NOW)


def test_a_first_sync_finds_everything_new_and_a_second_nothing(warehouse: Warehouse) -> None:
    nodes = [node(), node(name="other"), node(language="tr")]
    first, second = keep(warehouse, *nodes), keep(warehouse, *nodes)
    assert (first.total, first.new) == (3, ("news/en", "news/tr", "other/en"))
    assert second.is_unchanged
    assert second.total == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "PAUSED"},
        {"category": "UTILITY"},
        {"quality_score": {"score": "RED"}},
        {"components": [body("Another text for {{1}}.")]},
        {"rejected_reason": "SCAM"},
    ],
)
def test_a_change_is_named(warehouse: Warehouse, changed: dict[str, Any]) -> None:
    keep(warehouse, node(), node(name="other"))
    assert keep(warehouse, node(**changed), node(name="other")).changed == ("news/en",)


def test_a_new_example_is_no_change(warehouse: Warehouse) -> None:
    keep(warehouse, node(body("Hi {{1}}", example={"body_text": [["a"]]})))
    assert keep(warehouse, node(body("Hi {{1}}", example={"body_text": [["b"]]}))).is_unchanged


def test_what_the_provider_no_longer_lists_is_gone_and_may_come_back_as_new(warehouse: Warehouse) -> None:
    keep(warehouse, node(), node(name="other"))
    assert keep(warehouse, node()).gone == ("other/en",)
    assert keep(warehouse, node()).gone == ()
    back = keep(warehouse, node(), node(name="other"))
    assert (back.new, len(list_templates(warehouse.cursor(), "ch-1"))) == (("other/en",), 2)


def test_one_channels_sync_leaves_anothers_templates(warehouse: Warehouse) -> None:
    keep_templates(warehouse, "ch-2", [node()], who="Elif", now=NOW)
    keep(warehouse)
    assert len(list_templates(warehouse.cursor(), "ch-2")) == 1


def test_a_node_without_a_name_is_passed_over(warehouse: Warehouse) -> None:
    assert keep(warehouse, {"id": "1"}, node()).total == 1


def test_a_sync_is_audited_with_its_counts(warehouse: Warehouse) -> None:
    keep(warehouse, node())
    rows = warehouse.cursor().execute("SELECT who, subject_id, detail FROM audit WHERE verb = 'synced'").fetchall()
    assert rows == [("Elif", "ch-1", '{"total": 1, "new": 1, "changed": 0, "gone": 0}')]


def test_a_sync_keeps_the_numbers_state_and_publishes_its_limit(
    warehouse: Warehouse, settings: Settings, live: redis.Redis, channel: Channel
) -> None:
    nodes = [node()]
    result = sync_templates(
        warehouse, live, settings, channel.channel_id, who="Elif", now=NOW, transport=graph(nodes)
    )
    assert result.new == ("news/en",)
    kept = get_channel(warehouse.cursor(), channel.channel_id)
    assert (kept.verified_name, kept.status, kept.quality_rating) == ("Shop", "CONNECTED", "GREEN")
    assert live.hget(doors.portfolio_key("pf-1"), "limit") == b"2000"
    assert get_template(warehouse.cursor(), channel.channel_id, "news", "en").status == "APPROVED"


def test_a_refused_sync_changes_nothing(warehouse: Warehouse, settings: Settings, channel: Channel) -> None:
    keep(warehouse, node())
    refusing = httpx.MockTransport(lambda _: httpx.Response(401, json={"error": {"code": 190}}))
    with pytest.raises(ProviderError):
        sync_templates(warehouse, None, settings, "ch-1", who="Elif", now=NOW, transport=refusing)
    assert len(list_templates(warehouse.cursor(), "ch-1")) == 1


def test_a_channel_that_isnt_there_is_not_found(warehouse: Warehouse, settings: Settings) -> None:
    with pytest.raises(NotFound):
        sync_templates(warehouse, None, settings, "ch-9", who="Elif", now=NOW)
