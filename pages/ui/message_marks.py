"""How WhatsApp draws a text: *bold*, _italic_, ~strike~, ```mono``` and links, as runs of styled text.

A mark counts at the border of a word alone, holds no line break, and may stand inside another. A run is text and
the letters of its styles; nothing here is markup, so a name of `<script>` is a text like any other. Values of a
message can be enclosed in signs of ours (`enclose`): the runs that came out of hole 3 then carry its number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

OPEN, CLOSE, FIRST_NUMBER = "\ufdd0", "\ufdd1", 0xF0000
"""Non-characters of Unicode: no text that travels has them."""

STYLES = {"*": "b", "_": "i", "~": "s"}
MONO = re.compile(r"```(?=[^`])(.+?)```", re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)*_~]", re.IGNORECASE)
BARE = re.compile(r"\{\{\s*\w+\s*\}\}")
ENCLOSED = re.compile(f"[{OPEN}{CLOSE}]([\U000f0000-\U000fffff]?)")

Run = tuple[str, str, int]
"""Text, style letters (b i s m, l for a link), the number of the hole it came from; -1 for the template's own."""


def runs_of(text: str) -> list[Run]:
    """Take a text apart into runs, in order; joined they are the text without the marks."""
    plain, holes = _without_signs(text)
    styles: list[str | None] = [""] * len(plain)
    _mark(plain, 0, len(plain), styles)
    runs: list[Run] = []
    for sign, style, hole in zip(plain, styles, holes, strict=True):
        if style is None:
            continue
        if runs and runs[-1][1:] == (style, hole):
            runs[-1] = (runs[-1][0] + sign, style, hole)
        else:
            runs.append((sign, style, hole))
    return runs


def enclose(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a payload in which each text of header and body stands between our signs, numbered in order."""
    marked: dict[str, Any] = json.loads(json.dumps(payload))
    number = 0
    for part in _text_parts(marked.get("template", {}).get("components", ())):
        for parameter in part.get("parameters", ()):
            if parameter.get("type") == "text":
                parameter["text"] = f"{OPEN}{chr(FIRST_NUMBER + number)}{parameter['text']}{CLOSE}"
                number += 1
    return marked


def without_signs(text: str) -> str:
    """The text as it was before `enclose`."""
    return ENCLOSED.sub("", text)


def _text_parts(components: Any) -> list[dict[str, Any]]:
    found = [part for part in components if part["type"] in {"header", "body"}]
    for part in components:
        for card in part.get("cards", ()):
            found += _text_parts(card["components"])
    return found


def _without_signs(text: str) -> tuple[str, list[int]]:
    """The text itself, and for each of its characters the hole it came from."""
    plain: list[str] = []
    holes: list[int] = []
    hole, place = -1, 0
    for match in ENCLOSED.finditer(text):
        part = text[place : match.start()]
        plain.append(part)
        holes += [hole] * len(part)
        hole = ord(match[1]) - FIRST_NUMBER if match[0].startswith(OPEN) and match[1] else -1
        place = match.end()
    plain.append(text[place:])
    return "".join(plain), holes + [hole] * (len(text) - place)


def _mark(text: str, start: int, end: int, styles: list[str | None]) -> None:
    """Write the styles of text[start:end]; a character that is a mark itself becomes None."""
    place = start
    while place < end:
        place = _special(text, place, end, styles) or _pair(text, place, end, styles) or place + 1


def _special(text: str, place: int, end: int, styles: list[str | None]) -> int | None:
    """Mono, code, a link, or a hole that is still empty: nothing inside it is a mark. Returns where it ends."""
    for pattern, style in ((MONO, "m"), (CODE, "m"), (LINK, "l"), (BARE, "")):
        match = pattern.match(text, place, end)
        if match is None or (style == "l" and _is_word(text, place - 1)):
            continue
        inner = match.span(1) if style == "m" else match.span()
        for index in range(*match.span()):
            styles[index] = _with(styles[index], style) if inner[0] <= index < inner[1] else None
        return match.end()
    return None


def _pair(text: str, place: int, end: int, styles: list[str | None]) -> int | None:
    """A mark that opens here and closes in the same line. Returns where it ends."""
    sign = text[place]
    if sign not in STYLES or _is_word(text, place - 1):
        return None
    close = _closing(text, place, end, sign)
    if close is None:
        return None
    styles[place] = styles[close] = None
    for index in range(place + 1, close):
        styles[index] = _with(styles[index], STYLES[sign])
    _mark(text, place + 1, close, styles)
    return close + 1


def _closing(text: str, place: int, end: int, sign: str) -> int | None:
    inside = text[place + 1 : place + 2]
    if not inside or inside.isspace() or inside == sign:
        return None
    for index in range(place + 2, end):
        if text[index] == "\n":
            return None
        if text[index] == sign and not text[index - 1].isspace() and not _is_word(text, index + 1):
            return index
    return None


def _is_word(text: str, place: int) -> bool:
    return 0 <= place < len(text) and text[place].isalnum()


def _with(style: str | None, letter: str) -> str | None:
    return style if style is None or letter in style else style + letter
