"""Suppressions: a person's decision about somebody, Redis' copy rebuilt from the record, the words that stop.

The ledger's scripts change Redis and write the event, the recorder alone writes the table. Nothing is sent while the
copy's version is missing (`ulak:store`, field `suppressions`), so a rebuilt copy gets it last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import cast

import redis

from engine.clock import to_ms
from engine.contacts.person import key_from_int, person_key
from engine.contacts.phones import match_key
from engine.live import ALIASES, STOP_WORDS, STORE, SUPPRESSED
from engine.operations import ledger
from engine.operations.inbound import default_words, fold_word
from engine.warehouse import Warehouse, audit

VERSION_FIELD = "suppressions"
SCOPE_FIELD = "stop_scope"
SCOPES = ("marketing", "all")
_SLICE = 5_000


def suppress_person(
    warehouse: Warehouse, client: redis.Redis, person: bytes, *, scope: str, who: str, now: datetime
) -> bool:
    """Keep messages from a person, by somebody's decision. True when that is new.

    Args:
        scope: marketing or all.
    """
    is_new = ledger.run(client, ledger.suppress(person, scope, "manual", who=who))
    if is_new:
        with warehouse.writing() as cursor:
            audit(cursor, who=who, verb="suppressed", subject=("person", person.hex()), now=now, scope=scope)
    return is_new


def lift_suppressions(warehouse: Warehouse, client: redis.Redis, person: bytes, *, who: str, now: datetime) -> int:
    """Lift every suppression of a person, by somebody's decision. Returns how many there were."""
    count = ledger.run(client, ledger.lift(person, who=who))
    if count:
        with warehouse.writing() as cursor:
            audit(cursor, who=who, verb="lifted", subject=("person", person.hex()), now=now, count=count)
    return count


def is_copy_present(client: redis.Redis) -> bool:
    """Whether Redis has the copy of the suppressions; without it nothing is sent."""
    return bool(client.hexists(STORE, VERSION_FIELD))


def rebuild_copy(warehouse: Warehouse, client: redis.Redis, drain: Callable[[], object], now: datetime) -> int:
    """Bring the suppressions and the learned names of the record into Redis, and open the way for sending.

    Only adds: what the receiver wrote meanwhile stays, and a person who is in doubt is not written to.

    Args:
        drain: records the stream to its end (`Recorder.drain`), so that the table knows all that happened.

    Returns: how many people are suppressed by the record.
    """
    drain()
    cursor = warehouse.cursor()
    rows = cursor.execute(
        "SELECT person_key, scope, reason FROM suppressions WHERE lifted_at IS NULL ORDER BY person_key, happened_at"
    ).fetchall()
    names = cursor.execute("SELECT person_key, user_id, wa_id FROM identities").fetchall()
    cursor.close()
    standing: dict[bytes, list[tuple[str, str]]] = {}
    for person, scope, reason in rows:
        standing.setdefault(key_from_int(person), []).append((scope, reason))
    _add_people(client, standing)
    _add_names(client, warehouse.salt, names)
    client.hset(STORE, VERSION_FIELD, str(to_ms(now)))
    return len(standing)


def _add_people(client: redis.Redis, standing: Mapping[bytes, list[tuple[str, str]]]) -> None:
    people = sorted(standing)
    for start in range(0, len(people), _SLICE):
        some = people[start : start + _SLICE]
        present = cast("list[bytes | None]", client.hmget(SUPPRESSED, some))
        missing = {
            person: ledger.suppression_value(standing[person])
            for person, value in zip(some, present, strict=True)
            if value is None
        }
        if missing:
            pipe = client.pipeline(transaction=False)
            for person, value in missing.items():
                pipe.hsetnx(SUPPRESSED, person, value)
            pipe.execute()
        for person, held in zip(some, present, strict=True):
            if held is not None:
                _add_reasons(client, person, held, standing[person])


def _add_reasons(client: redis.Redis, person: bytes, value: bytes, entries: Iterable[tuple[str, str]]) -> None:
    """Reasons that the copy lacks for a person it has: by the script, so that nothing it holds is lost."""
    held = value.split(b";")[1:]
    for scope, reason in entries:
        if ledger.suppression_value([(scope, reason)]).split(b";")[1] not in held:
            ledger.run(client, ledger.suppress(person, scope, reason))


def _add_names(client: redis.Redis, salt: bytes, names: list[tuple[int, str | None, str | None]]) -> None:
    for start in range(0, len(names), _SLICE):
        pipe = client.pipeline(transaction=False)
        for number, user_id, wa_id in names[start : start + _SLICE]:
            person = key_from_int(number)
            learned = [person_key(salt, None, user_id)] if user_id else []
            learned += [person_key(salt, match_key(wa_id), None)] if wa_id else []
            for name in learned:
                if name != person:
                    pipe.hsetnx(ALIASES, name, person)
        pipe.execute()


def publish_stop_words(warehouse: Warehouse, client: redis.Redis) -> None:
    """Bring the words that stop and resume, and how far a stop reaches, into Redis."""
    kept = warehouse.value("stop_words")
    words: dict[str, str] = json.loads(kept) if kept else default_words()
    scope = warehouse.value(SCOPE_FIELD)
    pipe = client.pipeline(transaction=True)
    pipe.delete(STOP_WORDS)
    pipe.hset(STOP_WORDS, mapping={word: verb for word, verb in words.items()})
    pipe.hset(STORE, SCOPE_FIELD, scope if scope in SCOPES else SCOPES[0])
    pipe.execute()


def keep_stop_words(
    warehouse: Warehouse,
    client: redis.Redis,
    words: Mapping[str, str],
    *,
    scope: str,
    who: str,
    now: datetime,
) -> None:
    """Change the words and the reach of a stop, and publish them.

    Args:
        words: as a person writes them -> `stop` or `resume`.
        scope: marketing or all.
    """
    folded = {fold_word(word): verb for word, verb in words.items() if fold_word(word)}
    with warehouse.writing() as cursor:
        for key, value in (("stop_words", json.dumps(folded, ensure_ascii=False)), (SCOPE_FIELD, scope)):
            cursor.execute("DELETE FROM store WHERE key = ?", [key])
            cursor.execute("INSERT INTO store VALUES (?, ?)", [key, value])
        audit(cursor, who=who, verb="changed", subject=("stop words", scope), now=now, count=len(folded))
    publish_stop_words(warehouse, client)
