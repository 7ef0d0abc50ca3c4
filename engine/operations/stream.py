"""The event stream as its reader sees it: entries in order, rows as numbers, how far behind, how full.

The scripts of the ledger write it (one entry a call), the recorder reads it; who packs what stands in
`docs/architecture.md`. Nothing here knows DuckDB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import msgspec
import numpy as np
import redis

from engine.live import EVENTS, STORE
from engine.operations.states import ROW_DTYPE

VERSION = b"1"
KINDS = frozenset(
    {"rows", "created", "control", "state", "suppress", "lift", "inbound", "identity", "account", "mark"}
)
JSON_KINDS = frozenset({"suppress", "lift", "inbound", "identity", "account"})
PRESSURE_LIMIT = 0.25
"""Senders wait while the stream holds more than this share of the server's memory."""
HOLD_CAUSE = "stream"
"""What `claim` gives as its cause meanwhile."""
_RELEASE_AT = 0.8
_PAGE = 5_000

RawEntry = tuple[bytes, dict[bytes, bytes]]


class UnreadableEntry(ValueError):
    """An entry that no version of this reader understands; the text is the reason, without personal data."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the stream, read.

    `rows` has `ROW_DTYPE`, `ids` as many message ids (empty text: none) or nothing; both for the kind `rows` alone.
    `facts` are the JSON objects of the kinds that carry them, `fields` the texts of the others.
    """

    stream_id: str
    kind: str
    operation_id: str
    operation_no: int
    at_ms: int
    fields: dict[str, str]
    rows: np.ndarray[Any, Any] | None = None
    ids: tuple[str, ...] = ()
    is_orphan: bool = False
    facts: tuple[dict[str, Any], ...] = ()

    @property
    def row_count(self) -> int:
        """How much work the entry is."""
        return 1 if self.rows is None else max(1, len(self.rows))


def read_raw(client: redis.Redis, after: str, rows_wanted: int) -> list[RawEntry]:
    """Entries after a stream id, oldest first, until about `rows_wanted` rows are in hand."""
    found: list[RawEntry] = []
    count, start = 0, after
    while count < rows_wanted:
        page = cast("list[RawEntry]", client.xrange(EVENTS, min=f"({start}", max="+", count=_PAGE))
        for position, (_, fields) in enumerate(page):
            count += max(1, len(fields.get(b"rows", b"")) // ROW_DTYPE.itemsize)
            if count >= rows_wanted:
                return found + page[: position + 1]
        found += page
        if len(page) < _PAGE:
            break
        start = page[-1][0].decode()
    return found


def read_entry(raw: RawEntry) -> Entry:
    """Read one entry.

    Raises:
        UnreadableEntry: its version, kind or shape is not known.
    """
    stream_id, fields = raw
    if fields.get(b"v", VERSION) != VERSION:
        raise UnreadableEntry("unknown version")
    kind = fields.get(b"k", b"").decode("ascii", "replace")
    if kind not in KINDS:
        raise UnreadableEntry("unknown kind")
    try:
        return _read(stream_id.decode(), kind, fields)
    except (ValueError, KeyError, TypeError, msgspec.MsgspecError) as problem:
        if isinstance(problem, UnreadableEntry):
            raise
        raise UnreadableEntry(f"malformed {kind}: {type(problem).__name__}") from None


def _read(stream_id: str, kind: str, fields: dict[bytes, bytes]) -> Entry:
    at_ms = int(fields.get(b"at") or stream_id.partition("-")[0])
    facts: tuple[dict[str, Any], ...] = ()
    texts: dict[str, str] = {}
    rows: np.ndarray[Any, Any] | None = None
    ids: tuple[str, ...] = ()
    if kind in JSON_KINDS:
        found = msgspec.json.decode(fields[b"j"])
        facts = tuple(found) if isinstance(found, list) else (found,)
        if not all(isinstance(fact, dict) for fact in facts):
            raise UnreadableEntry(f"malformed {kind}: no object")
    elif kind == "rows":
        rows, ids = _read_rows(fields)
    else:
        texts = {name.decode(): value.decode() for name, value in fields.items()}
    return Entry(
        stream_id=stream_id,
        kind=kind,
        operation_id=fields.get(b"op", b"").decode(),
        operation_no=int(fields.get(b"no") or 0),
        at_ms=at_ms,
        fields=texts,
        rows=rows,
        ids=ids,
        is_orphan=fields.get(b"orphan") == b"1",
        facts=facts,
    )


def _read_rows(fields: dict[bytes, bytes]) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    rows = np.frombuffer(fields[b"rows"], ROW_DTYPE)
    blob = fields.get(b"ids")
    ids = tuple(blob.decode().split("\n")) if blob else ()
    if ids and len(ids) != len(rows):
        raise UnreadableEntry("malformed rows: ids don't fit the rows")
    return rows, ids


def next_id(stream_id: str) -> str:
    """The smallest id after one: what MINID is set to when everything up to it is recorded."""
    milliseconds, _, sequence = stream_id.partition("-")
    return f"{milliseconds}-{int(sequence or 0) + 1}"


def stream_pressure(client: redis.Redis) -> float:
    """The share (0–1) of the server's memory that unrecorded events hold; senders wait at `PRESSURE_LIMIT`."""
    pipe = client.pipeline(transaction=False)
    pipe.memory_usage(EVENTS)
    pipe.info("memory")
    used, memory = pipe.execute()
    return pressure_of(used, memory)


def pressure_of(stream_bytes: int | None, memory: dict[str, Any]) -> float:
    """The same from the two answers, for callers that have them."""
    limit = int(memory.get("maxmemory") or 0) or int(memory.get("total_system_memory") or 0)
    return (stream_bytes or 0) / limit if limit else 0.0


def publish_pressure(client: redis.Redis) -> float:
    """Measure the pressure and leave it in the store's hash: field `pressure`, and `hold` while senders must wait."""
    pressure = stream_pressure(client)
    holding = cast("bytes | None", client.hget(STORE, "hold"))
    client.hset(STORE, "pressure", f"{pressure:.4f}")
    if pressure >= PRESSURE_LIMIT and not holding:
        client.hset(STORE, "hold", HOLD_CAUSE)
    elif pressure < PRESSURE_LIMIT * _RELEASE_AT and holding == HOLD_CAUSE.encode():
        client.hdel(STORE, "hold")
    return pressure


def stream_lag(client: redis.Redis, offset: str) -> tuple[int, float]:
    """(entries, seconds) that are not recorded yet; seconds is the age of the oldest."""
    pipe = client.pipeline(transaction=False)
    pipe.xrange(EVENTS, min=f"({offset}", max="+", count=1)
    pipe.xlen(EVENTS)
    pipe.time()
    oldest, length, (seconds, microseconds) = pipe.execute()
    if not oldest:
        return 0, 0.0
    born_ms = int(oldest[0][0].partition(b"-")[0])
    return int(length), max(0.0, seconds + microseconds / 1e6 - born_ms / 1000)
