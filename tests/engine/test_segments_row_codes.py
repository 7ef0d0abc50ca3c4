"""Codes of rows: whatever share of the contacts a rule leaves, the cube is what counting them one by one gives."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from engine.segments import row_codes
from engine.segments.cubes import Cube
from engine.segments.row_codes import RowCodes, read_row_codes
from engine.warehouse import open_scratch

ROWS = 3_001
WORDS = ("İzmir", "Ankara", "O'Kent", "", None)
DEAL = np.random.default_rng(5)
PEOPLE = [(WORDS[a], ("tr", "en", None)[b]) for a, b in zip(*DEAL.integers(0, (5, 3), (ROWS, 2)).T, strict=True)]


def read(people: list[tuple[str | None, str | None]]) -> RowCodes | None:
    with open_scratch(threads=1) as cursor:
        cursor.execute("CREATE TABLE people (city VARCHAR, language VARCHAR)")
        if people:
            cursor.executemany("INSERT INTO people VALUES (?, ?)", people)
        return read_row_codes(cursor.table("people"), ("city", "language"))


@pytest.fixture(scope="module")
def codes() -> RowCodes:
    found = read(PEOPLE)
    assert found is not None
    return found


def combinations(cube: Cube) -> Counter[tuple[str | None, ...]]:
    columns = [[known[code] for code in column] for known, column in zip(cube.values, cube.codes, strict=True)]
    return Counter({key: int(n) for key, n in zip(zip(*columns, strict=True), cube.counts, strict=True) if n})


@pytest.mark.parametrize("share", [0.0, 0.02, 0.29, 0.45, 0.5, 0.6, 0.75, 0.98, 1.0])
def test_a_cube_from_codes_counts_every_row_that_the_mask_leaves(codes: RowCodes, share: float) -> None:
    mask = np.random.default_rng(7).random(ROWS) < share
    cube = codes.cube_of(mask)
    assert cube is not None
    expected = Counter(
        (city or None, language) for (city, language), holds in zip(PEOPLE, mask, strict=True) if holds
    )
    assert combinations(cube) == expected


def test_without_a_rule_the_cube_is_everybody(codes: RowCodes) -> None:
    cube = codes.cube_of(None)
    assert cube is not None
    assert combinations(cube) == Counter((city or None, language) for city, language in PEOPLE)


def test_a_mask_of_another_state_of_the_table_gives_no_cube(codes: RowCodes) -> None:
    assert codes.cube_of(np.ones(ROWS - 1, np.bool_)) is None


@pytest.mark.parametrize("limit", ["MOST_COMBINATIONS", "MOST_OCCURRING", "MOST_VALUES"])
def test_too_many_combinations_have_no_codes(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(row_codes, limit, 2)
    assert read(PEOPLE[:50]) is None


def test_nobody_has_codes_too() -> None:
    none = read([])
    assert none is not None
    cube = none.cube_of(np.zeros(0, np.bool_))
    assert cube is not None
    assert not combinations(cube)
