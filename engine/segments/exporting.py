"""Writes an audience to a file: CSV, XLSX or Parquet, chosen columns in their order, a batch of rows at a time.

In a CSV a spreadsheet would run a cell that begins like a formula (`=`, `+`, `-`, `@`, tab, line end): such a text
gets an apostrophe in front. A plain number of the kind +905321112233 stays as it is: it can't be a formula, and other
programs (and our own import) read it. XLSX and Parquet say themselves that a text is a text; nothing changes there.
Source: OWASP, CSV Injection, 2026-11.
"""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from engine.contacts.fields import Field, FieldType
from engine.errors import InputError
from engine.segments.audience import Audience, audience_frame, count_audience
from engine.segments.context import Context, is_moment
from engine.segments.rules import Model
from engine.words import N_

BATCH_ROWS = 20_000
DELIMITERS = (",", ";", "\t")
_LOOKS_RUN = r"^[\s\x00]*[=+\-@＝＋－＠]|^[\t\r\n]"
_PLAIN_PHONE = r"^\+[0-9]{6,15}$"
EXTRA = {"contact_id": "BIGINT", "user_id": "VARCHAR"}
"""Columns that are no fields but may be asked for."""


class ExportFormat(StrEnum):
    """What file is written; the value is its ending."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


class ExportOptions(Model):
    """How a CSV is written; the usual ones are what Excel opens by a double click."""

    delimiter: str = ";"
    bom: bool = True


FOR_EXCEL = ExportOptions()


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written."""

    count: int
    path: Path
    byte_count: int


class Stopped(Exception):
    """Whoever asked for the file doesn't want it any more."""


Progress = Callable[[float], None]


