"""The provider's rules for the buttons of a draft. Source: whatsapp.md §1.5, §10."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from urllib.parse import urlsplit

from engine.templates.components import VARIABLE
from engine.templates.composing import CARD_BUTTONS, MOST_BUTTONS, DraftButton
from engine.templates.composing_problems import Problem, error, hint, missing
from engine.words import N_

TEXT_LIMIT, URL_LIMIT, PHONE_LIMIT, CODE_LIMIT, SEEN_BUTTONS = 25, 2000, 20, 15, 3
MOST_OF_KIND = {"URL": 2, "PHONE_NUMBER": 1, "COPY_CODE": 1, "FLOW": 1}
OWN_HOSTS = frozenset({"wa.me", "api.whatsapp.com", "whatsapp.com", "www.whatsapp.com"})
_TOO_MANY = {
    "URL": N_("Two links at most"),
    "PHONE_NUMBER": N_("One phone button at most"),
    "COPY_CODE": N_("One copy-code button at most"),
    "FLOW": N_("One flow button at most"),
}
_LESS = N_("Remove some.")


def button_problems(buttons: Sequence[DraftButton], part: str) -> Iterator[Problem]:
    """What is wrong with a row of buttons; single ones are named `<part>.<place>`."""
    is_card = part.startswith("card.")
    if len(buttons) > MOST_BUTTONS:
        yield error(part, N_("Ten buttons at most"), _LESS)
    counts = Counter(button.kind for button in buttons)
    for kind, most in MOST_OF_KIND.items():
        if counts[kind] > most:  # type: ignore[index]
            yield error(part, _TOO_MANY[kind], _LESS)
    groups = [is_reply for is_reply, _ in groupby(button.kind == "QUICK_REPLY" for button in buttons)]
    if len(groups) > 2:
        text = N_("Quick replies and other buttons are mixed")
        yield error(part, text, N_("Put all quick replies together, before or after the others."))
    if not is_card and len(buttons) > SEEN_BUTTONS:
        text = N_("A phone shows two of them and “See all options”")
        yield hint(part, text, N_("WhatsApp on a computer doesn't show such a message; three are better."))
    elif not is_card and len(groups) == 2:
        text = N_("WhatsApp on a computer doesn't show quick replies together with other buttons")
        yield hint(part, text, N_("Use one of the two groups if that matters."))
    texts = Counter(button.text.strip().casefold() for button in buttons if button.text.strip())
    for place, button in enumerate(buttons):
        yield from _one(button, f"{part}.{place}", is_card, texts)


def _one(button: DraftButton, part: str, is_card: bool, texts: Counter[str]) -> Iterator[Problem]:
    if is_card and button.kind not in CARD_BUTTONS:
        text = N_("Cards take quick replies, links and phone numbers alone")
        yield error(part, text, N_("Choose another kind."))
    if button.kind != "COPY_CODE":
        yield from _text(button.text, part, texts)
    if button.kind == "URL":
        yield from _url(button, part)
    elif button.kind == "PHONE_NUMBER":
        digits = re.sub(r"[^\d]", "", button.phone_number)
        if not re.fullmatch(r"\+?[\d ()-]+", button.phone_number) or not 7 <= len(digits) <= 15:
            yield error(part, N_("The phone number isn't right"), N_("Write it with +, the country code and digits."))
        elif len(button.phone_number) > PHONE_LIMIT:
            yield error(part, N_("The phone number is longer than 20 characters"), N_("Take the blanks out."))
    elif button.kind == "COPY_CODE":
        if not (re.fullmatch(r"[A-Za-z0-9]+", button.example) and len(button.example) <= CODE_LIMIT):
            text = N_("The example code has letters and digits, 15 at most")
            yield error(part, text, N_("Write one, such as WINTER20."))
    elif button.kind == "FLOW":
        if not button.flow_id.isdigit():
            yield missing(part, N_("The flow's id is missing"), N_("It is a number; the flow manager shows it."))
        if not button.screen.strip():
            yield missing(part, N_("The flow's first screen is missing"), N_("Write its id, such as WELCOME."))


def _text(text: str, part: str, texts: Counter[str]) -> Iterator[Problem]:
    if not text.strip():
        yield missing(part, N_("The button's text is missing"), N_("Write what it does."))
    elif len(text) > TEXT_LIMIT:
        what = N_("{count} characters; {limit} are allowed")
        advice = N_("Shorten it by {over}.")
        yield error(part, what, advice, count=len(text), limit=TEXT_LIMIT, over=len(text) - TEXT_LIMIT)
    if "{{" in text or "\n" in text:
        yield error(part, N_("A button's text takes no variable and no line break"), N_("Write a fixed text."))
    if texts[text.strip().casefold()] > 1:
        yield error(part, N_("Two buttons have the same text"), N_("Give each its own."))


def _url(button: DraftButton, part: str) -> Iterator[Problem]:
    url = button.url.strip()
    names = VARIABLE.findall(url)
    fixed = VARIABLE.sub("", url)
    host = _host_of(fixed)
    if not host or re.search(r"\s", url):
        yield error(part, N_("The link isn't right"), N_("Write it whole, such as https://shop.example/sale."))
    elif host in OWN_HOSTS:
        yield error(part, N_("Links into WhatsApp are refused"), N_("Use a quick reply, or a link to your own site."))
    if len(url) > URL_LIMIT:
        yield error(part, N_("The link is longer than 2,000 characters"), N_("Shorten it."))
    if "{{" in fixed or "}}" in fixed or len(names) > 1 or (names and not re.search(VARIABLE.pattern + "$", url)):
        text = N_("A link has one variable, at its very end")
        yield error(part, text, N_("Write it as https://shop.example/{{{{1}}}}."))
    elif names and names != ["1"]:
        yield error(part, N_("The variable of a link is {{{{1}}}}"), N_("Write {{{{1}}}} at its end."))
    elif names and host and not _is_example(button.example, fixed):
        text = N_("The example of the whole link is missing")
        yield missing(part, text, N_("Write the link as one person would get it."))


def _is_example(example: str, fixed: str) -> bool:
    """Whether it is the link filled in, and not the link itself."""
    return example.startswith(fixed) and len(example) > len(fixed) and "{{" not in example


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    host = parts.hostname or ""
    return host if parts.scheme in {"http", "https"} and "." in host.strip(".") else ""
