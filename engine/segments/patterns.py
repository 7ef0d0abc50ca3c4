"""Regular expressions that people write: made portable, so that DuckDB (RE2) and polars (Rust) find the same.

The two share one syntax but for a few corners. `\\d`, `\\w` and `\\s` mean ASCII in one and Unicode in the other, so
they are written out; what only one of them knows, or takes for something else, is refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from engine.words import N_

BROKEN = N_("this is no regular expression (RE2 syntax)")
NOT_PORTABLE = N_("a regular expression can't use \\b, \\B, \\<, set operations or classes within classes here")
_CLASSES = {"d": "0-9", "w": "\\p{L}\\p{M}\\p{N}_", "s": "\\t\\n\\v\\f\\r "}
_PLAIN_ESCAPES = frozenset("tnvfraAzpPx")
_NEVER = frozenset("bBGZQECK<>")


class Unportable(ValueError):
    """Why the pattern can't be used, as a marked text."""


@lru_cache(maxsize=256)
def portable_pattern(pattern: str) -> str:
    """The pattern as both engines understand it alike.

    Raises:
        Unportable: it is broken, or means different things to the two.
    """
    written = _written_out(pattern)
    try:
        pc.match_substring_regex(pa.array([""]), written)  # RE2
        pl.Series([""]).str.contains(written)
    except (pa.ArrowInvalid, pl.exceptions.ComputeError):
        raise Unportable(BROKEN) from None
    return written


def _written_out(pattern: str) -> str:
    parts, place, in_class = [], 0, False
    while place < len(pattern):
        token = _token(pattern, place)
        if len(token) == 2 and token[0] == "\\":
            parts.append(_escape(token[1], in_class))
        elif in_class:
            _refuse_sets(pattern, place, token)
            parts.append(token)
            in_class = token != "]"
        else:
            if pattern.startswith("{,", place):
                raise Unportable(BROKEN)
            in_class = token.startswith("[")
            parts.append(token)
        place += len(token)
    return "".join(parts)


def _token(pattern: str, place: int) -> str:
    """The next piece: an escape, the opening of a class (`]` right after it is a letter), a POSIX class, a letter."""
    for shape in (r"\\.", r"\[\^?\]?(?!:)", r"\[:\^?[a-z]+:\]"):
        if found := re.compile(shape, re.DOTALL).match(pattern, place):
            return found.group()
    return pattern[place]


def _escape(letter: str, in_class: bool) -> str:
    if letter.lower() in _CLASSES:
        inside = _CLASSES[letter.lower()]
        if letter.islower():
            return inside if in_class else f"[{inside}]"
        if in_class:
            raise Unportable(NOT_PORTABLE)
        return f"[^{inside}]"
    if letter in _NEVER:
        raise Unportable(NOT_PORTABLE)
    if letter.isalnum() and letter not in _PLAIN_ESCAPES:
        raise Unportable(BROKEN)
    return f"\\{letter}"


def _refuse_sets(pattern: str, place: int, token: str) -> None:
    """Refuse what Rust takes for operations on classes, and RE2 for letters."""
    nested = token.startswith("[") and not token.startswith("[:")
    if nested or any(pattern.startswith(each, place) for each in ("&&", "--", "~~")):
        raise Unportable(NOT_PORTABLE)
