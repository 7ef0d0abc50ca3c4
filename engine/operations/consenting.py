"""Consent given or withdrawn by hand, as far as sending goes: the senders' copy is told at once.

The record comes first. With Redis away a withdrawal is told as soon as it is back (`pending_suppressions`), and
somebody opted in again stays suppressed until it is.
"""

from __future__ import annotations

from datetime import datetime

import redis

from engine.contacts.consent import record_consent
from engine.contacts.model import Consent
from engine.contacts.person import key_from_int
from engine.contacts.profile import Profile
from engine.errors import NotFound, QueueUnavailable
from engine.live import SUPPRESSED, reaching_redis
from engine.operations.pending import apply_pending
from engine.operations.suppressions import is_copy_present, lift_suppressions
from engine.warehouse import Warehouse


def withdraw_consent(
    warehouse: Warehouse,
    client: redis.Redis | None,
    contact_id: int,
    *,
    source: str,
    who: str,
    now: datetime,
    note: str = "",
    said_at: datetime | None = None,
    scope: str = "marketing",
) -> bool:
    """Note that a person wants no messages, and stop what is queued for them.

    Args:
        scope: marketing or all.

    Returns: whether the senders know; if not, they are told once Redis is back.

    Raises:
        NotFound, InputError: as `record_consent`.
    """
    record_consent(
        warehouse, contact_id, Consent.OPTED_OUT, source=source, who=who, now=now, note=note, said_at=said_at,
        scope=scope,
    )  # fmt: skip
    return tell_senders(warehouse, client)


def give_consent(
    warehouse: Warehouse,
    client: redis.Redis | None,
    contact_id: int,
    *,
    source: str,
    who: str,
    now: datetime,
    note: str = "",
    said_at: datetime | None = None,
    confirmed: bool = False,
) -> int:
    """Note that a person wants messages; what kept messages from them is lifted.

    Returns: how many suppressions were lifted.

    Raises:
        NotFound, InputError, NeedsConfirmation: as `record_consent`.
        QueueUnavailable: they are suppressed, and Redis is away: the consent is noted, the suppression stands.
    """
    record_consent(
        warehouse, contact_id, Consent.OPTED_IN, source=source, who=who, now=now, note=note, said_at=said_at,
        confirmed=confirmed,
    )  # fmt: skip
    return lift(warehouse, client, contact_id, who=who, now=now)


def lift(warehouse: Warehouse, client: redis.Redis | None, contact_id: int, *, who: str, now: datetime) -> int:
    """Lift every suppression of a contact. Returns how many there were.

    Raises:
        NotFound: there is no such contact.
        QueueUnavailable: there are some, and Redis is away.
    """
    cursor = warehouse.cursor()
    rows = cursor.execute("SELECT person_key FROM contacts WHERE contact_id = ?", [contact_id]).fetchall()
    if not rows:
        raise NotFound(kind="contact", id=contact_id)
    person = rows[0][0]
    standing = cursor.execute(_STANDING, [person, person]).fetchall()[0][0]
    if client is None:
        if standing:
            raise QueueUnavailable(reason="no server is known")
        return 0
    with reaching_redis():
        return lift_suppressions(warehouse, client, key_from_int(person), who=who, now=now)


def tell_senders(warehouse: Warehouse, client: redis.Redis | None) -> bool:
    """Tell Redis what `pending_suppressions` holds; False when it can't be reached now."""
    if client is None:
        return False
    try:
        with reaching_redis():
            apply_pending(warehouse, client)
    except QueueUnavailable:
        return False
    return True


_STANDING = """SELECT (SELECT count(*) FROM suppressions WHERE person_key = ? AND lifted_at IS NULL)
    + (SELECT count(*) FROM pending_suppressions WHERE person_key = ?)"""


def is_suppressed_now(client: redis.Redis | None, profile: Profile) -> bool:
    """Whether the senders keep messages from a person at this moment; as the record has it while Redis can't say."""
    recorded = bool(profile.standing)
    if client is None:
        return recorded
    try:
        with reaching_redis():
            if not is_copy_present(client):
                return recorded
            held = bool(client.hexists(SUPPRESSED, key_from_int(profile.person_key)))
    except QueueUnavailable:
        return recorded
    return held or any(each.is_pending for each in profile.standing)
