"""The first visit and Home: a name first, then the steps of a newcomer, then what runs."""

from __future__ import annotations

import redis
from streamlit.testing.v1 import AppTest

from tests.pages.operations_pages import APP, open_page, said, world_behind


def test_the_first_visit_asks_for_a_name() -> None:
    app = AppTest.from_file(str(APP), default_timeout=30).run()
    assert not app.exception
    assert "Home" not in said(app)
    assert app.text_input(key="welcome.name")


def test_without_redis_home_still_says_what_to_do_first() -> None:
    app = open_page("home")
    assert not app.exception
    assert "Import contacts" in said(app)


def test_with_contacts_the_message_is_one_click_away(live: redis.Redis) -> None:
    world_behind(live)
    app = open_page("home", language="tr")
    assert not app.exception
    assert app.metric[0].value == "12"
    assert [button.label for button in app.button if button.label == "Yeni toplu mesaj"]


def test_a_draft_stands_on_home_until_it_is_launched(live: redis.Redis) -> None:
    world = world_behind(live)
    world.draft()
    app = open_page("home")
    assert not app.exception
    assert "Drafts" in said(app)
