"""Preflight: everybody of the audience gets one verdict, and the verdicts add up."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.clock import to_store
from engine.contacts import add_field
from engine.operations.left_out import ORDER, REASONS, reason_label, reason_rank
from engine.operations.preflight import Preflight, preflight
from engine.segments import Audience, Comparison, Segment, Selection, load_context
from engine.templates import Binding, get_template
from engine.warehouse import Warehouse, open_warehouse
from tests.engine.operations_world import CHANNEL, NOW, PLAIN, UTILITY, WELCOME, add_contacts, add_templates

NAME = {"body:1": Binding.of("@name")}


def check(
    warehouse: Warehouse,
    *,
    template: str = WELCOME,
    bindings: dict[str, Binding] | None = None,
    audience: Audience | None = None,
) -> Preflight:
    """Preflight of everybody, or of the audience given."""
    cursor = warehouse.cursor()
    found = get_template(cursor, CHANNEL, template, "en")
    wanted = NAME if bindings is None else bindings
    context = load_context(cursor, now=NOW, zone=UTC)
    return preflight(cursor, audience or Audience(), found, wanted if found.slots else {}, context)


def suppress(warehouse: Warehouse, contact_id: int, scope: str, *, lifted: bool = False) -> None:
    """A suppression of a contact's person."""
    moment = to_store(NOW)
    with warehouse.writing() as cursor:
        cursor.execute(
            "INSERT INTO suppressions SELECT person_key, ?, 'manual', NULL, 'Elif', ?, ?, NULL FROM contacts"
            " WHERE contact_id = ?",
            [scope, moment, moment if lifted else None, contact_id],
        )


@pytest.fixture
def people(warehouse: Warehouse) -> Warehouse:
    """Templates and six contacts: 1 usual, 2 opted out, 3 nameless, 4 without phone, 5 with a user id, 6 usual."""
    add_templates(warehouse)
    add_contacts(
        warehouse,
        [
            {},
            {"consent": "opted_out"},
            {"name": None},
            {"phone": None},
            {"phone": None, "user_id": "TR.77"},
            {"consent": "opted_in"},
        ],
    )
    return warehouse


def test_each_one_is_a_recipient_or_left_out_for_one_reason(people: Warehouse) -> None:
    found = check(people)
    assert found.audience_count == 6
    assert found.recipients["contact_id"].to_list() == [1, 5, 6]
    assert found.recipients["recipient_no"].to_list() == [0, 1, 2]
    assert dict(found.left_out.iter_rows()) == {2: "opted_out", 3: "missing:body:1", 4: "no_address"}
    assert found.reasons == {"no_address": 1, "opted_out": 1, "missing:body:1": 1}


def test_parameters_stand_beside_their_recipient(people: Warehouse) -> None:
    found = check(people, bindings={"body:1": Binding.of("Dear @name")})
    assert found.recipients["p_0"].to_list() == ["Dear Name 1", "Dear Name 5", "Dear Name 6"]


def test_a_fallback_keeps_the_people_without_a_value(people: Warehouse) -> None:
    found = check(people, bindings={"body:1": Binding.of("@name", fallback="friend")})
    assert dict(zip(found.recipients["contact_id"], found.recipients["p_0"], strict=True))[3] == "friend"


def test_a_message_that_would_be_too_long_is_left_out_with_its_slot(people: Warehouse) -> None:
    people.cursor().execute("UPDATE contacts SET name = repeat('x', 40000) WHERE contact_id = 1")
    assert dict(check(people).left_out.iter_rows())[1] == "too_long:body:1"


def test_a_constant_fills_the_slot_for_everybody(people: Warehouse) -> None:
    found = check(people, bindings={"body:1": Binding.of("friends")})
    assert found.recipients["p_0"].to_list() == ["friends"] * 4


def test_a_template_without_slots_has_no_parameters(people: Warehouse) -> None:
    found = check(people, template=PLAIN)
    assert found.recipients["contact_id"].to_list() == [1, 3, 5, 6]
    assert not [name for name in found.recipients.columns if name.startswith("p_")]


def test_a_marketing_suppression_stops_marketing_alone(people: Warehouse) -> None:
    suppress(people, 1, "marketing")
    suppress(people, 6, "all")
    assert check(people).reasons["suppressed"] == 2
    assert check(people, template=UTILITY).recipients["contact_id"].to_list() == [1, 5]


def test_a_lifted_suppression_stops_nobody(people: Warehouse) -> None:
    suppress(people, 1, "all", lifted=True)
    assert "suppressed" not in check(people).reasons


