"""The Templates page: list, sync against a real sandbox, the form, whose message is shown; AppTest from `app.py`."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import uvicorn
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.channels import ensure_sandbox_channel
from engine.channels.sync import keep_templates
from engine.clock import utc_now
from engine.operations.drafts import list_drafts, load_draft
from engine.sandbox.credentials import ensure_credentials
from engine.sandbox.server import create_app
from engine.settings import current_settings
from engine.templates import (
    Binding,
    dump_bindings,
    get_template,
    list_templates,
    load_bindings,
    parse_bindings,
    save_bindings,
)
from engine.warehouse import Warehouse
from engine.warehouse.shared import shared_warehouse
from pages.ui.binding_form import merged
from pages.ui.template_list import table_key
from pages.ui.template_state import edit_id
from tests.engine.operations_world import add_contacts
from tests.engine.templates_world import SHIPPED

APP = str(Path(__file__).parents[2] / "app.py")
SHIPPED_COUNT = sum(len(json.loads(path.read_text("utf-8"))) for path in SHIPPED.glob("*.json"))
PEOPLE: list[dict[str, object]] = [
    {"name": "Ayşe", "surname": "Yılmaz", "city": "İzmir"},
    {"name": "<script>alert(1)</script>", "surname": "Demir", "city": "Ankara"},
    {"name": None, "surname": "Kaya", "city": None},
]


@pytest.fixture
def store(live: redis.Redis) -> Warehouse:
    """The sandbox's channel, not yet synced."""
    ensure_credentials(current_settings())
    warehouse = shared_warehouse()
    ensure_sandbox_channel(warehouse, live, current_settings(), utc_now())
    return warehouse


@pytest.fixture
def synced(store: Warehouse) -> Warehouse:
    """The same with its templates and three contacts."""
    nodes = [node for path in sorted(SHIPPED.glob("*.json")) for node in json.loads(path.read_text("utf-8"))]
    keep_templates(store, "sandbox", nodes, who="ulak", now=utc_now())
    add_contacts(store, PEOPLE)
    return store


@pytest.fixture
def sandbox(store: Warehouse, tmp_path: Path) -> Iterator[None]:
    """A running sandbox that the channel leads to."""
    app = create_app(tmp_path / "sandbox", ensure_credentials(current_settings()), "http://127.0.0.1:9/none")
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    _point_to(store, f"http://127.0.0.1:{port}")
    yield
    server.should_exit = True
    thread.join()


def _point_to(warehouse: Warehouse, url: str) -> None:
    with warehouse.writing() as cursor:
        cursor.execute("UPDATE channels SET graph_url = ?", [url])


def _page(template: str = "", language: str = "en", **state: Any) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=30)
    at.session_state["shell.person"] = "Elif"
    at.session_state["shell.language"] = language
    at.run()
    for key, value in state.items():
        at.session_state[f"templates.{key}"] = value
    if template:
        at.query_params["template"] = template
    at.switch_page("pages/templates.py").run()
    assert not at.exception, at.exception
    return at


def _said(at: AppTest) -> str:
    parts = [*at.caption, *at.markdown, *at.success, *at.error, *at.warning, *at.info]
    return "\n".join(str(each.value) for each in parts)


def _type(at: AppTest, label: str, text: str) -> AppTest:
    next(each for each in at.text_input if each.label == label).set_value(text)
    at.run()
    assert not at.exception, at.exception
    return at


def _fill(at: AppTest, slot: str, text: str, fallback: str = "", template: str = "autumn_offer") -> AppTest:
    """What the panel's callback does when a person types: AppTest can't operate a component."""
    cursor = shared_warehouse().cursor()
    found = get_template(cursor, "sandbox", template, "tr")
    kept = load_bindings(cursor, found)
    edits = dict(at.session_state["templates.edits"]) if "templates.edits" in at.session_state else {}
    typed = parse_bindings(edits.get(edit_id(found, kept)) or dump_bindings(kept.bindings))
    edits[edit_id(found, kept)] = dump_bindings(merged(typed, {slot: Binding.of(text, fallback)}))
    at.session_state["templates.edits"] = edits
    at.run()
    assert not at.exception, at.exception
    return at


