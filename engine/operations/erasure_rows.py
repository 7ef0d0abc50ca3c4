"""The erased person in the store: rows about them go, rows that count keep counting for a pseudonym.

What they wrote into other people's work (a rule that names their number, a remembered mapping) loses the number.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import duckdb

from engine.operations.erasure_traces import Traces

_BY_CONTACT = ("contacts", "list_members", "import_contacts", "consent_events", "contact_edits")
_BY_PERSON = ("windows", "contact_facts", "identities")
_TEXTS = (
    ("segments", "name"), ("segments", "definition"), ("segments", "description"),
    ("segment_versions", "name"), ("segment_versions", "definition"), ("lists", "name"),
    ("operations", "name"), ("operations", "draft"), ("operations", "bindings"), ("operations", "audience"),
    ("operations", "audience_sentence"), ("bindings", "bindings"), ("imports", "file_name"), ("imports", "mapping"),
    ("imports", "options"), ("saved_mappings", "name"), ("saved_mappings", "signature"),
    ("saved_mappings", "mapping"), ("saved_mappings", "options"), ("edits", "new_value"),
    ("account_events", "detail"),
    ("operation_events", "detail"), ("person_settings", "value"),
)  # fmt: skip


def forget_rows(cursor: duckdb.DuckDBPyConnection, traces: Traces) -> int:
    """Change every table. Done again, it changes nothing.

    Args:
        cursor: inside a transaction under the writer lock.

    Returns: how many texts of others lost the person's number or address.
    """
    cursor.execute(
        "UPDATE edits SET new_value = NULL WHERE people_count = 1 AND edit_id IN"
        " (SELECT edit_id FROM contact_edits WHERE contact_id = ?)",
        [traces.contact_id],
    )
    _forget_in_drafts(cursor, traces.contact_id)
    for table in _BY_CONTACT:
        cursor.execute(f"DELETE FROM {table} WHERE contact_id = ?", [traces.contact_id])
    for table in _BY_PERSON:
        cursor.execute(f"DELETE FROM {table} WHERE person_key IN (SELECT unnest(?::UBIGINT[]))", [traces.key_numbers])
    cursor.execute("UPDATE left_out SET contact_id = ? WHERE contact_id = ?", [traces.nobody_id, traces.contact_id])
    cursor.execute(
        "UPDATE deliveries SET message_id = NULL WHERE message_id IS NOT NULL AND (operation_no, recipient_no) IN"
        " (SELECT (operation_no, recipient_no) FROM erased_recipients)"
    )
    _forget_rejected_events(cursor, traces)
    return sum(_take_out(cursor, table, column, traces) for table, column in _TEXTS)


def _take_out(cursor: duckdb.DuckDBPyConnection, table: str, column: str, traces: Traces) -> int:
    sql = f"SELECT DISTINCT {column} FROM {table} WHERE regexp_matches({column}, ?)"
    changed = 0
    for (text,) in cursor.execute(sql, [traces.sql_pattern]).fetchall():
        cleaned = traces.taken_out(text)
        if cleaned != text:
            cursor.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", [cleaned, text])
            changed += 1
    return changed


def _forget_in_drafts(cursor: duckdb.DuckDBPyConnection, contact_id: int) -> None:
    """A selection that held them alone holds nobody now; it doesn't become everybody."""
    drafts = cursor.execute("SELECT operation_id, draft FROM operations WHERE state = 'draft'").fetchall()
    for operation_id, text in drafts:
        draft: dict[str, Any] = json.loads(text or "{}")
        selection = (draft.get("audience") or {}).get("selection") or {}
        if contact_id in selection.get("ids", ()):
            selection["ids"] = [each for each in selection["ids"] if each != contact_id]
            changed = json.dumps(draft, ensure_ascii=False)
            cursor.execute("UPDATE operations SET draft = ? WHERE operation_id = ?", [changed, operation_id])


def _forget_rejected_events(cursor: duckdb.DuckDBPyConnection, traces: Traces) -> None:
    """An event that couldn't be recorded and names them loses its content, and keeps its reason."""
    rows = cursor.execute("SELECT stream_id, entry FROM rejected_events WHERE entry IS NOT NULL").fetchall()
    hexes = [key.hex() for key in traces.keys]
    for stream_id, entry in rows:
        texts = list(_texts_of(entry))
        if any(traces.pattern.search(text) or any(key in text for key in hexes) for text in texts):
            cursor.execute("UPDATE rejected_events SET entry = NULL WHERE stream_id = ?", [stream_id])


def _texts_of(entry: bytes) -> Iterator[str]:
    """The fields of an entry: JSON of texts in base64, as the recorder keeps them."""
    try:
        fields = json.loads(entry)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        yield entry.decode("utf-8", "replace")
        return
    for value in fields.values():
        try:
            yield base64.b64decode(str(value), validate=True).decode("utf-8", "replace")
        except ValueError:
            yield str(value)