def test_an_opt_out_holds_for_the_person_under_every_contact(people: Warehouse) -> None:
    add_contacts(people, [{"person_key": 7}, {"person_key": 7, "consent": "opted_out"}])
    assert {7: "opted_out", 8: "opted_out"}.items() <= dict(check(people).left_out.iter_rows()).items()


def test_a_person_gets_it_once_and_as_the_first_contact_that_can(people: Warehouse) -> None:
    add_contacts(people, [{"person_key": 7, "name": None}, {"person_key": 7}, {"person_key": 7}])
    found = check(people)
    assert 8 in found.recipients["contact_id"].to_list()
    assert {7: "missing:body:1", 9: "duplicate"}.items() <= dict(found.left_out.iter_rows()).items()


def test_a_possible_but_invalid_number_stays_and_is_counted(people: Warehouse) -> None:
    add_contacts(people, [{"phone_valid": False}])
    found = check(people)
    assert 7 in found.recipients["contact_id"].to_list()
    assert found.doubtful_phone_count == 1


def test_a_persons_own_field_may_have_any_name(people: Warehouse) -> None:
    for name in ("p_0", "missing", "opted_out"):
        add_field(people, name, f"Label of {name}", "text", who="Elif", now=NOW)
    people.cursor().execute("UPDATE contacts SET p_0 = 'zero', missing = 'gone', opted_out = 'no'")
    found = check(people, bindings={"body:1": Binding.of("@p_0 @missing @opted_out")})
    assert set(found.recipients["p_0"]) == {"zero gone no"}


def test_only_the_audience_is_judged(people: Warehouse) -> None:
    narrowed = Audience(
        segment=Segment(rule=Comparison(field="city", operator="equals", value="Ankara")),
        selection=Selection.only(frozenset({1, 2})),
    )
    found = check(people, audience=narrowed)
    assert (found.audience_count, found.recipient_count) == (2, 1)


def test_an_empty_audience_has_nobody_in_any_column(people: Warehouse) -> None:
    nowhere = Audience(segment=Segment(rule=Comparison(field="city", operator="equals", value="Nowhere")))
    found = check(people, audience=nowhere)
    assert (found.audience_count, found.recipient_count, found.left_out.height) == (0, 0, 0)


def test_every_reason_has_a_label_and_a_place() -> None:
    assert [reason_rank(key)[0] for key in ORDER] == list(range(len(ORDER)))
    assert reason_label("missing:body:1") == ("no value for {slot}", "body:1")
    assert {reason.key for reason in REASONS} < set(ORDER)
    assert reason_label("of a later version") == ("of a later version", "")


contact_rows = st.fixed_dictionaries(
    {
        "name": st.sampled_from([None, "", "  ", "Ayşe", "İbrahim"]),
        "phone": st.sampled_from([None, "+905321112233", "+905321112234", "+4915112345678"]),
        "user_id": st.sampled_from([None, "TR.1"]),
        "consent": st.sampled_from([None, "opted_in", "opted_out"]),
        "person_key": st.integers(1, 4),
    }
)


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(contact_rows, max_size=12), suppressed=st.sets(st.integers(1, 12), max_size=2))
def test_verdicts_add_up_and_nobody_is_messaged_twice_or_against_their_will(
    rows: list[dict[str, object]], suppressed: set[int]
) -> None:
    warehouse = open_warehouse(None)
    add_templates(warehouse)
    add_contacts(warehouse, rows)
    for contact_id in suppressed:
        suppress(warehouse, contact_id, "all")
    found = check(warehouse)
    judged = [*found.recipients["contact_id"], *found.left_out["contact_id"]]
    assert sorted(judged) == list(range(1, len(rows) + 1))
    assert sum(found.reasons.values()) + found.recipient_count == found.audience_count == len(rows)
    people = found.recipients["person_key"].to_list()
    assert len(set(people)) == len(people)
    unwilling = {row["person_key"] for row in rows if row["consent"] == "opted_out"}
    unwilling |= {rows[contact_id - 1]["person_key"] for contact_id in suppressed if contact_id <= len(rows)}
    assert not unwilling & set(people)
    could = {
        row["person_key"]
        for row in rows
        if (row["phone"] or row["user_id"]) and str(row["name"] or "").strip() and row["person_key"] not in unwilling
    }
    assert set(people) == could
    assert all(found.recipients["p_0"])
    warehouse.close()
