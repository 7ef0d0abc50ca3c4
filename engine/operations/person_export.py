"""All that is held about one person, as files they can be given: an access request under KVKK or the GDPR.

A zip with `person.json` (complete, for machines) and `person.html` (the same for people, in a language). Nothing of
other people is in it.
"""

from __future__ import annotations

import html
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import duckdb

from engine.channels.errors_table import classify
from engine.clock import to_store
from engine.contacts.profile import Profile, load_profile
from engine.operations.history import Message, events_of, left_out_of, messages_to, rendered
from engine.operations.states import DELIVERY_STATE_LABELS, DeliveryState
from engine.warehouse import Warehouse, audit
from engine.words import N_

JSON_NAME, HTML_NAME = "person.json", "person.html"
Translate = Callable[[str], str]
TITLE = N_("All that is held about one person")
SECTIONS: dict[str, str] = {
    "contact": N_("Contact"),
    "fields": N_("Fields"),
    "identities": N_("Names at the provider"),
    "consent_history": N_("Consent history"),
    "suppressions": N_("Suppressions"),
    "lists": N_("Lists"),
    "imports": N_("Imports"),
    "edits": N_("Changes by hand"),
    "service_windows": N_("Service windows"),
    "messages": N_("Messages"),
    "left_out": N_("Left out of"),
    "audit": N_("What our people did with this contact"),
}
NOTHING = N_("Nothing.")
_AUDIT = """SELECT happened_at, who, verb, detail FROM audit
    WHERE (subject_kind = 'contact' AND subject_id = ?::VARCHAR) OR (subject_kind = 'person' AND subject_id = ?)
    ORDER BY happened_at"""


def export_person(
    warehouse: Warehouse, contact_id: int, *, who: str, now: datetime, translate: Translate = str
) -> bytes:
    """The zip; that it was made is audited.

    Raises:
        NotFound: there is no such contact.
    """
    facts = facts_of(warehouse.cursor(), contact_id, now=now, translate=translate)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(JSON_NAME, json.dumps(facts, ensure_ascii=False, indent=2, default=str))
        archive.writestr(HTML_NAME, page_of(facts, translate))
    with warehouse.writing() as cursor:
        audit(cursor, who=who, verb="exported all of", subject=("contact", str(contact_id)), now=now)
    return out.getvalue()


def facts_of(
    cursor: duckdb.DuckDBPyConnection, contact_id: int, *, now: datetime, translate: Translate = str
) -> dict[str, Any]:
    """Everything as plain values: texts, numbers, lists and mappings; moments as ISO texts in UTC.

    Raises:
        NotFound: there is no such contact.
    """
    profile = load_profile(cursor, contact_id)
    person = f"{profile.person_key:016x}"
    rows = cursor.execute(_AUDIT, [contact_id, person]).fetchall()
    found: dict[str, Any] = {
        "exported_at": now,
        "contact": {
            "contact_id": contact_id,
            "user_id": profile.user_id,
            "person_key": person,
            "phone_is_valid": profile.phone_valid,
            "import_id": profile.import_id,
            "last_message_at": profile.last_message_at,
            "last_answer_at": profile.last_answer_at,
        },
        "fields": dict(profile.values),
        "identities": list(profile.identities),
        "consent_history": _rows(profile.consents),
        "suppressions": _rows(profile.suppressions),
        "lists": _rows(profile.lists),
        "imports": _rows(profile.imports),
        "edits": _rows(profile.edits),
        "service_windows": _rows(profile.windows),
        "messages": [_message(cursor, each, translate) for each in messages_to(cursor, contact_id)],
        "left_out": _rows(left_out_of(cursor, contact_id)),
        "audit": [{"at": moment, "who": who, "what": verb, "detail": detail} for moment, who, verb, detail in rows],
    }
    found["field_labels"] = _labels(profile, translate)
    return _plain(found)  # type: ignore[no-any-return]


def page_of(facts: Mapping[str, Any], translate: Translate = str) -> str:
    """The facts as one HTML page without scripts, styles or links from elsewhere."""
    title = html.escape(translate(TITLE))
    parts = [f"<h1>{title}</h1><p>{html.escape(str(facts['exported_at']))}</p>"]
    for key, label in SECTIONS.items():
        parts.append(f"<h2>{html.escape(translate(label))}</h2>")
        value = facts[key]
        if key == "fields":
            value = {facts["field_labels"].get(name, name): each for name, each in value.items()}
        parts.append(_drawn(value) or f"<p>{html.escape(translate(NOTHING))}</p>")
    style = "body{font:15px/1.5 sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    style += "th{text-align:left;vertical-align:top;padding-right:1rem;font-weight:600}td{white-space:pre-wrap}"
    style += "table{margin:0 0 1rem;border-top:1px solid #ccc}"
    body = "\n".join(parts)
    return f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title><style>{style}</style></head><body>\n{body}\n</body></html>\n'  # noqa: E501


def _drawn(value: Any) -> str:
    """A mapping as a table of two columns, a list as one after the other; empty values are left away."""
    if isinstance(value, list):
        return "".join(_drawn(each) if isinstance(each, dict | list) else f"<p>{_cell(each)}</p>" for each in value)
    rows = [
        f"<tr><th>{html.escape(str(key))}</th><td>{_cell(each)}</td></tr>"
        for key, each in value.items()
        if each not in (None, "", [], {})
    ]
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _cell(value: Any) -> str:
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict) for each in value)):
        return _drawn(value)
    if isinstance(value, list):
        return html.escape(", ".join(str(each) for each in value))
    return html.escape(str(value))


def _message(cursor: duckdb.DuckDBPyConnection, message: Message, translate: Translate) -> dict[str, Any]:
    shown = rendered(cursor, message)
    facts = asdict(message)
    for name in ("template", "snapshot_path", "operation_no", "operation_state", "pricing"):
        facts.pop(name)
    return {
        **facts,
        "state": translate(DELIVERY_STATE_LABELS[message.state]),
        "code": message.code or None,
        "code_meaning": translate(classify(message.code).meaning) if message.code else None,
        "text": shown and "\n".join(part for part in (shown.header, shown.body, shown.footer) if part),
        "buttons": [f"{button.text} {button.url}".strip() for button in shown.buttons] if shown else [],
        "events": [
            {
                "at": each.happened_at,
                "attempt": each.attempt,
                "state": translate(DELIVERY_STATE_LABELS[DeliveryState(each.state)]),
                "code": each.code or None,
                "late": each.is_late,
            }
            for each in events_of(cursor, message)
        ],
    }


def _labels(profile: Profile, translate: Translate) -> dict[str, str]:
    return {field.name: translate(field.label) if field.built_in else field.label for field in profile.registry}


def _rows(records: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(each) for each in records]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        moment = to_store(value) if value.tzinfo else value
        return f"{moment.isoformat(timespec='seconds')}Z"
    return value.isoformat() if isinstance(value, date) else value
