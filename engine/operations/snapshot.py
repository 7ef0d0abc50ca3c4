"""The frozen audience: one Parquet file an operation, written once, never changed, hashed row by row.

Row groups are batches. What a worker reads of it is in `snapshot_reader` (pyarrow alone): this module starts
polars' threads and belongs to web. The file is the evidence of what was sent, so each row carries a salted hash
that anybody can work out again: SHA-256 of the row's salt and the row as JSON (all other columns, in the file's
order, no spaces). The salt is each row's own, so that one person can be erased and the rest stay checkable.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from engine.errors import NotFound, StoreError
from engine.operations.snapshot_reader import METADATA_KEY, snapshot_path
from engine.warehouse import open_scratch

__all__ = [
    "BATCH_SIZE",
    "Frozen",
    "freeze",
    "hash_file",
    "person_keys",
    "read_header",
    "row_hashes",
    "snapshot_path",
    "thaw",
]

BATCH_SIZE = 5_000
SALT_BYTES = 16
HASH_SLICE = 50_000
"""Rows hashed at once: bounds the memory that their JSON takes (250,000 are no faster)."""
REPEATING = ("country", "language", "variant")
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Frozen:
    """A snapshot on disk."""

    path: Path
    file_hash: str
    recipient_count: int
    person_keys: bytes
    """8 bytes (big endian) a recipient, in recipient_no order: what the ledger knows people by."""


def freeze(recipients: pl.DataFrame, path: Path, header: Mapping[str, Any]) -> Frozen:
    """Write the recipients under a temporary name, make them durable, and give them their name.

    Args:
        recipients: **Shape** as `preflight.Preflight.recipients`.
        path: the final name; its folder is made.
        header: goes into the file's metadata as JSON (template, bindings, audience, who, when …).

    Raises:
        StoreError: the folder can't be written.
    """
    waiting = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(recipients, waiting, header)
        _make_durable(waiting)
        waiting.replace(path)
        _make_durable(path.parent)
        _make_durable(path.parent.parent)
        return Frozen(path, hash_file(path), recipients.height, person_keys(recipients["person_key"]))
    except OSError as problem:
        raise StoreError(reason="the folder of the frozen audiences can't be written") from problem


def read_header(path: Path) -> dict[str, Any]:
    """The JSON of the file's metadata.

    Raises:
        NotFound: there is no snapshot.
        StoreError: the file is no snapshot of ours.
    """
    text = (_metadata(path).metadata or {}).get(METADATA_KEY)
    if text is None:
        raise StoreError(reason="the file of the frozen audience has no header of Ulak")
    header: dict[str, Any] = json.loads(text)
    return header


def thaw(path: Path) -> Frozen:
    """What `freeze` returned, read back from the file.

    Raises:
        NotFound: there is no snapshot.
        StoreError: the file is no snapshot of ours.
    """
    count = _metadata(path).num_rows
    keys = pl.read_parquet(path, columns=["person_key"])["person_key"]
    return Frozen(path, hash_file(path), count, person_keys(keys))


def person_keys(numbers: pl.Series) -> bytes:
    """8 bytes (big endian) a person, in order: how Redis names people."""
    return numbers.to_numpy().astype(">u8").tobytes()


def hash_file(path: Path) -> str:
    """SHA-256 of the file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def row_hashes(rows: pl.DataFrame, salts: pl.Series) -> pl.Series:
    """The hash of each row under its salt: what `row_hash` must be.

    Args:
        rows: without salt and hash, in the file's order of columns.
    """
    starts = range(0, max(rows.height, 1), HASH_SLICE)
    with open_scratch(threads=1) as connection:
        cursor = connection.cursor()
        return pl.concat(
            _hashes(cursor, rows.slice(start, HASH_SLICE), salts.slice(start, HASH_SLICE)) for start in starts
        )


def _write(recipients: pl.DataFrame, path: Path, header: Mapping[str, Any]) -> None:
    """Hash on the other processors while this one writes: neither waits for the whole, and no copy of it is made."""
    facts = {METADATA_KEY: json.dumps(dict(header), ensure_ascii=False).encode()}
    threads = max(1, min(4, os.cpu_count() or 1))
    starts = range(0, max(recipients.height, 1), HASH_SLICE)
    with open_scratch(threads=1) as connection, ThreadPoolExecutor(threads) as pool:

        def hashed(start: int) -> pa.Table:
            rows = recipients.slice(start, HASH_SLICE)
            salts = _salts(rows.height)
            return rows.with_columns(salts, _hashes(connection.cursor(), rows, salts)).to_arrow()

        waiting = deque(pool.submit(hashed, start) for start in starts[: threads + 1])
        later = iter(starts[threads + 1 :])
        schema = waiting[0].result().schema.with_metadata(facts)
        with pq.ParquetWriter(path, schema, **_manner(schema.names)) as writer:
            while waiting:
                table = waiting.popleft().result()
                waiting.extend(pool.submit(hashed, start) for start in islice(later, 1))
                writer.write_table(table.replace_schema_metadata(facts), row_group_size=BATCH_SIZE)


def _manner(columns: Sequence[str]) -> dict[str, Any]:
    """How columns are kept: salts and hashes are noise, so nothing is gained on them; few columns repeat values."""
    return {
        "compression": {name: "none" if name.startswith("row_") else "zstd" for name in columns},
        "compression_level": {name: 1 for name in columns if not name.startswith("row_")},
        "use_dictionary": [name for name in REPEATING if name in columns],
        "write_statistics": False,
    }


def _hashes(cursor: duckdb.DuckDBPyConnection, rows: pl.DataFrame, salts: pl.Series) -> pl.Series:
    """DuckDB's sha256 is vectorised; hashlib in a loop takes four times as long."""
    texts = rows.select(salts, pl.struct(rows.columns).struct.json_encode().alias("row"))  # noqa: F841
    hashed: pl.DataFrame = cursor.sql("SELECT unhex(sha256(row_salt || encode(row))) AS row_hash FROM texts").pl()
    return hashed["row_hash"]


def _salts(count: int) -> pl.Series:
    noise = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(SALT_BYTES), count, [None, pa.py_buffer(os.urandom(SALT_BYTES * count))]
    )
    return pl.Series("row_salt", pl.from_arrow(noise.cast(pa.large_binary())))


def _metadata(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except FileNotFoundError:
        raise NotFound(kind="frozen audience", id=path.parent.name) from None
    except (pa.ArrowInvalid, OSError) as problem:
        raise StoreError(reason="the file of the frozen audience can't be read") from problem


def _make_durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
