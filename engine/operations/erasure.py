"""Erases a person (KVKK/GDPR): gone from contacts, lists, what isn't sent yet, frozen audiences, what was recorded.

    begun      DuckDB: a row of `erasures`, with the pseudonym            nothing is changed yet
    ended      Redis: waiting rows are ended, all their rows renamed      from here on nothing is sent to them
    frozen     each Parquet file anew, its new hash and its rows recorded
    sandbox    the simulated provider forgets them
    names      Redis: service windows and learned names
    finished   DuckDB and files, one transaction                          the contact is gone

Each step can be done again; an erasure that was interrupted is finished at web's start. The bytes go with the next
purge (`purge`). What keeps messages from the person stays, known by a keyed hash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import duckdb
import redis

from engine.clock import to_store
from engine.contacts.person import key_from_int, key_to_int, new_pseudonym
from engine.errors import NotFound
from engine.ids import new_id
from engine.live import reaching_redis
from engine.operations.erasure_files import clean_files
from engine.operations.erasure_live import end_in_ledgers, forget_names, keep_suppressed
from engine.operations.erasure_rows import forget_rows
from engine.operations.erasure_sandbox import forget_in_sandbox
from engine.operations.erasure_snapshot import Found, find_rows, pseudonymise, remove_leftovers
from engine.operations.erasure_traces import Traces, traces_of
from engine.operations.launch import one_at_a_time
from engine.settings import Settings
from engine.warehouse import Warehouse, audit

AfterStep = Callable[[str], None]
"""Called with a step's name once it is done: begun, ended, frozen, sandbox, names, finished."""
TRIES = 5
"""The recorder may write a delivery at the same moment; then the last step is tried again."""


@dataclass(frozen=True)
class Erasure:
    """What an erasure did. Their messages still count, under the pseudonym."""

    erasure_id: str
    contact_id: int
    operation_ids: tuple[str, ...]
    """Operations that had them among their recipients."""
    ended_count: int
    """Messages to them that waited and won't be sent."""
    imports_given_up: tuple[str, ...]
    """Unfinished imports that held them: their files must be uploaded again."""
    changed_text_count: int
    """Rules, mappings and other texts that named their number or address, and don't any more."""


@dataclass(frozen=True)
class _Begun:
    erasure_id: str
    contact_id: int
    person: bytes
    pseudonym: bytes
    who: str


def erase_contact(
    warehouse: Warehouse,
    client: redis.Redis,
    settings: Settings,
    contact_id: int,
    *,
    who: str,
    now: datetime,
    reason: str = "",
    after_step: AfterStep = lambda step: None,
) -> Erasure:
    """Erase a contact. One at a time, and not while an operation is launched.

    Raises:
        NotFound: there is no such contact (any more).
        QueueUnavailable: Redis is away. What was begun is finished later.
        StoreError: a file or the sandbox can't be changed now. What was begun is finished later.
    """
    with one_at_a_time:
        with reaching_redis():
            client.ping()
        begun = _begin(warehouse, contact_id, who, now, reason)
        after_step("begun")
        return _carry_out(warehouse, client, settings, begun, now, after_step)


def resume_erasures(warehouse: Warehouse, client: redis.Redis, settings: Settings, *, now: datetime) -> list[Erasure]:
    """Finish each erasure that was begun and interrupted, the oldest first.

    Raises:
        QueueUnavailable, StoreError: as `erase_contact`; the rest stays for the next call.
    """
    with one_at_a_time:
        begun = unfinished(warehouse.cursor())
        return [_carry_out(warehouse, client, settings, each, now, lambda step: None) for each in begun]


def unfinished(cursor: duckdb.DuckDBPyConnection) -> list[_Begun]:
    """The erasures that were begun and aren't finished."""
    rows = cursor.execute(
        "SELECT erasure_id, contact_id, person_key, pseudonym, by_whom FROM erasures WHERE finished_at IS NULL"
        " ORDER BY erased_at, erasure_id"
    ).fetchall()
    return [_Begun(row[0], row[1], key_from_int(row[2]), key_from_int(row[3]), row[4]) for row in rows]


def _begin(warehouse: Warehouse, contact_id: int, who: str, now: datetime, reason: str) -> _Begun:
    with warehouse.writing() as cursor:
        for each in unfinished(cursor):
            if each.contact_id == contact_id:
                return each
        rows = cursor.execute("SELECT person_key FROM contacts WHERE contact_id = ?", [contact_id]).fetchall()
        if not rows:
            raise NotFound(kind="contact", id=contact_id)
        pseudonym = _free_pseudonym(cursor)
        begun = _Begun(new_id("era", now), contact_id, key_from_int(rows[0][0]), pseudonym, who)
        cursor.execute(
            "INSERT INTO erasures (erasure_id, person_key, pseudonym, contact_id, by_whom, erased_at, reason)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [begun.erasure_id, rows[0][0], key_to_int(pseudonym), contact_id, who, to_store(now), reason or None],
        )
        return begun


