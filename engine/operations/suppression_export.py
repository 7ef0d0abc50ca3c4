"""The suppression list as a CSV, streamed; guarded against formulas as every export is."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import polars as pl

from engine.operations.suppression_people import Standing
from engine.segments.exporting import BATCH_ROWS, guard_sql

COLUMNS = ("phone", "user_id", "name", "surname", "scope", "reason", "by_whom", "since", "person")


def csv_lines(standing: Standing, delimiter: str = ";") -> Iterator[bytes]:
    """The file in pieces: a mark, the heading, then the entries, newest first.

    Who is no contact has no number in the store: `person` is the key by which a send knows them.
    """
    names = ("phone", "user_id", "name", "surname", "scope", "reason", "by_whom")
    parts = [f'{guard_sql(name)} AS "{name}"' for name in names]
    zone = standing.context.zone
    parts.append(
        f"strftime(timezone('{zone}', timezone('UTC', happened_at)), '%Y-%m-%d %H:%M:%S') AS since",
    )
    parts.append("printf('%016x', person_key) AS person")
    yield codecs.BOM_UTF8 + (delimiter.join(COLUMNS) + "\r\n").encode()
    for batch in standing.named().project(", ".join(parts)).arrow(BATCH_ROWS):
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        yield frame.write_csv(include_header=False, separator=delimiter, line_terminator="\r\n").encode()
