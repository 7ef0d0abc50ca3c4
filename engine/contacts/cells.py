"""Reads the cells of a column as a field's type: DuckDB expressions, and the words for languages, countries, yes/no.

One column has one way to write numbers and dates, found over all its cells (`1.234,56` or `1,234.56`; day or month
first). A cell that doesn't fit gives NULL and is counted by whoever asks; nothing is guessed for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import duckdb

from engine.contacts.fields import FieldType

UNSEEN = "' ' || chr(9) || chr(10) || chr(160) || chr(65279) || chr(8203)"
_TIME = r"([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?"
_YEAR_FIRST = r"\d{4}[-./]\d{1,2}[-./]\d{1,2}" + _TIME
_YEAR_LAST = r"\d{1,2}[-./]\d{1,2}[-./]\d{4}" + _TIME
_WITH_ZONE = r".*\d(Z|[+-]\d{2}(:?\d{2})?)"
_COMMA_DECIMAL = r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?"
_POINT_DECIMAL = r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?([eE][+-]?\d+)?"
_GROUPS_ONLY = r"[+-]?[1-9]\d{0,2}([.,]\d{3})+"
_USER_ID = r"[A-Z]{2}\.[A-Za-z0-9]{1,128}"
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"


class Kind(StrEnum):
    """How cells are read: a field's type, or one of the built-in fields that have a form of their own."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOL = "bool"
    CHOICE = "choice"
    LIST = "list"
    MOMENT = "moment"
    EMAIL = "email"
    LANGUAGE = "language"
    COUNTRY = "country"
    CONSENT = "consent"
    USER_ID = "user_id"


KINDS_OF_BUILT_IN = {
    "email": Kind.EMAIL,
    "language": Kind.LANGUAGE,
    "country": Kind.COUNTRY,
    "consent": Kind.CONSENT,
    "consent_at": Kind.MOMENT,
    "user_id": Kind.USER_ID,
}
SEPARATORS = (";", "|", ",")  # of values in one cell; the first that a column uses most
BY_WORDS = (Kind.BOOL, Kind.LANGUAGE, Kind.COUNTRY, Kind.CONSENT)


@dataclass(frozen=True, slots=True)
class Style:
    """How a column writes its numbers, its dates, and several values in one cell."""

    comma_decimal: bool = False
    month_first: bool = False
    separator: str = ";"


def kind_of(target: str, type: FieldType) -> Kind:
    """How the cells for this field are read."""
    return KINDS_OF_BUILT_IN.get(target, Kind(type.value))


def fold_sql(cell: str) -> str:
    """Folds alike what differs in case, accents and Turkish i's alone."""
    return f"strip_accents(lower(translate({cell}, 'İIı', 'iii')))"


def trimmed_sql(cell: str) -> str:
    """The cell without what surrounds it unseen; NULL when nothing is left."""
    return f"nullif(trim({cell}, {UNSEEN}), '')"


def spaceless_sql(cell: str) -> str:
    """`trimmed_sql` for a file in which spaces alone can surround a cell: three times as fast."""
    return f"nullif(trim({cell}), '')"


def value_sql(cell: str, kind: Kind, style: Style, zone: str) -> str:
    """The expression that reads a trimmed cell; for a kind of `BY_WORDS` see `word_sql`.

    Args:
        cell: a column's name, quoted if it needs it.
        zone: IANA name; moments without an offset are in it. They come out as UTC.
    """
    if kind is Kind.NUMBER:
        return _number_sql(cell, style.comma_decimal)
    if kind is Kind.DATE:
        return f"CAST({_day_sql(cell, style.month_first, with_time=False)} AS DATE)"
    if kind is Kind.MOMENT:
        return _moment_sql(cell, style.month_first, zone)
    if kind is Kind.EMAIL:
        return f"CASE WHEN regexp_full_match({cell}, '{_EMAIL}') THEN {cell} END"
    if kind is Kind.USER_ID:
        return f"CASE WHEN regexp_full_match({cell}, '{_USER_ID}') THEN {cell} END"
    if kind is Kind.LIST:
        return _list_sql(f"nfc_normalize({cell})", style.separator)
    return f"nfc_normalize({cell})"


def word_sql(cell: str, kind: Kind) -> str:
    """The folded cell as `words.word` has it; a locale such as tr_TR counts as its language."""
    folded = fold_sql(cell)
    return f"regexp_replace({folded}, '^([a-z]{{2}})[-_].*$', '\\1')" if kind is Kind.LANGUAGE else folded


