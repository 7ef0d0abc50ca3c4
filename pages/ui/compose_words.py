"""How the compose page calls what a template is made of, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from streamlit.delta_generator import DeltaGenerator

from engine.templates.composing_problems import Problem
from engine.words import N_
from pages.ui import formats, t
from pages.ui.operation_words import plain

CATEGORIES = {
    "MARKETING": N_("Marketing"),
    "UTILITY": N_("Utility"),
    "AUTHENTICATION": N_("Authentication"),
}
HEADERS = {
    "NONE": N_("None"),
    "TEXT": N_("Text"),
    "IMAGE": N_("Image"),
    "VIDEO": N_("Video"),
    "DOCUMENT": N_("Document"),
    "LOCATION": N_("Location"),
}
BUTTONS = {
    "QUICK_REPLY": N_("Quick reply"),
    "URL": N_("Link"),
    "PHONE_NUMBER": N_("Phone call"),
    "COPY_CODE": N_("Copy a code"),
    "FLOW": N_("Open a flow"),
}
CODES = {
    "COPY_CODE": N_("Copy button"),
    "ONE_TAP": N_("One tap fills it in"),
    "ZERO_TAP": N_("Filled in by itself"),
}
PARTS = {
    "name": N_("Name"),
    "language": N_("Language"),
    "category": N_("Category"),
    "header": N_("Header"),
    "body": N_("Body"),
    "footer": N_("Footer"),
    "offer": N_("Offer"),
    "buttons": N_("Buttons"),
    "cards": N_("Cards"),
    "code": N_("Code"),
}


def language_label(code: str) -> str:
    """`Portuguese (BR)`: the language in the session's own, and the region where the code has one."""
    name, _, region = code.partition("_")
    return f"{formats.language_name(name)} ({region})" if region else formats.language_name(name)


def part_label(part: str) -> str:
    """What a problem's part is called, such as `Button 2` or `Card 1`."""
    kind, _, rest = part.partition(".")
    if kind == "buttons" and rest:
        return t("Button {number}", number=int(rest) + 1)
    if kind == "card":
        return t("Card {number}", number=int(rest.partition(".")[0]) + 1)
    return t(PARTS.get(kind, kind))


def problem_text(problem: Problem) -> str:
    """What is wrong and what to do, in the session's language."""
    values = {
        name: formats.number(value) if isinstance(value, int) else plain(value)
        for name, value in problem.values.items()
    }
    return f"{t(problem.what).format(**values)}. {t(problem.advice).format(**values)}"


def draw_problems(spot: DeltaGenerator, problems: Sequence[Problem], part: str) -> None:
    """Say at a part what is wrong with it: what is only missing yet, quietly."""
    for problem in problems:
        if problem.part != part:
            continue
        text = problem_text(problem)
        if not problem.is_error:
            spot.caption(f":material/lightbulb: {text}")
        elif problem.is_missing:
            spot.caption(f":material/edit: {text}")
        else:
            spot.markdown(f":small[:red[:material/error: {text}]]")


def count_line(length: int, limit: int) -> str:
    """`34 / 60`, red when it is too long."""
    line = t("{count} / {limit}", count=formats.number(length), limit=formats.number(limit))
    return f":red[**{line}**]" if length > limit else line
