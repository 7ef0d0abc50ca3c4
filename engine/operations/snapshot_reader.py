"""A frozen audience as the worker reads it: one row group at a time, with pyarrow and without its threads.

Never polars or DuckDB: this runs in a child of the worker, and the pools of both do not survive a fork. What the
file says of itself (operation, template, channel) lies in its metadata, so that a worker needs no store.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from engine.errors import NotFound, UnreadableFile

METADATA_KEY = b"ulak"
FILE_NAME = "recipients.parquet"
PARAMETER_PREFIX = "p_"


class Recipient(NamedTuple):
    """One frozen person: whom to send to, and the values of the template's slots in order."""

    recipient_no: int
    phone: str
    user_id: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """What a snapshot says of itself."""

    path: Path
    facts: dict[str, Any]
    batch_count: int
    recipient_count: int
    parameter_columns: tuple[str, ...]


def snapshot_path(operations_folder: Path, operation_id: str) -> Path:
    """Where the frozen audience of an operation lies."""
    return operations_folder / operation_id / FILE_NAME


def open_snapshot(path: Path) -> Snapshot:
    """Read what the file says of itself; no rows.

    Raises:
        NotFound: there is no such file.
        UnreadableFile: it is no snapshot of ours.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            schema = file.schema_arrow
            facts = json.loads((file.metadata.metadata or {})[METADATA_KEY])
            names = [name for name in schema.names if name.startswith(PARAMETER_PREFIX)]
            names.sort(key=lambda name: int(name.removeprefix(PARAMETER_PREFIX)))
            return Snapshot(path, facts, file.num_row_groups, file.metadata.num_rows, tuple(names))
    except FileNotFoundError:
        raise NotFound(kind="snapshot", id=path.parent.name) from None
    except (pa.ArrowInvalid, KeyError, ValueError) as problem:
        raise UnreadableFile(reason=f"{path.name} is no frozen audience ({type(problem).__name__})") from None


def read_batch(snapshot: Snapshot, batch_no: int) -> list[Recipient]:
    """The recipients of one batch (a row group), in order of `recipient_no`.

    Raises:
        NotFound: the snapshot has no such batch.
        UnreadableFile: its row groups are not its batches.
    """
    if not 0 <= batch_no < snapshot.batch_count:
        raise NotFound(kind="batch", id=batch_no)
    columns = ["recipient_no", "phone", "user_id", *snapshot.parameter_columns]
    with pq.ParquetFile(snapshot.path, pre_buffer=False) as file:
        table = file.read_row_group(batch_no, columns=columns, use_threads=False)
    if table.column("recipient_no")[0].as_py() != batch_no * snapshot.facts["batch_size"]:
        raise UnreadableFile(reason="the row groups of the frozen audience are not its batches")
    lists = {name: table.column(name).to_pylist() for name in columns}
    parameters = [lists[name] for name in snapshot.parameter_columns]
    values = zip(*parameters, strict=True) if parameters else ((),) * table.num_rows
    return [
        Recipient(number, phone or "", user_id or "", tuple(text or "" for text in row))
        for number, phone, user_id, row in zip(
            lists["recipient_no"], lists["phone"], lists["user_id"], values, strict=True
        )
    ]