def find_style(cursor: duckdb.DuckDBPyConnection, table: str, cell: str, kind: Kind, *, weight: str = "1") -> Style:
    """Look at all cells of a column and say how it writes them; day first when nothing tells.

    Args:
        weight: how many cells a row of the table stands for.
    """
    if kind is Kind.NUMBER:
        bare = _bare_number_sql(cell)
        ((comma, point, groups, comma_groups),) = cursor.execute(
            f"SELECT coalesce(sum(w) FILTER (regexp_matches(n, '^[^,]*,[0-9]+$') AND NOT g), 0), "
            f"coalesce(sum(w) FILTER (regexp_matches(n, '^[^.]*[.][0-9]+$') AND NOT g), 0), "
            f"coalesce(sum(w) FILTER (g), 0), coalesce(sum(w) FILTER (g AND contains(n, ',')), 0) FROM "
            f"(SELECT {bare} AS n, coalesce(regexp_full_match({bare}, '{_GROUPS_ONLY}'), false) AS g, "
            f"{weight} AS w FROM {table})"
        ).fetchall()
        return Style(comma_decimal=comma > point or (comma == point and groups > comma_groups))
    if kind in (Kind.DATE, Kind.MOMENT):
        ((days, months),) = cursor.execute(
            f"SELECT count({_day_sql('day', False, with_time=False)}), "
            f"count({_day_sql('day', True, with_time=False)}) "
            f"FROM (SELECT DISTINCT split_part(replace({cell}, 'T', ' '), ' ', 1) AS day FROM {table})"
        ).fetchall()
        return Style(month_first=months > days)
    if kind is Kind.LIST:
        uses = ", ".join(f"coalesce(sum({weight}) FILTER (contains({cell}, '{each}')), 0)" for each in SEPARATORS)
        (used,) = cursor.execute(f"SELECT {uses} FROM {table}").fetchall()
        return Style(separator=SEPARATORS[used.index(max(used))])
    return Style()


def _list_sql(cell: str, separator: str) -> str:
    """The values of a cell, trimmed, each once, in order; NULL when there is none."""
    trimmed = f"list_transform(string_split({cell}, '{separator}'), lambda e: trim(e, {UNSEEN}))"
    filled = f"list_filter({trimmed}, lambda e: e <> '')"
    once = f"list_transform([{filled}], lambda l: list_filter(l, lambda e, i: list_position(l, e) = i))[1]"
    return f"CASE WHEN len({filled}) > 0 THEN {once} END"


def _bare_number_sql(cell: str) -> str:
    return f"regexp_replace({cell}, '[\\s\u00a0₺$€£]|TL|TRY|USD|EUR', '', 'g')"


def _number_sql(cell: str, comma_decimal: bool) -> str:
    bare = _bare_number_sql(cell)
    by_comma = (
        f"WHEN regexp_full_match({bare}, '{_COMMA_DECIMAL}') "
        f"THEN try_cast(replace(replace({bare}, '.', ''), ',', '.') AS DOUBLE)"
    )
    by_point = f"WHEN regexp_full_match({bare}, '{_POINT_DECIMAL}') THEN try_cast(replace({bare}, ',', '') AS DOUBLE)"
    first, second = (by_comma, by_point) if comma_decimal else (by_point, by_comma)
    plain = f"WHEN regexp_full_match({cell}, '[+-]?\\d+') THEN try_cast({cell} AS DOUBLE)"
    return f"CASE {plain} {first} {second} END"


def _day_sql(cell: str, month_first: bool, *, with_time: bool) -> str:
    """A TIMESTAMP of the cell's day (and its time of day, when asked for), or NULL."""
    day = f"translate(split_part(replace({cell}, 'T', ' '), ' ', 1), './', '--')"
    clock = f"coalesce(nullif(regexp_extract({cell}, '[T ](\\d{{1,2}}:\\d{{2}}(:\\d{{2}})?)', 1), ''), '0:00')"
    text = f"{day} || ' ' || {clock}" if with_time else day
    last = "%m-%d-%Y" if month_first else "%d-%m-%Y"
    tails = (" %H:%M", " %H:%M:%S") if with_time else ("",)
    first_formats, last_formats = (
        "[" + ", ".join(f"'{date}{tail}'" for tail in tails) + "]" for date in ("%Y-%m-%d", last)
    )
    serial = f"TIMESTAMP '1899-12-30' + to_days(CAST(split_part({cell}, '.', 1) AS INTEGER))"
    return (
        f"CASE WHEN regexp_full_match({cell}, '{_YEAR_FIRST}') THEN try_strptime({text}, {first_formats}) "
        f"WHEN regexp_full_match({cell}, '{_YEAR_LAST}') THEN try_strptime({text}, {last_formats}) "
        f"WHEN regexp_full_match({cell}, '\\d{{5}}(\\.\\d+)?') THEN {serial} END"
    )


def _moment_sql(cell: str, month_first: bool, zone: str) -> str:
    local = f"(({_day_sql(cell, month_first, with_time=True)}) AT TIME ZONE '{zone}') AT TIME ZONE 'UTC'"
    zoned = f"regexp_full_match({cell}, '{_YEAR_FIRST}') AND regexp_full_match({cell}, '{_WITH_ZONE}')"
    has_time = f"contains({cell}, ':')"
    return (
        f"CASE WHEN {has_time} AND {zoned} THEN try_cast({cell} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' ELSE {local} END"
    )
