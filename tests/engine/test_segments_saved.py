"""Saved segments over time: versions, names, copies, sizes, what they are used in, and two side by side."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from engine.errors import ChangedMeanwhile, InputError, InvalidRule, NotFound
from engine.segments import (
    Audience,
    Comparison,
    Context,
    FacetChoice,
    Overlap,
    Segment,
    SegmentUse,
    Selection,
    archive_segment,
    bring_back_segment,
    compare,
    duplicate_segment,
    get_segment,
    get_version,
    list_sizes,
    list_versions,
    load_context,
    name_segment,
    record_daily_sizes,
    record_size,
    save_segment,
    segment_uses,
)
from engine.segments.sizes import recent_sizes, record_used_sizes
from engine.segments.usage import places_of
from engine.warehouse import Warehouse
from tests.engine import segments_world as world

IN_IZMIR = Segment(facets={"city": FacetChoice(include=frozenset({"İzmir"}))})
EARLY = Segment(rule=Comparison(field="@share", operator="random", value=40))
CITIES = ["İzmir", "Ankara", "İzmir", None, "Çorum", "Bursa", "İzmir"]


@pytest.fixture
def store(warehouse: Warehouse) -> Warehouse:
    world.prepare(warehouse)
    empty = dict.fromkeys(each for each in world.SCHEMA if each != "contact_id")
    moment = datetime(2026, 11, 1)
    rows = [{**empty, "city": city, "bucket": n * 1000, "created_at": moment} for n, city in enumerate(CITIES)]
    world.fill(warehouse, rows)
    return warehouse


def _context(store: Warehouse, days: int = 0) -> Context:
    return load_context(store.cursor(), now=world.NOW + timedelta(days=days), zone=world.ISTANBUL)


def _save(store: Warehouse, name: str, segment: Segment, segment_id: str | None = None, days: int = 0) -> str:
    context = _context(store, days)
    return save_segment(store, name, segment, who="Elif", context=context, segment_id=segment_id).segment_id


def test_each_change_is_a_version_and_an_older_one_can_be_taken_up_again(store: Warehouse) -> None:
    segment_id = _save(store, "İzmir", IN_IZMIR)
    _save(store, "İzmir", EARLY, segment_id, days=1)
    _save(store, "İzmir", EARLY, segment_id, days=2)  # nothing new
    name_segment(store, segment_id, "Ege", "Those by the sea", who="Can", now=world.NOW + timedelta(days=3))
    versions = list_versions(store.cursor(), segment_id)
    assert [(each.version, each.name, each.segment, each.by_whom) for each in versions] == [
        (3, "Ege", EARLY, "Can"), (2, "İzmir", EARLY, "Elif"), (1, "İzmir", IN_IZMIR, "Elif"),
    ]  # fmt: skip
    first = get_version(store.cursor(), segment_id, 1)
    _save(store, first.name, first.segment, segment_id, days=4)
    assert get_segment(store.cursor(), segment_id).segment == IN_IZMIR
    assert list_versions(store.cursor(), segment_id)[0].version == 4
    with pytest.raises(NotFound):
        get_version(store.cursor(), segment_id, 9)


def test_a_description_stays_until_it_is_changed(store: Warehouse) -> None:
    segment_id = _save(store, "İzmir", IN_IZMIR)
    described = name_segment(store, segment_id, "İzmir", " By the sea ", who="Elif", now=world.NOW)
    assert described.description == "By the sea"
    _save(store, "İzmir", EARLY, segment_id)
    assert get_segment(store.cursor(), segment_id).description == "By the sea"
    with pytest.raises(InputError, match="500"):
        name_segment(store, segment_id, "İzmir", "x" * 501, who="Elif", now=world.NOW)


def test_a_copy_has_a_name_of_its_own_and_an_archived_one_comes_back(store: Warehouse) -> None:
    segment_id = _save(store, "İzmir", IN_IZMIR)
    with pytest.raises(InputError, match="taken"):
        duplicate_segment(store, segment_id, "izmir", who="Elif", context=_context(store))
    copy = duplicate_segment(store, segment_id, "İzmir 2", who="Elif", context=_context(store))
    assert copy.segment == IN_IZMIR
    assert copy.segment_id != segment_id
    archive_segment(store, segment_id, who="Elif", now=world.NOW)
    assert bring_back_segment(store, segment_id, who="Elif", now=world.NOW).archived_at is None
    archive_segment(store, segment_id, who="Elif", now=world.NOW)
    _save(store, "İzmir", EARLY)
    with pytest.raises(InputError, match="taken"):
        bring_back_segment(store, segment_id, who="Elif", now=world.NOW)


def test_sizes_are_written_daily_and_at_use_without_touching_the_data_version(store: Warehouse) -> None:
    segment_id, other = _save(store, "İzmir", IN_IZMIR), _save(store, "Early", EARLY)
    version = store.data_version
    assert record_daily_sizes(store, _context(store), world.NOW) == 2
    assert record_daily_sizes(store, _context(store), world.NOW + timedelta(hours=3)) == 0
    assert record_daily_sizes(store, _context(store, 1), world.NOW + timedelta(days=1)) == 2
    assert not record_size(store, segment_id, 3, "shown", now=world.NOW + timedelta(days=1, minutes=5))
    assert record_size(store, segment_id, 4, "sent", now=world.NOW + timedelta(days=1, minutes=6))
    assert [(each.count, each.cause) for each in list_sizes(store.cursor(), segment_id)] == [
        (3, "daily"), (3, "daily"), (4, "sent"),
    ]  # fmt: skip
    assert [each.count for each in list_sizes(store.cursor(), other)] == [4, 4]
    assert store.data_version == version


def test_a_segment_that_cannot_be_counted_keeps_no_size_from_the_others(store: Warehouse) -> None:
    _save(store, "İzmir", IN_IZMIR)
    broken = _save(store, "Broken", EARLY)
    with store.writing() as cursor:
        cursor.execute(
            "UPDATE segments SET definition = replace(definition, '@share', 'gone') WHERE segment_id = ?", [broken]
        )
    assert record_daily_sizes(store, _context(store), world.NOW) == 1


def test_a_segment_knows_what_it_is_used_in(store: Warehouse) -> None:
    inner, alone = _save(store, "İzmir", IN_IZMIR), _save(store, "Alone", EARLY)
    outer = Segment(rule=Comparison(field="@segment", operator="not_in", value=inner))
    _save(store, "Not İzmir", outer)
    chosen = Audience(segment_ids=(inner,)).model_dump_json()
    ruled = Audience(segment=outer).model_dump_json()
    with store.writing() as cursor:
        for number, (state, audience, draft) in enumerate(
            [("scheduled", chosen, None), ("completed", ruled, None), ("draft", None, f'{{"audience": {chosen}}}'),
             ("completed", Audience().model_dump_json(), None)]
        ):  # fmt: skip
            cursor.execute(
                "INSERT INTO operations (operation_id, name, state, audience, draft, created_by, created_at,"
                " updated_at) VALUES (?, 'x', ?, ?, ?, 'Elif', TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-01')",
                [f"op-{number}", state, audience, draft],
            )
    uses = segment_uses(store.cursor())
    assert uses == {inner: SegmentUse(("Not İzmir",), draft_count=1, operation_count=2, scheduled_count=1)}
    assert alone not in uses
    places = places_of(store.cursor(), inner)
    assert [(each.kind, each.name, each.state) for each in places if each.kind != "operation"] == [
        ("segment", "Not İzmir", ""), ("draft", "x", "draft"),
    ]  # fmt: skip
    assert {each.id for each in places if each.kind == "operation"} == {"op-0", "op-1"}
    assert places_of(store.cursor(), alone) == ()


@pytest.mark.parametrize("picked", [False, True], ids=["segments", "a selection"])
def test_two_segments_side_by_side(store: Warehouse, picked: bool) -> None:
    selection = Selection.only(frozenset({0, 1, 2, 3})) if picked else Selection()
    first, second = Audience(segment=IN_IZMIR), Audience(segment=EARLY, selection=selection)
    context = _context(store)
    found = compare(store.cursor(), first, second, context)
    assert found == Overlap(both=2, only_first=1, only_second=2)
    assert found.shared_ratio == pytest.approx(2 / 3)
    assert compare(store.cursor(), Audience(), Audience(), context) == Overlap(len(CITIES), 0, 0)


def test_the_second_of_two_who_save_at_once_is_told_and_nothing_is_lost(store: Warehouse) -> None:
    segment_id = _save(store, "İzmir", IN_IZMIR)
    seen = get_segment(store.cursor(), segment_id).edition
    save_segment(
        store,
        "İzmir",
        EARLY,
        who="Can",
        context=_context(store),
        segment_id=segment_id,
        edition=seen,
        description="d",
    )
    for change in (
        lambda: save_segment(store, "Ege", IN_IZMIR, who="Elif", context=_context(store), segment_id=segment_id,
                             edition=seen),
        lambda: name_segment(store, segment_id, "Ege", "", who="Elif", now=world.NOW, edition=seen),
    ):  # fmt: skip
        with pytest.raises(ChangedMeanwhile) as told:
            change()
        assert (told.value.who, told.value.version) == ("Can", 2)
    kept = get_segment(store.cursor(), segment_id)
    assert (kept.segment, kept.name, kept.description) == (EARLY, "İzmir", "d")


@pytest.mark.parametrize("change", ["described", "archived", "there and back"])
def test_an_edition_tells_every_change_from_what_was_seen(store: Warehouse, change: str) -> None:
    segment_id = _save(store, "İzmir", IN_IZMIR)
    seen = get_segment(store.cursor(), segment_id).edition
    if change == "described":
        name_segment(store, segment_id, "İzmir", "By the sea", who="Can", now=world.NOW)
    elif change == "archived":
        archive_segment(store, segment_id, who="Can", now=world.NOW)
    else:
        _save(store, "İzmir", EARLY, segment_id)
        _save(store, "İzmir", IN_IZMIR, segment_id)
    assert get_segment(store.cursor(), segment_id).edition != seen


def test_two_segments_saved_at_once_cannot_refer_to_each_other(store: Warehouse) -> None:
    first, second = _save(store, "First", IN_IZMIR), _save(store, "Second", EARLY)
    stale = _context(store)
    save_segment(
        store, "First", Segment(rule=Comparison(field="@segment", operator="in", value=second)), who="Elif",
        context=stale, segment_id=first,
    )  # fmt: skip
    with pytest.raises(InvalidRule, match="itself"):
        save_segment(
            store, "Second", Segment(rule=Comparison(field="@segment", operator="in", value=first)), who="Can",
            context=stale, segment_id=second,
        )  # fmt: skip


def test_a_message_to_saved_segments_writes_their_sizes_down(store: Warehouse) -> None:
    first, second = _save(store, "İzmir", IN_IZMIR), _save(store, "Early", EARLY)
    record_size(store, first, 9, "saved", now=world.NOW)
    record_used_sizes(store, (first, "seg-none"), _context(store), now=world.NOW + timedelta(minutes=1))
    assert [(each.count, each.cause) for each in recent_sizes(store.cursor())[first]] == [(9, "saved"), (3, "sent")]
    assert second not in recent_sizes(store.cursor())
