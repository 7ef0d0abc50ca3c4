"""The wizard: a draft one can leave and come back to, a review with true numbers, one launch."""

from __future__ import annotations

import pytest
import redis
from streamlit.testing.v1 import AppTest

from engine.live import channel_key, portfolio_key
from engine.operations import ledger
from engine.operations.drafts import list_drafts, load_draft
from engine.segments import Audience
from engine.templates import Binding
from tests.engine.operations_world import CHANNEL, PLAIN, PORTFOLIO, WELCOME, World
from tests.pages.operations_pages import open_page, said, world_behind


@pytest.fixture
def world(live: redis.Redis) -> World:
    """The world behind the pages."""
    return world_behind(live)


def the_draft(world: World) -> str:
    """The id of the only draft."""
    (row,) = list_drafts(world.warehouse.cursor())
    return row.operation_id


def review(world: World, operation_id: str, **changed: object) -> AppTest:
    """A draft in its review."""
    from engine.operations.drafts import save_draft
    from tests.engine.operations_world import NOW

    draft = load_draft(world.warehouse.cursor(), operation_id).changed(step="review", **changed)
    save_draft(world.warehouse, operation_id, draft, now=NOW)
    return open_page("bulk_message", draft=operation_id)


def test_without_drafts_the_page_says_what_it_is_for(world: World) -> None:
    app = open_page("bulk_message")
    assert not app.exception
    assert "No message is being written" in said(app)
    assert app.button(key="bulk_message.new")


def test_a_new_draft_chooses_the_only_channel_and_keeps_its_name(world: World) -> None:
    app = open_page("bulk_message")
    app.button(key="bulk_message.new").click().run()
    operation_id = the_draft(world)
    app.text_input(key=f"bulk_message.name.{operation_id}").set_value("  Winter   news ").run()
    assert not app.exception
    draft = load_draft(world.warehouse.cursor(), operation_id)
    assert (draft.name, draft.channel_id) == ("Winter news", CHANNEL)


def test_a_draft_can_be_left_and_taken_up_where_it_was(world: World) -> None:
    operation_id = world.draft(step="message")
    app = open_page("bulk_message")
    app.button(key=f"bulk_message.open.{operation_id}").click().run()
    assert not app.exception
    assert app.selectbox(key=f"bulk_message.template.{operation_id}").value == "welcome/en"
    app.button(key="bulk_message.back").click().run()
    assert "November news" in said(app)


def test_a_draft_can_be_thrown_away(world: World) -> None:
    operation_id = world.draft()
    app = open_page("bulk_message")
    app.button(key=f"bulk_message.discard.{operation_id}").click().run()
    assert list_drafts(world.warehouse.cursor()) == []
    assert "No message is being written" in said(app)


def test_continue_goes_through_all_steps(world: World) -> None:
    operation_id = world.draft(PLAIN)
    app = open_page("bulk_message", draft=operation_id)
    for step in ("audience", "message", "when", "review"):
        app.button(key="bulk_message.continue").click().run()
        assert not app.exception
        assert load_draft(world.warehouse.cursor(), operation_id).step == step
    assert "11 people get this message" in said(app)


def test_the_filters_say_whom_they_leave(world: World) -> None:
    app = open_page("bulk_message", draft=world.draft(step="audience"))
    assert not app.exception
    assert app.metric[0].value == "12"
    assert "Ankara" in said(app)


def test_everybody_is_said_to_be_everybody(world: World) -> None:
    app = open_page("bulk_message", draft=world.draft(audience=Audience(), step="audience"))
    assert "everybody" in said(app)


def test_a_template_takes_its_saved_blanks_with_it(world: World) -> None:
    operation_id = world.draft(template_name=None, bindings={}, template_hash=None, step="message")
    app = open_page("bulk_message", draft=operation_id)
    app.selectbox(key=f"bulk_message.template.{operation_id}").set_value(f"{WELCOME}/en").run()
    assert not app.exception
    draft = load_draft(world.warehouse.cursor(), operation_id)
    assert (draft.template_name, draft.template_hash) == (WELCOME, "hash-welcome")


def test_a_template_that_cannot_be_sent_says_why(world: World) -> None:
    app = open_page("bulk_message", draft=world.draft("paused_one", step="message"))
    assert "can't be sent" in said(app)


def test_the_review_names_everyone_who_is_left_out_and_why(world: World) -> None:
    operation_id = world.draft()
    app = review(world, operation_id)
    assert not app.exception
    text = said(app)
    assert "11 people get this message" in text
    assert "**12** in the audience, **1** left out, **11** recipients" in text
    app.selectbox(key=f"bulk_message.reason.{operation_id}").set_value("opted_out").run()
    assert not app.exception
    rows = app.dataframe[0].value
    assert rows["reason"].to_list() == ["opted out (consent)"]
    assert rows["name"].to_list() == ["Name 12"]


def test_the_review_says_what_it_costs_and_what_is_not_in_it(world: World) -> None:
    text = said(review(world, world.draft()))
    assert "Estimated cost: at most **\\$0.12**" in text
    assert "Not in it: tax" in text


def test_those_left_out_become_a_list_that_audience_shows(world: World) -> None:
    operation_id = world.draft()
    app = review(world, operation_id)
    app.selectbox(key=f"bulk_message.reason.{operation_id}").set_value("opted_out").run()
    app.button(key=f"bulk_message.open_left_out.{operation_id}").click().run()
    assert not app.exception
    assert app.title[0].value == "Audience"
    assert world.count("SELECT count(*) FROM list_members") == 1


