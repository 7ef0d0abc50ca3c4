"""The Audience page at a million contacts in a real browser: facets, a rule, charts, a selection, saving."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import marketer
from tests.journeys.conftest import ROOT, Running

COUNT = 1_000_000


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Running]:
    """A whole Ulak with a million contacts."""
    ulak = Running(tmp_path / "home")
    subprocess.run([sys.executable, "-m", "bench.contacts", str(ulak.home), str(COUNT)], cwd=ROOT, check=True)
    ulak.start()
    yield ulak
    if ulak.process is not None and ulak.process.poll() is None:
        ulak.stop()


def shown_count(page: Page) -> int:
    """The big figure."""
    text = page.get_by_role("heading", level=1).filter(has_text="contacts").first.inner_text()
    return int(text.split()[0].replace(",", ""))


def changed(page: Page, act: Callable[[], None], what: str) -> int:
    """Do something that changes the count; prints how long the new one took to be on screen."""
    before, begun = shown_count(page), time.perf_counter()
    act()
    deadline = begun + 60
    while shown_count(page) == before and time.perf_counter() < deadline:
        page.wait_for_timeout(10)
    print(f"{what}: count on screen after {(time.perf_counter() - begun) * 1000:.0f} ms")
    marketer.settle(page)
    marketer.no_error(page)
    assert shown_count(page) != before, what
    return shown_count(page)


def tick_row(page: Page, row: int) -> None:
    """Tick a row of the table, which is drawn on a canvas."""
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    table.click(position={"x": 16, "y": 38 + 34 * row + 17})
    marketer.settle(page)


def add_rule(page: Page) -> None:
    """Order total is at least 5,000."""
    for label, word in (("Field", "Order total"), ("Operator", "is at least")):
        box = page.get_by_role("combobox", name=label, exact=True)
        box.click()
        box.fill(word)
        page.get_by_role("option").filter(has_text=word).first.click()
        marketer.settle(page)
    number = page.get_by_role("spinbutton").first
    number.fill("5000")
    number.press("Enter")
    marketer.settle(page)
    marketer.button(page, "Add rule").click()


@pytest.mark.skipif("JOURNEY_LONG" not in os.environ, reason="set JOURNEY_LONG=1: some minutes")
def test_facets_rules_selection_and_saving_at_a_million_contacts(crowded: Running) -> None:
    with marketer.browser_page(crowded.url) as page:
        marketer.introduce(page)
        marketer.go_to(page, "Audience")
        assert shown_count(page) == COUNT
        turkish = changed(page, marketer.facet_value(page, "Language: Turkish").click, "include a value")
        ankara = changed(page, marketer.facet_value(page, "City: Ankara").click, "include a city")
        others = changed(page, marketer.facet_value(page, "City: Ankara").click, "exclude it")
        assert ankara + others == turkish

        bar = page.get_by_role("button", name=re.compile("^Conversation began by: Ad "))
        by_ads = changed(page, bar.first.click, "a bar of a chart")
        assert by_ads < others
        page.get_by_text("Rules", exact=True).first.click()
        marketer.settle(page)
        ruled = changed(page, lambda: add_rule(page), "add a rule")
        assert ruled < by_ads

        tick_row(page, 0)
        expect(page.get_by_text("1 person selected")).to_be_visible()
        page.get_by_role("button", name=re.compile("^(Page )?2$")).first.click()
        marketer.settle(page)
        tick_row(page, 3)
        expect(page.get_by_text("2 people selected")).to_be_visible()
        page.get_by_text("Facets", exact=True).first.click()
        marketer.settle(page)
        again = changed(page, bar.first.click, "take the bar back")
        assert again > ruled
        expect(page.get_by_text("The filter changed, so the selection was cleared.")).to_be_visible()
        marketer.press(page, "Keep the 2 who still match")
        expect(page.get_by_text("2 people selected")).to_be_visible()
        marketer.press(page, f"Select all {again:,}")
        tick_row(page, 0)
        expect(page.get_by_text(f"All {again:,} but 1")).to_be_visible()
        marketer.save_segment(page, "Big orders, not Ankara")
        (saved,) = crowded.ulak("segments", "list")
        assert saved["name"] == "Big orders, not Ankara"
    assert crowded.stop() == 0
