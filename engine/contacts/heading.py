"""The first row of a table: whether it is a header or a person already, and a name of its own for each column."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.contacts.headers import TARGET_BY_HEADER, fold_header

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"['=\"]*[+(]*\d[\d\s()./+-]{6,}\"?")
_USER_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{8,128}")
_DATE = re.compile(r"(\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4})([T ]\d{1,2}:\d{2}.*)?")
_AMOUNT = re.compile(r"[+-]?\d[\d.,]*[.,]\d+")
_LONGEST_HEADER = 200


def is_header(first: Sequence[str], following: Sequence[Sequence[str]]) -> bool:
    """Whether these cells name columns. A known header word says yes; a phone number or an e-mail address says no.

    Args:
        following: cells of the rows below; a date or an amount says no if most of those below it are one too.
    """
    if any(fold_header(cell) in TARGET_BY_HEADER for cell in first if cell):
        return True
    for number, cell in enumerate(each.strip() for each in first):
        if _EMAIL.fullmatch(cell) or _USER_ID.fullmatch(cell) or _is_phone(cell):
            return False
        below = [row[number].strip() for row in following if number < len(row) and row[number].strip()]
        for shape in (_DATE, _AMOUNT):
            if shape.fullmatch(cell) and below and sum(map(bool, map(shape.fullmatch, below))) >= 0.5 * len(below):
                return False
    return True


def _is_phone(cell: str) -> bool:
    is_dated = _DATE.fullmatch(cell) is not None
    return not is_dated and _PHONE.fullmatch(cell) is not None and sum(mark.isdigit() for mark in cell) >= 7


def name_headers(cells: Sequence[str]) -> tuple[str, ...]:
    """Each column's name: empty ones are numbered, repeated ones too."""
    headers: list[str] = []
    taken = set[str]()
    for number, cell in enumerate(cells, start=1):
        plain = " ".join(cell.replace("\ufeff", "").split())[:_LONGEST_HEADER] or f"Column {number}"
        name, repeat = plain, 2
        while name.casefold() in taken:
            name, repeat = f"{plain} ({repeat})", repeat + 1
        taken.add(name.casefold())
        headers.append(name)
    return tuple(headers)
