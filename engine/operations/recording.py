"""Records the event stream in DuckDB: each entry exactly once, whatever dies when.

One transaction writes what a batch of entries says *and* moves `ingest_offset`; what was recorded is trimmed from the
stream afterwards. An entry that can't be recorded goes alone to `rejected_events` with the reason, the rest goes on.
The recorder alone writes its tables; where a batch touches what pages write too, it holds the writer lock.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import msgspec

from engine.clock import from_ms, to_store, utc_now
from engine.errors import InputError
from engine.operations.recording_account import record_notices
from engine.operations.recording_facts import record_identities, record_inbound
from engine.operations.recording_rows import record_deliveries
from engine.operations.recording_suppressions import record_suppressions
from engine.operations.states import OperationState
from engine.operations.stream import Entry, RawEntry, UnreadableEntry, read_entry
from engine.warehouse import Warehouse

ENTRY_FAULTS = (
    ValueError,
    KeyError,
    TypeError,
    OverflowError,
    InputError,
    duckdb.DataError,
    duckdb.IntegrityError,
    duckdb.ProgrammingError,
    duckdb.NotSupportedError,
)
"""What an entry itself can be guilty of; a full disk, a conflict or a dead file is not among it and is raised."""
_SHARED_KINDS = frozenset({"created", "state", "inbound", "account"})
_STATE = """
    UPDATE operations SET state = $state, cause = $cause, updated_at = $moment,
        completed_at = CASE WHEN $state = 'completed' THEN $moment END
    WHERE operation_id = $operation
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one pass did."""

    entries: int = 0
    events: int = 0
    rejected: int = 0

    def __add__(self, other: Recorded) -> Recorded:
        return Recorded(self.entries + other.entries, self.events + other.events, self.rejected + other.rejected)


def ingest_offset(warehouse: Warehouse) -> str:
    """The id of the last stream entry that is recorded."""
    with contextlib.closing(warehouse.cursor()) as cursor:
        return str(cursor.execute("SELECT stream_id FROM ingest_offset").fetchall()[0][0])


def record(warehouse: Warehouse, raws: Sequence[RawEntry]) -> Recorded:
    """Record entries, oldest first.

    Raises:
        duckdb.Error: the store can't take anything now (disk, conflict); nothing of it is recorded.
    """
    if not raws:
        return Recorded()
    try:
        return _commit(warehouse, raws)
    except ENTRY_FAULTS as problem:
        if len(raws) > 1:
            middle = len(raws) // 2
            return record(warehouse, raws[:middle]) + record(warehouse, raws[middle:])
        return _record_alone(warehouse, raws[0], problem)


def _record_alone(warehouse: Warehouse, raw: RawEntry, first: BaseException) -> Recorded:
    try:
        return _commit(warehouse, [raw])
    except ENTRY_FAULTS as problem:
        reason = str(problem) if isinstance(problem, UnreadableEntry) else type(problem).__name__
        return _commit(warehouse, [], rejected=[(raw, reason or type(first).__name__)])


def _commit(
    warehouse: Warehouse, raws: Sequence[RawEntry], rejected: Sequence[tuple[RawEntry, str]] = ()
) -> Recorded:
    """One transaction: the entries, the rejected ones, the offset."""
    entries: list[Entry] = []
    refused = list(rejected)
    for raw in raws:
        try:
            entries.append(read_entry(raw))
        except UnreadableEntry as problem:
            refused.append((raw, str(problem)))
    last = max((raw[0] for raw in [*raws, *(raw for raw, _ in rejected)]), key=_id_order)
    is_shared = any(entry.kind in _SHARED_KINDS for entry in entries)
    with _transaction(warehouse, is_shared) as cursor:
        events, has_news = _apply(cursor, entries, warehouse.salt if is_shared else b"")
        for raw, reason in refused:
            _reject(cursor, raw, reason)
        count = len(raws) + len(rejected)
        cursor.execute(
            "UPDATE ingest_offset SET stream_id = ?, recorded_count = recorded_count + ?, happened_at = ?",
            [last.decode(), count, to_store(utc_now())],
        )
    if has_news:
        warehouse.bump()
    return Recorded(count, events, len(refused))


@contextlib.contextmanager
def _transaction(warehouse: Warehouse, is_shared: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor in a transaction; under the writer lock when it touches what others write."""
    with contextlib.ExitStack() as stack:
        if is_shared:
            cursor = stack.enter_context(warehouse.exclusive())
        else:
            cursor = stack.enter_context(contextlib.closing(warehouse.cursor()))
        cursor.execute("BEGIN TRANSACTION")
        try:
            yield cursor
            cursor.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(duckdb.Error):
                cursor.execute("ROLLBACK")
            raise


