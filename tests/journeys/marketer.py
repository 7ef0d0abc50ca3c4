"""The steps of a marketer in a real browser; the journey test and the pictures of the README share them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, Page, expect, sync_playwright

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
    """A button by its visible words."""
    return page.get_by_role("button", name=name, exact=True).first


def press(page: Page, name: str) -> None:
    """Press a button and wait for the page."""
    button(page, name).click()
    settle(page)
    no_error(page)


def go_to(page: Page, name: str) -> None:
    """Open a page by the navigation."""
    page.locator('[data-testid="stSidebarNavLink"]').filter(has_text=re.compile(rf"{name}$")).click()
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
    button(page, "Import 1,188 contacts").wait_for()
    press(page, "Import 1,188 contacts")
    page.get_by_text("1,188 contacts imported").wait_for()


def facet_value(page: Page, name: str) -> Locator:
    """One value of the facet panel; its first click includes, the second excludes."""
    return page.get_by_role("checkbox", name=re.compile(rf"^{name}\b")).first


def narrow(page: Page) -> None:
    """Include the Turkish speakers, exclude Ankara."""
    go_to(page, "Audience")
    facet_value(page, "Language: Turkish").click()
    settle(page)
    for _ in range(2):
        facet_value(page, "City: Ankara").click()
        settle(page)
    no_error(page)


def save_segment(page: Page, name: str) -> None:
    """Keep the audience as a segment."""
    button(page, "Save").click()
    page.get_by_role("dialog").get_by_label("Name").fill(name)
    page.get_by_role("dialog").get_by_label("Name").press("Enter")
    settle(page)
    page.get_by_role("dialog").get_by_role("button", name="Save segment").click()
    settle(page)
    no_error(page)


def fill_order_message(page: Page) -> None:
    """Choose the order message and fill its three holes from fields."""
    page.get_by_label("Template", exact=True).click()
    page.get_by_role("option").filter(has_text="order_shipped / tr").click()
    settle(page)
    blanks = {
        "Header 1": "@siparis_no",
        "Body 1": "@name",
        "Body 2": "21 Kasım",
        "Body 3": "24 Kasım",
        "Link of the button “Kargomu izle”": "@siparis_no",
    }
    for label, text in blanks.items():
        page.get_by_label(label, exact=True).fill(text)
        page.get_by_label(label, exact=True).press("Enter")
        settle(page)
    page.get_by_label("Body 1, if empty").fill("müşterimiz")
    page.get_by_label("Body 1, if empty").press("Enter")
    settle(page)
    no_error(page)


def launch(page: Page) -> None:
    """Review, launch, confirm."""
    press(page, "Launch")
    page.get_by_role("dialog").get_by_role("button", name="Send now").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    settle(page)
    no_error(page)
