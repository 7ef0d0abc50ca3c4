"""What became of each message to one person, their timeline, and all that is held about them as a file."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta

import pytest
import redis

from engine.clock import to_store
from engine.contacts.consent import record_consent
from engine.contacts.editing import edit_contact
from engine.contacts.model import Consent
from engine.contacts.profile import load_profile
from engine.errors import NotFound
from engine.operations.history import counted, events_of, left_out_of, messages_to, rendered
from engine.operations.person_export import export_person
from engine.operations.states import DeliveryState
from engine.operations.timeline import timeline_of
from engine.settings import Settings
from engine.warehouse import Warehouse
from tests.engine.operations_world import NOW, UTILITY, World, add_contacts, make_world

LATER = NOW + timedelta(hours=2)


@pytest.fixture
def world(warehouse: Warehouse, live: redis.Redis, settings: Settings) -> World:
    """Three people; the third opted out. Two operations, the second with a code for the second of them."""
    made = make_world(warehouse, live, settings)
    add_contacts(warehouse, [{"name": "Ayşe <b>"}, {"name": "Mehmet"}, {"consent": "opted_out"}])
    for template in ("welcome", UTILITY):
        made.launch(made.draft(template))
    for number, recipient, state, code in ((1, 0, DeliveryState.READ, 0), (2, 1, DeliveryState.FAILED, 131026)):
        moment = to_store(NOW + timedelta(minutes=number))
        with warehouse.writing() as cursor:
            cursor.execute(
                "INSERT INTO deliveries (operation_no, recipient_no, state, attempt, code, pricing, accepted_at,"
                " read_at, failed_at, updated_at) VALUES (?, ?, ?, 1, ?, 0, ?, ?, ?, ?)",
                [
                    number,
                    recipient,
                    int(state),
                    code,
                    moment,
                    None if code else moment,
                    moment if code else None,
                    moment,
                ],
            )
            cursor.execute(
                "INSERT INTO events VALUES (?, ?, 1, ?, 0, ?, ?)", [number, recipient, int(state), code, moment]
            )
    return made


def test_each_message_is_found_with_its_state_newest_first(world: World) -> None:
    found = messages_to(world.warehouse.cursor(), 1)
    assert [(each.operation_no, each.state) for each in found] == [
        (2, DeliveryState.PENDING),
        (1, DeliveryState.READ),
    ]
    assert counted(found)["read"] == 1
    assert [(each.state, each.is_late) for each in events_of(world.warehouse.cursor(), found[1])] == [
        (DeliveryState.READ, False)
    ]
    failed = messages_to(world.warehouse.cursor(), 2)[0]
    assert (failed.state, failed.code) == (DeliveryState.FAILED, 131026)


def test_the_text_is_that_of_the_frozen_values_not_of_today(world: World) -> None:
    edit_contact(world.warehouse, 1, {"name": "Zeynep"}, who="Elif", now=LATER)
    cursor = world.warehouse.cursor()
    bodies = [shown.body for each in messages_to(cursor, 1) if (shown := rendered(cursor, each))]
    assert bodies == ["Dear Ayşe <b>, your order is on its way.", "Hello Ayşe <b>, a warm welcome."]


def test_without_the_frozen_audience_there_is_no_message_and_no_error(world: World) -> None:
    for each in messages_to(world.warehouse.cursor(), 1):
        message = each
        world.snapshot(each.operation_id).unlink()
    assert messages_to(world.warehouse.cursor(), 1) == ()
    assert rendered(world.warehouse.cursor(), message) is None


def test_those_left_out_know_why(world: World) -> None:
    found = left_out_of(world.warehouse.cursor(), 3)
    assert {each.reason for each in found} == {"opted_out"}
    assert messages_to(world.warehouse.cursor(), 3) == ()


def test_the_timeline_holds_everything_newest_first(world: World) -> None:
    edit_contact(world.warehouse, 1, {"city": "İzmir"}, who="Elif", now=LATER)
    record_consent(world.warehouse, 1, Consent.OPTED_OUT, source="web", who="Deniz", now=LATER + timedelta(minutes=1))
    cursor = world.warehouse.cursor()
    found = timeline_of(cursor, load_profile(cursor, 1), messages_to(cursor, 1), left_out_of(cursor, 1))
    assert {"suppressed", "consent", "edited", "read", "accepted", "created"} == {each.kind for each in found}
    moments = [each.happened_at for each in found]
    assert moments == sorted(moments, reverse=True)
    assert [each.by_whom for each in found if each.kind == "consent"] == ["Deniz"]


def test_all_that_is_held_is_one_zip_to_read_and_for_machines(world: World) -> None:
    edit_contact(world.warehouse, 1, {"city": "İzmir"}, who="Elif", now=LATER)
    content = export_person(world.warehouse, 1, who="Elif", now=LATER)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        facts, page = json.loads(archive.read("person.json")), archive.read("person.html").decode()
    assert facts["fields"]["name"] == "Ayşe <b>"
    assert facts["fields"]["city"] == "İzmir"
    assert [each["text"] for each in facts["messages"]] == [
        "Dear Ayşe <b>, your order is on its way.",
        "Hello Ayşe <b>, a warm welcome.",
    ]
    assert facts["messages"][1]["events"][0]["state"] == "read"
    assert facts["edits"][0]["old_value"] == "Ankara"
    assert "Ayşe &lt;b&gt;" in page
    assert "<b>" not in page
    assert "Mehmet" not in page
    assert "Mehmet" not in json.dumps(facts, ensure_ascii=False)
    audits = world.warehouse.cursor().execute("SELECT who FROM audit WHERE verb = 'exported all of'").fetchall()
    assert audits == [("Elif",)]


def test_nothing_is_exported_of_nobody(world: World) -> None:
    with pytest.raises(NotFound):
        export_person(world.warehouse, 99, who="Elif", now=LATER)
    assert world.count("SELECT count(*) FROM audit WHERE verb = 'exported all of'") == 0
