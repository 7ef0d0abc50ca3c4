"""Suppressions: a person's decision about somebody, Redis' copy rebuilt from the record, the words that stop.

The ledger's scripts change Redis and write the event, the recorder alone writes the table. Nothing is sent while the
copy's version is missing (`ulak:store`, field `suppressions`), so a rebuilt copy gets it last.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import cast

import redis

from engine.clock import to_ms
from engine.contacts.person import key_from_int, key_to_int, person_key
from engine.contacts.phones import match_key
from engine.live import ALIASES, STOP_WORDS, STORE, SUPPRESSED
from engine.operations import ledger
from engine.operations.inbound import default_words, fold_word
from engine.operations.other_names import names_of
from engine.operations.pending import apply_pending, forget_pending, telling
from engine.warehouse import Warehouse, audit
from engine.words import N_

VERSION_FIELD = "suppressions"
REBUILD_FIELD = "rebuilding"
"""Names the rebuild under way: gone when Redis was emptied in the middle of it."""
SCOPE_FIELD = "stop_scope"
SCOPES = ("marketing", "all")
SCOPE_LABELS = {"marketing": N_("Marketing"), "all": N_("Everything")}
REASON_LABELS = {
    "keyword": N_("Wrote a stop word"),
    "button": N_("Pressed the opt-out button"),
    "user_preferences": N_("Stopped marketing in WhatsApp"),
    "provider_131050": N_("Stopped marketing in WhatsApp"),
    "asked": N_("Asked for it"),
    "complaint": N_("Complained"),
    "wrong_person": N_("The number is another person's now"),
    "legal": N_("A legal demand"),
    "manual": N_("By hand"),
    "import": N_("Opted out in a file"),
    "edit": N_("Consent changed by hand"),
    "erasure": N_("Erased"),
}
GIVEN_REASONS = ("asked", "complaint", "wrong_person", "legal", "manual", "import")
OWN_WORDS = frozenset({"keyword", "button", "user_preferences", "provider_131050"})
"""Reasons that are the person's own word: lifting those is for them to ask."""
_SLICE = 5_000


def suppress_person(
    warehouse: Warehouse,
    client: redis.Redis,
    person: bytes,
    *,
    scope: str,
    who: str,
    now: datetime,
    reason: str = "manual",
) -> bool:
    """Keep messages from a person, by somebody's decision: Redis first, so it holds from now on. True when new.

    Args:
        scope: marketing or all.
        reason: a key of `REASON_LABELS` that a person may give (`GIVEN_REASONS`).

    Raises:
        ValueError: no such scope or reason.
    """
    check_words(scope, reason)
    is_new = ledger.run(client, ledger.suppress(person, scope, reason, who=who))
    if is_new:
        with warehouse.writing() as cursor:
            detail = {"scope": scope, "reason": reason}
            audit(cursor, who=who, verb="suppressed", subject=("person", person.hex()), now=now, **detail)
    return is_new


def lift_suppressions(warehouse: Warehouse, client: redis.Redis, person: bytes, *, who: str, now: datetime) -> int:
    """Lift every suppression of a person, under all their names, by somebody's decision.

    Returns: how many there were, the same under another name counted once.
    """
    names = names_of(warehouse.cursor(), warehouse.salt, person)
    with telling:
        with warehouse.writing() as cursor:
            forgotten = max([forget_pending(cursor, key_to_int(name)) for name in names])
        lifted = max([ledger.run(client, ledger.lift(name, who=who)) for name in names])
    count = max(lifted, forgotten)
    if count:
        with warehouse.writing() as cursor:
            audit(cursor, who=who, verb="lifted", subject=("person", person.hex()), now=now, count=count)
    return count


def check_words(scope: str, reason: str) -> None:
    """Refuse a scope or a reason that nobody knows: they become part of what Redis and the record hold."""
    if scope not in SCOPES:
        raise ValueError(f"no such scope: {scope}")
    if reason not in GIVEN_REASONS:
        raise ValueError(f"no such reason: {reason}")


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
    begun = secrets.token_hex(8)
    client.hset(STORE, REBUILD_FIELD, begun)
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
    apply_pending(warehouse, client)
    _open_the_way(client, begun, now)
    return len(standing)


def _open_the_way(client: redis.Redis, begun: str, now: datetime) -> None:
    """Say that the copy is whole, unless Redis was emptied meanwhile: the next look makes it anew then."""
    with client.pipeline(transaction=True) as pipe:
        pipe.watch(STORE)  # type: ignore[no-untyped-call]
        if pipe.hget(STORE, REBUILD_FIELD) != begun.encode():
            return
        pipe.multi()
        pipe.hdel(STORE, REBUILD_FIELD)
        pipe.hset(STORE, VERSION_FIELD, str(to_ms(now)))
        with contextlib.suppress(redis.WatchError):
            pipe.execute()


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
