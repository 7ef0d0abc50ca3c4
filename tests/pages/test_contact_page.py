"""The contact page: who it is, what is edited, consent by hand, messages, timeline, and finding somebody."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from streamlit.testing.v1 import AppTest

from engine.clock import to_store
from engine.contacts.consent import record_consent
from engine.contacts.fields import FieldType, add_field
from engine.contacts.model import Consent
from engine.contacts.person import key_from_int
from engine.contacts.profile import Profile, load_profile
from engine.live import SUPPRESSED
from engine.operations.states import DeliveryState
from engine.segments import create_list
from tests.engine.operations_world import NOW, World
from tests.pages.operations_pages import open_page, said, world_behind


@pytest.fixture
def world(live: redis.Redis) -> World:
    """Twelve contacts, the last opted out."""
    return world_behind(live)


def profile(world: World, contact_id: int = 1) -> Profile:
    return load_profile(world.warehouse.cursor(), contact_id)


def view(app: AppTest, name: str) -> AppTest:
    app.segmented_control(key="contact.view").set_value(name).run()
    assert not app.exception
    return app


def sent(world: World, state: DeliveryState, code: int = 0) -> str:
    """An operation whose first recipient (contact 1) has this state."""
    operation_id = world.draft()
    number = world.launch(operation_id).operation_no
    moment = to_store(NOW)
    with world.warehouse.writing() as cursor:
        cursor.execute("DELETE FROM deliveries WHERE operation_no = ?", [number])
        cursor.execute(
            "INSERT INTO deliveries (operation_no, recipient_no, state, attempt, code, pricing, accepted_at, sent_at,"
            " delivered_at, read_at, failed_at, updated_at) VALUES (?, 0, ?, 1, ?, 0, ?, ?, ?, ?, ?, ?)",
            [number, int(state), code, *[moment if not code else None] * 4, moment if code else None, moment],
        )
        cursor.execute("INSERT INTO events VALUES (?, 0, 1, ?, 0, ?, ?)", [number, int(state), code, moment])
    return operation_id


def test_without_contacts_the_page_leads_on(live: redis.Redis) -> None:
    app = open_page("contact")
    assert not app.exception
    assert "No contacts yet" in said(app)


def test_somebody_is_found_by_name_and_by_number(world: World) -> None:
    app = open_page("contact")
    assert "Changed last" in "\n".join(each.value for each in app.subheader)
    for typed, name in (("name 11", "Name 11"), ("532 000 00 07", "Name 7")):
        app.text_input(key="contact.search").set_value(typed).run()
        assert not app.exception
        assert any(name in button.label for button in app.button)
    app.text_input(key="contact.search").set_value("nobody at all").run()
    assert "Nobody by that name or number" in said(app)
    app.text_input(key="contact.search").set_value("name 11").run()
    app.button(key="contact.open.11").click().run()
    assert app.title[0].value.startswith("Name 11 ")


def test_a_contact_says_who_it_is(world: World) -> None:
    app = open_page("contact", id="12")
    assert not app.exception
    text = said(app)
    assert app.title[0].value.startswith("Name 12 ")
    assert "Opted out" in text
    assert "+90 532 000 00 12" in text
    assert "In no list." in text
    assert "Came in no file." in text


@pytest.mark.parametrize("asked", ["99", "x", "-1", "1; DROP", "9" * 40])
def test_an_unknown_contact_is_said_to_be_unknown(world: World, asked: str) -> None:
    app = open_page("contact", id=asked)
    assert not app.exception
    assert "There is no such contact" in said(app)


def test_fields_of_every_type_are_edited_in_place(world: World) -> None:
    for name, kind in (("points", FieldType.NUMBER), ("vip", FieldType.BOOL), ("tags", FieldType.LIST)):
        add_field(world.warehouse, name, name.title(), kind, who="Elif", now=NOW)
    app = open_page("contact", id="1")
    app.button(key="contact.edit").click().run()
    app.text_input(key="contact.field.1.surname").set_value("Kaya")
    app.number_input(key="contact.field.1.points").set_value(7)
    app.selectbox(key="contact.field.1.vip").set_value(True)
    app.button(key="contact.save").click().run()
    assert not app.exception
    found = profile(world)
    assert (found.name, found.values["points"], found.values["vip"]) == ("Name 1 Kaya", 7.0, True)
    assert {each.field for each in found.edits} == {"surname", "points", "vip"}
    assert app.title[0].value.startswith("Name 1 Kaya ")


def test_what_cannot_be_used_is_said_at_the_field_and_nothing_is_lost(world: World) -> None:
    app = open_page("contact", id="1")
    app.button(key="contact.edit").click().run()
    app.text_input(key="contact.field.1.surname").set_value("Kaya")
    app.text_input(key="contact.field.1.email").set_value("nobody")
    app.text_input(key="contact.field.1.phone").set_value("0532 000 00 02")
    app.button(key="contact.save").click().run()
    assert not app.exception
    text = said(app)
    assert "it is no e-mail address" in text
    assert "another contact has this number" in text
    assert app.text_input(key="contact.field.1.surname").value == "Kaya"
    assert profile(world).name == "Name 1"


def test_a_form_that_was_open_does_not_undo_what_others_changed(world: World) -> None:
    app = open_page("contact", id="1")
    app.button(key="contact.edit").click().run()
    world.warehouse.cursor().execute("UPDATE contacts SET city = 'Van' WHERE contact_id = 1")
    app.text_input(key="contact.field.1.surname").set_value("Kaya")
    app.button(key="contact.save").click().run()
    assert (profile(world).values["city"], profile(world).values["surname"]) == ("Van", "Kaya")


def test_a_withdrawal_by_hand_stops_what_is_queued(world: World) -> None:
    app = open_page("contact", id="1")
    app.button(key="contact.withdraw").click().run()
    app.text_area(key="contact.withdraw_note").set_value("Called the shop")
    app.button(key="contact.withdraw_save").click().run()
    assert not app.exception
    found = profile(world)
    assert (found.consent, found.consents[0].note, found.consents[0].by_whom) == (
        "opted_out",
        "Called the shop",
        "Elif",
    )
    assert world.client.hexists(SUPPRESSED, key_from_int(found.person_key))
    assert "Suppressed" in said(app)


def test_opting_in_again_needs_the_name_typed(world: World) -> None:
    record_consent(world.warehouse, 1, Consent.OPTED_OUT, source="web", who="Elif", now=NOW)
    app = open_page("contact", id="1")
    app.button(key="contact.give").click().run()
    assert app.button(key="contact.give_save").disabled
    app.text_input(key="contact.give_confirm").set_value("somebody").run()
    assert app.button(key="contact.give_save").disabled
    app.text_input(key="contact.give_confirm").set_value("name 1").run()
    app.button(key="contact.give_save").click().run()
    assert not app.exception
    found = profile(world)
    assert found.consent == "opted_in"
    assert not world.client.hexists(SUPPRESSED, key_from_int(found.person_key))
    assert found.standing == ()


def test_lists_are_joined_and_left(world: World) -> None:
    friends = create_list(world.warehouse, "Friends", who="Elif", now=NOW)
    app = open_page("contact", id="1")
    app.selectbox(key="contact.list").set_value("Friends").run()
    assert [each.name for each in profile(world).lists] == ["Friends"]
    app.button(key=f"contact.unlist.{friends}").click().run()
    assert not app.exception
    assert profile(world).lists == []
    view(app, "timeline")
    assert "Was taken out of the list" in said(app)


def test_messages_say_what_became_of_them(world: World) -> None:
    operation_id = sent(world, DeliveryState.READ)
    app = view(open_page("contact", id="1"), "messages")
    table = app.dataframe[0].value
    assert table["name"].to_list() == ["November news"]
    assert table["state"].to_list() == ["read"]
    app.button(key="contact.operation").click().run()
    assert not app.exception
    assert "November news" in app.title[0].value
    assert operation_id


def test_a_failure_says_what_its_code_means(world: World) -> None:
    sent(world, DeliveryState.FAILED, 131026)
    app = view(open_page("contact", id="1"), "messages")
    assert app.dataframe[0].value["why"].to_list() == ["131026 · Not on WhatsApp, or an old version"]
    view(app, "timeline")
    assert "failed: 131026" in said(app)


def test_an_operation_that_left_them_out_says_why(world: World) -> None:
    sent(world, DeliveryState.READ)
    app = view(open_page("contact", id="12"), "messages")
    assert app.dataframe[0].value["reason"].to_list() == ["opted out (consent)"]


def test_without_messages_the_page_says_what_will_be_here(world: World) -> None:
    app = view(open_page("contact", id="2"), "messages")
    assert "No message yet" in said(app)


def test_a_person_is_deleted_once_the_name_is_typed_and_the_page_says_so(world: World) -> None:
    sent(world, DeliveryState.READ)
    app = open_page("contact", id="1")
    app.button(key="contact.delete").click().run()
    assert "What goes:" in said(app)
    assert app.button(key="contact.erase").disabled
    app.text_input(key="contact.erase_confirm").set_value("0532 000 00 01").run()
    app.button(key="contact.erase").click().run()
    assert not app.exception
    assert "This person is gone" in said(app)
    assert world.count("SELECT count(*) FROM contacts WHERE contact_id = 1") == 0
    assert world.count("SELECT count(*) FROM deliveries") > 0


def test_a_delete_that_was_thought_better_of_deletes_nobody(world: World) -> None:
    app = open_page("contact", id="1")
    app.button(key="contact.delete").click().run()
    app.button(key="contact.keep").click().run()
    assert not app.exception
    assert "What goes:" not in said(app)
    assert profile(world).name == "Name 1"


def test_the_page_speaks_turkish(world: World) -> None:
    sent(world, DeliveryState.READ)
    record_consent(world.warehouse, 1, Consent.OPTED_OUT, source="web", who="Elif", now=NOW + timedelta(minutes=1))
    for name in ("profile", "messages", "timeline"):
        app = view(open_page("contact", language="tr", id="1"), name)
        assert not app.exception
