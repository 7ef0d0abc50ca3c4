"""What undoing an import would do, row by row: the temporary tables `undo_made` and `undo_changed`.

`undo_made` has the contacts that the import made: contact_id, reason (why one stays, or NULL: it goes).
`undo_changed` has those it changed: contact_id, `gets_<part>` for each part that goes back, `stays` (a part was
changed again since). A part is a column, or what belongs together: consent with its source and time, a number with
what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from engine.clock import to_store
from engine.contacts.changes import NUMBER_COLUMNS

NUMBER, CONSENT = "number", "consent"
_PARTS = {name: NUMBER for name in NUMBER_COLUMNS} | {
    name: CONSENT for name in ("consent", "consent_source", "consent_at")
}


@dataclass(frozen=True)
class Undoing:
    """One import as it is undone.

    Args:
        file: its `undo.parquet`; None: it changed nobody.
        columns: those that it changed in known contacts.
    """

    cursor: duckdb.DuckDBPyConnection
    import_id: str
    happened_at: datetime
    list_id: str | None
    file: Path | None
    columns: tuple[str, ...]

    @property
    def undo(self) -> str:
        """`undo.parquet` as a relation."""
        return "read_parquet('" + str(self.file).replace("'", "''") + "')"

    def parts(self) -> dict[str, list[str]]:
        """The columns of each part."""
        found: dict[str, list[str]] = {}
        for name in self.columns:
            found.setdefault(_PARTS.get(name, f"c_{name}"), []).append(name)
        return found


def changed_columns(cursor: duckdb.DuckDBPyConnection, file: Path) -> tuple[str, ...]:
    """The columns whose old and new values an `undo.parquet` holds."""
    rows = cursor.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(file)]).fetchall()
    return tuple(row[0].removeprefix("new_") for row in rows if row[0].startswith("new_"))


def look_at_made(undoing: Undoing) -> None:
    """Make `undo_made`: a contact stays who has been in an operation, wrote, was edited or is in a later import."""
    cursor = undoing.cursor
    cursor.execute("CREATE OR REPLACE TEMP TABLE undo_frozen (contact_id BIGINT)")
    launched = "SELECT snapshot_path FROM operations WHERE snapshot_path IS NOT NULL AND launched_at >= ?"
    for (path,) in cursor.execute(launched, [to_store(undoing.happened_at)]).fetchall():
        if Path(path).exists():
            cursor.execute("INSERT INTO undo_frozen SELECT contact_id FROM read_parquet(?)", [path])
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE undo_made AS SELECT contact_id, "
        "CASE WHEN contact_id IN (FROM undo_frozen) THEN 'in_operation' "
        "WHEN person_key IN (SELECT person_key FROM contact_facts) THEN 'wrote' "
        "WHEN contact_id IN (SELECT contact_id FROM import_contacts JOIN imports USING (import_id) "
        "WHERE import_id <> $import_id AND state = 'done') THEN 'imported_again' "
        "WHEN updated_at > $happened OR contact_id IN "
        "(SELECT contact_id FROM contact_edits WHERE happened_at >= $happened) "
        "THEN 'edited' END AS reason FROM contacts WHERE import_id = $import_id",
        {"import_id": undoing.import_id, "happened": to_store(undoing.happened_at)},
    ).fetchall()


def look_at_changed(undoing: Undoing) -> None:
    """Make `undo_changed`: a part goes back if it is as the import left it."""
    gets, stays = [], ["false"]
    for part, names in undoing.parts().items():
        is_changed = " OR ".join(f'u."old_{name}" IS DISTINCT FROM u."new_{name}"' for name in names)
        is_same = " AND ".join(f'c."{name}" IS NOT DISTINCT FROM u."new_{name}"' for name in names)
        if part == NUMBER:
            free = "NOT EXISTS (SELECT 1 FROM contacts o WHERE o.person_key = u.old_person_key)"
            is_same = f"{is_same} AND {free}"
        gets.append(f', (({is_changed}) AND {is_same}) AS "gets_{part}"')
        stays.append(f"(({is_changed}) AND NOT ({is_same}))")
    source = f"{undoing.undo} u JOIN contacts c USING (contact_id)" if undoing.file else _NOBODY
    undoing.cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE undo_changed AS SELECT contact_id{''.join(gets)}, "
        f"({' OR '.join(stays)}) AS stays FROM {source}"
    ).fetchall()


_NOBODY = "(SELECT NULL::BIGINT AS contact_id WHERE false)"


def goes_back(undoing: Undoing) -> str:
    """The condition on `undo_changed` that something of a contact goes back."""
    return " OR ".join([f'"gets_{part}"' for part in undoing.parts()] or ["false"])


def restore(undoing: Undoing, now: datetime) -> None:
    """Put back what the import changed; a contact that nobody touched since has its old time of change too."""
    assigned = []
    for part, names in undoing.parts().items():
        assigned += [
            f'"{name}" = CASE WHEN d."gets_{part}" THEN d."old_{name}" ELSE contacts."{name}" END' for name in names
        ]
    if not assigned:
        return
    undoing.cursor.execute(
        f"UPDATE contacts SET updated_at = CASE WHEN contacts.updated_at = $happened THEN d.old_updated_at "
        f"ELSE $now END, {', '.join(assigned)} FROM "
        f"(SELECT * FROM {undoing.undo} JOIN undo_changed USING (contact_id) "
        f"WHERE {goes_back(undoing)}) d WHERE contacts.contact_id = d.contact_id",
        {"happened": to_store(undoing.happened_at), "now": to_store(now)},
    ).fetchall()


def follow_number(undoing: Undoing, who: str, now: datetime) -> None:
    """Whoever wanted no messages at the number that goes wants none at the one that comes back."""
    if NUMBER not in undoing.parts():
        return
    entry = "SELECT person_key, scope, reason FROM"
    undoing.cursor.execute(
        f"INSERT INTO pending_suppressions SELECT DISTINCT u.old_person_key, scope, reason, ?, CAST(? AS TIMESTAMP) "
        f"FROM {undoing.undo} u JOIN undo_changed USING (contact_id) JOIN ({entry} suppressions "
        f"WHERE lifted_at IS NULL UNION ALL {entry} pending_suppressions) p ON p.person_key = u.new_person_key "
        f"WHERE gets_number AND u.old_person_key NOT IN "
        f"(SELECT person_key FROM suppressions WHERE lifted_at IS NULL)",
        [who, to_store(now)],
    ).fetchall()


def remove_traces(undoing: Undoing) -> None:
    """What follows: the contacts the import made, their lists and history; its own marks in lists and history."""
    run, happened = undoing.cursor.execute, to_store(undoing.happened_at)
    gone = "contact_id IN (SELECT contact_id FROM undo_made WHERE reason IS NULL)"
    for table in ("contacts", "list_members", "import_contacts"):
        run(f"DELETE FROM {table} WHERE {gone}").fetchall()
    back = "SELECT contact_id FROM undo_changed WHERE gets_consent" if CONSENT in undoing.parts() else "SELECT NULL"
    run(
        f"DELETE FROM consent_events WHERE ({gone}) OR (import_id = ? AND contact_id IN ({back}))",
        [undoing.import_id],
    ).fetchall()
    if undoing.list_id:
        run(
            "DELETE FROM list_members WHERE list_id = ? AND added_at = ? AND contact_id IN "
            "(SELECT contact_id FROM import_contacts WHERE import_id = ? AND what > 0)",
            [undoing.list_id, happened, undoing.import_id],
        ).fetchall()