def _free_pseudonym(cursor: duckdb.DuckDBPyConnection) -> bytes:
    taken = {row[0] for row in cursor.execute("SELECT pseudonym FROM erasures").fetchall()}
    while key_to_int(pseudonym := new_pseudonym()) in taken:
        pass
    return pseudonym


def _carry_out(
    warehouse: Warehouse,
    client: redis.Redis,
    settings: Settings,
    begun: _Begun,
    now: datetime,
    after: AfterStep,
) -> Erasure:
    cursor = warehouse.cursor()
    traces = _traces(cursor, warehouse.salt, begun)
    remove_leftovers(settings.operations_folder)
    found = find_rows(cursor, settings.operations_folder, traces)
    with reaching_redis():
        keep_suppressed(client, traces, standing=_standing(cursor, traces), who=begun.who)
        rows = {each.operation_id: each.rows for each in found if each.rows}
        ended = end_in_ledgers(client, traces, rows, who=begun.who)
    after("ended")
    for each in found:
        _record_frozen(warehouse, begun, each, pseudonymise(each, traces), now)
        after("frozen")
    forget_in_sandbox(settings, traces)
    after("sandbox")
    with reaching_redis():
        forget_names(client, traces)
    after("names")
    given_up, changed = _finish(warehouse, settings, begun, traces, now, operations=len(rows), ended=ended)
    after("finished")
    return Erasure(begun.erasure_id, begun.contact_id, tuple(rows), ended, given_up, changed)


def _traces(cursor: duckdb.DuckDBPyConnection, salt: bytes, begun: _Begun) -> Traces:
    """By what they are found; where the contact went another way meanwhile, by id and key alone."""
    try:
        return traces_of(cursor, salt, begun.contact_id, begun.pseudonym)
    except NotFound:
        return Traces(begun.contact_id, begun.pseudonym, begun.person)


def _standing(cursor: duckdb.DuckDBPyConnection, traces: Traces) -> list[tuple[str, str]]:
    """What keeps messages from them, as the record has it: (scope, reason); their own word counts too."""
    rows = cursor.execute(
        "SELECT DISTINCT scope, reason FROM suppressions WHERE lifted_at IS NULL"
        " AND person_key IN (SELECT unnest(?::UBIGINT[]))",
        [traces.key_numbers],
    ).fetchall()
    consent = cursor.execute("SELECT consent FROM contacts WHERE contact_id = ?", [traces.contact_id]).fetchall()
    has_opted_out = bool(consent) and consent[0][0] == "opted_out"
    return list(rows) or ([("marketing", "manual")] if has_opted_out else [])


def _record_frozen(warehouse: Warehouse, begun: _Begun, found: Found, digest: str, now: datetime) -> None:
    """The file's new hash, and which of its rows stand for nobody."""
    with warehouse.writing() as cursor:
        cursor.execute(
            "UPDATE operations SET snapshot_hash = ? WHERE operation_id = ? AND snapshot_hash IS NOT NULL",
            [digest, found.operation_id],
        )
        for number in found.rows:
            cursor.execute(
                "INSERT INTO erased_recipients SELECT o.operation_no, $row, $erasure FROM operations AS o"
                " WHERE o.operation_id = $operation AND o.operation_no IS NOT NULL AND NOT EXISTS"
                " (SELECT 1 FROM erased_recipients WHERE operation_no = o.operation_no AND recipient_no = $row)",
                {"operation": found.operation_id, "row": number, "erasure": begun.erasure_id},
            )
        subject, detail = ("operation", found.operation_id), {"rows": len(found.rows), "file": digest}
        audit(cursor, who=begun.who, verb="pseudonymised", subject=subject, now=now, **detail)


def _finish(
    warehouse: Warehouse,
    settings: Settings,
    begun: _Begun,
    traces: Traces,
    now: datetime,
    **detail: int,
) -> tuple[tuple[str, ...], int]:
    """The last transaction: (the imports given up, how many texts changed)."""
    for attempt in range(TRIES):
        try:
            with warehouse.writing() as cursor:
                given_up = clean_files(cursor, settings, traces)
                changed = forget_rows(cursor, traces)
                cursor.execute(
                    "UPDATE erasures SET finished_at = ? WHERE erasure_id = ?", [to_store(now), begun.erasure_id]
                )
                subject, facts = ("contact", str(begun.contact_id)), {"erasure": begun.erasure_id, **detail}
                audit(cursor, who=begun.who, verb="erased", subject=subject, now=now, **facts)
            return given_up, changed
        except duckdb.TransactionException:
            if attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")
