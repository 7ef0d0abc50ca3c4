"""The marketer's story in a real browser, from the sample contacts to the last receipt."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.journeys import marketer
from tests.journeys.conftest import Running, wait_until


def test_from_the_sample_contacts_to_read_receipts(running: Running) -> None:
    with marketer.browser_page(running.url) as page:
        marketer.introduce(page)
        marketer.import_sample(page)
        marketer.narrow(page)
        marketer.save_segment(page, "Türkçe, not Ankara")

        marketer.press(page, "Send bulk message")
        for _ in range(2):
            marketer.press(page, "Continue")
        marketer.fill_order_message(page)
        for _ in range(2):
            marketer.press(page, "Continue")
        marketer.launch(page)

        expect(page.get_by_text("completed").first).to_be_visible(timeout=120_000)
        (operation,) = running.ulak("operations", "list")
        assert operation["state"] == "completed"
        assert operation["recipients"] > 500
        marketer.no_error(page)

    def receipts_are_in() -> bool:
        counts = running.ulak("operations", "show", operation["operation_id"])["counts"]
        return counts.get("read", 0) > 0 and counts.get("failed", 0) > 0 and not counts.get("accepted", 0)

    wait_until(receipts_are_in, 90, running.tail)
    shown = running.ulak("operations", "show", operation["operation_id"])
    assert sum(shown["counts"].values()) == shown["recipients"]
    ledger = running.sandbox("GET", "ledger?summary=1")
    assert ledger["people_accepted_more_than_once"] == 0
    failed = shown["counts"].get("failed", 0)
    assert shown["recipients"] - failed <= ledger["people_accepted"] == ledger["accepted"] <= shown["recipients"]
    assert not [line for line in running.lines if re.search(r"Traceback|Error:", line)]
    assert running.stop() == 0
