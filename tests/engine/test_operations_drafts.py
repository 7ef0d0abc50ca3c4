"""Drafts: kept, left and taken up again, and closed to changes once they are launched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.errors import InvalidTransition, NotFound
from engine.operations.drafts import Draft, create_draft, discard_draft, list_drafts, load_draft, save_draft
from engine.segments import Audience, Comparison, Segment
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ANKARA = Audience(segment=Segment(rule=Comparison(field="city", operator="equals", value="Ankara")))


def test_a_draft_is_found_as_it_was_left(warehouse: Warehouse) -> None:
    operation_id = create_draft(warehouse, who="Elif", now=NOW, audience=ANKARA)
    draft = load_draft(warehouse.cursor(), operation_id).changed(name="News", channel_id="ch-1", step="message")
    save_draft(warehouse, operation_id, draft, now=NOW + timedelta(minutes=1))
    assert load_draft(warehouse.cursor(), operation_id) == draft
    assert draft.audience == ANKARA


def test_drafts_are_listed_with_the_one_touched_last_first(warehouse: Warehouse) -> None:
    first = create_draft(warehouse, who="Elif", now=NOW)
    second = create_draft(warehouse, who="Can", now=NOW + timedelta(minutes=1))
    save_draft(warehouse, first, Draft(name="Later", template_name="news"), now=NOW + timedelta(minutes=2))
    rows = list_drafts(warehouse.cursor())
    assert [row.operation_id for row in rows] == [first, second]
    assert (rows[0].name, rows[0].template_name, rows[0].created_by) == ("Later", "news", "Elif")
    assert rows[0].updated_at == NOW + timedelta(minutes=2)


def test_saving_a_draft_tells_no_cache_of_contacts(warehouse: Warehouse) -> None:
    operation_id = create_draft(warehouse, who="Elif", now=NOW)
    version = warehouse.data_version
    save_draft(warehouse, operation_id, Draft(name="x"), now=NOW)
    assert warehouse.data_version == version


def test_a_discarded_draft_is_gone_and_audited(warehouse: Warehouse) -> None:
    operation_id = create_draft(warehouse, who="Elif", now=NOW)
    discard_draft(warehouse, operation_id, who="Can", now=NOW)
    with pytest.raises(NotFound):
        load_draft(warehouse.cursor(), operation_id)
    verbs = warehouse.cursor().execute("SELECT who, verb FROM audit WHERE subject_id = ?", [operation_id]).fetchall()
    assert verbs == [("Elif", "drafted"), ("Can", "discarded")]


@pytest.mark.parametrize("state", ["launching", "running", "completed"])
def test_a_launched_operation_is_no_draft_any_more(warehouse: Warehouse, state: str) -> None:
    operation_id = create_draft(warehouse, who="Elif", now=NOW)
    warehouse.cursor().execute("UPDATE operations SET state = ?", [state])
    for attempt in (
        lambda: save_draft(warehouse, operation_id, Draft(), now=NOW),
        lambda: load_draft(warehouse.cursor(), operation_id),
        lambda: discard_draft(warehouse, operation_id, who="Elif", now=NOW),
    ):
        with pytest.raises(InvalidTransition) as caught:
            attempt()
        assert caught.value.fields["state"] == state


def test_an_unknown_draft_is_not_found(warehouse: Warehouse) -> None:
    with pytest.raises(NotFound):
        save_draft(warehouse, "op-none", Draft(), now=NOW)