def export_audience(
    cursor: duckdb.DuckDBPyConnection,
    audience: Audience,
    context: Context,
    columns: Sequence[str],
    format: ExportFormat | str,
    target: Path,
    *,
    headings: Sequence[str] = (),
    options: ExportOptions = FOR_EXCEL,
    on_progress: Progress = lambda share: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> ExportResult:
    """Write the audience, as it is at this moment, to a file.

    Args:
        columns: names of fields, `contact_id` or `user_id`, in the order wanted.
        headings: what stands above them; the names if not given (a Parquet file has the names always).
        on_progress: told the share that is written.
        should_stop: asked at each batch.

    Raises:
        InputError: no column, or a text too long for a cell of a workbook.
        InvalidRule, UnknownName: as `audience_frame`; a column that isn't there.
        Stopped: `should_stop` said so; no file is left.
    """
    wanted = tuple(dict.fromkeys(columns))
    if not wanted:
        raise InputError(reason=N_("choose at least one column"))
    if options.delimiter not in DELIMITERS:
        raise InputError(reason=N_("the delimiter must be a comma, a semicolon or a tab"))
    kind = ExportFormat(format)
    total = count_audience(cursor, audience, context)
    members = audience_frame(cursor, audience, context).to_native()
    parts = [f'{column_sql(name, context, kind)} AS "{name}"' for name in wanted]
    names = tuple(headings) or wanted
    made = target.with_name(target.name + ".part")
    writer = _Writer(members.project(", ".join(parts)), total, on_progress, should_stop)
    try:
        if kind is ExportFormat.CSV:
            count = _write_csv(writer, names, options, made)
        elif kind is ExportFormat.PARQUET:
            count = _write_parquet(writer, made)
        else:
            count = _write_xlsx(writer, names, made)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    made.rename(target)
    return ExportResult(count, target, target.stat().st_size)


@dataclass(frozen=True, slots=True)
class _Writer:
    """The rows in batches, counted and stoppable."""

    relation: duckdb.DuckDBPyRelation
    total: int
    on_progress: Progress
    should_stop: Callable[[], bool]

    def batches(self, share: float = 1.0) -> Any:
        """Arrow record batches; progress goes up to `share`."""
        done = 0
        for batch in self.relation.arrow(BATCH_ROWS):
            if self.should_stop():
                raise Stopped
            yield batch
            done += batch.num_rows
            self.on_progress(share * min(1.0, done / max(1, self.total)))


def guard_sql(text: str) -> str:
    """A text that a spreadsheet would run gets an apostrophe in front."""
    runs = f"regexp_matches({text}, '{_LOOKS_RUN}') AND NOT regexp_matches({text}, '{_PLAIN_PHONE}')"
    return f"CASE WHEN {runs} THEN '''' || {text} ELSE {text} END"


def guarded(text: str) -> str:
    """The same for one text, such as a heading."""
    frame = pl.DataFrame({"text": [text]})
    runs = pl.col("text").str.contains(_LOOKS_RUN) & ~pl.col("text").str.contains(_PLAIN_PHONE)
    return str(frame.select(pl.when(runs).then("'" + pl.col("text")).otherwise(pl.col("text"))).item())


def column_sql(name: str, context: Context, kind: ExportFormat) -> str:
    """One column as the file holds it: moments in the business's zone (UTC in Parquet), lists joined by `;`."""
    if name in EXTRA:
        return f'"{name}"::VARCHAR' if kind is ExportFormat.CSV else f'"{name}"'
    field = context.registry.get(name)
    column = f'"{field.name}"'
    if kind is ExportFormat.PARQUET:
        return f"timezone('UTC', {column})" if is_moment(field) else column
    if is_moment(field):
        column = f"date_trunc('second', timezone('{context.zone}', timezone('UTC', {column})))"
    elif field.type is FieldType.LIST:
        column = f"array_to_string({column}, ';')"
    return _csv_text(field, column) if kind is ExportFormat.CSV else column


def _csv_text(field: Field, column: str) -> str:
    if is_moment(field):
        return f"strftime({column}, '%Y-%m-%d %H:%M:%S')"
    if field.type is FieldType.NUMBER:
        whole = f"{column} = trunc({column}) AND abs({column}) < 1e15"
        return f"CASE WHEN {whole} THEN {column}::BIGINT::VARCHAR ELSE {column}::VARCHAR END"
    if field.type in (FieldType.DATE, FieldType.BOOL):
        return f"{column}::VARCHAR"
    return guard_sql(column)


def _write_csv(writer: _Writer, names: Sequence[str], options: ExportOptions, path: Path) -> int:
    with path.open("wb") as file:
        if options.bom:
            file.write(codecs.BOM_UTF8)
        _write_rows(file, pl.DataFrame([[guarded(name)] for name in names]), options)
        count = 0
        for batch in writer.batches():
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            _write_rows(file, frame, options)
            count += len(frame)
    return count


def _write_rows(file: BinaryIO, frame: pl.DataFrame, options: ExportOptions) -> None:
    frame.write_csv(file, include_header=False, separator=options.delimiter, line_terminator="\r\n")


def _write_parquet(writer: _Writer, path: Path, share: float = 1.0) -> int:
    schema: Any = None
    count, file = 0, None
    for batch in writer.batches(share):
        if file is None:
            schema = batch.schema
            file = pq.ParquetWriter(path, schema, compression="zstd")
        file.write_table(pa.Table.from_batches([batch], schema=schema), row_group_size=BATCH_ROWS)
        count += batch.num_rows
    if file is None:
        empty = writer.relation.limit(0).arrow(1).read_all()
        pq.write_table(empty, path, compression="zstd")
    else:
        file.close()
    return count


def _write_xlsx(writer: _Writer, names: Sequence[str], path: Path) -> int:
    """By way of a Parquet file: building a workbook is slow Python, which has a process of its own."""
    from engine.segments.exporting_workbook import write_workbook_apart

    def tell(share: float) -> None:
        if writer.should_stop():
            raise Stopped
        writer.on_progress(0.2 + 0.8 * share)

    with tempfile.TemporaryDirectory(prefix="rows-", dir=path.parent) as folder:
        staged = Path(folder) / "rows.parquet"
        count = _write_parquet(writer, staged, share=0.2)
        write_workbook_apart(staged, path, names, count, tell)
    return count
