"""One field for many people: who is touched, what is kept, and what taking it back gives back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from engine.contacts.bulk_edits import EditBatch, list_edits, set_field, undo_edit
from engine.contacts.fields import FieldType, add_field
from engine.errors import InputError, NotFound, StateError, UnknownName
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
    add_contacts(warehouse, [{"city": "Ankara"}, {"city": "İzmir"}, {"city": None}, {"city": "Bursa"}])
    return warehouse


def ids(*numbers: int) -> pl.DataFrame:
    return pl.DataFrame({"contact_id": list(numbers)}, schema={"contact_id": pl.Int64})


def column(warehouse: Warehouse, field: str) -> list[Any]:
    rows = warehouse.cursor().execute(f'SELECT "{field}" FROM contacts ORDER BY contact_id').fetchall()
    return [row[0] for row in rows]


def test_only_those_asked_for_change_and_only_if_the_value_is_new_to_them(people: Warehouse) -> None:
    done = set_field(people, ids(1, 2, 3, 3, 99), "city", "Ankara", who="Elif", now=NOW)
    assert column(people, "city") == ["Ankara", "Ankara", "Ankara", "Bursa"]
    assert (done.people_count, done.changed_count) == (3, 2)
    assert column(people, "updated_at")[1] == NOW.replace(tzinfo=None)
    rows = people.cursor().execute(
        "SELECT contact_id, old_value, new_value, by_whom FROM contact_edits ORDER BY contact_id"
    )
    assert rows.fetchall() == [(2, "İzmir", "Ankara", "Elif"), (3, None, "Ankara", "Elif")]
    audits = people.cursor().execute("SELECT who, verb, subject_id FROM audit WHERE verb = 'set a field'").fetchall()
    assert audits == [("Elif", "set a field", done.edit_id)]


def test_undoing_gives_each_their_own_value_back(people: Warehouse) -> None:
    done = set_field(people, ids(1, 2, 3), "city", None, who="Elif", now=NOW)
    assert column(people, "city") == [None, None, None, "Bursa"]
    undone = undo_edit(people, done.edit_id, who="Deniz", now=LATER)
    assert column(people, "city") == ["Ankara", "İzmir", None, "Bursa"]
    assert (undone.restored_count, undone.kept_count, undone.undone_by) == (2, 0, "Deniz")


def test_undoing_keeps_what_was_changed_since_and_says_so(people: Warehouse) -> None:
    done = set_field(people, ids(1, 2, 4), "city", "Van", who="Elif", now=NOW)
    set_field(people, ids(2), "city", "Muş", who="Elif", now=LATER)
    people.cursor().execute("DELETE FROM contacts WHERE contact_id = 4")
    undone = undo_edit(people, done.edit_id, who="Elif", now=LATER)
    assert column(people, "city") == ["Ankara", "Muş", None]
    assert (undone.restored_count, undone.kept_count) == (1, 2)


def test_an_edit_is_undone_once(people: Warehouse) -> None:
    done = set_field(people, ids(1), "city", "Van", who="Elif", now=NOW)
    undo_edit(people, done.edit_id, who="Elif", now=LATER)
    with pytest.raises(StateError):
        undo_edit(people, done.edit_id, who="Elif", now=LATER)
    with pytest.raises(NotFound):
        undo_edit(people, "edit-none", who="Elif", now=LATER)


@pytest.mark.parametrize(
    ("field", "first", "second"),
    [
        ("points", 1.1, 1e300),
        ("birthday", date(1990, 2, 3), "2001-12-31"),
        ("vip", True, False),
        ("tags", ["a, b", 'q"z', "é;"], ["x"]),
        ("name", "O'Neil; DROP", "Ayşe"),
    ],
)
def test_every_type_is_set_and_restored_exactly(people: Warehouse, field: str, first: Any, second: Any) -> None:
    set_field(people, ids(1, 2), field, first, who="Elif", now=NOW)
    done = set_field(people, ids(1, 2), field, second, who="Elif", now=NOW)
    undo_edit(people, done.edit_id, who="Elif", now=LATER)
    assert column(people, field)[:2] == [first, first]


def test_choices_are_added_to_what_is_there_and_taken_from_it(people: Warehouse) -> None:
    set_field(people, ids(1), "tags", ["new", "gold"], who="Elif", now=NOW)
    added = set_field(people, ids(1, 2), "tags", ["gold", "2026"], how="add", who="Elif", now=NOW)
    assert column(people, "tags") == [["new", "gold", "2026"], ["gold", "2026"], None, None]
    assert added.changed_count == 2
    taken = set_field(people, ids(1, 2, 3), "tags", ["gold", "2026"], how="remove", who="Elif", now=NOW)
    assert column(people, "tags") == [["new"], None, None, None]
    assert taken.changed_count == 2
    undo_edit(people, taken.edit_id, who="Elif", now=LATER)
    assert column(people, "tags")[:2] == [["new", "gold", "2026"], ["gold", "2026"]]


@pytest.mark.parametrize(
    ("field", "value", "how"),
    [
        ("phone", "+905321111111", "set"),
        ("consent", "opted_in", "set"),
        ("created_at", "2026-01-01", "set"),
        ("points", "many", "set"),
        ("birthday", "3/4/26", "set"),
        ("vip", "perhaps", "set"),
        ("email", "nobody", "set"),
        ("country", "Turkey", "set"),
        ("city", "Van", "add"),
        ("tags", [], "add"),
        ("tags", [1], "set"),
    ],
)
def test_what_cannot_be_set_is_refused_and_changes_nothing(
    people: Warehouse, field: str, value: Any, how: Any
) -> None:
    with pytest.raises(InputError) as problem:
        set_field(people, ids(1), field, value, who="Elif", now=NOW, how=how)
    assert problem.value.fields["field"] == field
    assert people.cursor().execute("SELECT count(*) FROM edits").fetchall() == [(0,)]


def test_an_unknown_field_is_refused(people: Warehouse) -> None:
    with pytest.raises(UnknownName):
        set_field(people, ids(1), "none", "x", who="Elif", now=NOW)


def test_the_last_edits_are_listed_newest_first(people: Warehouse) -> None:
    set_field(people, ids(1), "city", "Van", who="Elif", now=NOW)
    set_field(people, ids(1), "tags", ["a"], who="Deniz", now=LATER)
    found: tuple[EditBatch, ...] = list_edits(people.cursor())
    assert [(each.field, each.value, each.by_whom) for each in found] == [
        ("tags", ["a"], "Deniz"),
        ("city", "Van", "Elif"),
    ]
