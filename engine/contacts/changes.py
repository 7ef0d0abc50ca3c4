"""What an import changes in the store: one query for the dry run and for the merge, so that they agree.

A filled cell overwrites, an empty one keeps what is there. A number once stored is never rewritten by a variant of
itself. Whoever opted out, or is suppressed, is never opted in by an import. Aliases: `s` staged, `c` contacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine.clock import to_store
from engine.contacts.fields import FieldType

KEPT_OUT = "(s.consent = 'opted_in' AND (c.consent IS NOT DISTINCT FROM 'opted_out' OR s.is_suppressed))"
_IS_SET = f"(s.consent IS NOT NULL AND NOT {KEPT_OUT})"
_NEW_CONSENT = f"CASE WHEN {_IS_SET} THEN s.consent ELSE c.consent END"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of contacts that the import may change: what it becomes, and what it is (NULL for a new contact)."""

    name: str
    value: str
    old: str


def columns_of(targets: dict[str, FieldType], new: frozenset[str], now: datetime) -> list[Column]:
    """The columns these targets change.

    Args:
        targets: type of each target but the phone; the user id counts as text.
        new: those among them that the store has no column for yet.
        now: when consent was learnt that the file gives no time for.
    """
    columns = [
        Column(name, f's."{name}"', "NULL") if name in new else _kept(name, f's."{name}"')
        for name in targets
        if name != "country" and not name.startswith("consent")
    ]
    columns.append(_kept("country", "s.country", "s.phone_country") if "country" in targets else _filled("country"))
    return columns + (_consent_columns(targets, now) if "consent" in targets else [])


def incoming_sql(columns: list[Column], staged: Path, *, has_consent: bool) -> str:
    """The query: one row a staged person.

    Shape: n, person_key, phone, match_key, phone_valid, found (contact_id or NULL), `new_<column>`, `old_<column>`,
    `is_changed`, `is_kept_out` (an opt-in not taken), `is_withdrawn` (a contact we knew opts out).
    """
    path = str(staged).replace("'", "''")
    values = "".join(f', {each.value} AS "new_{each.name}", {each.old} AS "old_{each.name}"' for each in columns)
    changed = " OR ".join(f"({each.value}) IS DISTINCT FROM {each.old}" for each in columns)
    withdrawn = f"c.consent IS DISTINCT FROM 'opted_out' AND {_NEW_CONSENT} = 'opted_out'"
    kept_out, withdrawn = (KEPT_OUT, withdrawn) if has_consent else ("false", "false")
    return (
        f"SELECT s.n, s.person_key, s.phone, s.match_key, s.phone_valid, c.contact_id AS found{values}, "
        f"({changed}) AS is_changed, coalesce({kept_out}, false) AS is_kept_out, "
        f"c.contact_id IS NOT NULL AND coalesce({withdrawn}, false) AS is_withdrawn "
        f"FROM (SELECT *, person_key IN (SELECT person_key FROM suppressions WHERE lifted_at IS NULL) "
        f"AS is_suppressed FROM read_parquet('{path}')) s LEFT JOIN contacts c ON c.person_key = s.person_key"
    )


def counts_sql(columns: list[Column], incoming: str) -> str:
    """One row: new, updated, unchanged, kept out, withdrawn, then per column the known contacts it changes."""
    known = "found IS NOT NULL"
    each_column = "".join(
        f', count(*) FILTER ({known} AND "new_{each.name}" IS DISTINCT FROM "old_{each.name}")' for each in columns
    )
    return (
        f"SELECT count(*) FILTER (found IS NULL), count(*) FILTER ({known} AND is_changed), "
        f"count(*) FILTER ({known} AND NOT is_changed), count(*) FILTER (is_kept_out), "
        f"count(*) FILTER (is_withdrawn){each_column} FROM ({incoming})"
    )


def _kept(name: str, *values: str) -> Column:
    """Overwritten by the first value if it is filled; the others only fill what is empty."""
    old = f'c."{name}"'
    return Column(name, f"coalesce({', '.join([values[0], old, *values[1:]])})", old)


def _filled(name: str) -> Column:
    return Column(name, f"coalesce(c.{name}, s.phone_{name})", f"c.{name}")


def _consent_columns(targets: dict[str, FieldType], now: datetime) -> list[Column]:
    """Consent, its source and its time go together: those of an opt-in say nothing about an opt-out."""
    moment = f"TIMESTAMP '{to_store(now):%Y-%m-%d %H:%M:%S}'"
    columns = [Column("consent", _NEW_CONSENT, "c.consent")]
    for name, unknown in (("consent_source", "'import'"), ("consent_at", moment)):
        given = f"s.{name}" if name in targets else "NULL"
        value = (
            f"CASE WHEN NOT {_IS_SET} THEN c.{name} WHEN s.consent IS DISTINCT FROM c.consent "
            f"THEN coalesce({given}, {unknown}) ELSE coalesce({given}, c.{name}) END"
        )
        columns.append(Column(name, value, f"c.{name}"))
    return columns
