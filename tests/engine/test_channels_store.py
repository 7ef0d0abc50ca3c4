"""Channels in the store and in Redis; their secrets are sealed in both and shown in neither."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import redis
from pydantic import SecretStr

from engine import live as doors
from engine.channels import (
    Channel,
    ChannelSecrets,
    add_channel,
    archive_channel,
    ensure_sandbox_channel,
    get_channel,
    get_secrets,
    list_channels,
    load_channel,
    publish_channels,
    set_rate,
)
from engine.channels.portfolios import save_portfolio
from engine.errors import InputError, NotFound, SettingsError
from engine.settings import Settings, load_settings
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECRETS = ChannelSecrets(
    access_token=SecretStr("EAAG-token"), app_secret=SecretStr("app-secret"), verify_token=SecretStr("verify-me")
)


def shop(**changed: object) -> Channel:
    usual = {
        "channel_id": "",
        "name": "Shop line",
        "provider": "cloud_api",
        "portfolio_id": "pf-1",
        "waba_id": "10",
        "phone_number_id": "55",
        "graph_url": "https://graph.facebook.com",
        "graph_version": "v25.0",
        "rate_per_second": 80.0,
    }
    return Channel.model_validate({**usual, **changed})


def add(warehouse: Warehouse, settings: Settings, **changed: object) -> Channel:
    return add_channel(warehouse, settings, shop(**changed), SECRETS, who="Elif", now=NOW)


def test_a_channel_reads_back_with_its_secrets(warehouse: Warehouse, settings: Settings) -> None:
    kept = add(warehouse, settings)
    cursor = warehouse.cursor()
    assert get_channel(cursor, kept.channel_id) == kept
    assert list_channels(cursor) == [kept]
    assert get_secrets(cursor, settings, kept.channel_id) == SECRETS


def test_no_secret_lies_in_clear_in_the_store_the_audit_or_redis(
    warehouse: Warehouse, settings: Settings, live: redis.Redis
) -> None:
    kept = add(warehouse, settings)
    publish_channels(warehouse, live, settings)
    texts = [
        str(warehouse.cursor().execute("SELECT * FROM channels").fetchall()),
        str(warehouse.cursor().execute("SELECT * FROM audit").fetchall()),
        str(live.hgetall(doors.channel_key(kept.channel_id))),
    ]
    for secret in SECRETS.plain().values():
        assert not [text for text in texts if secret in text]


@pytest.mark.parametrize("field", ["name", "waba_id", "phone_number_id", "portfolio_id"])
def test_an_empty_field_is_named(warehouse: Warehouse, settings: Settings, field: str) -> None:
    with pytest.raises(InputError) as problem:
        add(warehouse, settings, **{field: "  "})
    assert problem.value.field == field


def test_a_number_is_a_channel_once_until_it_is_archived(
    warehouse: Warehouse, settings: Settings, live: redis.Redis
) -> None:
    kept = add(warehouse, settings)
    with pytest.raises(InputError):
        add(warehouse, settings, name="Again")
    archive_channel(warehouse, live, kept.channel_id, who="Elif", now=NOW)
    assert list_channels(warehouse.cursor()) == []
    add(warehouse, settings, name="Again")
    with pytest.raises(NotFound):
        archive_channel(warehouse, live, kept.channel_id, who="Elif", now=NOW)


def test_a_worker_loads_a_channel_from_redis_alone(
    warehouse: Warehouse, settings: Settings, live: redis.Redis
) -> None:
    kept = add(warehouse, settings)
    publish_channels(warehouse, live, settings)
    assert load_channel(live, settings, kept.channel_id) == (kept, SECRETS)
    with pytest.raises(NotFound):
        load_channel(live, settings, "ch-other")


def test_another_key_opens_nothing_and_says_so(warehouse: Warehouse, settings: Settings, live: redis.Redis) -> None:
    kept = add(warehouse, settings)
    publish_channels(warehouse, live, settings)
    other = load_settings({"ULAK_HOME": str(settings.home / "other")})
    with pytest.raises(SettingsError):
        load_channel(live, other, kept.channel_id)


def test_publishing_again_leaves_what_the_scripts_keep(
    warehouse: Warehouse, settings: Settings, live: redis.Redis
) -> None:
    kept = add(warehouse, settings)
    publish_channels(warehouse, live, settings)
    key = doors.channel_key(kept.channel_id)
    live.hset(key, mapping={"state": "halted", "cause": "131031", "next_us": 5})
    publish_channels(warehouse, live, settings)
    assert live.hmget(key, "state", "cause", "next_us") == [b"halted", b"131031", b"5"]


def test_an_archived_channel_is_published_no_more(
    warehouse: Warehouse, settings: Settings, live: redis.Redis
) -> None:
    kept, other = add(warehouse, settings), add(warehouse, settings, phone_number_id="56", name="Other")
    publish_channels(warehouse, live, settings)
    archive_channel(warehouse, live, kept.channel_id, who="Elif", now=NOW)
    assert live.smembers(doors.CHANNELS) == {other.channel_id.encode()}
    assert publish_channels(warehouse, live, settings) == [other.channel_id]


def test_a_new_rate_holds_in_the_store_and_at_once_in_redis(
    warehouse: Warehouse, settings: Settings, live: redis.Redis
) -> None:
    kept = add(warehouse, settings)
    set_rate(warehouse, live, kept.channel_id, 20, who="Elif", now=NOW)
    assert get_channel(warehouse.cursor(), kept.channel_id).rate_per_second == 20
    assert float(live.hget(doors.channel_key(kept.channel_id), "rate") or 0) == 20
    with pytest.raises(InputError):
        set_rate(warehouse, live, kept.channel_id, 5000, who="Elif", now=NOW)


@pytest.mark.parametrize(("tier", "limit"), [("TIER_2K", b"2000"), ("TIER_10K", b"10000"), ("TIER_UNLIMITED", b"-1")])
def test_a_tier_becomes_the_limit_that_scripts_read(
    warehouse: Warehouse, settings: Settings, live: redis.Redis, tier: str, limit: bytes
) -> None:
    save_portfolio(warehouse, "pf-1", tier, source="provider", now=NOW)
    publish_channels(warehouse, live, settings)
    assert live.hget(doors.portfolio_key("pf-1"), "limit") == limit


def test_an_unknown_tier_changes_no_limit(warehouse: Warehouse) -> None:
    save_portfolio(warehouse, "pf-1", "TIER_10K", source="provider", now=NOW)
    save_portfolio(warehouse, "pf-1", "TIER_NEW", source="provider", now=NOW)
    rows = warehouse.cursor().execute("SELECT tier, messaging_limit FROM portfolios").fetchall()
    assert rows == [("TIER_NEW", 10_000)]


def test_an_unknown_tier_of_a_new_portfolio_takes_the_smallest_limit(warehouse: Warehouse) -> None:
    save_portfolio(warehouse, "pf-1", "TIER_NOT_SET", source="provider", now=NOW)
    assert warehouse.cursor().execute("SELECT messaging_limit FROM portfolios").fetchall() == [(250,)]


def leave_credentials(settings: Settings) -> None:
    """What the sandbox leaves at its first start."""
    path = settings.sandbox_credentials_path
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {**SECRETS.plain(), "waba_id": "1", "phone_number_id": "2", "portfolio_id": "3"}
    path.write_text(json.dumps(known))


def test_the_sandbox_channel_is_made_once_when_the_sandbox_is_there(
    warehouse: Warehouse, settings: Settings, live: redis.Redis
) -> None:
    assert not ensure_sandbox_channel(warehouse, live, settings, NOW)
    leave_credentials(settings)
    assert ensure_sandbox_channel(warehouse, live, settings, NOW)
    assert ensure_sandbox_channel(warehouse, live, settings, NOW)
    assert [each.channel_id for each in list_channels(warehouse.cursor())] == ["sandbox"]
    made, secrets = load_channel(live, settings, "sandbox")
    assert (made.rate_per_second, made.base_url) == (80, f"http://127.0.0.1:{settings.sandbox_port}/v25.0")
    assert secrets == SECRETS
    assert live.hget(doors.portfolio_key("sandbox"), "limit") == b"10000"


def test_the_sandbox_channel_follows_the_sandboxs_port(
    warehouse: Warehouse, settings: Settings, live: redis.Redis
) -> None:
    leave_credentials(settings)
    ensure_sandbox_channel(warehouse, live, settings, NOW)
    moved = load_settings({"ULAK_HOME": str(settings.home), "ULAK_SANDBOX_PORT": "9100"})
    ensure_sandbox_channel(warehouse, live, moved, NOW)
    assert load_channel(live, moved, "sandbox")[0].graph_url == "http://127.0.0.1:9100"


def test_a_sandbox_that_began_anew_gives_its_channel_the_new_secrets(
    warehouse: Warehouse, settings: Settings, live: redis.Redis
) -> None:
    leave_credentials(settings)
    ensure_sandbox_channel(warehouse, live, settings, NOW)
    known = json.loads(settings.sandbox_credentials_path.read_text())
    settings.sandbox_credentials_path.write_text(json.dumps(known | {"access_token": "another"}))
    ensure_sandbox_channel(warehouse, live, settings, NOW)
    assert load_channel(live, settings, "sandbox")[1].access_token.get_secret_value() == "another"
