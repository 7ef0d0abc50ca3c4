"""Writes what happened to recipients: `events` gets every row, `deliveries` one state per recipient.

A run of rows becomes one Arrow table, one INSERT and one MERGE for all its operations; the last row in stream order
wins, a late row brings its time and its price alone, the earliest time is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from engine.clock import from_ms, to_store
from engine.operations.recording_erased import without_their_ids
from engine.operations.states import FLAG_LATE, ROW_DTYPE, DeliveryState
from engine.operations.stream import Entry, UnreadableEntry

_ACCEPTED = f"{DeliveryState.ACCEPTED:d}, {DeliveryState.HELD:d}"
_DELIVERED = f"{DeliveryState.DELIVERED:d}, {DeliveryState.READ:d}"
_INSERT_EVENTS = """
    INSERT INTO events
    SELECT operation_no, recipient_no, attempt, state, flags, code, happened_at FROM recorded_rows ORDER BY place
"""
_MERGE_DELIVERIES = f"""
    MERGE INTO deliveries AS d USING (
        SELECT operation_no, recipient_no,
            max_by(state, place) FILTER (WHERE flags & {FLAG_LATE} = 0) AS state,
            max_by(attempt, place) FILTER (WHERE flags & {FLAG_LATE} = 0) AS attempt,
            max_by(code, place) FILTER (WHERE flags & {FLAG_LATE} = 0) AS code,
            max_by(flags & 126, place) FILTER (WHERE flags & 126 > 0) AS pricing,
            max_by(message_id, place) FILTER (WHERE message_id IS NOT NULL) AS message_id,
            min(happened_at) FILTER (WHERE state IN ({_ACCEPTED})) AS accepted_at,
            min(happened_at) FILTER (WHERE state = {DeliveryState.SENT:d}) AS sent_at,
            min(happened_at) FILTER (WHERE state IN ({_DELIVERED})) AS delivered_at,
            min(happened_at) FILTER (WHERE state = {DeliveryState.READ:d}) AS read_at,
            min(happened_at) FILTER (WHERE state = {DeliveryState.FAILED:d}) AS failed_at,
            max(recorded_at) AS updated_at
        FROM recorded_rows GROUP BY operation_no, recipient_no
    ) AS r ON d.operation_no = r.operation_no AND d.recipient_no = r.recipient_no
    WHEN MATCHED THEN UPDATE SET
        state = coalesce(r.state, d.state), attempt = coalesce(r.attempt, d.attempt), code = coalesce(r.code, d.code),
        pricing = coalesce(r.pricing, d.pricing), message_id = coalesce(r.message_id, d.message_id),
        accepted_at = least(d.accepted_at, r.accepted_at), sent_at = least(d.sent_at, r.sent_at),
        delivered_at = least(d.delivered_at, r.delivered_at), read_at = least(d.read_at, r.read_at),
        failed_at = least(d.failed_at, r.failed_at), updated_at = greatest(d.updated_at, r.updated_at)
    WHEN NOT MATCHED THEN INSERT (operation_no, recipient_no, state, attempt, code, pricing, message_id, accepted_at,
        sent_at, delivered_at, read_at, failed_at, updated_at)
    VALUES (r.operation_no, r.recipient_no, coalesce(r.state, 0), coalesce(r.attempt, 0), coalesce(r.code, 0),
        coalesce(r.pricing, 0), r.message_id, r.accepted_at, r.sent_at, r.delivered_at, r.read_at, r.failed_at,
        r.updated_at)
"""
_CREATE_DELIVERIES = """
    INSERT INTO deliveries (operation_no, recipient_no, state, attempt, code, pricing, updated_at)
    SELECT $no, r.range, 0, 0, 0, 0, $moment FROM range($count) AS r
    WHERE NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.operation_no = $no AND d.recipient_no = r.range)
    ORDER BY r.range
"""
_CONTROL_DELIVERIES = """
    UPDATE deliveries SET state = $state, updated_at = $moment
    WHERE operation_no = $no AND recipient_no >= $low AND recipient_no < $high
        AND state IN (SELECT unnest($states))