def test_a_launch_is_asked_once_more_and_then_shows_the_operation(world: World) -> None:
    operation_id = world.draft()
    app = review(world, operation_id)
    app.button(key=f"bulk_message.launch.{operation_id}").click().run()
    app.button(key="bulk_message.send_now").click().run()
    assert not app.exception
    assert ledger.operation_state(world.client, operation_id) == "running"
    assert "November news" in said(app)
    assert "0 of 11" in said(app)


def test_two_tabs_launch_one_operation(world: World) -> None:
    operation_id = world.draft()
    tabs = [review(world, operation_id) for _ in range(2)]
    for tab in tabs:
        tab.button(key=f"bulk_message.launch.{operation_id}").click().run()
    for tab in tabs:
        tab.button(key="bulk_message.send_now").click().run()
        assert not tab.exception
        assert "November news" in said(tab)
    assert world.count("SELECT count(*) FROM audit WHERE verb = 'launched'") == 1
    assert world.count("SELECT count(*) FROM operations WHERE operation_no IS NOT NULL") == 1


def test_everybody_wants_the_number_typed(world: World) -> None:
    operation_id = world.draft(audience=Audience())
    app = review(world, operation_id)
    app.button(key=f"bulk_message.launch.{operation_id}").click().run()
    assert app.button(key="bulk_message.send_now").disabled
    for typed, is_right in (("12", False), ("", False), ("11", True)):
        app.text_input(key=f"bulk_message.confirm.{operation_id}").set_value(typed).run()
        assert app.button(key="bulk_message.send_now").disabled is not is_right
    app.button(key="bulk_message.send_now").click().run()
    assert ledger.operation_state(world.client, operation_id) == "running"


def test_a_change_between_review_and_launch_is_noticed(world: World) -> None:
    operation_id = world.draft()
    app = review(world, operation_id)
    app.button(key=f"bulk_message.launch.{operation_id}").click().run()
    world.warehouse.cursor().execute("UPDATE contacts SET consent = 'opted_out' WHERE contact_id = 1")
    app.button(key="bulk_message.send_now").click().run()
    assert world.state(operation_id) == "draft"
    assert "10" in said(app)


def test_more_than_the_messaging_limit_leaves_cannot_be_launched(world: World) -> None:
    world.client.hset(portfolio_key(PORTFOLIO), "limit", 7)
    operation_id = world.draft()
    app = review(world, operation_id)
    text = said(app)
    assert "leaves **7** people now" in text
    assert "needs **11**" in text
    assert app.button(key=f"bulk_message.launch.{operation_id}").disabled


def test_a_halted_channel_cannot_launch(world: World) -> None:
    world.client.hset(channel_key(CHANNEL), "state", "halted")
    operation_id = world.draft()
    app = review(world, operation_id)
    assert "halted" in said(app)
    assert app.button(key=f"bulk_message.launch.{operation_id}").disabled


def test_an_empty_blank_is_named_in_the_review(world: World) -> None:
    app = review(world, world.draft(bindings={"body:1": Binding.of("")}))
    assert not app.exception
    assert "is empty" in said(app)
    app.button(key="bulk_message.go").click().run()
    assert not app.exception


def test_nothing_but_names_shows_in_a_draft_of_a_strange_name(world: World) -> None:
    app = open_page("bulk_message", draft=world.draft(name="**bold** <script>"))
    assert "\\*\\*bold\\*\\*" in app.title[0].value


def test_the_page_speaks_turkish(world: World) -> None:
    operation_id = world.draft(step="review")
    app = open_page("bulk_message", language="tr", draft=operation_id)
    assert not app.exception
    assert "11 kişi bu mesajı alacak" in said(app)


def test_an_unknown_draft_leads_back_to_the_list(world: World) -> None:
    app = open_page("bulk_message", draft="op-none")
    assert not app.exception
    assert "No message is being written" in said(app)


def test_redis_away_is_said_and_the_draft_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.settings import current_settings

    operation_id = world.draft(step="review")
    monkeypatch.setenv("ULAK_REDIS_URL", "unix:///nowhere.sock")
    current_settings.cache_clear()
    app = open_page("bulk_message", draft=operation_id)
    assert not app.exception
    assert "doesn't answer" in said(app)
    assert app.button(key=f"bulk_message.launch.{operation_id}").disabled


@pytest.mark.parametrize("step", ["message", "review"])
def test_the_preview_jumps_to_anybody_by_name_or_number(world: World, step: str) -> None:
    operation_id = world.draft(step=step)
    cursor = world.warehouse.cursor()
    rows = cursor.execute("SELECT name, phone FROM contacts WHERE name IS NOT NULL ORDER BY contact_id").fetchall()
    name, phone = rows[-3]
    app = open_page("bulk_message", draft=operation_id)
    assert f"**{name}" not in said(app)
    app.text_input(key=f"bulk_message.jump.{operation_id}").set_value(phone).run()
    assert not app.exception
    assert f"**{name}" in said(app)


def test_a_jump_to_nobody_says_so_and_stays(world: World) -> None:
    operation_id = world.draft(step="review")
    app = open_page("bulk_message", draft=operation_id)
    app.text_input(key=f"bulk_message.jump.{operation_id}").set_value("zzzz").run()
    assert "Nobody by that name or number" in said(app)
