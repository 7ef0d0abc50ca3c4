"""How a segment is said: the language comes in from outside, as functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from engine.contacts.fields import Field


@dataclass(frozen=True, slots=True)
class Speech:
    """How to speak; the default is plain English."""

    translate: Callable[[str], str] = lambda text: text
    value: Callable[[Field, str], str] = lambda field, value: value
    number: Callable[[float], str] = lambda number: f"{number:g}"
    day: Callable[[date], str] = lambda day: day.isoformat()
    strong: Callable[[str], str] = lambda text: text  # marks what is filled in


PLAIN = Speech()
