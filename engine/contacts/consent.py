"""Consent by hand: what somebody learnt from a person, with its source, its time and a note.

A withdrawal is a suppression too, decided here and told to Redis by whoever owns that door. The history is
`consent_events`; imports write it as well.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from engine.clock import to_store
from engine.contacts.model import CONSENT_LABELS, Consent
from engine.errors import InputError, NotConfirmed, NotFound
from engine.warehouse import Warehouse, audit
from engine.words import N_

SOURCES: dict[str, str] = {
    "phone_call": N_("On the phone"),
    "in_person": N_("In person"),
    "paper": N_("On paper"),
    "e_mail": N_("By e-mail"),
    "web": N_("On the website"),
    "message": N_("In a message"),
    "other": N_("Otherwise"),
}
LONGEST_NOTE = 500


class NeedsConfirmation(NotConfirmed):
    """This person opted out; opting them in again has to be confirmed."""


def record_consent(
    warehouse: Warehouse,
    contact_id: int,
    consent: Consent | None,
    *,
    source: str,
    who: str,
    now: datetime,
    note: str = "",
    said_at: datetime | None = None,
    scope: str = "marketing",
    confirmed: bool = False,
) -> None:
    """Note what a person said; None: it isn't known any more.

    Args:
        source: a key of `SOURCES`, or a text.
        said_at: when they said so; now, if it isn't known.
        scope: how far a withdrawal reaches: marketing or all.
        confirmed: they opted out, or are suppressed, and somebody typed that they are to be opted in again.

    Raises:
        NotFound: there is no such contact.
        InputError: the source is missing, the time lies ahead, the note is too long.
        NeedsConfirmation: they opted out, and it isn't confirmed.
    """
    source, note, moment = " ".join(source.split())[:200], note.strip(), said_at or now
    _check(source, note, moment, now)
    with warehouse.writing() as cursor:
        was, person = _consent_of(cursor, contact_id)
        if consent is Consent.OPTED_IN and not confirmed and (was == Consent.OPTED_OUT or _stands(cursor, person)):
            raise NeedsConfirmation(count=1)
        cursor.execute(
            "UPDATE contacts SET consent = ?, consent_source = ?, consent_at = ?, updated_at = ?"
            " WHERE contact_id = ?",
            [consent, source, to_store(moment), to_store(now), contact_id],
        )
        cursor.execute(
            "INSERT INTO consent_events (contact_id, consent, source, happened_at, recorded_at, by_whom, note)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [contact_id, consent, source, to_store(moment), to_store(now), who, note or None],
        )
        if consent is Consent.OPTED_OUT:
            cursor.execute(
                "INSERT INTO pending_suppressions VALUES (?, ?, 'edit', ?, ?)",
                [person, "all" if scope == "all" else "marketing", who, to_store(now)],
            )
        detail = {"consent": consent, "was": was, "source": source}
        audit(cursor, who=who, verb="noted consent", subject=("contact", str(contact_id)), now=now, **detail)


def consent_label(consent: str | None) -> str:
    """The consent as a text for the catalogue."""
    return CONSENT_LABELS.get(consent, N_("Not known")) if consent else N_("Not known")


def _check(source: str, note: str, moment: datetime, now: datetime) -> None:
    if not source:
        raise InputError(reason=N_("say where the consent comes from"))
    if len(note) > LONGEST_NOTE:
        raise InputError(reason=N_("the note is too long"))
    if moment > now:
        raise InputError(reason=N_("it can't have been said in the future"))


def _consent_of(cursor: duckdb.DuckDBPyConnection, contact_id: int) -> tuple[str | None, int]:
    rows = cursor.execute("SELECT consent, person_key FROM contacts WHERE contact_id = ?", [contact_id]).fetchall()
    if not rows:
        raise NotFound(kind="contact", id=contact_id)
    return rows[0][0], rows[0][1]


def _stands(cursor: duckdb.DuckDBPyConnection, person: int) -> bool:
    """A suppression of the person stands, or is about to."""
    rows = cursor.execute(
        "SELECT 1 FROM suppressions WHERE person_key = ? AND lifted_at IS NULL"
        " UNION ALL SELECT 1 FROM pending_suppressions WHERE person_key = ?",
        [person, person],
    ).fetchall()
    return bool(rows)
