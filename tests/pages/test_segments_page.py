"""The Segments page: rows, one segment with its versions and uses, links that are wrong. AppTest from `app.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from streamlit.testing.v1 import AppTest

from engine.clock import utc_now
from engine.live import STORE
from engine.operations.drafts import list_drafts, load_draft
from engine.segments import (
    Comparison,
    FacetChoice,
    Segment,
    archive_segment,
    get_segment,
    list_segments,
    load_context,
    save_segment,
)
from engine.segments.links import pack_segment
from engine.settings import current_settings
from engine.warehouse import Warehouse
from engine.warehouse.shared import shared_warehouse
from pages.ui.audience_sizes import wait_until_written
from tests.engine.operations_world import add_contacts

APP = str(Path(__file__).parents[2] / "app.py")
IN_IZMIR = Segment(facets={"city": FacetChoice(include=frozenset({"İzmir"}))})
IN_ANKARA = Segment(rule=Comparison(field="city", operator="equals", value="Ankara"))


@pytest.fixture
def store(live: redis.Redis) -> Iterator[Warehouse]:
    """Sixty contacts, ten of them in İzmir."""
    live.hset(STORE, mapping={"epoch": "e1", "suppressions": "1"})
    add_contacts(shared_warehouse(), [{"city": "İzmir"} if number < 10 else {} for number in range(60)])
    yield shared_warehouse()
    wait_until_written()


def save(store: Warehouse, name: str, segment: Segment, who: str = "Elif", segment_id: str | None = None) -> str:
    context = load_context(store.cursor(), now=utc_now(), zone=current_settings().zone)
    return save_segment(store, name, segment, who=who, context=context, segment_id=segment_id).segment_id


def page(**address: str) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=30)
    at.session_state["shell.person"] = "Elif"
    at.run()
    at.switch_page("pages/segments.py")
    for key, value in address.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception, at.exception
    return at


def button(at: AppTest, label: str) -> Any:
    (found,) = [each for each in at.button if each.label == label]
    return found


def said(at: AppTest) -> str:
    return " | ".join([str(each.value) for each in (*at.caption, *at.markdown, *at.title)])


def test_the_rows_say_size_sentence_and_use_and_the_search_knows_turkish_letters(store: Warehouse) -> None:
    inner = save(store, "İzmirliler", IN_IZMIR)
    save(store, "Others", Segment(rule=Comparison(field="@segment", operator="not_in", value=inner)))
    at = page()
    frame = at.dataframe[0].value
    assert list(frame["name"]) == ["İzmirliler", "Others"]
    assert list(frame["size"]) == ["10", "50"]  # counted by the page, because they never were
    assert frame["use"].iloc[0] == "in 1 segment"
    at.text_input[0].set_value("izmirli").run()
    assert list(at.dataframe[0].value["name"]) == ["İzmirliler", "Others"]  # the second names the first
    at.text_input[0].set_value("OTHER").run()
    assert list(at.dataframe[0].value["name"]) == ["Others"]


def test_without_a_segment_the_page_says_how_one_comes_to_be(store: Warehouse) -> None:
    at = page()
    assert "No saved segments yet" in said(at)
    assert button(at, "Go to Audience")


def test_an_older_version_is_brought_back_as_a_new_one(store: Warehouse) -> None:
    segment_id = save(store, "City", IN_IZMIR)
    save(store, "City", IN_ANKARA, "Can", segment_id)
    at = page(id=segment_id)
    assert "Changed by Can" in said(at)
    at.session_state["segments.part"] = "versions"
    at.run()
    button(at, "Bring this one back").click().run()
    kept = get_segment(store.cursor(), segment_id)
    assert (kept.segment, kept.version, kept.updated_by) == (IN_IZMIR, 3, "Elif")


def test_a_message_is_begun_for_the_segment_by_its_name(store: Warehouse) -> None:
    segment_id = save(store, "City", IN_IZMIR)
    at = page(id=segment_id)
    button(at, "Send bulk message").click().run()
    (draft,) = list_drafts(store.cursor())
    assert load_draft(store.cursor(), draft.operation_id).audience.segment_ids == (segment_id,)


@pytest.mark.parametrize("link", ["seg-gone", "%00", "'; DROP TABLE segments"])
def test_a_wrong_link_says_so_and_leads_back(store: Warehouse, link: str) -> None:
    save(store, "City", IN_IZMIR)
    at = page(id=link)
    assert "There is no such segment" in said(at)
    button(at, "All segments").click().run()
    assert len(at.dataframe) == 1


def test_a_segment_that_names_what_is_no_more_is_shown_with_the_reason(store: Warehouse) -> None:
    segment_id = save(store, "City", IN_IZMIR)
    with store.writing() as cursor:
        cursor.execute("UPDATE segments SET definition = replace(definition, 'city', 'gone')")
    assert "It can't be used now: there is no such field" in page().dataframe[0].value["sentence"].iloc[0]
    assert "there is no such field" in page(id=segment_id).error[0].value


def test_an_archived_one_is_behind_the_switch_and_comes_back(store: Warehouse) -> None:
    segment_id = save(store, "City", IN_IZMIR)
    archive_segment(store, segment_id, who="Elif", now=utc_now())
    at = page()
    at.toggle[0].set_value(True).run()
    assert list(at.dataframe[0].value["name"]) == ["City"]
    button(page(id=segment_id), "Bring back").click().run()
    assert [each.segment_id for each in list_segments(store.cursor())] == [segment_id]


def audience(**address: str) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=30)
    at.session_state["shell.person"] = "Elif"
    at.run()
    at.switch_page("pages/audience.py")
    for key, value in address.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception, at.exception
    return at


def test_a_link_with_a_filter_opens_it_and_the_address_keeps_it(store: Warehouse) -> None:
    packed = pack_segment(IN_IZMIR)
    at = audience(q=packed)
    assert at.session_state["audience.segment"] == IN_IZMIR
    assert at.query_params["q"] in (packed, [packed])
    at.session_state["audience.segment"] = Segment()
    at.run()
    assert "q" not in at.query_params  # what isn't there any more doesn't stay in the address, nor come back


@pytest.mark.parametrize("cut", ["1eNq", "2abc", "x"])
def test_a_filter_link_that_was_cut_says_so_and_changes_nothing(store: Warehouse, cut: str) -> None:
    at = audience(q=cut)
    assert "This link can't be opened" in at.warning[0].value
    assert "audience.segment" not in at.session_state


def test_who_has_a_segment_open_is_told_that_it_was_changed_meanwhile(store: Warehouse) -> None:
    segment_id = save(store, "City", IN_IZMIR)
    at = audience(segment=segment_id)
    save(store, "City", IN_ANKARA, "Can", segment_id)
    at.run()
    assert "Can changed “City” meanwhile" in at.info[0].value
    button(at, "Save").click().run()
    assert "Can changed it meanwhile" in at.warning[0].value
    button(at, "Show it as it is now").click().run()
    assert at.session_state["audience.segment"] == IN_ANKARA
    assert not at.info