def _apply(cursor: duckdb.DuckDBPyConnection, entries: Sequence[Entry], salt: bytes) -> tuple[int, bool]:
    """Write everything; returns how many events, and whether pages' caches are out of date."""
    lanes: dict[str, list[Entry]] = {}
    for entry in entries:
        lanes.setdefault(_LANES[entry.kind], []).append(entry)
    events = record_deliveries(cursor, lanes.get("deliveries", []))
    for entry in lanes.get("deliveries", []):
        if entry.kind != "rows":
            _record_step(cursor, entry)
    for entry in lanes.get("state", []):
        _record_state(cursor, entry)
    suppressed = record_suppressions(cursor, lanes.get("suppressions", []))
    added = record_inbound(cursor, lanes.get("inbound", []), salt)
    record_identities(cursor, lanes.get("identity", []))
    record_notices(cursor, lanes.get("account", []))
    return events, bool(suppressed or added)


_LANES = {
    "rows": "deliveries",
    "created": "deliveries",
    "control": "deliveries",
    "state": "state",
    "suppress": "suppressions",
    "lift": "suppressions",
    "inbound": "inbound",
    "identity": "identity",
    "account": "account",
    "mark": "mark",
}


def _record_step(cursor: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    """A `created` or `control` entry in the operation's own history."""
    if entry.kind == "created":
        bound = {"operation": entry.operation_id, "moment": to_store(from_ms(entry.at_ms))}
        state = entry.fields.get("state") or OperationState.RUNNING.value
        cursor.execute(
            "UPDATE operations SET state = $state, updated_at = $moment "
            "WHERE operation_id = $operation AND state = 'launching'",
            {**bound, "state": state},
        )
    kept = ("n", "verb", "who", "lo", "hi", "from", "to", "state")
    _record_history(cursor, entry, {name: entry.fields[name] for name in kept if name in entry.fields})


def _record_state(cursor: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    state = OperationState(entry.fields["state"])
    bound = {
        "state": state.value,
        "cause": entry.fields.get("cause") or None,
        "moment": to_store(from_ms(entry.at_ms)),
        "operation": entry.operation_id,
    }
    cursor.execute(_STATE, bound)
    kept = ("state", "cause", "who", "until_ms")
    _record_history(cursor, entry, {name: entry.fields[name] for name in kept if entry.fields.get(name)})


def _record_history(cursor: duckdb.DuckDBPyConnection, entry: Entry, detail: dict[str, str]) -> None:
    cursor.execute(
        "INSERT INTO operation_events VALUES (?, ?, ?, ?, ?)",
        [
            entry.operation_no or None,
            entry.operation_id,
            to_store(from_ms(entry.at_ms)),
            entry.kind,
            json.dumps(detail, ensure_ascii=False),
        ],
    )


def _reject(cursor: duckdb.DuckDBPyConnection, raw: RawEntry, reason: str) -> None:
    stream_id, fields = raw
    whole = msgspec.json.encode({name.decode("utf-8", "replace"): value for name, value in fields.items()})
    cursor.execute(
        "INSERT INTO rejected_events VALUES (?, ?, ?, ?)",
        [stream_id.decode(), reason, whole, to_store(utc_now())],
    )


def _id_order(stream_id: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = stream_id.partition(b"-")
    return int(milliseconds), int(sequence or 0)
