"""Who is suppressed, for people: pages of standing entries with names, and who is meant by a number or a user id.

The record knows persons by their key alone. Whoever is a contact has a name here; anybody else is found by the whole
number, of which the key is made, and shown by the key's first letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import narwhals as nw
import polars as pl

from engine.clock import from_store
from engine.contacts.person import key_from_int, key_to_int, person_key
from engine.contacts.phones import parse_phone
from engine.errors import InvalidPhone
from engine.operations.other_names import other_names
from engine.segments import Audience, Comparison, Context, Segment, audience_frame
from engine.segments.rules import PERSON_FIELD

USER_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}")
"""A business-scoped user id. Source: WhatsApp's documentation, 2026-11."""
STANDING = """
    SELECT person_key, scope, reason, channel_id, by_whom, happened_at, false AS is_pending
    FROM suppressions WHERE lifted_at IS NULL
    UNION ALL
    SELECT p.person_key, p.scope, p.reason, NULL, p.by_whom, p.happened_at, true
    FROM pending_suppressions AS p WHERE NOT EXISTS (SELECT 1 FROM suppressions AS s
        WHERE s.person_key = p.person_key AND s.scope = p.scope AND s.reason = p.reason AND s.lifted_at IS NULL)
"""
"""Every entry that stands, those included that Redis has yet to be told."""
SORTS = {name: f'"{name}"' for name in ("happened_at", "name", "reason", "scope", "by_whom")}
_NAMED = """
    SELECT s.*, c.contact_id, c.name, c.surname, c.phone, c.user_id
    FROM found AS s LEFT JOIN contacts AS c ON c.person_key = s.person_key
"""


@dataclass(frozen=True, slots=True)
class Suppression:
    """One standing entry, with the contact behind it if there is one."""

    person: bytes
    scope: str
    reason: str
    channel_id: str | None
    by_whom: str
    happened_at: datetime
    is_pending: bool
    contact_id: int | None = None
    name: str | None = None
    surname: str | None = None
    phone: str | None = None
    user_id: str | None = None

    @property
    def full_name(self) -> str:
        """Name and surname; empty for who is no contact, or has none."""
        return " ".join(part for part in (self.name, self.surname) if part)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many people are suppressed, and in how many entries."""

    people: int
    entries: int


def identity_of(text: str, region: str) -> str:
    """The match key of a number, or the user id itself: what a person is known by.

    Raises:
        InvalidPhone: it is neither.
    """
    text = text.strip()
    return text if USER_ID.fullmatch(text) else parse_phone(text, region).match_key


def people_of(cursor: duckdb.DuckDBPyConnection, salt: bytes, identity: str) -> tuple[bytes, ...]:
    """The persons that an identity stands for, its own key first.

    A user id may be that of a contact known by a phone number: who is meant is suppressed under either name.
    """
    own = person_key(salt, identity, None)
    named = pl.DataFrame({"identity": [identity], "person_key": [key_to_int(own)]}, schema=IDENTITY_SCHEMA)
    others = [key_from_int(number) for number in all_names(cursor, named)["person_key"].to_list()]
    return (own, *(other for other in others if other != own))


IDENTITY_SCHEMA = {"identity": pl.String, "person_key": pl.UInt64}
_ALL_NAMES = """
    SELECT identity, person_key FROM named
    UNION SELECT n.identity, c.person_key FROM named AS n JOIN contacts AS c ON c.match_key = n.identity
    UNION SELECT n.identity, c.person_key FROM named AS n JOIN contacts AS c ON c.user_id = n.identity
    UNION SELECT n.identity, i.person_key FROM named AS n JOIN identities AS i
        ON i.match_key = n.identity OR i.user_id = n.identity
