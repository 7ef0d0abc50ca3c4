"""Messaging limits: what is used, what is left, when places become free, how fast the numbers are."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

from engine.clock import to_ms, utc_now
from engine.live import channel_key, portfolio_key
from engine.settings import current_settings
from tests.engine.operations_world import CHANNEL, PORTFOLIO
from tests.pages.operations_pages import open_page, said, world_behind


def test_without_a_channel_the_page_says_what_will_stand_there(live: redis.Redis) -> None:
    app = open_page("limits")
    assert not app.exception
    assert "No channel yet" in said(app)


def test_used_and_left_are_counted_from_the_places(live: redis.Redis) -> None:
    world_behind(live, limit=2_000)
    ends = to_ms(utc_now() + timedelta(hours=5))
    live.zadd(portfolio_key(PORTFOLIO, "places"), {number.to_bytes(8, "big"): ends for number in range(1, 31)})
    live.zadd(portfolio_key(PORTFOLIO, "places"), {b"over and": to_ms(utc_now() - timedelta(hours=1))})
    app = open_page("limits")
    assert not app.exception
    assert [metric.value for metric in app.metric] == ["2,000", "30", "1,970"]
    assert "The next 30 places" in said(app)


def test_an_unlimited_portfolio_is_called_so(live: redis.Redis) -> None:
    world = world_behind(live)
    with world.warehouse.writing() as cursor:
        cursor.execute(
            "INSERT INTO portfolios VALUES (?, 'TIER_UNLIMITED', NULL, 'provider', now()::TIMESTAMP)", [PORTFOLIO]
        )
    app = open_page("limits")
    assert [metric.value for metric in app.metric] == ["unlimited", "0", "unlimited"]
    assert "from the provider" in said(app)


def test_a_halted_channel_says_why(live: redis.Redis) -> None:
    world_behind(live)
    live.hset(channel_key(CHANNEL), mapping={"state": "halted", "cause": "190"})
    text = said(open_page("limits"))
    assert "halted" in text
    assert "access token" in text


def test_turkish_numbers_have_points(live: redis.Redis) -> None:
    world_behind(live, limit=10_000)
    app = open_page("limits", language="tr")
    assert app.metric[0].value == "10.000"


def test_redis_away_is_said(live: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    world_behind(live)
    monkeypatch.setenv("ULAK_REDIS_URL", "unix:///nowhere.sock")
    current_settings.cache_clear()
    app = open_page("limits")
    assert not app.exception
    assert "Redis can't be reached" in said(app)
