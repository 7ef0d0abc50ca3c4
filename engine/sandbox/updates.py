"""Webhook bodies: several updates in one POST, the way Meta batches them, and their signature.

Source: reference §4 (envelope, statuses, inbound, user_preferences, template status).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from engine.sandbox.credentials import Credentials
from engine.sandbox.identity import message_id, user_id_of, wa_id_of
from engine.sandbox.journal import Accepted, Happening
from engine.sandbox.people import answer_text, opt_out_text, profile_name
from engine.sandbox.refusals import status_error
from engine.sandbox.world import Update

STATUSES = ("sent", "delivered", "read", "failed")
INBOUND = ("button", "text", "opt_out")
DETAILS = {
    131026: "Message Undeliverable.",
    131049: "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
    131050: "The user has chosen to stop receiving marketing messages from your business.",
    130472: "Failed to send message because this user's phone number is part of an experiment.",
    132015: "The template was paused because of low quality.",
}


def webhook_body(updates: list[Update], credentials: Credentials, seed: int) -> bytes:
    """The JSON of one webhook POST with all these updates.

    Non-ASCII is escaped as Meta does it: whoever verifies a re-serialised body instead of the raw bytes fails here.
    """
    changes: list[dict[str, Any]] = []
    statuses = [update for update in updates if update.event.what in STATUSES]
    if statuses:
        changes.append(_change("messages", _statuses(statuses), credentials))
    entry: dict[str, Any] = {"id": credentials.waba_id, "changes": changes}
    for update in updates:
        subject = update.subject
        if isinstance(subject, Happening):
            changes.append(_change(subject.field, subject.value, credentials))
            if subject.field not in ("messages", "user_preferences"):
                entry["time"] = subject.at_ms // 1000
        elif update.event.what in INBOUND:
            changes.append(_change("messages", _inbound(update, subject, credentials, seed), credentials))
        elif update.event.what == "stop":
            value = preference_value(subject.person, "stop", update.event.at_ms)
            changes.append(_change("user_preferences", value, credentials))
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}, separators=(",", ":")).encode()


def signature(body: bytes, app_secret: str) -> str:
    """The `X-Hub-Signature-256` header of a body."""
    return "sha256=" + hmac.digest(app_secret.encode(), body, hashlib.sha256).hex()


def preference_value(person: str, value: str, at_ms: int) -> dict[str, Any]:
    """The value of a `user_preferences` change: `stop` or `resume`."""
    return {
        "contacts": [_contact(person)],
        "user_preferences": [
            {
                **_phone(person, "wa_id"),
                "user_id": user_id_of(person),
                "detail": f"User requested to {value} marketing messages",
                "category": "marketing_messages",
                "value": value,
                "timestamp": at_ms // 1000,
            }
        ],
    }


def text_value(person: str, text: str, wamid: str, at_ms: int) -> dict[str, Any]:
    """The value of a `messages` change in which a person writes first."""
    message = {**_from(person), "id": wamid, "timestamp": _seconds(at_ms), "type": "text", "text": {"body": text}}
    return {"contacts": [_contact(person)], "messages": [message]}


def _change(field: str, value: dict[str, Any], credentials: Credentials) -> dict[str, Any]:
    if field in ("messages", "user_preferences"):
        metadata = {"display_phone_number": credentials.sender, "phone_number_id": credentials.phone_number_id}
        value = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    return {"field": field, "value": value}


def _statuses(updates: list[Update]) -> dict[str, Any]:
    # Failed statuses come without contacts.
    known = {update.subject.person: None for update in updates if update.event.what != "failed"}
    value: dict[str, Any] = {"contacts": [_contact(person) for person in known]} if known else {}
    value["statuses"] = [
        _status(update, update.subject) for update in updates if isinstance(update.subject, Accepted)
    ]
    return value


def _status(update: Update, message: Accepted) -> dict[str, Any]:
    event = update.event
    status: dict[str, Any] = {
        "id": message.message_id,
        "status": event.what,
        "timestamp": _seconds(event.at_ms),
        **_phone(message.person, "recipient_id"),
        "recipient_user_id": user_id_of(message.person),
    }
    if message.callback is not None:
        status["biz_opaque_callback_data"] = message.callback
    if event.what == "failed":
        status["errors"] = [status_error(event.code, DETAILS.get(event.code, ""))]
    else:
        category = message.category.lower() or "service"
        status["pricing"] = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": category}
    return status


def _inbound(update: Update, message: Accepted, credentials: Credentials, seed: int) -> dict[str, Any]:
    event, person = update.event, message.person
    # A repeated webhook carries the same message id: it follows from the message that is answered.
    token = hashlib.blake2b(f"{message.message_id}{event.what}".encode(), digest_size=10).hexdigest().upper()
    inbound: dict[str, Any] = {
        **_from(person),
        "id": message_id(person, token, inbound=True),
        "timestamp": _seconds(event.at_ms),
        "context": {"from": credentials.sender, "id": message.message_id},
    }
    if event.what == "button" and message.press:
        text, payload = message.press
        inbound |= {"type": "button", "button": {"payload": payload, "text": text}}
    else:
        word = opt_out_text(seed, person) if event.what == "opt_out" else answer_text(seed, person, message.n)
        inbound |= {"type": "text", "text": {"body": word}}
    return {"contacts": [_contact(person)], "messages": [inbound]}


def _contact(person: str) -> dict[str, Any]:
    return {"profile": {"name": profile_name(person)}, **_phone(person, "wa_id"), "user_id": user_id_of(person)}


def _from(person: str) -> dict[str, str]:
    return {**_phone(person, "from"), "from_user_id": user_id_of(person)}


def _phone(person: str, key: str) -> dict[str, str]:
    """A person's number under a key; nothing for one who is known by a business-scoped id alone."""
    return {key: wa_id_of(person)} if person.isdigit() else {}


def _seconds(at_ms: int) -> str:
    return str(at_ms // 1000)
