"""Everything the store's tables say of one contact, read at once: fields, consent, suppressions, lists, imports.

Messages are not here: they are found through frozen audiences, which belong to operations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from engine.clock import from_store
from engine.contacts.fields import FieldRegistry, load_registry
from engine.contacts.phones import parse_phone
from engine.errors import InvalidPhone, NotFound

WHAT = ("new", "updated", "unchanged")
"""What an import did with a contact, by the number in `import_contacts`."""
MOST_EDITS = 1_000
LONGEST_ID = 18
RECENT_NAMES = ("contact_id", "name", "phone", "city", "updated_at")


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """Something that was learnt of a person's consent."""

    consent: str | None
    source: str | None
    channel: str | None
    happened_at: datetime
    recorded_at: datetime
    by_whom: str
    import_id: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Suppression:
    """What keeps messages from the person, or did. `is_pending`: decided, about to be told to the senders."""

    scope: str
    reason: str
    channel_id: str | None
    by_whom: str
    happened_at: datetime
    lifted_at: datetime | None = None
    lifted_by: str | None = None
    is_pending: bool = False

    @property
    def stands(self) -> bool:
        """It keeps messages from the person now."""
        return self.lifted_at is None


@dataclass(frozen=True, slots=True)
class ServiceWindow:
    """Until when the person may be answered freely on a channel."""

    channel_id: str
    channel_name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """A list the contact is in."""

    list_id: str
    name: str
    added_at: datetime
    is_archived: bool


@dataclass(frozen=True, slots=True)
class Appearance:
    """An import the contact came in: `what` is new, updated or unchanged."""

    import_id: str
    file_name: str
    what: str
    by_whom: str
    happened_at: datetime
    is_undone: bool


@dataclass(frozen=True, slots=True)
class Edit:
    """A field that somebody changed by hand, alone or for many (`edit_id`)."""

    field: str
    old_value: str | None
    new_value: str | None
    by_whom: str
    happened_at: datetime
    edit_id: str | None


@dataclass(frozen=True)
class Profile:
    """One contact. `values` holds every field of the registry, as the column has it (moments aware)."""

    contact_id: int
    registry: FieldRegistry
    values: Mapping[str, Any]
    user_id: str | None
    person_key: int
    phone_valid: bool | None
    import_id: str | None
    created_at: datetime
    updated_at: datetime
    consents: Sequence[ConsentEvent]
    suppressions: Sequence[Suppression]
    windows: Sequence[ServiceWindow]
    lists: Sequence[Membership]
    imports: Sequence[Appearance]
    edits: Sequence[Edit]
    identities: Sequence[Mapping[str, str | None]]
    last_message_at: datetime | None
    last_answer_at: datetime | None

    @property
    def name(self) -> str:
        """Name and surname; empty if neither is known."""
        return " ".join(part for part in (self.values.get("name"), self.values.get("surname")) if part)

    @property
    def phone(self) -> str | None:
        """The number, E.164."""
        return self.values.get("phone")

    @property
    def consent(self) -> str | None:
        """opted_in, opted_out, or None: not known."""
        return self.values.get("consent")

    @property
    def standing(self) -> tuple[Suppression, ...]:
        """The suppressions that keep messages from the person now."""
        return tuple(each for each in self.suppressions if each.stands)

    def open_windows(self, now: datetime) -> tuple[ServiceWindow, ...]:
        """The service windows that are open."""
        return tuple(each for each in self.windows if each.expires_at > now)


def load_profile(cursor: duckdb.DuckDBPyConnection, contact_id: int) -> Profile:
    """Read one contact. Histories come newest first.

    Raises:
        NotFound: there is no such contact (any more).
    """
    registry = load_registry(cursor)
    fixed = ("user_id", "person_key", "phone_valid", "import_id", "created_at", "updated_at")
    names = list(dict.fromkeys([*(field.name for field in registry), *fixed]))
    wanted = ", ".join(f'"{name}"' for name in names)
    if not (rows := _rows(cursor, f"SELECT {wanted} FROM contacts WHERE contact_id = ?", contact_id)):
        raise NotFound(kind="contact", id=contact_id)
    row = dict(zip(names, rows[0], strict=True))
    person = row["person_key"]
    last_message_at, last_answer_at = next(iter(_rows(cursor, _FACTS, person)), (None, None))
    return Profile(
        contact_id=contact_id,
        registry=registry,
        values={field.name: row[field.name] for field in registry},
        **{name: row[name] for name in fixed},
        consents=[ConsentEvent(*each) for each in _rows(cursor, _CONSENTS, contact_id)],
        suppressions=[Suppression(*each) for each in _rows(cursor, _SUPPRESSIONS, person, person)],
        windows=[ServiceWindow(*each) for each in _rows(cursor, _WINDOWS, person)],
        lists=[Membership(*each) for each in _rows(cursor, _LISTS, contact_id)],
        imports=_appearances(cursor, contact_id, row["import_id"]),
        edits=[Edit(*each) for each in _rows(cursor, _EDITS, contact_id)],
        identities=[{"user_id": user, "wa_id": wa} for user, wa in _rows(cursor, _IDENTITIES, person)],
        last_message_at=last_message_at,
        last_answer_at=last_answer_at,
    )


