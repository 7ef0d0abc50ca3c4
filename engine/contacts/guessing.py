"""Guesses what becomes of each column of a file, from its header (`headers.py`) and first values; people decide."""

from __future__ import annotations

from typing import Any

import duckdb
import polars as pl

from engine.contacts.cells import BY_WORDS, Kind, find_style, kind_of, trimmed_sql, value_sql, word_sql
from engine.contacts.fields import FieldRegistry, FieldType
from engine.contacts.headers import TARGET_BY_HEADER, fold_header
from engine.contacts.mapping import READ_ONLY, Mapping, build_mapping
from engine.contacts.mappings import own_columns
from engine.contacts.phones import clean_phone, parse_phone
from engine.contacts.source import SourceFile
from engine.contacts.vocabulary import create_words
from engine.errors import InvalidPhone
from engine.warehouse import open_scratch

_FITS = 0.95
_FEW_PHONES = 50
_IDENTIFIER = ("no", "kod", "code", "id", "numara", "number", "posta", "zip", "vergi", "tc")


def guess_mapping(source: SourceFile, registry: FieldRegistry, *, region: str = "TR") -> Mapping:
    """Propose a target for each column, from its header and its first values."""
    samples_frame = _samples(source)
    guesses: list[str | None] = [_known_target(header, registry) for header in source.headers]
    for number in range(len(guesses)):
        if guesses[number] in guesses[:number]:
            guesses[number] = None
    if "phone" not in guesses:
        found = _phone_column(samples_frame, guesses, region)
        if found is not None:
            guesses[found] = "phone"
    if "consent" not in guesses:
        guesses = [None if each in ("consent_source", "consent_at") else each for each in guesses]
    choices: list[str | FieldType | None] = list(guesses)
    for number, type in enumerate(_types(source, samples_frame)):
        choices[number] = type if choices[number] is None else choices[number]
    own = own_columns(source.headers)
    return build_mapping(source, registry, [None if n in own else each for n, each in enumerate(choices)])


def _known_target(header: str, registry: FieldRegistry) -> str | None:
    folded = fold_header(header)
    for each in registry:
        if each.name not in READ_ONLY and folded in (fold_header(each.label), fold_header(each.name)):
            return each.name
    return TARGET_BY_HEADER.get(folded)


def _phone_column(samples_frame: pl.DataFrame, guesses: list[str | None], region: str) -> int | None:
    """The first free column whose values are mostly phone numbers of seven digits or more."""
    for number, guess in enumerate(guesses):
        values = [text for text in samples_frame[:, number].drop_nulls()[:_FEW_PHONES] if guess is None]
        good = sum(_is_phone(text, region) for text in values)
        if values and good >= 0.7 * len(values):
            return number
    return None


def _is_phone(text: str, region: str) -> bool:
    if sum(mark.isdigit() for mark in clean_phone(text)) < 7:
        return False
    try:
        return parse_phone(text, region).is_valid
    except InvalidPhone:
        return False


def _samples(source: SourceFile) -> pl.DataFrame:
    names = [f"c{number}" for number in range(len(source.headers))]
    return pl.DataFrame(source.samples, schema=dict.fromkeys(names, pl.String), orient="row")


def _types(source: SourceFile, samples_frame: pl.DataFrame) -> list[FieldType | None]:
    """The type of each column's values; None when it has none."""
    with open_scratch(memory_limit="200MB") as cursor:
        create_words(cursor)
        cursor.register("samples_frame", samples_frame)
        columns = ", ".join(f"{trimmed_sql(name)} AS {name}" for name in samples_frame.columns)
        cursor.execute(f"CREATE TABLE samples AS SELECT {columns} FROM samples_frame")
        return [_type(cursor, f"c{number}", header) for number, header in enumerate(source.headers)]


def _type(cursor: duckdb.DuckDBPyConnection, cell: str, header: str) -> FieldType | None:
    ((filled, distinct, numeric, leading),) = _rows(
        cursor,
        f"SELECT count({cell}), count(DISTINCT {cell}), count(try_cast({cell} AS DOUBLE)), "
        f"count(*) FILTER (regexp_matches({cell}, '^0[0-9]|^[+]|[0-9]{{11}}')) FROM samples",
    )
    if not filled:
        return None
    for type in (FieldType.BOOL, FieldType.DATE, FieldType.NUMBER):
        if type is FieldType.BOOL and numeric:
            continue  # 0 and 1 may be counts
        if type is FieldType.NUMBER and (leading or _is_identifier(header)):
            continue
        if _fitting(cursor, cell, kind_of("", type)) >= _FITS * filled:
            return type
    return FieldType.CHOICE if distinct <= max(3, min(30, filled // 2)) and distinct < filled else FieldType.TEXT


def _fitting(cursor: duckdb.DuckDBPyConnection, cell: str, kind: Kind) -> int:
    if kind in BY_WORDS:
        query = f"SELECT count(*) FROM samples JOIN words ON words.word = {word_sql(cell, kind)} AND kind = '{kind}'"
    else:
        style = find_style(cursor, "samples", cell, kind)
        separated = f"WHERE NOT regexp_full_match({cell}, '\\d{{5}}')" if kind is Kind.DATE else ""
        query = f"SELECT count({value_sql(cell, kind, style, 'UTC')}) FROM samples {separated}"
    return int(_rows(cursor, query)[0][0])


def _rows(cursor: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return cursor.execute(query).fetchall()


def _is_identifier(header: str) -> bool:
    words = header.translate(str.maketrans("İIı", "iii")).lower().replace("_", " ").split()
    return any(word in _IDENTIFIER for word in words)
