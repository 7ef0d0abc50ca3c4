"""A template's story in a real browser: its blanks are filled with `@`, an image is uploaded, the hardest messages
are looked at, a test goes to one's own number, and the sandbox has exactly that message."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from PIL import Image
from playwright.sync_api import Page, expect

from tests.journeys import marketer
from tests.journeys.conftest import Running

OWN = "905321112233"


def fill(page: Page, label: str, typed: str) -> None:
    """Type into one blank as a person does; `Enter` takes the field that is offered."""
    page.get_by_role("combobox", name=label, exact=True).click()
    page.keyboard.type(typed, delay=20)
    page.keyboard.press("Enter")
    marketer.settle(page)


def bind(page: Page, picture: Path) -> None:
    """The blanks of the flash sale."""
    page.locator("input[type=file]").first.set_input_files(str(picture))
    marketer.settle(page)
    fill(page, "Body first_name", "Sayın @nam")
    fill(page, "Body discount", "%25")
    page.locator("input[type=datetime-local]").fill("2030-12-24T20:00")
    marketer.settle(page)
    fill(page, "Code to copy", "KIS20")
    fill(page, "Link of the button “Alışverişe başla”", "kış ürünü")
    marketer.no_error(page)


def test_a_test_send_is_the_message_that_was_seen(running: Running, tmp_path: Path) -> None:
    picture = tmp_path / "sale.png"
    Image.new("RGB", (800, 418), (15, 123, 102)).save(picture)
    with marketer.browser_page(running.url) as page:
        marketer.introduce(page)
        marketer.import_sample(page)
        page.goto(f"{running.url}/templates?template=flash_sale/tr")
        marketer.settle(page)
        bind(page, picture)
        page.get_by_text("The hardest ones").first.click()
        marketer.settle(page)
        expect(page.get_by_text("1 of").first).to_be_visible()
        page.locator("h1").first.click()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_text("2 of").first).to_be_visible()
        marketer.settle(page)
        marketer.no_error(page)
        greeting = page.get_by_text("Merhaba Sayın").first.inner_text()
        page.get_by_text("Show payload").first.click()
        expect(page.get_by_text("KIS20").last).to_be_visible()

        marketer.press(page, "Send a test")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Whose number").fill("Elif")
        dialog.get_by_label("Phone number").fill("0532 111 22 33")
        dialog.get_by_role("button", name="Keep the number").click()
        marketer.settle(page)
        dialog.get_by_role("button", name="Send it now").click()
        expect(dialog.get_by_text("The provider took the test")).to_be_visible()
        marketer.no_error(page)

    ledger = running.sandbox("GET", "ledger")
    assert list(ledger["messages"]) == [OWN]
    (message,) = ledger["messages"][OWN]
    name, discount, ends, code, link = message["texts"]
    assert greeting.startswith(f"Merhaba {name}, {discount} indirim")
    assert (discount, code, link) == ("%25", "KIS20", "k%C4%B1%C5%9F%20%C3%BCr%C3%BCn%C3%BC")
    assert int(ends) == datetime(2030, 12, 24, 20, tzinfo=ZoneInfo("Europe/Istanbul")).timestamp() * 1000
    assert running.ulak("operations", "list") == []
