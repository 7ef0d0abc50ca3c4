"""What becomes of each column of a file: a field that exists, a new field, the provider's user id, or nothing.

`guess_mapping` proposes one from the headers (`headers.py`) and the first values; a person decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import polars as pl
from pydantic import BaseModel, ConfigDict

from engine.contacts.cells import BY_WORDS, Kind, find_style, kind_of, trimmed_sql, value_sql, word_sql
from engine.contacts.fields import LONGEST_LABEL, RESERVED, FieldRegistry, FieldType, check_new_field, field_name
from engine.contacts.headers import TARGET_BY_HEADER, fold_header
from engine.contacts.phones import clean_phone, parse_phone
from engine.contacts.source import SourceFile
from engine.contacts.vocabulary import create_words
from engine.errors import InputError, InvalidPhone, UnknownName
from engine.words import N_

USER_ID = "user_id"
USER_ID_LABEL = N_("WhatsApp user id")
READ_ONLY = frozenset({"origin", "created_at", "updated_at"})
_FITS = 0.95
_FEW_PHONES = 50
_IDENTIFIER = ("no", "kod", "code", "id", "numara", "number", "posta", "zip", "vergi", "tc")


class NewField(BaseModel):
    """A field that the import makes."""

    model_config = ConfigDict(frozen=True)

    label: str
    type: FieldType


class ColumnTarget(BaseModel):
    """What becomes of one column; without a target it is left out."""

    model_config = ConfigDict(frozen=True)

    header: str
    target: str | None = None
    new: NewField | None = None


class Mapping(BaseModel):
    """The targets of all columns, in the file's order; its JSON is kept with the import."""

    model_config = ConfigDict(frozen=True)

    columns: tuple[ColumnTarget, ...]

    def __iter__(self) -> Iterator[tuple[int, ColumnTarget]]:  # type: ignore[override]
        """(column number, target) of the columns that go somewhere."""
        return ((number, each) for number, each in enumerate(self.columns) if each.target)

    def targets(self) -> dict[str, int]:
        """Column number by target."""
        return {each.target or "": number for number, each in self}


def mappable_fields(registry: FieldRegistry) -> list[str]:
    """The targets a column may go to, besides a new field: fields, then the user id."""
    return [each.name for each in registry if each.name not in READ_ONLY] + [USER_ID]


def check_mapping(mapping: Mapping, source: SourceFile, registry: FieldRegistry) -> None:
    """Refuse a mapping that can't be carried out.

    Raises:
        InputError: it is for another file, has no identity, or two columns go to one target.
        UnknownName: a target is no field.
        InvalidField: a new field can't be.
    """
    if tuple(each.header for each in mapping.columns) != source.headers:
        raise InputError(reason=N_("the mapping is for a file with other columns"))
    targets = [each.target for _, each in mapping]
    if len(set(targets)) != len(targets):
        raise InputError(reason=N_("two columns go to the same field"))
    if not {"phone", USER_ID} & set(targets):
        raise InputError(
            reason=N_("no column is the phone number (or the WhatsApp user id), so nobody can be told apart")
        )
    if {"consent_source", "consent_at"} & set(targets) and "consent" not in targets:
        raise InputError(reason=N_("source and time of consent need the column that says yes or no"))
    labels = [each.new.label.casefold() for _, each in mapping if each.new]
    if len(set(labels)) != len(labels):
        raise InputError(reason=N_("two new fields have the same label"))
    for _, each in mapping:
        if each.new:
            check_new_field(registry, each.target or "", each.new.label, each.new.type)
        elif each.target not in mappable_fields(registry):
            raise UnknownName(kind="field", name=each.target)


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
    taken = {each for each in guesses if each} | set(registry.names()) | RESERVED
    labels = {each.label.casefold() for each in registry}
    types = _types(source, samples_frame)
    columns = []
    for number, header in enumerate(source.headers):
        guess, new = guesses[number], None
        type = types[number]
        if guess is None and type is not None and not _is_of_rejects(source.headers, number):
            guess = _free(field_name(header), taken)
            new = NewField(label=_free_label(header, labels), type=type)
        columns.append(ColumnTarget(header=header, target=guess, new=new))
    return Mapping(columns=tuple(columns))


def _is_of_rejects(headers: tuple[str, ...], number: int) -> bool:
    """A mended `rejects.csv` starts with the line and the reason: they are no fields."""
    return number < 2 and tuple(fold_header(each) for each in headers[:2]) in (("line", "reason"), ("satir", "neden"))


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
    with duckdb.connect() as cursor:
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


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name[:36]}_{number}", number + 1
    taken.add(free)
    return free


def _free_label(header: str, labels: set[str]) -> str:
    plain = " ".join(header.split())[:LONGEST_LABEL]
    number, free = 2, plain
    while free.casefold() in labels:
        free, number = f"{plain[: LONGEST_LABEL - 5]} ({number})", number + 1
    labels.add(free.casefold())
    return free