def _button(at: AppTest, key: str) -> Any:
    return next(each for each in at.button if each.key == key)


def _payload(at: AppTest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(at.json[0].value)
    return found


def _body(at: AppTest) -> list[str]:
    parts = _payload(at)["template"]["components"]
    return [each["text"] for part in parts if part["type"] == "body" for each in part["parameters"]]


def _image(kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (14, 124, 102)).save(out, kind)
    return out.getvalue()


def test_without_a_channel_the_page_says_where_one_comes_from(live: redis.Redis) -> None:
    at = _page()
    assert "No channel yet" in _said(at)
    assert not at.dataframe


def test_a_channel_without_templates_leads_to_the_sync(store: Warehouse) -> None:
    at = _page()
    assert "No templates yet" in _said(at)
    assert _button(at, "templates.sync").label == "Sync"


def test_a_sync_says_what_it_found_and_a_second_that_nothing_changed(sandbox: None, store: Warehouse) -> None:
    at = _page()
    _button(at, "templates.sync").click().run()
    assert not at.exception
    said = _said(at)
    assert f"{SHIPPED_COUNT} templates at the provider." in said
    assert "New: " in said
    assert f"and {SHIPPED_COUNT - 4} more" in said
    assert len(list_templates(store.cursor(), "sandbox")) == SHIPPED_COUNT
    _button(at, "templates.sync").click().run()
    assert "Nothing has changed." in _said(at)


def test_a_provider_that_is_away_is_said_and_nothing_is_lost(synced: Warehouse) -> None:
    _point_to(synced, "http://127.0.0.1:9")
    at = _page()
    _button(at, "templates.sync").click().run()
    assert not at.exception
    assert "can't be reached" in _said(at)
    assert len(at.dataframe[0].value) == SHIPPED_COUNT


def test_a_wrong_token_is_said_with_its_code_and_its_meaning(sandbox: None, synced: Warehouse) -> None:
    with synced.writing() as cursor:
        cursor.execute("UPDATE channels SET waba_id = '1'")
    at = _page()
    _button(at, "templates.sync").click().run()
    assert not at.exception
    assert "The provider refused (code " in _said(at)


def test_the_list_marks_variables_and_says_why_a_template_cant_be_sent(synced: Warehouse) -> None:
    rows = {(row["name"], row["language"]): row for row in _page().dataframe[0].value.to_dict("records")}
    assert rows["winter_sale", "Turkish"]["mark"] == "{ }"
    assert rows["winter_sale", "Turkish"]["note"] == ""
    assert rows["service_notice", "English"]["mark"] == ""
    assert rows["product_film", "Turkish"]["note"] == ""
    assert rows["new_year_special", "Turkish"]["note"] == "The provider paused it because of its quality"
    assert rows["prize_draw", "Turkish"]["note"].startswith("The provider rejected it: ")
    assert rows["spring_collection", "Turkish"]["status"] == "In review"


def test_the_search_looks_into_the_text_and_ignores_case_and_dots(synced: Warehouse) -> None:
    at = _page()
    _type(at, "Search templates", "KIŞ İNDİRİMİ")
    assert set(at.dataframe[0].value["name"]) == {"winter_sale"}
    _type(at, "Search templates", "no such thing")
    assert "No template matches" in _said(at)


@pytest.mark.parametrize("choice", ["sendable", "blocked", "variables"])
def test_the_list_can_be_narrowed(synced: Warehouse, choice: str) -> None:
    wanted = {
        "sendable": lambda each: each.unsendable_reason is None,
        "blocked": lambda each: each.unsendable_reason is not None,
        "variables": lambda each: each.has_variables,
    }[choice]
    chosen = [each for each in list_templates(synced.cursor(), "sandbox") if wanted(each)]
    assert 0 < len(_page(show=choice).dataframe[0].value) == len(chosen)


def test_a_click_on_a_row_opens_that_template(synced: Warehouse) -> None:
    at = _page(search="winter_sale")
    shown = [each for each in list_templates(synced.cursor(), "sandbox") if each.name == "winter_sale"]
    at.session_state[table_key(shown, 0)] = {"selection": {"rows": [], "columns": [], "cells": [[1, "name"]]}}
    at.run()
    assert not at.exception
    assert at.query_params["template"] in (["winter_sale/tr"], "winter_sale/tr")
    assert at.title[0].value == r"winter\_sale"


def test_a_template_that_cant_be_sent_can_be_looked_at_and_no_message_begins(synced: Warehouse) -> None:
    at = _page("new_year_special/tr")
    assert "This template can't be sent: The provider paused it because of its quality" in _said(at)
    assert "templates.message" not in [each.key for each in at.button]


def test_a_template_that_isnt_there_shows_the_list(synced: Warehouse) -> None:
    assert len(_page("no_such_one/tr").dataframe[0].value) == SHIPPED_COUNT


def test_what_is_typed_is_what_the_first_contact_would_get(synced: Warehouse) -> None:
    at = _page("autumn_offer/tr")
    assert _body(at) == ["{{first_name}}", "{{discount}}", "{{last_day}}"]
    _fill(at, "body:first_name", "Sayın @name @surname")
    _fill(at, "body:discount", "%20")
    assert _body(at) == ["Sayın Ayşe Yılmaz", "%20", "{{last_day}}"]
    assert "Still empty: Body last_day." in _said(at)
    assert _payload(at)["to"] == "+905320000001"


def test_stepping_and_jumping_show_another_contacts_message(synced: Warehouse) -> None:
    at = _fill(_page("autumn_offer/tr"), "body:first_name", "@name")
    _button(at, "templates.next").click().run()
    assert _body(at)[0] == "<script>alert(1)</script>"
    assert "2 of 3" in _said(at)
    _button(at, "templates.next").click().run()
    assert "Empty for this person: Body first_name" in _said(at)
    assert _button(at, "templates.next").disabled
    _type(at, "Jump to a person", "yilmaz")
    assert _body(at)[0] == "Ayşe"
    _type(at, "Jump to a person", "nobody at all")
    assert "Nobody by that name or number is among these people." in _said(at)


def test_a_field_that_isnt_there_keeps_from_saving(synced: Warehouse) -> None:
    at = _fill(_page("autumn_offer/tr"), "body:first_name", "@colour of @name")
    assert _button(at, "templates.save").disabled


def test_saved_values_are_the_default_from_then_on(synced: Warehouse) -> None:
    at = _fill(_page("autumn_offer/tr"), "body:first_name", "@name")
    _fill(at, "body:first_name", "@name", "müşterimiz")
    _button(at, "templates.save").click().run()
    assert not at.exception
    template = get_template(synced.cursor(), "sandbox", "autumn_offer", "tr")
    assert load_bindings(synced.cursor(), template).bindings == {"body:first_name": Binding.of("@name", "müşterimiz")}
    assert _button(at, "templates.save").disabled
    assert _body(_page("autumn_offer/tr"))[0] == "Ayşe"


def test_what_is_typed_survives_leaving_the_page_and_undo_forgets_it(synced: Warehouse) -> None:
    at = _fill(_page("autumn_offer/tr"), "body:discount", "%15")
    at.switch_page("pages/home.py").run()
    at.query_params["template"] = "autumn_offer/tr"
    at.switch_page("pages/templates.py").run()
    assert _body(at)[1] == "%15"
    _button(at, "templates.undo").click().run()
    assert not at.exception
    assert _body(at)[1] == "{{discount}}"


def test_a_template_changed_since_it_was_filled_asks_for_a_look(synced: Warehouse) -> None:
    template = get_template(synced.cursor(), "sandbox", "autumn_offer", "tr")
    bindings = {slot.key: Binding.of("x") for slot in template.slots}
    save_bindings(synced, template, bindings, who="Elif", now=utc_now(), fields=())
    with synced.writing() as cursor:
        cursor.execute(
            "UPDATE templates SET content_hash = 'another', components = replace(components, 'discount', 'gift')"
            " WHERE name = 'autumn_offer'"
        )
    at = _page("autumn_offer/tr")
    assert "The template was changed since these values were saved." in _said(at)
    assert not _button(at, "templates.save").disabled


def test_an_uploaded_image_is_kept_and_travels_with_the_message(synced: Warehouse) -> None:
    at = _page("winter_sale/tr")
    at.file_uploader[0].upload("banner.png", _image(), "image/png").run()
    assert not at.exception
    assert "Used: banner" in _said(at)
    header = _payload(at)["template"]["components"][0]["parameters"][0]
    assert header["image"]["id"].startswith("media:")
    assert synced.cursor().execute("SELECT file_name, created_by FROM media").fetchall() == [("banner.png", "Elif")]


def test_a_file_that_is_no_image_is_refused_with_the_reason(synced: Warehouse) -> None:
    at = _page("winter_sale/tr")
    at.file_uploader[0].upload("banner.png", b"%PDF-1.7 not an image", "image/png").run()
    assert not at.exception
    assert "the file is no JPEG or PNG image" in _said(at)
    assert synced.cursor().execute("SELECT count(*) FROM media").fetchall() == [(0,)]


def test_a_whole_template_begins_a_message_with_its_values(synced: Warehouse) -> None:
    at = _page("autumn_offer/tr")
    assert _button(at, "templates.message").disabled
    assert _button(at, "templates.message").label == "Still empty: Body first_name"
    for label, text in (("first_name", "@name"), ("discount", "%20"), ("last_day", "30 Kasım")):
        _fill(at, f"body:{label}", text)
    _button(at, "templates.message").click().run()
    assert not at.exception
    (row,) = list_drafts(synced.cursor())
    draft = load_draft(synced.cursor(), row.operation_id)
    assert (draft.template_name, draft.template_language, draft.channel_id) == ("autumn_offer", "tr", "sandbox")
    assert draft.bindings["body:first_name"] == Binding.of("@name")


def test_without_contacts_the_form_works_and_says_so(store: Warehouse) -> None:
    nodes = json.loads((SHIPPED / "autumn_offer.json").read_text("utf-8"))
    keep_templates(store, "sandbox", nodes, who="ulak", now=utc_now())
    at = _fill(_page("autumn_offer/tr"), "body:first_name", "@name")
    assert "No contacts yet" in _said(at)
    assert _body(at)[0] == "{{first_name}}"


def test_the_page_speaks_turkish(synced: Warehouse) -> None:
    at = _page(language="tr")
    assert at.title[0].value == "Şablonlar"
    notes = list(at.dataframe[0].value["note"])
    assert "Sağlayıcı hâlâ inceliyor" in notes
    detail = _page("autumn_offer/tr", language="tr")
    assert "Hâlâ boş: Gövde first_name" in _said(detail)


def test_the_hardest_messages_are_found_and_stepped_through(synced: Warehouse) -> None:
    at = _page("autumn_offer/tr", which="hardest")
    assert "No message stands out" in _said(at)
    _fill(at, "body:first_name", "@name", "müşterimiz")
    _fill(at, "body:discount", "%20")
    _fill(at, "body:last_day", "yarın")
    assert _body(at)[0] == "<script>alert(1)</script>"
    assert "Longest · " in _said(at)
    _button(at, "templates.next").click().run()
    assert _body(at)[0] == "Ayşe"
    _button(at, "templates.next").click().run()
    assert _body(at)[0] == "müşterimiz"
    assert "With a fallback: Body first_name" in _said(at)


def test_the_payload_names_its_address_and_no_secret(synced: Warehouse) -> None:
    at = _page("autumn_offer/tr")
    address = at.code[0].value
    assert address.startswith("POST http")
    assert address.endswith("/messages")
    token = ensure_credentials(current_settings()).access_token
    assert str(token) not in address + at.json[0].value
