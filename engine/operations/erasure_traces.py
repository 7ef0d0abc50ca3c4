"""By what a person can be found: ids, keys, numbers in any usual form, e-mail addresses; and how texts lose those.

A name alone finds nobody: where a row holds nothing else of a person, it can't be told to be theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import duckdb
import phonenumbers

from engine.contacts.person import key_from_int, person_key
from engine.contacts.phones import match_key
from engine.errors import NotFound

ERASED_TEXT = "erased"
"""What stands in a text (a rule, a mapping) where a number or an address was."""
SHORTEST_NATIONAL = 7
"""A national number with fewer digits is looked for with its country code alone: it could be any number."""
_GAP = r"[\s().\-/\u00a0]*"
_BEFORE, _AFTER = r"(?<![0-9A-Za-z])", r"(?![0-9])"


@dataclass(frozen=True)
class Traces:
    """One person, as the places that hold something of them know them."""

    contact_id: int
    pseudonym: bytes
    person: bytes
    others: tuple[bytes, ...] = ()
    """Keys of their other names: a user id beside the number, numbers they had before."""
    phones: tuple[str, ...] = ()
    """Digits, international."""
    user_ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Every key they are known by; the first is what suppressions hold."""
        return (self.person, *self.others)

    @property
    def key_numbers(self) -> list[int]:
        """The same as the store holds them."""
        return [int.from_bytes(key) for key in self.keys]

    @property
    def pseudonym_number(self) -> int:
        """The pseudonym as the store holds it."""
        return int.from_bytes(self.pseudonym)

    @property
    def nobody_id(self) -> int:
        """The contact id that stands for them in what stays: negative, so it can't be anybody's."""
        return -(self.pseudonym_number >> 1)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds their numbers and addresses in a text."""
        return re.compile(self._joined(_BEFORE, _AFTER), re.IGNORECASE)

    @cached_property
    def raw_pattern(self) -> re.Pattern[bytes]:
        """The same for the bytes of a file."""
        joined = self._joined(_BEFORE, _AFTER).replace(r"\u00a0", r"\xa0\xc2")
        return re.compile(joined.encode("utf-8"), re.IGNORECASE)

    @cached_property
    def sql_pattern(self) -> str:
        """The same for DuckDB, which looks neither back nor ahead: it may find a little more."""
        return "(?i)" + self._joined("", "").replace(r"\u00a0", r"\x{A0}")

    def _joined(self, before: str, after: str) -> str:
        found = [f"{before}{form}{after}" for phone in self.phones for form in _forms(phone)]
        found += [re.escape(text) for text in (*self.user_ids, *self.emails)]
        return "|".join(found) or r"[^\s\S]"

    def taken_out(self, text: str) -> str:
        """A text without their numbers and addresses."""
        return self.pattern.sub(ERASED_TEXT, text)


def traces_of(cursor: duckdb.DuckDBPyConnection, salt: bytes, contact_id: int, pseudonym: bytes) -> Traces:
    """Everything by which a contact can be found.

    Raises:
        NotFound: there is no such contact.
    """
    rows = cursor.execute(
        "SELECT person_key, phone, user_id, email FROM contacts WHERE contact_id = ?", [contact_id]
    ).fetchall()
    if not rows:
        raise NotFound(kind="contact", id=contact_id)
    person, phone, user_id, email = rows[0]
    former = cursor.execute(
        "SELECT field, value FROM (SELECT field, unnest([old_value, new_value]) AS value FROM contact_edits"
        " WHERE contact_id = ? AND field IN ('phone', 'user_id', 'email')) WHERE value IS NOT NULL",
        [contact_id],
    ).fetchall()
    learned = cursor.execute(
        "SELECT match_key, user_id, wa_id FROM identities WHERE person_key = ?", [person]
    ).fetchall()
    phones = [phone, *(each for row in learned for each in (row[0], row[2])), *_of(former, "phone")]
    digits = _distinct("".join(filter(str.isdigit, each)) for each in phones if each)
    users = _distinct([user_id, *(row[1] for row in learned), *_of(former, "user_id")])
    keys = [person_key(salt, match_key(each), None) for each in digits]
    keys += [person_key(salt, None, each) for each in users]
    own = key_from_int(person)
    others = tuple(key for key in dict.fromkeys(keys) if key != own)
    return Traces(contact_id, pseudonym, own, others, digits, users, _distinct([email, *_of(former, "email")]))


def _of(former: list[tuple[str, str]], field: str) -> list[str]:
    return [value for name, value in former if name == field]


def _distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.strip() for value in values if value and value.strip()))


def _forms(digits: str) -> list[str]:
    """Regular expressions for a number as people and programs write it, and for its match key."""
    found = []
    for each in dict.fromkeys((digits, match_key(digits))):
        code, national = _split(each)
        spaced = _GAP.join(national)
        abroad = rf"(?:\+|00)?{_GAP}{_GAP.join(code)}{_GAP}(?:\(?0\)?{_GAP})?{spaced}"
        found.append(abroad)
        if len(national) >= SHORTEST_NATIONAL and code:
            found.append(rf"(?:0{_GAP})?{spaced}")
    return found


def _split(digits: str) -> tuple[str, str]:
    try:
        number = phonenumbers.parse(f"+{digits}", None)
    except phonenumbers.NumberParseException:
        return "", digits
    code = str(number.country_code)
    return code, digits.removeprefix(code)