def find_contact(cursor: duckdb.DuckDBPyConnection, text: str, *, region: str) -> int:
    """The contact of that id, else of that phone number.

    Args:
        region: of a number without a country code.

    Raises:
        NotFound: there is none.
    """
    text = text.strip()
    is_id = text.isascii() and text.isdigit() and len(text) <= LONGEST_ID
    if is_id and _rows(cursor, "SELECT 1 FROM contacts WHERE contact_id = ?", int(text)):
        return int(text)
    try:
        key = parse_phone(text, region).match_key
    except InvalidPhone:
        raise NotFound(kind="contact", id="of that id or number") from None
    if found := _rows(cursor, "SELECT min(contact_id) FROM contacts WHERE match_key = ? HAVING count(*) > 0", key):
        return int(found[0][0])
    raise NotFound(kind="contact", id="of that id or number")


def recent_contacts(cursor: duckdb.DuckDBPyConnection, *, limit: int = 12) -> list[dict[str, Any]]:
    """Those changed last: contact_id, name, phone, city, updated_at."""
    return [dict(zip(RECENT_NAMES, row, strict=True)) for row in _rows(cursor, _RECENT, limit)]


_RECENT = """SELECT contact_id, trim(concat_ws(' ', name, surname)), phone, city, updated_at
    FROM contacts ORDER BY updated_at DESC, contact_id LIMIT ?"""
_CONSENTS = """SELECT consent, source, channel, happened_at, recorded_at, by_whom, import_id, note
    FROM consent_events WHERE contact_id = ? ORDER BY recorded_at DESC, happened_at DESC"""
_SUPPRESSIONS = """SELECT scope, reason, channel_id, by_whom, happened_at, lifted_at, lifted_by, false
    FROM suppressions WHERE person_key = ?
    UNION ALL SELECT DISTINCT scope, reason, NULL, by_whom, happened_at, NULL::TIMESTAMP, NULL, true
    FROM pending_suppressions AS p WHERE person_key = ? AND NOT EXISTS (SELECT 1 FROM suppressions AS s
        WHERE s.person_key = p.person_key AND s.scope = p.scope AND s.reason = p.reason AND s.lifted_at IS NULL)
    ORDER BY 5 DESC"""
_WINDOWS = """SELECT w.channel_id, coalesce(c.name, w.channel_id), w.expires_at
    FROM windows AS w LEFT JOIN channels AS c ON c.channel_id = w.channel_id
    WHERE w.person_key = ? ORDER BY w.expires_at DESC"""
_LISTS = """SELECT l.list_id, l.name, m.added_at, l.archived_at IS NOT NULL
    FROM (SELECT list_id, min(added_at) AS added_at FROM list_members WHERE contact_id = ? GROUP BY list_id) AS m
    JOIN lists AS l ON l.list_id = m.list_id ORDER BY lower(l.name), l.list_id"""
_IMPORTS = """SELECT i.import_id, i.file_name, ic.what, i.by_whom, i.happened_at, i.undone_at IS NOT NULL
    FROM import_contacts AS ic JOIN imports AS i ON i.import_id = ic.import_id
    WHERE ic.contact_id = ? ORDER BY i.happened_at DESC"""
_FIRST_IMPORT = """SELECT import_id, file_name, 0, by_whom, happened_at, undone_at IS NOT NULL
    FROM imports WHERE import_id = ?"""
_EDITS = f"""SELECT field, old_value, new_value, by_whom, happened_at, edit_id
    FROM contact_edits WHERE contact_id = ? ORDER BY happened_at DESC LIMIT {MOST_EDITS}"""
_FACTS = "SELECT last_message_at, last_answer_at FROM contact_facts WHERE person_key = ?"
_IDENTITIES = "SELECT user_id, wa_id FROM identities WHERE person_key = ?"


def _appearances(cursor: duckdb.DuckDBPyConnection, contact_id: int, import_id: str | None) -> list[Appearance]:
    """The imports; what was imported before each import kept its people has the first alone."""
    rows = _rows(cursor, _IMPORTS, contact_id)
    if import_id and import_id not in {row[0] for row in rows}:
        rows = sorted([*rows, *_rows(cursor, _FIRST_IMPORT, import_id)], key=lambda row: row[4], reverse=True)
    return [Appearance(row[0], row[1], WHAT[row[2]], *row[3:]) for row in rows]


def _rows(cursor: duckdb.DuckDBPyConnection, sql: str, *bound: Any) -> list[tuple[Any, ...]]:
    return [tuple(_aware(value) for value in row) for row in cursor.execute(sql, list(bound)).fetchall()]


def _aware(value: Any) -> Any:
    return from_store(value) if isinstance(value, datetime) else value
