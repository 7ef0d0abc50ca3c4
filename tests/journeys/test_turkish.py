"""The whole story in Turkish in a real browser: sample contacts, a segment, a bulk message, everybody told."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import expect

from tests.journeys import marketer
from tests.journeys.conftest import Running, wait_until


@pytest.mark.skipif("JOURNEY_LONG" not in os.environ, reason="set JOURNEY_LONG=1: some minutes")
def test_the_whole_story_is_told_in_turkish(running: Running) -> None:
    with marketer.browser_page(running.url) as page:
        marketer.introduce(page)
        marketer.speak(page, "tr")
        expect(page.get_by_role("heading", name="Ana sayfa")).to_be_visible()
        marketer.import_sample(page)
        marketer.narrow(page)
        marketer.save_segment(page, "Türkçe, Ankara dışı")
        marketer.press(page, "Send bulk message")
        for _ in range(2):
            marketer.press(page, "Continue")
        marketer.fill_order_message(page)
        for _ in range(2):
            marketer.press(page, "Continue")
        marketer.launch(page)
        expect(page.get_by_text(marketer.say(page, "completed")).first).to_be_visible(timeout=120_000)
        marketer.no_error(page)

    (operation,) = running.ulak("operations", "list")

    def shown() -> dict[str, int]:
        return {
            name: n
            for name, n in running.ulak("operations", "show", operation["operation_id"])["counts"].items()
            if n
        }

    wait_until(lambda: not {"pending", "sending", "accepted"} & shown().keys(), 120, running.tail)
    assert sum(shown().values()) == operation["recipients"] > 500
    assert running.sandbox("GET", "ledger?summary=1")["people_accepted_more_than_once"] == 0
    assert running.stop() == 0
