"""What an import writes: the statements of the merge, in the order in which `merging` runs them, in its transaction.

`undo.parquet` is written first and is what the update reads: contact_id, `old_updated_at`, channel, `old_<column>`
and `new_<column>` of the columns that change, one row a contact that changes. New contacts are known by their import.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from engine.clock import to_store
from engine.contacts.changes import Incoming
from engine.contacts.column import Column
from engine.contacts.model import Origin
from engine.contacts.person import BUCKETS
from engine.contacts.planning import Counts

UNDO_FILE = "undo.parquet"
_CONSENT = ("consent", "consent_source", "consent_at")
_EVENTS = (
    "INSERT INTO consent_events (contact_id, consent, source, channel, happened_at, recorded_at, by_whom, import_id) "
    "SELECT contact_id, consent, consent_source, channel, coalesce(consent_at, $now), $now, $who, $import_id"
)


@dataclass(frozen=True)
class Writing:
    """One merge: whose import it is, what changes, and the id of the first new contact."""

    cursor: duckdb.DuckDBPyConnection
    import_id: str
    folder: Path
    incoming: Incoming
    counts: Counts
    base: int
    who: str
    now: datetime

    @property
    def undo(self) -> str:
        """`undo.parquet` as a relation."""
        return f"read_parquet('{_quoted(self.folder / UNDO_FILE)}')"

    def changed(self) -> list[Column]:
        """The columns that change in known contacts; only they are written, for each costs time on a million."""
        return [each for each in self.incoming.columns() if each.name in self.counts.changed]

    def changes(self, name: str) -> bool:
        """Known contacts get other values in this column."""
        return name in self.counts.changed

    def run(self, query: str) -> None:
        """Run a statement of the merge."""
        bound = {"import_id": self.import_id, "who": self.who, "now": to_store(self.now), "base": self.base}
        used = {name: value for name, value in bound.items() if f"${name}" in query}
        self.cursor.execute(query, used).fetchall()


def write_undo(writing: Writing) -> None:
    """Keep what the update will change, on disk for good before anything is committed."""
    columns = writing.changed()
    pairs = "".join(f', "old_{each.name}", "new_{each.name}"' for each in columns)
    differs = " OR ".join(f'"old_{each.name}" IS DISTINCT FROM "new_{each.name}"' for each in columns) or "false"
    path = writing.folder / UNDO_FILE
    draft = path.with_suffix(".draft")
    writing.run(
        f"COPY (SELECT found AS contact_id, found_updated_at AS old_updated_at, channel{pairs} "
        f"FROM ({writing.incoming.known_sql(columns)}) WHERE {differs}) TO '{_quoted(draft)}' (FORMAT parquet)"
    )
    _keep(draft, path)


def write_contacts(writing: Writing) -> None:
    """Who was in the file, and the contacts themselves: the new ones, and what changes in the known."""
    if writing.counts.new_count:
        _insert(writing)
    if writing.counts.updated_count:
        assigned = "".join(f', "{each.name}" = u."new_{each.name}"' for each in writing.changed())
        writing.run(
            f"UPDATE contacts SET updated_at = $now{assigned} FROM {writing.undo} u "
            f"WHERE contacts.contact_id = u.contact_id"
        )
    changed = " OR ".join(f'"d_{each.name}"' for each in writing.changed()) or "false"
    writing.run(
        f"INSERT INTO import_contacts SELECT $import_id, coalesce(found, $base + n), "
        f"CASE WHEN found IS NULL THEN 0 WHEN {changed} THEN 1 ELSE 2 END FROM decided"
    )


def write_consent(writing: Writing) -> None:
    """The history of consent; who opts out by it, or moves to another number, is to be suppressed."""
    if writing.changes("person_key"):
        entry = "SELECT person_key, scope, reason, by_whom FROM"
        writing.run(
            f"INSERT INTO pending_suppressions SELECT DISTINCT new_person_key, scope, reason, by_whom, $now "
            f"FROM {writing.undo} u JOIN ({entry} suppressions WHERE lifted_at IS NULL "
            f"UNION ALL {entry} pending_suppressions) p ON p.person_key = u.old_person_key "
            f"WHERE old_person_key <> new_person_key"
        )
    if not writing.incoming.has_consent:
        return
    if writing.counts.new_count:
        join = "JOIN" if writing.incoming.has_channel else "CROSS JOIN"
        writing.run(
            f"{_EVENTS} FROM contacts {join} {_channel_of_new(writing)} "
            f"WHERE contact_id >= $base AND consent IS NOT NULL"
        )
        _suppress(writing, "contacts", "contact_id >= $base AND consent = 'opted_out'")
    changed = [name for name in _CONSENT if writing.changes(name)]
    if changed:
        differs = " OR ".join(f"old_{name} IS DISTINCT FROM new_{name}" for name in changed)
        writing.run(
            f"{_EVENTS} FROM contacts JOIN (SELECT contact_id, channel FROM {writing.undo} WHERE {differs}) "
            f"USING (contact_id)"
        )
    if "consent" in changed:
        out = "new_consent = 'opted_out' AND old_consent IS DISTINCT FROM 'opted_out'"
        _suppress(writing, f"contacts SEMI JOIN (FROM {writing.undo} WHERE {out}) USING (contact_id)", "true")


def write_members(writing: Writing, list_id: str) -> None:
    """Put everybody in the file into a list."""
    writing.run(
        f"INSERT INTO list_members SELECT '{_quoted(list_id)}', contact_id, $now FROM import_contacts "
        f"WHERE import_id = $import_id AND contact_id NOT IN "
        f"(SELECT contact_id FROM list_members WHERE list_id = '{_quoted(list_id)}')"
    )


def _insert(writing: Writing) -> None:
    counts = writing.counts
    columns = [each for each in writing.incoming.columns() if not each.is_of_known]
    names = "".join(f', "{each.name}"' for each in columns)
    values = "".join(f', "new_{each.name}"' for each in columns)
    rows = writing.incoming.new_sql(columns, are_all=not counts.updated_count + counts.unchanged_count)
    writing.run(
        f"INSERT INTO contacts (contact_id, phone, match_key, person_key, phone_valid, bucket, origin, import_id, "
        f"created_at, updated_at{names}) SELECT $base + n, phone, match_key, person_key, phone_valid, "
        f"person_key % {BUCKETS}, '{Origin.IMPORT}', $import_id, $now, $now{values} FROM ({rows})"
    )


def _channel_of_new(writing: Writing) -> str:
    """Where the new contacts' consent was given: a column of their rows in the file says it, or one word for all."""
    if not writing.incoming.has_channel:
        return f"(SELECT {writing.incoming.one_channel()} AS channel)"
    rows = writing.incoming.new_sql([], are_all=True)
    return f"(SELECT $base + n AS contact_id, channel FROM ({rows})) USING (contact_id)"


def _suppress(writing: Writing, people: str, where: str) -> None:
    writing.run(
        f"INSERT INTO pending_suppressions SELECT person_key, 'marketing', 'import', $who, $now FROM {people} "
        f"WHERE {where} AND person_key NOT IN (SELECT person_key FROM suppressions WHERE lifted_at IS NULL)"
    )


def _keep(draft: Path, path: Path) -> None:
    """On disk for good, under its name."""
    for each in (draft, path.parent):
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if each == draft:
            draft.rename(path)


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")
