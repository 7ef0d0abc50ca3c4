"""Random files meet random stores: the counts add up, the plan is what happens, undoing restores the store."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contacts.fields import FieldType, add_field
from engine.contacts.undo import plan_undo, undo_import
from engine.settings import Settings
from engine.warehouse import open_warehouse
from tests.engine.importing_desk import LATER, LATEST, NOW, Desk

TARGETS = {
    "Telefon": "phone", "U": "user_id", "No": "no", "Ad": "name", "Etiket": "etiket", "İzin": "consent",
    "Ülke": "country",
}  # fmt: skip
PHONES = [
    "",
    "05321234501",
    "+90 532 123 45 02",
    "5321234503",
    "12",
    "5,32E+09",
    "+55 11 98765-4321",
    "+55 11 8765-4321",
]
ROW = st.tuples(
    st.sampled_from(PHONES),
    st.sampled_from(["", "", "TR.a1", "TR.b2", "x"]),
    st.sampled_from(["", "", "A1", "A2", "A3"]),
    st.sampled_from(["", "Ali", "Ece"]),
    st.sampled_from(["", "a", "a,b", "c"]),
    st.sampled_from(["", "evet", "hayır", "belki"]),
    st.sampled_from(["", "TR", "DE"]),
)
VALUE = st.sampled_from(["overwrite", "fill", "keep"])
OPTIONS = st.fixed_dictionaries({
    "identity": st.sampled_from([None, "no"]),
    "duplicates": st.sampled_from(["last", "first"]),
    "opt_in_again": st.booleans(),
    "policies": st.fixed_dictionaries({}, optional={
        "name": VALUE, "consent": VALUE, "country": VALUE, "phone": VALUE, "user_id": VALUE,
        "etiket": st.sampled_from(["add", "replace", "remove", "fill", "keep"]),
    }),
})  # fmt: skip
FILE = st.tuples(st.lists(ROW, min_size=1, max_size=8), OPTIONS)


def columns_of(rows: Sequence[Sequence[str]]) -> list[str]:
    return [";".join(row).replace("a,b", '"a,b"') for row in rows]


def store(desk: Desk) -> dict[str, Any]:
    return {
        table: sorted(desk.rows(f"FROM {table}"), key=repr)
        for table in ("contacts", "consent_events", "list_members", "fields")
    }


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=FILE, second=FILE, suppressed=st.booleans())
def test_counts_add_up_plans_hold_and_undoing_restores(
    first: tuple[list[Any], dict[str, Any]], second: tuple[list[Any], dict[str, Any]], suppressed: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        warehouse = open_warehouse(None)
        try:
            desk = Desk(warehouse, Settings(home=Path(folder)), Path(folder))
            walk(desk, first, second, suppressed)
        finally:
            warehouse.close()


def walk(
    desk: Desk, first: tuple[list[Any], dict[str, Any]], second: tuple[list[Any], dict[str, Any]], suppressed: bool
) -> None:
    add_field(desk.warehouse, "no", "No", FieldType.TEXT, who="Elif", now=NOW)
    add_field(desk.warehouse, "etiket", "Etiket", FieldType.LIST, who="Elif", now=NOW)
    desk.make_list("list-1")
    desk.run(";".join(TARGETS), *columns_of(first[0]), targets=TARGETS, **first[1])
    for (person,) in desk.rows("SELECT person_key FROM contacts LIMIT 1") if suppressed else ():
        desk.suppress(person)
    before = store(desk)
    imported = desk.run(
        ";".join(TARGETS), *columns_of(second[0]), targets=TARGETS, now=LATER, **second[1], list_id="list-1"
    )
    counts = imported.counts
    assert desk.rows("SELECT count(*) FROM contacts") == [(len(before["contacts"]) + counts.new_count,)]
    assert desk.rows("SELECT count(DISTINCT person_key) FROM contacts") == desk.rows("SELECT count(*) FROM contacts")
    changed = len({row for row in map(repr, store(desk)["contacts"])} - {repr(row) for row in before["contacts"]})
    assert changed == counts.new_count + counts.updated_count
    check_consent(desk, second[1]["opt_in_again"], before)
    plan = plan_undo(desk.warehouse.cursor(), desk.settings, imported.import_id)
    assert (plan.to_restore, plan.to_delete, plan.kept) == (counts.updated_count, counts.new_count, {})
    undo_import(desk.warehouse, desk.settings, imported.import_id, who="Can", now=LATEST)
    assert store(desk) == before


def check_consent(desk: Desk, opt_in_again: bool, before: dict[str, Any]) -> None:
    """Nobody who opted out is opted in unless it was chosen; whoever is out is suppressed, or will be."""
    names = [row[0] for row in desk.rows("DESCRIBE contacts")]
    number, consent = names.index("contact_id"), names.index("consent")
    out = {row[number] for row in before["contacts"] if row[consent] == "opted_out"}
    for contact_id, now, held in desk.rows(
        "SELECT contact_id, consent, person_key IN (SELECT person_key FROM suppressions UNION ALL "
        "SELECT person_key FROM pending_suppressions) FROM contacts"
    ):
        if contact_id in out and not opt_in_again:
            assert now == "opted_out"
        if now == "opted_out" or contact_id in out:
            assert held
