"""Composing a template on its page: begun, checked as it stands, submitted to a real sandbox, copied, deleted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import uvicorn
from streamlit.testing.v1 import AppTest

from engine.channels import ensure_sandbox_channel
from engine.channels.making_drafts import create_draft, get_draft, list_drafts
from engine.channels.sync import sync_templates
from engine.clock import utc_now
from engine.sandbox.credentials import ensure_credentials
from engine.sandbox.server import create_app
from engine.settings import current_settings
from engine.templates import get_template
from engine.templates.composing import DraftButton, DraftCard, TemplateDraft
from engine.warehouse import Warehouse
from engine.warehouse.shared import shared_warehouse

APP = str(Path(__file__).parents[2] / "app.py")
GOOD = TemplateDraft(
    name="hello_there",
    language="en",
    category="UTILITY",
    body="Hello {{1}}, welcome to our shop.",
    examples={"1": "Ayşe"},
    buttons=(DraftButton(text="Thanks"), DraftButton(text="Stop")),
)


@pytest.fixture
def store(live: redis.Redis, tmp_path: Path) -> Iterator[Warehouse]:
    """The sandbox's channel, and a sandbox that it leads to."""
    credentials = ensure_credentials(current_settings())
    warehouse = shared_warehouse()
    ensure_sandbox_channel(warehouse, live, current_settings(), utc_now())
    app = create_app(tmp_path / "sandbox", credentials, "http://127.0.0.1:9/none")
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with warehouse.writing() as cursor:
        cursor.execute("UPDATE channels SET graph_url = ?", [f"http://127.0.0.1:{port}"])
    yield warehouse
    server.should_exit = True
    thread.join()


def page(language: str = "en", **query: str) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=30)
    at.session_state["shell.person"] = "Elif"
    at.session_state["shell.language"] = language
    at.run()
    for name, value in query.items():
        at.query_params[name] = value
    at.switch_page("pages/templates.py").run()
    assert not at.exception, at.exception
    return at


def begin(warehouse: Warehouse, draft: TemplateDraft) -> str:
    return create_draft(warehouse, "sandbox", draft, who="Elif", now=utc_now())


def said(at: AppTest) -> str:
    parts = [*at.caption, *at.markdown, *at.success, *at.error, *at.warning, *at.info]
    return "\n".join(str(each.value) for each in parts)


def button(at: AppTest, key: str) -> Any:
    return next(each for each in at.button if str(each.key).startswith(key))


def test_a_new_template_begins_empty_and_says_what_is_missing(store: Warehouse) -> None:
    at = page()
    button(at, "templates.new").click().run()
    assert not at.exception
    assert "2 things to mend before it can be submitted: Name · Body" in said(at)
    assert button(at, "compose.submit").disabled
    next(each for each in at.text_input if each.label == "Name").set_value("Kış İndirimi").run()
    assert "Write it as kis\\_indirimi." in said(at)
    assert list_drafts(store.cursor(), "sandbox")[0].draft.name == "Kış İndirimi"


def test_buttons_are_added_moved_and_removed_and_keep_what_was_typed(store: Warehouse) -> None:
    draft_id = begin(store, GOOD)
    at = page(compose=draft_id)
    button(at, f"compose.{draft_id}.add.PHONE_NUMBER").click().run()
    fields = [each for each in at.text_input if each.label == "Phone number"]
    fields[0].set_value("+902125550100").run()
    ups = [each for each in at.button if str(each.key).endswith(".tools.-1")]
    ups[1].click().run()
    outs = [each for each in at.button if str(each.key).endswith(".tools.out")]
    outs[1].click().run()
    assert not at.exception
    kept = get_draft(store.cursor(), draft_id).draft.buttons
    assert [(each.kind, each.text) for each in kept] == [("QUICK_REPLY", "Stop"), ("PHONE_NUMBER", "")]
    assert kept[1].phone_number == "+902125550100"


def test_a_submitted_template_is_in_review_and_can_be_sent_once_it_is_approved(store: Warehouse) -> None:
    draft_id = begin(store, GOOD)
    at = page(compose=draft_id)
    button(at, "compose.submit").click().run()
    assert not at.exception
    assert "in review now" in said(at)
    assert get_template(store.cursor(), "sandbox", "hello_there", "en").status == "PENDING"
    with store.writing() as cursor:
        cursor.execute("UPDATE templates SET status = 'APPROVED' WHERE name = 'hello_there'")
    assert "Approved: it can be sent now." in said(page(compose=draft_id))


def test_what_the_provider_says_against_it_is_shown(store: Warehouse) -> None:
    sync_templates(store, None, current_settings(), "sandbox", who="ulak", now=utc_now())
    with store.writing() as cursor:
        cursor.execute("DELETE FROM templates WHERE name = 'winter_sale'")
    at = page(compose=begin(store, GOOD.model_copy(update={"name": "winter_sale"})))
    button(at, "compose.submit").click().run()
    assert "The provider said: Content in this language already exists" in said(at)


def test_a_template_is_copied_and_its_deletion_asks_for_its_name(store: Warehouse) -> None:
    sync_templates(store, None, current_settings(), "sandbox", who="ulak", now=utc_now())
    at = page(template="service_notice/en")
    assert "once in 24 hours and 10 times in 30 days; 0 times from here so far" in said(at)
    button(at, "templates.copy").click().run()
    assert list_drafts(store.cursor(), "sandbox")[0].draft.name == "service_notice_copy"
    at = page(template="service_notice/en")
    button(at, "templates.delete").click().run()
    assert button(at, "templates.delete.go").disabled
    assert "Messages under way are still delivered" in said(at)
    assert not get_template(store.cursor(), "sandbox", "service_notice", "en").is_gone


@pytest.mark.parametrize(
    "draft",
    [
        GOOD.model_copy(update={"is_carousel": True, "cards": (DraftCard(buttons=GOOD.buttons), DraftCard())}),
        TemplateDraft(category="AUTHENTICATION"),
    ],
    ids=["carousel", "code"],
)
def test_every_kind_is_drawn_in_turkish_too(store: Warehouse, draft: TemplateDraft) -> None:
    assert button(page("tr", compose=begin(store, draft)), "compose.submit").disabled
