"""The columns of a file read as the values of their fields.

A column that repeats its cells is read cell by distinct cell and looked up; one that hardly does is read in place.
Cells that don't fit give NULL and are counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb

from engine.contacts.cells import BY_WORDS, Kind, Style, find_style, kind_of, value_sql, word_sql
from engine.contacts.fields import FieldType
from engine.contacts.vocabulary import create_words

_PLAIN = (Kind.TEXT, Kind.CHOICE)
_IN_PLACE = (Kind.EMAIL, Kind.USER_ID)  # hardly a cell of these comes twice
_MOST_DISTINCT = 0.25  # of the rows: above it, looking up costs more than reading


@dataclass(frozen=True, slots=True)
class Column:
    """One column that goes somewhere, and how a query over `raw` reads it.

    Args:
        value: an expression; NULL where a cell is empty or doesn't fit.
        join: what the query needs beside `raw`.
        has_unfit: whether any cell of the file doesn't fit.
        fits: what is not NULL where a cell fits, if `value` leaves out cells that do.
    """

    target: str
    number: int
    kind: Kind
    style: Style
    value: str
    join: str = ""
    has_unfit: bool = False
    fits: str = ""

    @property
    def unfit(self) -> str:
        """Whether a row's cell doesn't fit."""
        return f"(raw.c{self.number} IS NOT NULL AND ({self.fits or self.value}) IS NULL)"

    @property
    def refusing(self) -> Column:
        """A column of consent in which only the refusals count."""
        value = f"CASE WHEN {self.value} = 'opted_out' THEN 'opted_out' END"
        return replace(self, value=value, fits=self.value)


def read_column(
    cursor: duckdb.DuckDBPyConnection,
    target: str,
    number: int,
    type: FieldType,
    *,
    zone: str,
    month_first: bool | None,
    is_composed: bool,
) -> Column:
    """Prepare a column of the table `raw`.

    Args:
        month_first: what a person said about its dates; None: look.
        is_composed: no text needs normalising.
    """
    cell, kind = f"raw.c{number}", kind_of(target, type)
    if kind in _PLAIN:
        return Column(target, number, kind, Style(), cell if is_composed else value_sql(cell, kind, Style(), zone))
    if kind in _IN_PLACE:
        return _with_unfit(cursor, Column(target, number, kind, Style(), value_sql(cell, kind, Style(), zone)))
    cells = f"cells_{number}"
    cursor.execute(
        f"CREATE TABLE {cells} AS SELECT c{number} AS cell, count(*) AS row_count FROM raw "
        f"WHERE c{number} IS NOT NULL GROUP BY 1"
    )
    style = find_style(cursor, cells, "cell", kind, weight="row_count")
    if month_first is not None:
        style = replace(style, month_first=month_first)
    ((distinct, filled),) = cursor.execute(f"SELECT count(*), coalesce(sum(row_count), 0) FROM {cells}").fetchall()
    if kind not in BY_WORDS and distinct > _MOST_DISTINCT * filled:
        cursor.execute(f"DROP TABLE {cells}")
        return _with_unfit(cursor, Column(target, number, kind, style, value_sql(cell, kind, style, zone)))
    return _looked_up(cursor, Column(target, number, kind, style, f"v{number}.value"), cells, zone)


def _looked_up(cursor: duckdb.DuckDBPyConnection, column: Column, cells: str, zone: str) -> Column:
    """The table `values_<number>`: each distinct cell and its value."""
    value, join = value_sql("cell", column.kind, column.style, zone), ""
    if column.kind in BY_WORDS:
        create_words(cursor, column.kind)
        value = "word_value = 'true'" if column.kind is Kind.BOOL else "word_value"
        join = (
            f"LEFT JOIN (SELECT word, value AS word_value FROM words_{column.kind}) "
            f"ON word = {word_sql('cell', column.kind)}"
        )
    table = f"values_{column.number}"
    cursor.execute(f"CREATE TABLE {table} AS SELECT cell, row_count, {value} AS value FROM {cells} {join}")
    cursor.execute(f"DROP TABLE {cells}")
    ((unfit,),) = cursor.execute(f"SELECT count(*) FROM {table} WHERE value IS NULL").fetchall()
    alias = f"v{column.number}"
    return replace(
        column, join=f"LEFT JOIN {table} {alias} ON {alias}.cell = raw.c{column.number}", has_unfit=unfit > 0
    )


def _with_unfit(cursor: duckdb.DuckDBPyConnection, column: Column) -> Column:
    ((unfit,),) = cursor.execute(f"SELECT count(*) FROM raw WHERE {column.unfit}").fetchall()
    return replace(column, has_unfit=unfit > 0)
