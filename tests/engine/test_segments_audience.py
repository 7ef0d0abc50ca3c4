"""Audiences: what intersects, pages that never overlap, who can be messaged, lists and saved segments."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from engine.errors import InputError, InvalidRule, NotFound, UnknownName
from engine.segments import (
    Audience,
    Comparison,
    Context,
    FacetChoice,
    Segment,
    Selection,
    SelectionMode,
    Sort,
    add_to_list,
    archive_segment,
    audience_frame,
    count_audience,
    create_list,
    find_list,
    find_segment,
    get_list,
    get_segment,
    growth,
    list_lists,
    list_segments,
    load_context,
    page_of,
    reach,
    save_segment,
    top_values,
)
from engine.warehouse import Warehouse
from tests.engine import segments_world as world

IN_IZMIR = Segment(facets={"city": FacetChoice(include=frozenset({"İzmir"}))})
CITIES = ["İzmir", "Ankara", "İzmir", None, "Çorum", "Bursa", "İzmir"]


@pytest.fixture
def store(warehouse: Warehouse) -> Warehouse:
    world.prepare(warehouse)
    rows = [
        {"name": f"Ad {number}", "city": city, "phone": f"+90532111223{number}", "bucket": number * 1000,
         "created_at": datetime(2026, 11, 1) + timedelta(days=number % 3), "surname": None, "email": None,
         "age": None, "birthday": None, "vip": None}
        for number, city in enumerate(CITIES)
    ]  # fmt: skip
    world.fill(warehouse, rows)
    return warehouse


def _context(store: Warehouse) -> Context:
    return load_context(store.cursor(), now=world.NOW, zone=world.ISTANBUL)


def _ids(store: Warehouse, audience: Audience) -> set[int]:
    frame = audience_frame(store.cursor(), audience, _context(store))
    return {row[0] for row in frame.select("contact_id").to_native().fetchall()}


def test_nobody_selected_means_everybody(store: Warehouse) -> None:
    assert count_audience(store.cursor(), Audience(), _context(store)) == len(CITIES)


def test_segment_list_own_rules_and_selection_intersect(store: Warehouse) -> None:
    saved = save_segment(store, "İzmir", IN_IZMIR, who="Elif", context=_context(store))
    list_id = create_list(store, "Early", who="Elif", now=world.NOW)
    early = Segment(rule=Comparison(field="@share", operator="random", value=50))
    assert add_to_list(store, list_id, Audience(segment=early), who="Elif", context=_context(store)) == 5
    rule = Comparison(field="name", operator="is_not", value="Ad 0")
    audience = Audience(segment_ids=(saved.segment_id,), list_ids=(list_id,))
    assert _ids(store, audience) == {0, 2}
    assert _ids(store, audience.model_copy(update={"segment": Segment(rule=rule)})) == {2}
    assert _ids(store, audience.model_copy(update={"selection": Selection.only(frozenset({0, 6}))})) == {0}


@pytest.mark.parametrize("many", [False, True], ids=["few ids", "many ids"])
def test_a_selection_takes_these_or_all_but_these(store: Warehouse, many: bool) -> None:
    ids = frozenset({1, 2, *(range(1000, 2000) if many else ())})
    assert _ids(store, Audience(selection=Selection.only(ids))) == {1, 2}
    rest = Selection(mode=SelectionMode.EXCEPT, ids=ids)
    assert _ids(store, Audience(segment=IN_IZMIR, selection=rest)) == {0, 6}


def test_the_frame_has_the_columns_of_contacts_alone(store: Warehouse) -> None:
    list_id = create_list(store, "Empty", who="Elif", now=world.NOW)
    plain = audience_frame(store.cursor(), Audience(), _context(store)).collect_schema().names()
    listed = audience_frame(store.cursor(), Audience(list_ids=(list_id,)), _context(store)).collect_schema().names()
    assert listed == plain


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("field", ["contact_id", "city", "created_at", "name"])
def test_pages_hold_everybody_once_in_any_order(store: Warehouse, field: str, descending: bool) -> None:
    context, seen = _context(store), []
    for offset in range(0, 8, 2):
        page = page_of(
            store.cursor(), Audience(), context, columns=("name", "city"), sort=Sort(field, descending), limit=2,
            offset=offset,
        )  # fmt: skip
        assert page.columns == ["contact_id", "name", "city"]
        seen += page["contact_id"].to_list()
    assert sorted(seen) == list(range(len(CITIES)))


@pytest.mark.parametrize("total", [2_700, None], ids=["from the end", "of unknown length"])
@pytest.mark.parametrize("sort", [Sort("city", True), Sort("city"), Sort("created_at", True), Sort("contact_id")])
def test_a_page_far_in_is_the_same_as_when_everybody_is_sorted(
    warehouse: Warehouse, sort: Sort, total: int | None
) -> None:
    world.prepare(warehouse)
    cities = ["İzmir", None, "Çorum", "Ankara"]
    rows = [
        {**dict.fromkeys(world.SCHEMA), "city": cities[number % 4], "bucket": number,
         "created_at": datetime(2026, 11, 1 + number % 7)}
        for number in range(2_700)
    ]  # fmt: skip
    world.fill(warehouse, [{name: value for name, value in row.items() if name != "contact_id"} for row in rows])

    def ids(offset: int, limit: int) -> list[int]:
        page = page_of(
            warehouse.cursor(), Audience(), _context(warehouse), columns=("city",), sort=sort, limit=limit,
            offset=offset, total=total,
        )  # fmt: skip
        return page["contact_id"].to_list()

    everybody = ids(0, 2_700)
    for offset in (2_000, 2_350, 2_660):
        assert ids(offset, 50) == everybody[offset : offset + 50]
    assert ids(2_700, 50) == []


def test_words_sort_by_the_turkish_alphabet_and_no_value_comes_last(store: Warehouse) -> None:
    def cities(descending: bool) -> list[str | None]:
        sort = Sort("city", descending)
        return page_of(store.cursor(), Audience(), _context(store), columns=("city",), sort=sort)["city"].to_list()

    assert cities(False) == ["Ankara", "Bursa", "Çorum", "İzmir", "İzmir", "İzmir", None]
    assert cities(True) == ["İzmir", "İzmir", "İzmir", "Çorum", "Bursa", "Ankara", None]


@pytest.mark.parametrize("name", ["person_key", 'city" --', "nothing"])
def test_only_fields_can_be_shown_or_sorted_by(store: Warehouse, name: str) -> None:
    with pytest.raises(InvalidRule):
        page_of(store.cursor(), Audience(), _context(store), columns=(name,))
    with pytest.raises(InvalidRule):
        page_of(store.cursor(), Audience(), _context(store), columns=(), sort=Sort(name))


def test_each_contact_is_messageable_or_left_out_for_one_reason(store: Warehouse) -> None:
    with store.writing() as cursor:
        cursor.execute("UPDATE contacts SET consent = 'opted_out' WHERE contact_id IN (0, 1)")
        cursor.execute("UPDATE contacts SET phone_valid = NULL, phone = NULL WHERE contact_id IN (1, 2, 3)")
        cursor.execute("UPDATE contacts SET user_id = 'TR.1' WHERE contact_id = 3")
        cursor.execute("UPDATE contacts SET phone_valid = false WHERE contact_id = 5")
        for person, lifted in ((0, None), (4, None), (4, None), (5, datetime(2026, 1, 2))):
            cursor.execute(
                "INSERT INTO suppressions VALUES "
                "(?, 'marketing', 'manual', NULL, 'x', TIMESTAMP '2026-01-01', ?, NULL)",
                [person, lifted],
            )
    found = reach(store.cursor(), Audience(), _context(store))
    assert found.left_out == {"opted_out": 1, "no_phone": 2, "suppressed": 1}
    assert found.messageable == 3
    assert found.total == len(CITIES) == found.messageable + sum(found.left_out.values())


def test_the_figures_of_an_empty_audience_are_nought(store: Warehouse) -> None:
    nobody = Audience(segment=Segment(facets={"city": FacetChoice(include=frozenset({"Kars"}))}))
    assert reach(store.cursor(), nobody, _context(store)).total == 0
    assert growth(store.cursor(), nobody, _context(store)) == ()
    assert top_values(store.cursor(), nobody, _context(store), "city") == ()


def test_top_values_come_with_counts_and_growth_ends_at_the_count(store: Warehouse) -> None:
    assert top_values(store.cursor(), Audience(), _context(store), "city", 2)[0] == ("İzmir", 3)
    points = growth(store.cursor(), Audience(), _context(store))
    assert [each.total for each in points] == [3, 5, 7]


def test_a_segment_is_saved_changed_found_and_archived_by_somebody(store: Warehouse) -> None:
    first = save_segment(store, "  Ege   müşterileri ", IN_IZMIR, who="Elif", context=_context(store))
    assert (first.name, first.created_by, first.segment) == ("Ege müşterileri", "Elif", IN_IZMIR)
    changed = save_segment(
        store, "EGE MÜŞTERİLERİ", Segment(), who="Can", context=_context(store), segment_id=first.segment_id
    )
    assert (changed.created_by, changed.updated_by, changed.segment) == ("Elif", "Can", Segment())
    cursor = store.cursor()
    assert find_segment(cursor, "ege müşterileri").segment_id == find_segment(cursor, first.segment_id).segment_id
    archive_segment(store, first.segment_id, who="Can", now=world.NOW)
    assert list_segments(cursor) == ()
    assert [each.segment_id for each in list_segments(cursor, archived=True)] == [first.segment_id]
    assert get_segment(cursor, first.segment_id).archived_at == world.NOW
    with pytest.raises(UnknownName):
        find_segment(cursor, "Ege müşterileri")
    verbs = cursor.execute("SELECT who, verb FROM audit WHERE subject_kind = 'segment'").fetchall()
    assert verbs == [("Elif", "saved"), ("Can", "changed"), ("Can", "archived")]


def test_two_segments_cannot_share_a_name(store: Warehouse) -> None:
    save_segment(store, "İzmir", IN_IZMIR, who="Elif", context=_context(store))
    with pytest.raises(InputError, match="taken"):
        save_segment(store, "izmir", Segment(), who="Elif", context=_context(store))
    with pytest.raises(InputError, match="1 to 80"):
        save_segment(store, "  ", Segment(), who="Elif", context=_context(store))


def test_what_cannot_be_used_is_not_saved(store: Warehouse) -> None:
    saved = save_segment(store, "İzmir", IN_IZMIR, who="Elif", context=_context(store))
    itself = Segment(rule=Comparison(field="@segment", operator="in", value=saved.segment_id))
    with pytest.raises(InvalidRule, match="itself"):
        save_segment(store, "İzmir", itself, who="Elif", context=_context(store), segment_id=saved.segment_id)
    with pytest.raises(InvalidRule, match="no field"):
        save_segment(
            store, "B", Segment(rule=Comparison(field="x", operator="empty")), who="Elif", context=_context(store)
        )
    with pytest.raises(NotFound):
        save_segment(store, "C", Segment(), who="Elif", context=_context(store), segment_id="seg-none")
    assert [each.segment for each in list_segments(store.cursor())] == [IN_IZMIR]


def test_adding_to_a_list_twice_keeps_each_member_once(store: Warehouse) -> None:
    list_id = create_list(store, "Ege", who="Elif", now=world.NOW)
    assert add_to_list(store, list_id, Audience(segment=IN_IZMIR), who="Elif", context=_context(store)) == 3
    assert add_to_list(store, list_id, Audience(), who="Elif", context=_context(store)) == len(CITIES) - 3
    assert get_list(store.cursor(), list_id).member_count == len(CITIES)
    assert find_list(store.cursor(), "ege").list_id == list_id
    assert [each.name for each in list_lists(store.cursor())] == ["Ege"]
    with pytest.raises(NotFound):
        add_to_list(store, "lst-none", Audience(), who="Elif", context=_context(store))
    with pytest.raises(InputError, match="taken"):
        create_list(store, "EGE", who="Elif", now=world.NOW)
