"""Writes what people did: answers, service windows, learned names, unknown senders as contacts.

A contact that exists is never changed here. Runs inside the recorder's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from engine.clock import from_ms, to_store
from engine.contacts.model import Origin
from engine.contacts.person import bucket_of, key_to_int, person_key
from engine.contacts.phones import match_key, parse_phone
from engine.errors import InvalidPhone
from engine.operations.inbound import WINDOWLESS_KINDS
from engine.operations.recording_erased import erased_at, without_erased
from engine.operations.stream import Entry

ANSWER_REACH = timedelta(days=31)
"""An answer is looked for among the operations launched within this time."""

TAP_KINDS = frozenset({"button", "interactive"})
"""Kinds of message that are a press of a button; one without a payload is recorded as `?`."""

_OURS = """
    SELECT DISTINCT message_id FROM deliveries WHERE message_id IN (SELECT unnest($contexts))
        AND operation_no >= (SELECT min(operation_no) FROM operations WHERE launched_at >= $since)
"""
_ANSWERED = """
    UPDATE deliveries AS d
    SET answered_at = least(d.answered_at, a.happened_at), pressed = coalesce(d.pressed, a.pressed)
    FROM (SELECT context_id, min(happened_at) AS happened_at,
              arg_min(payload, happened_at) FILTER (WHERE payload IS NOT NULL) AS pressed
          FROM recorded_inbound WHERE is_answer GROUP BY context_id) AS a
    WHERE d.message_id = a.context_id
        AND d.operation_no >= (SELECT min(operation_no) FROM operations WHERE launched_at >= $since)
"""
_FACTS = """
    MERGE INTO contact_facts AS f USING (
        SELECT person_key, max(happened_at) AS last_message_at,
            max(happened_at) FILTER (WHERE is_answer) AS last_answer_at,
            arg_min(CASE WHEN referral THEN 'ad' WHEN is_answer THEN 'business' ELSE 'customer' END, happened_at)
                AS began
        FROM recorded_inbound GROUP BY person_key
    ) AS n ON f.person_key = n.person_key
    WHEN MATCHED THEN UPDATE SET last_message_at = greatest(f.last_message_at, n.last_message_at),
        last_answer_at = greatest(f.last_answer_at, n.last_answer_at)
    WHEN NOT MATCHED THEN INSERT VALUES (n.person_key, n.last_message_at, n.last_answer_at, n.began)
"""
_WINDOWS = """
    MERGE INTO windows AS w USING (
        SELECT person_key, channel_id, max(happened_at) + INTERVAL 24 HOUR AS expires_at
        FROM recorded_inbound WHERE opens_window GROUP BY person_key, channel_id
    ) AS n ON w.person_key = n.person_key AND w.channel_id = n.channel_id
    WHEN MATCHED THEN UPDATE SET expires_at = greatest(w.expires_at, n.expires_at)
    WHEN NOT MATCHED THEN INSERT VALUES (n.person_key, n.channel_id, n.expires_at)
"""
_UNKNOWN_SENDERS = """
    SELECT own_key, arg_min(phone, happened_at), arg_min(user_id, happened_at), arg_min(name, happened_at),
        arg_min(referral, happened_at), min(happened_at)
    FROM recorded_inbound AS i
    WHERE NOT EXISTS (SELECT 1 FROM contacts AS c WHERE c.person_key = i.person_key OR c.person_key = i.own_key)
    GROUP BY own_key ORDER BY min(happened_at), own_key
"""
_ADD_CONTACT = """
    INSERT INTO contacts (contact_id, phone, match_key, user_id, person_key, phone_valid, bucket, origin, created_at,
        updated_at, name, country)
    SELECT greatest(max(contact_id), (SELECT max(contact_id) FROM erasures), 0) + 1, $phone, $match_key, $user_id,
        $person, $valid, $bucket, $origin, $moment, $moment, $name, $country
    FROM contacts
"""
_IDENTITY = """
    INSERT INTO identities SELECT $person, $match_key, $user_id, $wa_id
    WHERE NOT EXISTS (SELECT 1 FROM identities WHERE person_key = $person
        AND match_key IS NOT DISTINCT FROM $match_key AND user_id IS NOT DISTINCT FROM $user_id
        AND wa_id IS NOT DISTINCT FROM $wa_id)
