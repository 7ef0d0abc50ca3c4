"""Forgetting a person: their messages still count, under a name that leads to nobody; what they had yet to do is off.

The running sandbox does it for `POST /sandbox/forget`. While none runs, `python -m engine.sandbox.forgetting` does it
on the journal itself: the person comes on standard input, and the journal's lock says that nobody else writes.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.sandbox.identity import user_id_of, wa_id_of
from engine.sandbox.journal import Accepted, Happening, Journal, JournalInUse, Record, Refused

IN_USE_CODE = 3


class Forget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/forget`: the numbers (digits) and the business-scoped ids of one person."""

    phones: tuple[str, ...] = ()
    user_ids: tuple[str, ...] = ()

    def names(self) -> frozenset[str]:
        """Every name the platform may know the person by."""
        digits = ["".join(filter(str.isdigit, phone)) for phone in self.phones]
        known = [name for phone in digits for name in (phone, wa_id_of(phone), user_id_of(phone)) if phone]
        return frozenset((*known, *(name for name in self.user_ids if name)))


def new_name() -> str:
    """A name for somebody who was forgotten."""
    return f"erased.{secrets.token_hex(6)}"


def forget_in(record: Record, names: frozenset[str], pseudonym: str) -> bool:
    """Take the person out of one record, in place. True when it was about them."""
    if not isinstance(record, Accepted | Refused | Happening) or record.person not in names:
        return False
    record.person = pseudonym
    if isinstance(record, Accepted):
        record.to, record.texts, record.press = "", (), None
        record.message_id = f"wamid.{pseudonym}.{record.n}"
        record.is_forgotten = True
    elif isinstance(record, Happening):
        record.value, record.is_forgotten = {}, True
    return True


def forgotten(records: Iterable[Record], names: frozenset[str], pseudonym: str) -> tuple[list[Record], int]:
    """All records, without the person; and how many were about them."""
    kept, count = [], 0
    for record in records:
        count += forget_in(record, names, pseudonym)
        kept.append(record)
    return kept, count


def forget_on_disk(path: Path, asked: Forget) -> int:
    """Forget a person in the journal of a sandbox that doesn't run.

    Returns: how many records were about them.

    Raises:
        JournalInUse: a sandbox runs on it.
    """
    if not path.exists():
        return 0
    journal = Journal(path, alone=True)
    try:
        records, count = forgotten(journal.records(), asked.names(), new_name())
        if count:
            journal.rewrite(records)
        return count
    finally:
        journal.close()


def main() -> int:
    """Read the person from standard input and forget them in the journal named by the only argument."""
    try:
        forget_on_disk(Path(sys.argv[1]), msgspec.json.decode(sys.stdin.buffer.read(), type=Forget))
    except JournalInUse:
        return IN_USE_CODE
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