"""
_HIGHEST_STATE = max(DeliveryState)
_FAILABLE = frozenset(
    {
        DeliveryState.CLAIMED,
        DeliveryState.UNKNOWN,
        DeliveryState.PENDING,
        DeliveryState.ACCEPTED,
        DeliveryState.HELD,
        DeliveryState.SENT,
    }
)
_BEFORE_ACCEPTANCE = frozenset({DeliveryState.CLAIMED, DeliveryState.UNKNOWN, DeliveryState.PENDING})
_RANKS = {DeliveryState.ACCEPTED: 1, DeliveryState.HELD: 1, DeliveryState.SENT: 2}


def record_deliveries(cursor: duckdb.DuckDBPyConnection, entries: Sequence[Entry]) -> int:
    """Apply the entries of the kinds `created`, `rows` and `control`, in order, inside the caller's transaction.

    Returns: how many rows of `events` were written.
    """
    written = 0
    run: list[Entry] = []
    for entry in entries:
        if entry.kind == "rows" and not entry.is_orphan:
            run.append(entry)
            continue
        written += _record_rows(cursor, run)
        run = []
        if entry.kind == "created":
            _create(cursor, entry)
        elif entry.kind == "control":
            _control(cursor, entry)
        else:
            written += _record_orphans(cursor, entry)
    return written + _record_rows(cursor, run)


def _create(cursor: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    moment = to_store(from_ms(entry.at_ms))
    cursor.execute(_CREATE_DELIVERIES, {"no": entry.operation_no, "moment": moment, "count": int(entry.fields["n"])})


def _control(cursor: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    if not entry.fields.get("from"):
        return
    bound = {
        "state": int(entry.fields["to"]),
        "moment": to_store(from_ms(entry.at_ms)),
        "no": entry.operation_no,
        "low": int(entry.fields["lo"]),
        "high": int(entry.fields["hi"]),
        "states": [int(state) for state in entry.fields["from"].split(",")],
    }
    cursor.execute(_CONTROL_DELIVERIES, bound)


def _record_rows(cursor: duckdb.DuckDBPyConnection, run: Sequence[Entry]) -> int:
    if not run:
        return 0
    table = without_their_ids(cursor, rows_table(run))
    cursor.register("recorded_rows", table)
    try:
        cursor.execute(_INSERT_EVENTS)
        cursor.execute(_MERGE_DELIVERIES)
    finally:
        cursor.unregister("recorded_rows")
    return int(table.num_rows)


def rows_table(run: Sequence[Entry]) -> pa.Table:
    """The rows of a run as one table.

    Returns: `operation_no`, `recipient_no` int32, `attempt` uint16, `state`, `flags` uint8, `code` int32,
        `happened_at`, `recorded_at` timestamp[ms] (UTC), `message_id` text or null, `place` int64: one row per row of
        the stream, in stream order.

    Raises:
        UnreadableEntry: a state or a number that can't be. Looked at for the whole run: entries are many and small.
    """
    blocks = [entry.rows for entry in run if entry.rows is not None]
    rows = np.concatenate(blocks) if blocks else np.empty(0, ROW_DTYPE)
    if len(rows) and int(rows["state"].max()) > _HIGHEST_STATE:
        raise UnreadableEntry("malformed rows: unknown state")
    if len(rows) and max(int(rows["code"].max()), int(rows["recipient_no"].max())) >= 2**31:
        raise UnreadableEntry("malformed rows: number out of range")
    lengths = [len(block) for block in blocks]
    recorded_ms = np.repeat(np.array([entry.at_ms for entry in run], np.int64), lengths)
    happened_ms = np.where(rows["at_s"] > 0, rows["at_s"].astype(np.int64) * 1000, recorded_ms)
    columns: dict[str, Any] = {
        "operation_no": np.repeat(np.array([entry.operation_no for entry in run], np.int32), lengths),
        "recipient_no": rows["recipient_no"].astype(np.int32),
        "attempt": np.ascontiguousarray(rows["attempt"]),
        "state": np.ascontiguousarray(rows["state"]),
        "flags": np.ascontiguousarray(rows["flags"]),
        "code": rows["code"].astype(np.int32),
        "happened_at": pa.array(happened_ms, pa.timestamp("ms")),
        "recorded_at": pa.array(recorded_ms, pa.timestamp("ms")),
        "message_id": _message_ids(run, lengths),
        "place": np.arange(len(rows), dtype=np.int64),
    }
    return pa.table(columns)


def _message_ids(run: Sequence[Entry], lengths: Sequence[int]) -> pa.Array:
    if not any(entry.ids for entry in run):
        return pa.nulls(sum(lengths), pa.string())
    ids: list[str | None] = []
    for entry, length in zip(run, lengths, strict=True):
        ids += [text or None for text in entry.ids] if entry.ids else [None] * length
    return pa.array(ids, pa.string())


def _record_orphans(cursor: duckdb.DuckDBPyConnection, entry: Entry) -> int:
    """The ledger is gone, so the rule of progress is applied here: rows that don't hold become late ones."""
    if entry.rows is None or not len(entry.rows):
        return 0
    number = entry.operation_no or _number_of(cursor, entry.operation_id)
    rows = entry.rows.copy()
    stood = cursor.execute(
        "SELECT recipient_no, state, attempt FROM deliveries "
        "WHERE operation_no = ? AND recipient_no IN (SELECT unnest(?))",
        [number, [int(recipient) for recipient in rows["recipient_no"]]],
    ).fetchall()
    known = {recipient: (state, attempt) for recipient, state, attempt in stood}
    for row in rows:
        recipient, state, attempt = int(row["recipient_no"]), int(row["state"]), int(row["attempt"])
        now_state, now_attempt = known.get(recipient, (int(DeliveryState.PENDING), 0))
        if counts(now_state, now_attempt, state, attempt):
            known[recipient] = (state, attempt)
        else:
            row["flags"] |= FLAG_LATE
    settled = Entry(
        entry.stream_id, "rows", entry.operation_id, number, entry.at_ms, entry.fields, rows=rows, ids=entry.ids
    )
    return _record_rows(cursor, [settled])


def counts(stands: int, stands_attempt: int, state: int, attempt: int) -> bool:
    """Whether a word about an attempt changes what stands, when no ledger decides any more."""
    if state in (DeliveryState.DELIVERED, DeliveryState.READ):
        return stands not in (DeliveryState.DELIVERED, DeliveryState.READ) or state > stands
    if attempt < stands_attempt or stands in (DeliveryState.DELIVERED, DeliveryState.READ):
        return False
    if attempt > stands_attempt:
        return True
    if state == DeliveryState.FAILED:
        return stands in _FAILABLE
    if state in _RANKS:
        return stands in _BEFORE_ACCEPTANCE or _RANKS.get(DeliveryState(stands), 9) < _RANKS[DeliveryState(state)]
    return False


def _number_of(cursor: duckdb.DuckDBPyConnection, operation_id: str) -> int:
    found = cursor.execute(
        "SELECT operation_no FROM operations WHERE operation_id = ? AND operation_no IS NOT NULL", [operation_id]
    ).fetchall()
    if not found:
        raise UnreadableEntry("orphan rows of an operation that the store doesn't know")
    return int(found[0][0])
