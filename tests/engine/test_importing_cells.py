from __future__ import annotations

from datetime import date, datetime
from typing import Any

import duckdb
import pytest

from engine.contacts.cells import Kind, find_style, trimmed_sql, value_sql, word_sql
from engine.contacts.vocabulary import create_words


def read(kind: Kind, *texts: str) -> list[Any]:
    """A column with these cells, read as this kind."""
    with duckdb.connect() as cursor:
        cursor.execute("CREATE TABLE cells (c VARCHAR)")
        cursor.executemany("INSERT INTO cells VALUES (?)", [[text] for text in texts])
        style = find_style(cursor, "cells", "c", kind)
        query = f"SELECT {value_sql('c', kind, style, 'Europe/Istanbul')} FROM cells"
        return [value for (value,) in cursor.execute(query).fetchall()]


def word(kind: Kind, text: str) -> str | None:
    with duckdb.connect() as cursor:
        create_words(cursor)
        rows = cursor.execute(
            f"SELECT value FROM words JOIN (SELECT ? AS c) ON word = {word_sql('c', kind)} AND kind = ?",
            [text, kind.value],
        ).fetchall()
        return rows[0][0] if rows else None


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (("1", "-7", "+3"), [1, -7, 3]),
        (("1.234,56", "12,5", "7"), [1234.56, 12.5, 7]),
        (("1,234.56", "12.5", "7"), [1234.56, 12.5, 7]),
        (("12,5", "1.234"), [12.5, 1234]),
        (("12.5", "1,234"), [12.5, 1234]),
        (("1.234", "12.345.678"), [1234, 12345678]),
        (("1,234", "12,345,678"), [1234, 12345678]),
        (("0.125", "0.250"), [0.125, 0.25]),
        (("₺1.250,00", "12,50 TL", "1 250,5"), [1250, 12.5, 1250.5]),
        (("beş", "", "1,2,3", "NaN", "inf"), [None, None, None, None, None]),
    ],
)
def test_a_column_of_numbers_is_read_in_the_columns_own_way(
    texts: tuple[str, ...], values: list[float | None]
) -> None:
    assert read(Kind.NUMBER, *texts) == values


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (("01.02.1990", "1/2/1990", "1-2-1990"), [date(1990, 2, 1)] * 3),
        (("1990-02-01", "1990/02/01", "1990-02-01 10:20:30", "1990-02-01T10:20:30Z"), [date(1990, 2, 1)] * 4),
        (("02/13/1990", "03/04/1990"), [date(1990, 2, 13), date(1990, 3, 4)]),
        (("13/02/1990", "03/04/1990"), [date(1990, 2, 13), date(1990, 4, 3)]),
        (("2/13/1990 9:05", "3/4/1990 10:00"), [date(1990, 2, 13), date(1990, 3, 4)]),
        (("32905",), [date(1990, 2, 1)]),
        (("31.02.1990", "dün", "1990", "1.2.90", "99.99.9999"), [None] * 5),
    ],
)
def test_a_column_of_dates_is_read_in_the_columns_own_way(texts: tuple[str, ...], values: list[date | None]) -> None:
    assert read(Kind.DATE, *texts) == values


def test_moments_come_out_as_utc() -> None:
    assert read(
        Kind.MOMENT, "01.02.2026 10:00", "2026-02-01T10:00:00Z", "2026-02-01 10:00:00+01:00", "01.02.2026", "9:00"
    ) == [
        datetime(2026, 2, 1, 7),
        datetime(2026, 2, 1, 10),
        datetime(2026, 2, 1, 9),
        datetime(2026, 1, 31, 21),
        None,
    ]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.BOOL, "EVET", "true"),
        (Kind.BOOL, "Hayır", "false"),
        (Kind.BOOL, "HAYIR", "false"),
        (Kind.BOOL, "belki", None),
        (Kind.LANGUAGE, "TR", "tr"),
        (Kind.LANGUAGE, "tr-TR", "tr"),
        (Kind.LANGUAGE, "en_US", "en"),
        (Kind.LANGUAGE, "Türkçe", "tr"),
        (Kind.LANGUAGE, "TÜRKÇE", "tr"),
        (Kind.LANGUAGE, "İngilizce", "en"),
        (Kind.LANGUAGE, "العربية", "ar"),
        (Kind.LANGUAGE, "Klingonca x", None),
        (Kind.COUNTRY, "tr", "TR"),
        (Kind.COUNTRY, "Türkiye", "TR"),
        (Kind.COUNTRY, "Turkey", "TR"),
        (Kind.COUNTRY, "ALMANYA", "DE"),
        (Kind.COUNTRY, "Deutschland", "DE"),
        (Kind.COUNTRY, "Atlantis", None),
        (Kind.CONSENT, "Onaylı", "opted_in"),
        (Kind.CONSENT, "RET", "opted_out"),
        (Kind.CONSENT, "unsubscribed", "opted_out"),
        (Kind.CONSENT, "0", "opted_out"),
        (Kind.CONSENT, "belki", None),
    ],
)
def test_words_are_understood_in_our_languages(kind: Kind, text: str, value: str | None) -> None:
    assert word(kind, text) == value


@pytest.mark.parametrize("text", [" x ", "\tx\n", "\u00a0x\u200b", "\ufeffx"])
def test_what_surrounds_a_cell_unseen_is_no_part_of_it(text: str) -> None:
    with duckdb.connect() as cursor:
        assert cursor.execute(f"SELECT {trimmed_sql('c')} FROM (SELECT ? AS c)", [text]).fetchall() == [("x",)]
        assert cursor.execute(f"SELECT {trimmed_sql('c')} FROM (SELECT '  ' AS c)").fetchall() == [(None,)]
