"""Settings: the person, the channels with sealed secrets, the machine with masked values."""

from __future__ import annotations

import pytest
import redis
from streamlit.testing.v1 import AppTest

from engine.settings import current_settings
from engine.warehouse.shared import shared_warehouse
from tests.engine.operations_world import CHANNEL
from tests.pages.operations_pages import open_page, said, world_behind

TOKEN, APP_SECRET, VERIFY = "EAAG-token-in-clear", "app-secret-in-clear", "verify-in-clear"


@pytest.fixture
def provider_away(live: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> redis.Redis:
    """A world whose Graph API can't be reached."""
    monkeypatch.setenv("ULAK_GRAPH_URL", "http://127.0.0.1:9")
    current_settings.cache_clear()
    world_behind(live)
    return live


def fill_and_add(app: AppTest) -> AppTest:
    """A whole form of a new number, sent off."""
    values = {
        "channel_name": "Store line",
        "phone_number_id": "555",
        "waba_id": "777",
        "portfolio_id": "999",
        "access_token": TOKEN,
        "app_secret": APP_SECRET,
        "verify_token": VERIFY,
    }
    for name, value in values.items():
        app.text_input(key=f"settings.{name}").set_value(value)
    next(button for button in app.button if button.label == "Add the number").click()
    return app.run()


def channels_tab() -> AppTest:
    app = open_page("settings")
    app.session_state["settings.tab"] = "Channels"
    return app.run()


def test_every_tab_is_drawn_without_an_error(live: redis.Redis) -> None:
    world_behind(live)
    for tab in ("You", "Channels", "This machine"):
        app = open_page("settings")
        app.session_state["settings.tab"] = tab
        app.run()
        assert not app.exception, tab


def test_a_number_that_does_not_answer_is_not_added_and_leaves_no_secret(provider_away: redis.Redis) -> None:
    app = fill_and_add(channels_tab())
    assert not app.exception
    assert "The provider refused. Nothing was changed." in said(app)
    rows = shared_warehouse().cursor().execute("SELECT channel_id FROM channels WHERE archived_at IS NULL").fetchall()
    assert rows == [(CHANNEL,)]
    kept = [str(app.session_state[key]) for key in ("settings.access_token", "settings.app_secret")]
    assert kept == ["", ""]
    everything = said(app) + str({**app.session_state})
    assert not [secret for secret in (TOKEN, APP_SECRET, VERIFY) if secret in everything]


def test_a_form_with_an_empty_field_says_so(live: redis.Redis) -> None:
    world_behind(live)
    app = channels_tab()
    next(button for button in app.button if button.label == "Add the number").click()
    app.run()
    assert "fill every field of the channel" in said(app)


def test_the_rate_is_set_in_the_store_and_in_redis(live: redis.Redis) -> None:
    world_behind(live)
    app = channels_tab()
    app.number_input(key=f"settings.rate.{CHANNEL}").set_value(40.0).run()
    app.button(key=f"settings.rate.{CHANNEL}.set").click().run()
    assert not app.exception
    assert float(live.hget(f"ulak:channel:{CHANNEL}", "rate") or 0) == 40.0
    kept = shared_warehouse().cursor().execute("SELECT rate_per_second FROM channels").fetchall()
    assert kept == [(40.0,)]


def test_another_name_is_taken_and_noted(live: redis.Redis) -> None:
    world_behind(live)
    app = open_page("settings")
    app.text_input(key="settings.name").set_value("Ayşe").run()
    next(button for button in app.button if button.label == "Use this name").click().run()
    assert app.session_state["shell.person"] == "Ayşe"
    people = shared_warehouse().cursor().execute("SELECT name FROM people").fetchall()
    assert ("Ayşe",) in people
