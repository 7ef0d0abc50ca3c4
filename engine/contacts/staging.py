"""Turns a file's clean table into people: cells read by type, phones normalised, one row a person, the rest told.

Knows no store: it works in a DuckDB of its own, beside the import's files, so that it may run in another process and
holds no lock. Leaves `staged.parquet` (one row a person), `duplicates.parquet` (line, kept, phone) and
`rejects.parquet` (line, code, the original cells). Nothing is lost: people + duplicates + rejected = the file's rows.

A row of `staged.parquet` has a `person_key` (phone or user id), or else a value of the chosen identity.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import duckdb
import polars as pl
from pydantic import BaseModel, ConfigDict

from engine.contacts.naming import Named, key_phones, name_rows
from engine.contacts.people import StageRequest, keep_named, read_phones, read_table, read_target, write_people
from engine.contacts.rejects import gather_duplicates, gather_rejects
from engine.contacts.source import SourceFile, open_source
from engine.contacts.traits import Table, open_table
from engine.contacts.values import Column
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
    duplicates: tuple[tuple[int, int], ...]  # (line, the line that counts instead)


def stage(request: StageRequest, on_progress: Progress = lambda step, share: None) -> Staged:
    """Stage a file that was read into `request.folder`.

    Raises:
        StoreError: the reader and the scan disagree about the number of rows (never seen; nothing is imported then).
    """
    source, table = open_source(request.folder), open_table(request.folder)
    spill = request.folder / "spill"
    with open_scratch(memory_limit=MEMORY_LIMIT, temp_directory=str(spill)) as cursor:
        cursor.execute("SET enable_progress_bar = false")
        on_progress("reading", 0.0)
        read_table(cursor, request, source, table)
        on_progress("phones", 0.3)
        others = [each for each in request.mapping.targets() if each != "phone"]
        columns = {each: read_target(cursor, request, each, source, table) for each in others if each == "country"}
        verdicts = read_phones(
            cursor, request, columns.get("country"), lambda share: on_progress("phones", 0.3 + 0.3 * share)
        )
        on_progress("values", 0.6)
        named = _read_values(cursor, request, source, table, columns)
        keep_named(cursor, named)
        on_progress("people", 0.8)
        write_people(cursor, [columns[each] for each in others], verdicts, named, request.folder)
        on_progress("rejects", 0.95)
        return _account(cursor, request, source, columns, named)


def _read_values(
    cursor: duckdb.DuckDBPyConnection,
    request: StageRequest,
    source: SourceFile,
    table: Table,
    columns: dict[str, Column],
) -> Named:
    """Read the other columns while the people's keys are made: one is DuckDB's work, the other Python's."""
    salt = bytes.fromhex(request.salt)
    with ThreadPoolExecutor(1) as pool:
        by_phone = pool.submit(key_phones, cursor.cursor(), salt)
        for target in request.mapping.targets():
            if target not in ("phone", *columns):
                columns[target] = read_target(cursor, request, target, source, table)
        return name_rows(
            cursor,
            by_phone.result(),
            columns,
            salt=salt,
            identity=request.identity,
            row_count=source.whole_count,
            is_first_kept=request.duplicates == "first",
        )


def _account(
    cursor: duckdb.DuckDBPyConnection,
    request: StageRequest,
    source: SourceFile,
    columns: dict[str, Column],
    named: Named,
) -> Staged:
    has_other_names = "user_id" in columns or request.identity is not None
    rejects_frame = gather_rejects(cursor, source, named.rejected, has_other_names=has_other_names)
    duplicates_frame = gather_duplicates(cursor, source, named.rows[~named.is_kept], named.kept[~named.is_kept])
    ((invalid,),) = cursor.execute("SELECT count(*) FROM phones WHERE NOT is_valid").fetchall()
    reasons = rejects_frame.group_by("code").len().sort("len", "code", descending=[True, False])
    shown = rejects_frame.filter(pl.int_range(pl.len()).over("code") < 2).head(12)
    staged = Staged(
        row_count=source.row_count,
        person_count=int(named.is_kept.sum()),
        duplicate_count=len(duplicates_frame),
        rejected_count=len(rejects_frame),
        reasons=dict(reasons.iter_rows()),
        invalid_phone_count=invalid,
        unfit=_find_unfit(cursor, request, source, columns),
        month_first=tuple(source.headers[each.number] for each in columns.values() if each.style.month_first),
        rejects=tuple(Reject(line=row[0], code=row[1], cells=row[2:]) for row in shown.iter_rows()),
        duplicates=tuple(duplicates_frame.select("line", "kept").head(_SAMPLES).iter_rows()),
    )
    if staged.person_count + staged.duplicate_count + staged.rejected_count != staged.row_count:
        raise StoreError(reason="the counts of the import don't add up to the file's rows")
    return staged


def _find_unfit(
    cursor: duckdb.DuckDBPyConnection, request: StageRequest, source: SourceFile, columns: dict[str, Column]
) -> tuple[Unfit, ...]:
    """Of the rows that are taken, by column; the rejected have their own reason."""
    found = []
    for target, number in request.mapping.targets().items():
        if target == "phone":
            rows = _unfit_rows("JOIN phones ON phones.n = raw.rowid", "phones.code IS NOT NULL")
        elif columns[target].has_unfit:
            rows = _unfit_rows(columns[target].join, columns[target].unfit)
        else:
            continue
        ((count,),) = cursor.execute(f"SELECT count(*) {rows}").fetchall()
        if count:
            lines = source.lines()
            first = cursor.execute(f"SELECT raw.rowid, raw.c{number} {rows} ORDER BY 1 LIMIT 3").fetchall()
            shown = tuple((int(lines[row]), text[:80]) for row, text in first)
            found.append(Unfit(header=source.headers[number], target=target, count=count, examples=shown))
    return tuple(found)


def _unfit_rows(join: str, is_unfit: str) -> str:
    return f"FROM raw {join} WHERE {is_unfit} AND raw.rowid IN (SELECT n FROM persons)"
