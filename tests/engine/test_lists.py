"""Lists: who is in them, what may be done to them, and what they are used in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.errors import InputError, StateError
from engine.segments import (
    Audience,
    Comparison,
    Context,
    Segment,
    Selection,
    SelectionMode,
    add_to_list,
    archive_list,
    change_list,
    count_audience,
    create_list,
    find_list,
    get_list,
    list_lists,
    list_uses,
    load_context,
    remove_from_list,
    restore_list,
    save_segment,
)
from engine.segments.rules import LIST_FIELD
from engine.warehouse import Warehouse
from tests.engine.operations_world import add_contacts

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)


@pytest.fixture
def context(warehouse: Warehouse) -> Context:
    """Thirty people, 1 to 30."""
    add_contacts(warehouse, [{}] * 30)
    return load_context(warehouse.cursor(), now=NOW, zone=UTC)


def make(warehouse: Warehouse, name: str = "Spring", **more: str) -> str:
    return create_list(warehouse, name, who="Elif", now=NOW, **more)


def only(*ids: int) -> Audience:
    return Audience(selection=Selection.only(frozenset(ids)))


def audited(warehouse: Warehouse) -> list[tuple[str, str]]:
    return warehouse.cursor().execute("SELECT who, verb FROM audit WHERE subject_kind = 'list'").fetchall()


def test_people_are_put_in_and_taken_out_and_counted_once(warehouse: Warehouse, context: Context) -> None:
    list_id = make(warehouse)
    assert add_to_list(warehouse, list_id, only(1, 2, 3), who="Elif", context=context) == 3
    assert add_to_list(warehouse, list_id, only(3, 4), who="Elif", context=context) == 1
    assert remove_from_list(warehouse, list_id, only(2, 9), who="Can", context=context) == 1
    assert get_list(warehouse.cursor(), list_id).member_count == 3
    fresh = load_context(warehouse.cursor(), now=NOW, zone=UTC)
    assert count_audience(warehouse.cursor(), Audience(list_ids=(list_id,)), fresh) == 3
    assert audited(warehouse) == [
        ("Elif", "created"), ("Elif", "added to"), ("Elif", "added to"), ("Can", "removed from"),
    ]  # fmt: skip


def test_all_but_some_of_a_list_can_be_taken_out_of_it(warehouse: Warehouse, context: Context) -> None:
    list_id = make(warehouse)
    add_to_list(warehouse, list_id, Audience(), who="Elif", context=context)
    fresh = load_context(warehouse.cursor(), now=NOW, zone=UTC)
    but_two = Audience(
        list_ids=(list_id,), selection=Selection(mode=SelectionMode.EXCEPT, ids=frozenset({4, 5}))
    )  # fmt: skip
    assert remove_from_list(warehouse, list_id, but_two, who="Elif", context=fresh) == 28
    assert get_list(warehouse.cursor(), list_id).member_count == 2


def test_a_list_is_renamed_and_described(warehouse: Warehouse, context: Context) -> None:
    list_id = make(warehouse, description="who came to the fair")
    assert get_list(warehouse.cursor(), list_id).description == "who came to the fair"
    changed = change_list(warehouse, list_id, name="  Autumn   fair ", description=" ", who="Can", now=NOW)
    assert (changed.name, changed.description) == ("Autumn fair", None)
    assert find_list(warehouse.cursor(), "AUTUMN FAIR").list_id == list_id


def test_two_lists_cannot_have_one_name_but_an_archived_one_frees_it(warehouse: Warehouse, context: Context) -> None:
    first, second = make(warehouse, "İzmir"), make(warehouse, "Bursa")
    with pytest.raises(InputError):
        make(warehouse, "izmir")
    with pytest.raises(InputError):
        change_list(warehouse, second, name="IZMIR", description="", who="Can", now=NOW)
    archive_list(warehouse, first, who="Can", now=NOW)
    make(warehouse, "izmir")
    with pytest.raises(InputError):
        restore_list(warehouse, first, who="Can", now=NOW)


def test_an_archived_list_leaves_the_choices_takes_nobody_and_comes_back(
    warehouse: Warehouse, context: Context
) -> None:
    list_id = make(warehouse)
    archive_list(warehouse, list_id, who="Can", now=NOW)
    assert list_lists(warehouse.cursor()) == ()
    assert [each.list_id for each in list_lists(warehouse.cursor(), archived=True)] == [list_id]
    with pytest.raises(StateError):
        add_to_list(warehouse, list_id, only(1), who="Can", context=context)
    restore_list(warehouse, list_id, who="Can", now=NOW)
    assert add_to_list(warehouse, list_id, only(1), who="Can", context=context) == 1


def test_a_list_knows_which_segments_and_operations_use_it(warehouse: Warehouse, context: Context) -> None:
    list_id = make(warehouse)
    make(warehouse, "Nobody's")
    fresh = load_context(warehouse.cursor(), now=NOW, zone=UTC)
    rule = Comparison(field=LIST_FIELD, operator="in", value=list_id)
    save_segment(warehouse, "At the fair", Segment(rule=rule), who="Elif", context=fresh)
    warehouse.cursor().execute(
        "INSERT INTO operations (operation_id, name, state, audience, created_by, created_at, updated_at)"
        " VALUES ('op-1', 'Autumn', 'completed', ?, 'Elif', now()::TIMESTAMP, now()::TIMESTAMP)",
        [Audience(list_ids=(list_id,)).model_dump_json()],
    )
    uses = list_uses(warehouse.cursor())
    assert list(uses) == [list_id]
    assert (uses[list_id].segments, uses[list_id].operation_count) == (("At the fair",), 1)


def test_a_hundred_thousand_members_come_and_go_at_once(warehouse: Warehouse, context: Context) -> None:
    with warehouse.writing() as cursor:
        cursor.execute(
            "INSERT INTO contacts (contact_id, person_key, bucket, origin, created_at, updated_at)"
            " SELECT range + 1000, range, 1, 'import', now()::TIMESTAMP, now()::TIMESTAMP FROM range(100000)"
        )
    list_id = make(warehouse)
    assert add_to_list(warehouse, list_id, Audience(), who="Elif", context=context) == 100_030
    but_one = Audience(selection=Selection(mode=SelectionMode.EXCEPT, ids=frozenset({1})))
    assert remove_from_list(warehouse, list_id, but_one, who="Elif", context=context) == 100_029
