"""Makes the README's pictures: starts everything in a home of its own, does the marketer's story, takes a picture of
each page. Run by `make pictures`.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page

from tests.journeys import marketer
from tests.journeys.conftest import ROOT, Running, free_ports, wait_until

PICTURES = Path(__file__).parent / "pictures"


def take(page: Page, name: str) -> None:
    """One picture of the page as it is."""
    marketer.settle(page)
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"docs/pictures/{name}.png")


def story(url: str) -> None:
    """The story once through, a picture at each page."""
    with marketer.browser_page(url, size=(1440, 940)) as page:
        marketer.introduce(page)
        marketer.go_to(page, "Import")
        marketer.press(page, "Use the 1,200 sample contacts")
        marketer.press(page, "Check the rows")
        marketer.button(page, "Import 1,188 contacts").wait_for()
        take(page, "import")
        marketer.press(page, "Import 1,188 contacts")
        page.get_by_text("1,188 contacts imported").wait_for()
        marketer.narrow(page)
        take(page, "audience")
        page.emulate_media(color_scheme="dark")
        page.wait_for_timeout(1_000)
        take(page, "audience-dark")
        page.emulate_media(color_scheme="light")
        page.wait_for_timeout(1_000)
        marketer.save_segment(page, "Türkçe, not Ankara")
        marketer.go_to(page, "Templates")
        take(page, "templates")
        marketer.go_to(page, "Audience")
        marketer.press(page, "Send bulk message")
        for _ in range(2):
            marketer.press(page, "Continue")
        marketer.fill_order_message(page)
        page.locator("h1").first.click()
        page.keyboard.press("ArrowRight")
        marketer.settle(page)
        take(page, "message")
        for _ in range(2):
            marketer.press(page, "Continue")
        take(page, "review")
        marketer.launch(page)
        page.wait_for_timeout(6_000)
        take(page, "operation")
        marketer.go_to(page, "Home")
        take(page, "home")
        marketer.go_to(page, "Messaging limits")
        take(page, "limits")
        marketer.go_to(page, "Settings")
        take(page, "settings")
        marketer.go_to(page, "Segments")
        take(page, "segments")
        page.goto(f"{url}/templates?template=flash_sale/tr")
        take(page, "template")


def kinds() -> None:
    """Every kind of message on the phone, in both themes."""
    (port,) = free_ports(1)
    script = str(Path(__file__).with_name("kinds.py"))
    command = [sys.executable, "-m", "streamlit", "run", script, f"--server.port={port}", "--server.headless=true"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: is_up(port), 60)
            for name, dark in (("kinds", False), ("kinds-dark", True)):
                with marketer.browser_page(f"http://127.0.0.1:{port}", dark=dark, size=(1500, 1250)) as page:
                    page.get_by_text("carousel").wait_for()
                    page.wait_for_timeout(1_000)
                    take(page, name)
        finally:
            server.terminate()


def is_up(port: int) -> bool:
    """Somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    """Start, tell the story, stop."""
    PICTURES.mkdir(exist_ok=True)
    kinds()
    with tempfile.TemporaryDirectory() as folder:
        running = Running(Path(folder) / "home")
        running.start()
        try:
            story(running.url)
        finally:
            running.stop()


if __name__ == "__main__":
    main()
