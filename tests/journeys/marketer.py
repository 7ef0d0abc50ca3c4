"""The steps of a marketer in a real browser; the journey test and the pictures of the README share them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from babel.numbers import format_decimal
from playwright.sync_api import Locator, Page, expect, sync_playwright

from pages.ui.i18n import LANGUAGES, catalogue, plurals

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000
SAMPLE_COUNT = 1_188
LANGUAGE_NAMES = {"en": "Turkish", "tr": "Türkçe"}
_spoken: WeakKeyDictionary[Page, str] = WeakKeyDictionary()


def speak(page: Page, code: str) -> None:
    """Go on in another language; every step below then looks for that language's words."""
    page.get_by_text(LANGUAGES[code], exact=True).first.click()
    settle(page)
    _spoken[page] = code


def say(page: Page, text: str, **values: str) -> str:
    """A text of ours as the page has it."""
    found = catalogue(_spoken.get(page, "en")).get(text, text)
    return found.format(**values) if values else found


def say_many(page: Page, one: str, many: str, count: int) -> str:
    """The same with a figure."""
    code = _spoken.get(page, "en")
    return plurals(code).get((one, many), (one, many))[-1].format(count=format_decimal(count, locale=code))


@contextmanager
def browser_page(url: str, *, dark: bool = False, size: tuple[int, int] = (1440, 1000)) -> Iterator[Page]:
    """A page of headless Chromium on the app."""
    with sync_playwright() as pw:
        browser = pw.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        page = browser.new_page(
            viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light"
        )
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        page.goto(url)
        settle(page)
        yield page
        browser.close()


def settle(page: Page) -> None:
    """Wait until the script run is over and nothing on the page is stale."""
    page.wait_for_timeout(250)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.wait_for_function("document.querySelectorAll('[data-testid=stSkeleton], [data-stale=true]').length === 0")
    page.wait_for_timeout(200)


def no_error(page: Page) -> None:
    """No traceback and no error box on the page."""
    assert page.locator('[data-testid="stException"]').count() == 0, page.locator(
        '[data-testid="stException"]'
    ).first.inner_text()


def button(page: Page, name: str) -> Locator:
    """A button by its visible words (in English; found in the page's language)."""
    return page.get_by_role("button", name=say(page, name), exact=True).first


def press(page: Page, name: str) -> None:
    """Press a button and wait for the page."""
    button(page, name).click()
    settle(page)
    no_error(page)


def go_to(page: Page, name: str) -> None:
    """Open a page by the navigation."""
    page.locator('[data-testid="stSidebarNavLink"]').filter(has_text=re.compile(rf"{say(page, name)}$")).click()
    settle(page)
    no_error(page)


def introduce(page: Page, name: str = "Elif") -> None:
    """The first visit: a name."""
    page.get_by_label("Your name").fill(name)
    press(page, "Begin")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def import_sample(page: Page) -> None:
    """The sample contacts, from the file to the store."""
    go_to(page, "Import")
    press(page, "Use the 1,200 sample contacts")
    button(page, "Check the rows").wait_for()
    press(page, "Check the rows")
    start = say_many(page, "Import {count} contact", "Import {count} contacts", SAMPLE_COUNT)
    button(page, start).wait_for()
    press(page, start)
    done = say_many(page, "{count} contact imported", "{count} contacts imported", SAMPLE_COUNT)
    page.get_by_text(done).first.wait_for()


def facet_value(page: Page, name: str) -> Locator:
    """One value of the facet panel; its first click includes, the second excludes."""
    return page.get_by_role("checkbox", name=re.compile(rf"^{name}\b")).first


def narrow(page: Page) -> None:
    """Include the Turkish speakers, exclude Ankara."""
    go_to(page, "Audience")
    turkish = LANGUAGE_NAMES[_spoken.get(page, "en")]
    facet_value(page, f"{say(page, 'Language')}: {turkish}").click()
    settle(page)
    for _ in range(2):
        facet_value(page, f"{say(page, 'City')}: Ankara").click()
        settle(page)
    no_error(page)


def save_segment(page: Page, name: str) -> None:
    """Keep the audience as a segment."""
    button(page, "Save").click()
    page.get_by_role("dialog").get_by_label(say(page, "Name")).fill(name)
    page.get_by_role("dialog").get_by_label(say(page, "Name")).press("Enter")
    settle(page)
    page.get_by_role("dialog").get_by_role("button", name=say(page, "Save segment")).click()
    settle(page)
    no_error(page)


def fill_order_message(page: Page) -> None:
    """Choose the order message and fill its three holes from fields."""
    page.get_by_label(say(page, "Template"), exact=True).click()
    page.get_by_role("option").filter(has_text="order_shipped / tr").click()
    settle(page)
    header, body, link = "Header {name}", "Body {name}", "Link of the button “{name}”"
    blanks = {
        say(page, header, name="1"): "@siparis_no",
        say(page, body, name="1"): "@name",
        say(page, body, name="2"): "21 Kasım",
        say(page, body, name="3"): "24 Kasım",
        say(page, link, name="Kargomu izle"): "@siparis_no",
    }
    for label, text in blanks.items():
        page.get_by_label(label, exact=True).fill(text)
        page.get_by_label(label, exact=True).press("Enter")
        settle(page)
    spare = page.get_by_label(say(page, "{slot}, if empty", slot=say(page, body, name="1")))
    spare.fill("müşterimiz")
    spare.press("Enter")
    settle(page)
    no_error(page)


def launch(page: Page) -> None:
    """Review, launch, confirm."""
    press(page, "Launch")
    page.get_by_role("dialog").get_by_role("button", name=say(page, "Send now")).click()
    expect(page.get_by_role("button", name=say(page, "Pause"))).to_be_visible()
    settle(page)
    no_error(page)
