"""Turns a file's clean table into people: cells read by type, phones normalised, one row a person, the rest told.

Knows no store: it works in a DuckDB of its own, beside the import's files, so that it may run in another process and
holds no lock. Leaves `staged.parquet` (one row a person, the file's last) and `rejects.parquet` (line, code, the
original cells). Nothing is lost: people + duplicates + rejected = the file's rows.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import polars as pl
from pydantic import BaseModel, ConfigDict

from engine.contacts.cells import Style
from engine.contacts.people import StageRequest, find_styles, keep_last, read_phones, read_rows, read_table
from engine.contacts.rejects import gather_rejects
from engine.contacts.source import SourceFile, open_source
from engine.contacts.vocabulary import create_words
from engine.errors import StoreError
from engine.warehouse import open_scratch

MEMORY_LIMIT = "600MB"
_SAMPLES = 5
Progress = Callable[[str, float], None]


class Unfit(BaseModel):
    """Cells of one column that don't fit its field: they are left out, their rows are not."""

    model_config = ConfigDict(frozen=True)

    header: str
    target: str
    count: int
    examples: tuple[tuple[int, str], ...]  # (line, text)


class Reject(BaseModel):
    """A row that can't be taken."""

    model_config = ConfigDict(frozen=True)

    line: int
    code: str
    cells: tuple[str | None, ...]


class Staged(BaseModel):
    """What became of the file's rows, before the store is looked at."""

    model_config = ConfigDict(frozen=True)

    row_count: int
    person_count: int
    duplicate_count: int
    rejected_count: int
    reasons: dict[str, int]
    invalid_phone_count: int
    unfit: tuple[Unfit, ...]
    month_first: tuple[str, ...]  # headers of columns whose dates are read month first
    rejects: tuple[Reject, ...]
    duplicates: tuple[tuple[int, int], ...]  # (line, the later line that counts)


def stage(request: StageRequest, on_progress: Progress = lambda step, share: None) -> Staged:
    """Stage a file that was read into `request.folder`.

    Raises:
        StoreError: the reader and the scan disagree about the number of rows (never seen; nothing is imported then).
    """
    source = open_source(request.folder)
    spill = request.folder / "spill"
    with open_scratch(memory_limit=MEMORY_LIMIT, temp_directory=str(spill)) as cursor:
        cursor.execute("SET enable_progress_bar = false")
        on_progress("reading", 0.0)
        read_table(cursor, source)
        create_words(cursor)
        on_progress("phones", 0.2)
        read_phones(cursor, request, lambda share: on_progress("phones", 0.2 + 0.5 * share))
        on_progress("values", 0.7)
        styles = find_styles(cursor, request)
        read_rows(cursor, request, styles)
        on_progress("duplicates", 0.85)
        keep_last(cursor, request)
        on_progress("rejects", 0.95)
        return _account(cursor, request, source, styles)


def _account(
    cursor: duckdb.DuckDBPyConnection, request: StageRequest, source: SourceFile, styles: dict[str, Style]
) -> Staged:
    lines = source.lines()
    targets = request.mapping.targets()
    rejects_frame = gather_rejects(cursor, source, has_user_id="user_id" in targets)
    ((people, taken, invalid),) = cursor.execute(
        "SELECT (SELECT count(*) FROM last), count(*), count(*) FILTER (NOT phone_valid) FROM people "
        "WHERE person_key IS NOT NULL"
    ).fetchall()
    duplicates = cursor.execute(
        "SELECT people.n, last.n FROM people JOIN last USING (person_key) "
        "WHERE people.n <> last.n ORDER BY 1 LIMIT ?",
        [_SAMPLES],
    ).fetchall()
    reasons = rejects_frame.group_by("code").len().sort("len", "code", descending=[True, False])
    shown = rejects_frame.filter(pl.int_range(pl.len()).over("code") < 2).head(12)
    staged = Staged(
        row_count=source.row_count,
        person_count=people,
        duplicate_count=taken - people,
        rejected_count=len(rejects_frame),
        reasons=dict(reasons.iter_rows()),
        invalid_phone_count=invalid,
        unfit=_find_unfit(cursor, request, source),
        month_first=tuple(
            source.headers[number]
            for target, number in request.mapping.targets().items()
            if styles[target].month_first
        ),
        rejects=tuple(Reject(line=row[0], code=row[1], cells=row[2:]) for row in shown.iter_rows()),
        duplicates=tuple((int(lines[row]), int(lines[kept])) for row, kept in duplicates),
    )
    if staged.person_count + staged.duplicate_count + staged.rejected_count != staged.row_count:
        raise StoreError(reason="the counts of the import don't add up to the file's rows")
    return staged


def _find_unfit(cursor: duckdb.DuckDBPyConnection, request: StageRequest, source: SourceFile) -> tuple[Unfit, ...]:
    """Of the rows that are taken, by column; the rejected have their own reason."""
    lines, found = source.lines(), []
    for target, number in request.mapping.targets().items():
        unfit = f"FROM people WHERE person_key IS NOT NULL AND u_{number}"
        ((count,),) = cursor.execute(f"SELECT count(*) {unfit}").fetchall()
        if count:
            examples = cursor.execute(
                f"SELECT n, raw.c{number} FROM (SELECT n {unfit} ORDER BY n LIMIT 3) "
                f"JOIN raw ON raw.rowid = n ORDER BY n"
            ).fetchall()
            shown = tuple((int(lines[row]), text[:80]) for row, text in examples)
            found.append(Unfit(header=source.headers[number], target=target, count=count, examples=shown))
    return tuple(found)
