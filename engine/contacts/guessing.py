"""Guesses what becomes of each column of a file, from its header (`headers.py`) and first values; people decide."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import duckdb
import polars as pl

from engine.contacts.cells import BY_WORDS, Kind, find_style, kind_of, trimmed_sql, value_sql, word_sql
from engine.contacts.fields import FieldRegistry, FieldType
from engine.contacts.headers import TARGET_BY_HEADER, fold_header
from engine.contacts.known_exports import KnownExport, find_export
from engine.contacts.mapping import READ_ONLY, Mapping, build_mapping
from engine.contacts.mappings import own_columns
from engine.contacts.phones import clean_phone, parse_phone
from engine.contacts.source import SourceFile
from engine.contacts.vocabulary import create_words
from engine.errors import InvalidPhone
from engine.warehouse import open_scratch

_FITS = 0.95
_FEW = 50
_SEVERAL = 0.2  # of the cells hold more than one value
_LONGEST_CHOICE = 40
_IDENTIFIER = ("no", "kod", "code", "id", "numara", "number", "posta", "zip", "vergi", "tc")


def guess_mapping(source: SourceFile, registry: FieldRegistry, *, region: str = "TR") -> Mapping:
    """Propose a target for each column, from its header and its first values."""
    samples_frame = _samples(source)
    export = find_export(source.headers) if source.known_export else None
    guesses = _by_headers(source, registry, samples_frame, export)
    for target, is_one in (("phone", lambda text: _is_phone(text, region)), ("email", _is_email)):
        found = None if target in guesses else _column_of(samples_frame, guesses, is_one)
        if found is not None:
            guesses[found] = target
    if "consent" not in guesses:
        guesses = [None if each in ("consent_source", "consent_at") else each for each in guesses]
    choices: list[str | FieldType | None] = list(guesses)
    for number, type in enumerate(_types(source, samples_frame)):
        choices[number] = type if choices[number] is None else choices[number]
    own = own_columns(source.headers)
    if export is not None:
        own |= {number for number, header in enumerate(source.headers) if export.is_ignored(header)} - {
            number for number, guess in enumerate(guesses) if guess
        }
    return build_mapping(source, registry, [None if n in own else each for n, each in enumerate(choices)])


def _by_headers(
    source: SourceFile, registry: FieldRegistry, samples_frame: pl.DataFrame, export: KnownExport | None
) -> list[str | None]:
    """A known export's own targets, then the headers we know; of two columns for one target the first."""
    counts = samples_frame.select(pl.all().count()).row(0) if samples_frame.width else ()
    chosen = export.choose(source.headers, lambda number: int(counts[number])) if export else {}
    guesses: list[str | None] = [chosen.get(number) for number in range(len(source.headers))]
    for number, header in enumerate(source.headers):
        is_own = export is not None and (export.is_own(header) or export.is_ignored(header))
        target = _field_called(header, registry)
        if target is None and source.has_header and not is_own:
            target = TARGET_BY_HEADER.get(fold_header(header))
        if guesses[number] is None and target not in guesses:
            guesses[number] = target
    return guesses


def _field_called(header: str, registry: FieldRegistry) -> str | None:
    folded = fold_header(header)
    for each in registry:
        if each.name not in READ_ONLY and folded in (fold_header(each.label), fold_header(each.name)):
            return each.name
    return None


def _column_of(samples_frame: pl.DataFrame, guesses: list[str | None], is_one: Callable[[str], bool]) -> int | None:
    """The first free column whose values are mostly such."""
    for number, guess in enumerate(guesses):
        values = [text for text in samples_frame[:, number].drop_nulls()[:_FEW] if guess is None]
        good = sum(is_one(text) for text in values)
        if values and good >= 0.7 * len(values):
            return number
    return None


def _is_email(text: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text.strip()) is not None


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
    with open_scratch(memory_limit="200MB", threads=1) as cursor:
        create_words(cursor, Kind.BOOL)
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
    if _is_list(cursor, cell, filled):
        return FieldType.LIST
    return FieldType.CHOICE if distinct <= max(3, min(30, filled // 2)) and distinct < filled else FieldType.TEXT


def _is_list(cursor: duckdb.DuckDBPyConnection, cell: str, filled: int) -> bool:
    """Whether a good share of the cells holds several short values (`a;b` or `a|b`) that come again and again."""
    for separator in (";", "|"):
        ((several, values, different, longest),) = _rows(
            cursor,
            f"SELECT count(DISTINCT row) FILTER (parts > 1), count(*), count(DISTINCT part), max(length(part)) FROM "
            f"(SELECT row, len(split) AS parts, trim(unnest(split)) AS part FROM (SELECT rowid AS row, "
            f"string_split({cell}, '{separator}') AS split FROM samples WHERE {cell} IS NOT NULL)) WHERE part <> ''",
        )
        if several >= _SEVERAL * filled and different < values and (longest or 0) <= _LONGEST_CHOICE:
            return True
    return False


def _fitting(cursor: duckdb.DuckDBPyConnection, cell: str, kind: Kind) -> int:
    if kind in BY_WORDS:
        query = f"SELECT count(*) FROM samples JOIN words_{kind} ON word = {word_sql(cell, kind)}"
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
