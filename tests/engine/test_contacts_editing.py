"""One contact changed by hand: fields, the number, consent, lists; what is refused, what is kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from engine.contacts.consent import NeedsConfirmation, record_consent
from engine.contacts.editing import edit_contact, put_in_list, take_out_of_list
from engine.contacts.fields import FieldType, add_field
from engine.contacts.model import Consent
from engine.contacts.person import key_to_int, person_key
from engine.contacts.profile import Profile, find_contact, load_profile, recent_contacts
from engine.errors import InputError, InvalidPhone, NotFound, UnknownName
from engine.segments import create_list
from engine.warehouse import Warehouse
from tests.engine.operations_world import add_contacts

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def people(warehouse: Warehouse) -> Warehouse:
    for name, kind in (
        ("points", FieldType.NUMBER),
        ("birthday", FieldType.DATE),
        ("vip", FieldType.BOOL),
        ("tags", FieldType.LIST),
    ):
        add_field(warehouse, name, name.title(), kind, who="Elif", now=NOW)
    rows: list[dict[str, object]] = [{"surname": "Kaya"}, {}, {"phone": None, "user_id": "TR.abc"}]
    add_contacts(warehouse, rows)
    return warehouse


def profile(warehouse: Warehouse, contact_id: int = 1) -> Profile:
    return load_profile(warehouse.cursor(), contact_id)


def edit(warehouse: Warehouse, contact_id: int = 1, **changes: Any) -> tuple[str, ...]:
    return edit_contact(warehouse, contact_id, changes, who="Elif", now=LATER, region="TR")


def pending(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    sql = "SELECT person_key, scope, reason, by_whom FROM pending_suppressions ORDER BY ALL"
    return warehouse.cursor().execute(sql).fetchall()


def test_every_type_of_field_is_changed_and_its_old_value_kept(people: Warehouse) -> None:
    changed = edit(
        people, city="İzmir", points="12.5", birthday="1990-02-03", vip=True, tags=[" a ", "b", "a"], email="a@b.co"
    )
    assert set(changed) == {"city", "points", "birthday", "vip", "tags", "email"}
    found = profile(people)
    assert found.values["birthday"] == date(1990, 2, 3)
    assert (found.values["points"], found.values["vip"], found.values["tags"]) == (12.5, True, ["a", "b"])
    assert found.updated_at == LATER
    edits = {each.field: (each.old_value, each.new_value, each.by_whom) for each in found.edits}
    assert edits["city"] == ("Ankara", "İzmir", "Elif")
    assert edits["tags"] == (None, '["a","b"]', "Elif")


def test_what_stays_as_it_was_is_no_edit(people: Warehouse) -> None:
    before = profile(people).updated_at
    assert edit(people, city="Ankara ", surname="Kaya", points=None) == ()
    assert profile(people).updated_at == before
    assert profile(people).edits == []


def test_one_wrong_value_changes_nothing_and_all_problems_are_told(people: Warehouse) -> None:
    with pytest.raises(InputError) as problem:
        edit(people, city="İzmir", email="nobody", points="many")
    assert set(problem.value.fields["problems"]) == {"email", "points"}
    assert profile(people).values["city"] == "Ankara"


@pytest.mark.parametrize("field", ["consent", "consent_at", "origin", "created_at"])
def test_facts_and_consent_are_no_fields_to_edit(people: Warehouse, field: str) -> None:
    with pytest.raises(InputError):
        edit(people, **{field: "x"})


def test_unknown_fields_and_contacts_are_refused(people: Warehouse) -> None:
    with pytest.raises(UnknownName):
        edit(people, none="x")
    with pytest.raises(NotFound):
        edit(people, 99, city="x")


def test_a_number_is_normalised_and_the_person_follows_it(people: Warehouse) -> None:
    edit(people, phone="0 532 111 22 33")
    found = profile(people)
    assert found.phone == "+905321112233"
    assert found.person_key == key_to_int(person_key(people.salt, "905321112233", None))
    assert found.phone_valid is True
    assert find_contact(people.cursor(), "0532 111 22 33", region="TR") == 1


def test_a_number_of_somebody_else_is_refused_and_says_whose_it_is(people: Warehouse) -> None:
    with pytest.raises(InvalidPhone) as problem:
        edit(people, phone="+905320000002")
    assert (problem.value.fields["code"], problem.value.fields["contact_id"]) == ("taken", 2)
    assert "problems" in problem.value.fields
    with pytest.raises(InvalidPhone):
        edit(people, phone="12")


def test_the_number_is_taken_away_only_where_a_user_id_is_left(people: Warehouse) -> None:
    with pytest.raises(InvalidPhone):
        edit(people, phone="")
    edit(people, 3, phone="0532 111 22 33")
    edit(people, 3, phone=None)
    assert profile(people, 3).person_key == key_to_int(person_key(people.salt, None, "TR.abc"))


def test_whoever_wanted_no_messages_wants_none_at_a_new_number(people: Warehouse) -> None:
    old = profile(people).person_key
    with people.writing() as cursor:
        for scope, reason, lifted in (("marketing", "keyword", None), ("all", "manual", NOW.replace(tzinfo=None))):
            cursor.execute(
                "INSERT INTO suppressions VALUES (?, ?, ?, NULL, 'ulak', ?, ?, NULL)",
                [old, scope, reason, NOW.replace(tzinfo=None), lifted],
            )
    edit(people, phone="0532 111 22 33")
    found = profile(people)
    assert pending(people) == [(found.person_key, "marketing", "keyword", "Elif")]
    assert [(each.reason, each.is_pending) for each in found.standing] == [("keyword", True)]


def test_a_withdrawal_is_history_and_a_suppression_to_be_told(people: Warehouse) -> None:
    said = NOW - timedelta(days=2)
    record_consent(
        people, 1, Consent.OPTED_OUT, source="phone_call", note="Called the shop", said_at=said, who="Elif", now=NOW
    )
    found = profile(people)
    assert (found.consent, found.values["consent_source"], found.values["consent_at"]) == (
        "opted_out",
        "phone_call",
        said,
    )
    event = found.consents[0]
    assert (event.consent, event.source, event.note, event.happened_at, event.recorded_at, event.by_whom) == (
        "opted_out",
        "phone_call",
        "Called the shop",
        said,
        NOW,
        "Elif",
    )
    assert pending(people) == [(found.person_key, "marketing", "edit", "Elif")]


def test_opting_in_again_somebody_who_opted_out_has_to_be_confirmed(people: Warehouse) -> None:
    record_consent(people, 1, Consent.OPTED_OUT, source="web", who="Elif", now=NOW)
    with pytest.raises(NeedsConfirmation):
        record_consent(people, 1, Consent.OPTED_IN, source="web", who="Elif", now=LATER)
    assert profile(people).consent == "opted_out"
    record_consent(people, 1, Consent.OPTED_IN, source="web", who="Elif", now=LATER, confirmed=True)
    assert profile(people).consent == "opted_in"
    assert [each.consent for each in profile(people).consents] == ["opted_in", "opted_out"]


def test_opting_in_somebody_who_only_is_suppressed_has_to_be_confirmed_too(people: Warehouse) -> None:
    with people.writing() as cursor:
        cursor.execute(
            "INSERT INTO suppressions VALUES (?, 'marketing', 'keyword', NULL, 'ulak', ?, NULL, NULL)",
            [profile(people).person_key, NOW.replace(tzinfo=None)],
        )
    with pytest.raises(NeedsConfirmation):
        record_consent(people, 1, Consent.OPTED_IN, source="web", who="Elif", now=LATER)


def test_consent_needs_a_source_and_a_time_that_has_been(people: Warehouse) -> None:
    with pytest.raises(InputError):
        record_consent(people, 1, Consent.OPTED_IN, source=" ", who="Elif", now=NOW)
    with pytest.raises(InputError):
        record_consent(people, 1, Consent.OPTED_IN, source="web", said_at=LATER, who="Elif", now=NOW)
    assert profile(people).consents == []


def test_lists_are_joined_and_left_once(people: Warehouse) -> None:
    friends = create_list(people, "Friends", who="Elif", now=NOW)
    assert put_in_list(people, 1, friends, who="Elif", now=NOW)
    assert not put_in_list(people, 1, friends, who="Elif", now=NOW)
    assert [(each.name, each.added_at) for each in profile(people).lists] == [("Friends", NOW)]
    assert take_out_of_list(people, 1, friends, who="Elif", now=LATER)
    assert not take_out_of_list(people, 1, friends, who="Elif", now=LATER)
    assert profile(people).lists == []
    with pytest.raises(NotFound):
        put_in_list(people, 1, "lst-none", who="Elif", now=NOW)
    with pytest.raises(NotFound):
        put_in_list(people, 99, friends, who="Elif", now=NOW)


def test_a_contact_is_found_by_id_and_by_any_form_of_the_number(people: Warehouse) -> None:
    cursor = people.cursor()
    for text in ("2", "+90 532 000 00 02", "05320000002", "905320000002"):
        assert find_contact(cursor, text, region="TR") == 2
    for text in ("77", "nobody", "", "+905329999999"):
        with pytest.raises(NotFound) as problem:
            find_contact(cursor, text, region="TR")
        assert "9999" not in problem.value.message


def test_those_changed_last_come_first(people: Warehouse) -> None:
    edit(people, 2, city="Van")
    assert [row["contact_id"] for row in recent_contacts(people.cursor(), limit=2)] == [2, 1]


def test_windows_are_open_until_they_end(people: Warehouse) -> None:
    with people.writing() as cursor:
        key = profile(people).person_key
        cursor.execute("INSERT INTO windows VALUES (?, 'ch-9', ?)", [key, LATER.replace(tzinfo=None)])
    found = profile(people)
    assert [(each.channel_name, each.expires_at) for each in found.open_windows(NOW)] == [("ch-9", LATER)]
    assert found.open_windows(LATER) == ()