"""


def record_inbound(cursor: duckdb.DuckDBPyConnection, entries: Sequence[Entry], salt: bytes) -> int:
    """Record what people wrote: facts, windows, answers; an unknown sender becomes a contact.

    Returns: how many contacts were added. Call it under the writer lock: it gives out contact ids.
    """
    if not entries:
        return 0
    rows = without_erased(cursor, _inbound_rows(entries, salt))
    if not rows:
        return 0
    since = max(row["happened_at"] for row in rows) - ANSWER_REACH
    ours = _ours(cursor, [row["context_id"] for row in rows if row["context_id"]], since)
    for row in rows:
        row["is_answer"] = row["context_id"] in ours
    cursor.register("recorded_inbound", pa.Table.from_pylist(rows, schema=_INBOUND_SCHEMA))
    try:
        cursor.execute(_FACTS)
        cursor.execute(_WINDOWS)
        if ours:
            cursor.execute(_ANSWERED, {"since": since})
        unknown = cursor.execute(_UNKNOWN_SENDERS).fetchall()
    finally:
        cursor.unregister("recorded_inbound")
    for person, phone, user_id, name, referral, moment in unknown:
        _add_contact(cursor, person, phone, user_id, name, Origin.AD if referral else Origin.CUSTOMER, moment)
    return len(unknown)


def record_identities(cursor: duckdb.DuckDBPyConnection, entries: Sequence[Entry]) -> None:
    """Record learned names of persons, each once; nobody's who was erased since."""
    gone = erased_at(cursor, [_person(fact) for entry in entries for fact in entry.facts]) if entries else {}
    for entry in entries:
        moment = to_store(from_ms(entry.at_ms))
        for fact in entry.facts:
            if _person(fact) in gone and moment <= gone[_person(fact)]:
                continue
            wa_id = _text(fact, "wa_id") or None
            cursor.execute(
                _IDENTITY,
                {
                    "person": _person(fact),
                    "match_key": match_key(wa_id) if wa_id else None,
                    "user_id": _text(fact, "user_id") or None,
                    "wa_id": wa_id,
                },
            )


def _inbound_rows(entries: Sequence[Entry], salt: bytes) -> list[dict[str, Any]]:
    rows = []
    for entry in entries:
        for fact in entry.facts:
            phone, user_id = _text(fact, "phone").lstrip("+"), _text(fact, "user_id")
            own = person_key(salt, match_key(phone) if phone else None, user_id)
            rows.append(
                {
                    "person_key": _person(fact),
                    "own_key": key_to_int(own),
                    "channel_id": _text(fact, "channel_id"),
                    "phone": phone,
                    "user_id": user_id,
                    "name": _text(fact, "name").strip(),
                    "context_id": _text(fact, "context_id"),
                    "payload": _text(fact, "payload") or ("?" if fact.get("kind") in TAP_KINDS else None),
                    "referral": bool(fact.get("referral")),
                    "opens_window": fact.get("kind") not in WINDOWLESS_KINDS,
                    "happened_at": _moment(fact, entry),
                }
            )
    return rows


def _ours(cursor: duckdb.DuckDBPyConnection, contexts: list[str], since: datetime) -> set[str]:
    """Those of the message ids that are messages of ours."""
    if not contexts:
        return set()
    found = cursor.execute(_OURS, {"contexts": contexts, "since": since}).fetchall()
    return {message_id for (message_id,) in found}


_INBOUND_SCHEMA = pa.schema(
    [
        ("person_key", pa.uint64()),
        ("own_key", pa.uint64()),
        ("channel_id", pa.string()),
        ("phone", pa.string()),
        ("user_id", pa.string()),
        ("name", pa.string()),
        ("context_id", pa.string()),
        ("payload", pa.string()),
        ("referral", pa.bool_()),
        ("opens_window", pa.bool_()),
        ("is_answer", pa.bool_()),
        ("happened_at", pa.timestamp("ms")),
    ]
)


def _add_contact(
    cursor: duckdb.DuckDBPyConnection,
    person: int,
    digits: str,
    user_id: str,
    name: str,
    origin: Origin,
    moment: datetime,
) -> None:
    valid: bool | None = None
    country = None
    if digits:
        try:
            parsed = parse_phone(f"+{digits}", "ZZ")
            valid, country = parsed.is_valid, parsed.country
        except InvalidPhone:
            valid = False
    cursor.execute(
        _ADD_CONTACT,
        {
            "phone": f"+{digits}" if digits else None,
            "match_key": match_key(digits) if digits else None,
            "user_id": user_id or None,
            "person": person,
            "valid": valid,
            "bucket": bucket_of(person),
            "origin": origin.value,
            "moment": moment,
            "name": name or None,
            "country": country,
        },
    )


def _person(fact: dict[str, Any]) -> int:
    return key_to_int(bytes.fromhex(fact["person_key"]))


def _moment(fact: dict[str, Any], entry: Entry) -> datetime:
    return to_store(from_ms(int(fact.get("at_ms") or entry.at_ms)))


def _text(fact: dict[str, Any], name: str) -> str:
    value = fact.get(name)
    return value if isinstance(value, str) else ""
