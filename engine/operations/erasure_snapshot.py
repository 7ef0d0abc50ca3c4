"""The erased person in frozen audiences: a new file in which their row stands for a pseudonym.

Number, user id and the values of the template's slots are gone, country and language stay for the sums. The row's
salt is destroyed and its hash kept: nobody can try numbers against it, and a receipt over all row hashes stays
checkable. Who reads the old file meanwhile may do so: the ledger ended the row first, and hands it out no more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.errors import StoreError
from engine.operations.erasure_traces import Traces
from engine.operations.snapshot import hash_file, read_header, row_hashes
from engine.operations.snapshot_reader import FILE_NAME, METADATA_KEY, PARAMETER_PREFIX

PART_SUFFIX = ".erasing"
_ROWS = """SELECT recipient_no FROM read_parquet(?)
    WHERE contact_id IN (?, ?) OR person_key IN (SELECT unnest(?::UBIGINT[]))"""


@dataclass(frozen=True)
class Found:
    """The rows of one frozen audience that are (or were) the person."""

    operation_id: str
    path: Path
    rows: tuple[int, ...]


def find_rows(cursor: duckdb.DuckDBPyConnection, folder: Path, traces: Traces) -> list[Found]:
    """Look through every frozen audience, also those whose launch never came to its end.

    Raises:
        StoreError: one of them can't be read.
    """
    keys = [*traces.key_numbers, traces.pseudonym_number]
    found = []
    for path in sorted(folder.glob(f"*/{FILE_NAME}")):
        try:
            rows = cursor.execute(_ROWS, [str(path), traces.contact_id, traces.nobody_id, keys]).fetchall()
        except duckdb.Error as problem:
            raise StoreError(reason=f"the frozen audience of {path.parent.name} can't be read") from problem
        header = read_header(path)
        if rows or traces.pattern.search(json.dumps(header, ensure_ascii=False)):
            numbers = tuple(sorted(row[0] for row in rows))
            found.append(Found(path.parent.name, path, numbers))
    return found


def remove_leftovers(folder: Path) -> None:
    """Remove what an interrupted launch or erasure left beside the frozen audiences; none must be under way."""
    for path in folder.glob(f"*/{FILE_NAME}.*"):
        path.unlink(missing_ok=True)


def pseudonymise(found: Found, traces: Traces) -> str:
    """Let a new file take the place of the old one. Done again, it changes nothing but the file's hash.

    Returns: the new file's hash.
    """
    waiting = found.path.with_name(found.path.name + PART_SUFFIX)
    with pq.ParquetFile(found.path, pre_buffer=False) as file:
        facts = dict(file.metadata.metadata or {})
        facts.pop(b"ARROW:schema", None)
        facts[METADATA_KEY] = traces.taken_out(facts[METADATA_KEY].decode()).encode()
        schema = file.schema_arrow.with_metadata(facts)
        with pq.ParquetWriter(waiting, schema, compression="zstd", compression_level=1) as writer:
            for table in _groups(file, found.rows, traces):
                writer.write_table(table.replace_schema_metadata(facts), row_group_size=max(table.num_rows, 1))
    _make_durable(waiting)
    digest = hash_file(waiting)
    waiting.replace(found.path)
    _make_durable(found.path.parent)
    return digest


def _groups(file: pq.ParquetFile, rows: tuple[int, ...], traces: Traces) -> Iterator[pa.Table]:
    wanted = pa.array(rows, pa.uint32())
    for number in range(file.num_row_groups):
        table = file.read_row_group(number)
        is_theirs = pc.is_in(table["recipient_no"].cast(pa.uint32()), value_set=wanted)
        yield _without_person(table, is_theirs, traces) if pc.any(is_theirs).as_py() else table


def _without_person(table: pa.Table, is_theirs: pa.ChunkedArray, traces: Traces) -> pa.Table:
    new_values: dict[str, int | None] = {"contact_id": traces.nobody_id, "person_key": traces.pseudonym_number}
    new_values |= dict.fromkeys(("phone", "user_id", "row_salt"))
    for position, field in enumerate(table.schema):
        if field.name in new_values or field.name.startswith(PARAMETER_PREFIX):
            value = "" if field.name.startswith(PARAMETER_PREFIX) else new_values[field.name]
            column = pc.if_else(is_theirs, pa.scalar(value, field.type), table.column(position))
            table = table.set_column(position, field, column)
    return table


@dataclass(frozen=True)
class Checked:
    """How many rows of a frozen audience agree with their hash, and how many stand for somebody who was erased."""

    right_count: int
    erased_count: int
    wrong: tuple[int, ...]


def check_rows(path: Path) -> Checked:
    """Work out every row's hash anew, but for those whose salt is destroyed."""
    rows_frame = pl.read_parquet(path)
    kept_frame = rows_frame.filter(pl.col("row_salt").is_not_null())
    plain_frame = kept_frame.drop("row_salt", "row_hash")
    is_right = row_hashes(plain_frame, kept_frame["row_salt"]) == kept_frame["row_hash"]
    wrong = kept_frame.filter(~is_right)["recipient_no"].to_list()
    return Checked(int(is_right.sum()), rows_frame.height - kept_frame.height, tuple(wrong))


def _make_durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