"""


def all_names(cursor: duckdb.DuckDBPyConnection, named: pl.DataFrame) -> pl.DataFrame:
    """Every person that identities stand for.

    Args:
        named: Shape: `IDENTITY_SCHEMA`, an identity (match key or user id) and its own key.

    Returns: Shape: the same columns, one row per identity and person.
    """
    cursor.register("named", named)
    try:
        return pl.DataFrame(cursor.sql(_ALL_NAMES).pl())
    finally:
        cursor.unregister("named")


@dataclass(frozen=True, slots=True)
class Standing:
    """The standing entries of a store, and how they are searched.

    A search is a name, an e-mail address or part of a number for those who are contacts; a whole number or user id
    finds anybody.
    """

    cursor: duckdb.DuckDBPyConnection
    context: Context
    salt: bytes
    region: str

    def counts(self, search: str = "") -> Counts:
        """How many people and entries there are."""
        found = self._found(search)
        people, entries = found.aggregate("count(DISTINCT person_key), count(*)").fetchall()[0]
        return Counts(int(people), int(entries))

    def page(
        self,
        search: str = "",
        *,
        sort: str = "happened_at",
        descending: bool = True,
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[Suppression, ...]:
        """One page of entries.

        Args:
            sort: a key of `SORTS`.
        """
        self.cursor.register("found", self._found(search))
        order = f"{SORTS[sort]} {'DESC' if descending else 'ASC'} NULLS LAST, person_key, scope, reason"
        rows = self.cursor.sql(_NAMED).order(order).limit(limit, offset).fetchall()
        return tuple(_suppression(row) for row in rows)

    def named(self) -> duckdb.DuckDBPyRelation:
        """All entries with their contacts, newest first, for a file."""
        self.cursor.register("found", self._found(""))
        return self.cursor.sql(_NAMED).order("happened_at DESC, person_key, scope, reason")

    def _standing(self) -> duckdb.DuckDBPyRelation:
        """Every entry once: not again under another name of a person who stands there by their own."""
        own = f"SELECT person_key FROM ({STANDING})"
        others = other_names(self.cursor, self.salt, own)
        if others.is_empty():
            return self.cursor.sql(STANDING)
        self.cursor.register("other_names_of_the_suppressed", others)
        return self.cursor.sql(
            f"SELECT s.* FROM ({STANDING}) s WHERE NOT EXISTS (SELECT 1 FROM other_names_of_the_suppressed o "
            f"JOIN ({STANDING}) own ON own.person_key = o.person_key "
            f"WHERE o.other_key = s.person_key AND own.scope = s.scope AND own.reason = s.reason)"
        )

    def _found(self, search: str) -> duckdb.DuckDBPyRelation:
        standing = self._standing()
        search = " ".join(search.split())
        if not search:
            return standing
        rule = Comparison(field=PERSON_FIELD, operator="finds", value=search)
        matching = audience_frame(self.cursor, Audience(segment=Segment(rule=rule)), self.context)
        meant = self._meant(search)
        either = nw.col("person_key").is_in(list(meant)) if meant else nw.lit(False)
        known: Any = matching.select("person_key").unique().with_columns(nw.lit(True).alias("@is_known"))
        frame: Any = nw.from_native(standing).join(known, on="person_key", how="left")
        kept = frame.filter(nw.col("@is_known").fill_null(False) | either).drop("@is_known")
        relation: duckdb.DuckDBPyRelation = kept.to_native()
        return relation

    def _meant(self, search: str) -> tuple[int, ...]:
        """The persons of a whole number or user id; nobody for anything else."""
        try:
            identity = identity_of(search, self.region)
        except InvalidPhone:
            return ()
        return tuple(key_to_int(each) for each in people_of(self.cursor, self.salt, identity))


def entries_of(cursor: duckdb.DuckDBPyConnection, person: bytes) -> tuple[Suppression, ...]:
    """What stands about one person."""
    cursor.register("found", cursor.sql(STANDING).filter(f"person_key = {key_to_int(person)}"))
    return tuple(_suppression(row) for row in cursor.sql(_NAMED).order("happened_at, scope, reason").fetchall())


def _suppression(row: tuple[Any, ...]) -> Suppression:
    person, scope, reason, channel_id, by_whom, happened_at, is_pending, *contact = row
    moment = from_store(happened_at)
    return Suppression(key_from_int(person), scope, reason, channel_id, by_whom, moment, bool(is_pending), *contact)
