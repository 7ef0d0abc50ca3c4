"""Reads one webhook body into neutral events: statuses, inbound messages, preferences, new ids, account notices.

Knows the provider's words, not what they lead to (`operations.inbound`, `operations.ledger`). Tolerant: an item that
is not as expected is passed over alone and counted, an unknown field or kind never fails a body.
Source: WhatsApp Cloud API, webhook reference, 2026-11.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from engine.channels import webhook_shapes as shapes
from engine.channels.notices import RECORDED_FIELDS
from engine.channels.webhook_events import (
    AccountNotice,
    IdentityChange,
    InboundMessage,
    PreferenceChange,
    StatusUpdate,
    Webhook,
)
from engine.errors import InputError
from engine.ids import parse_callback_data
from engine.words import N_

STATUS_WORDS = ("sent", "delivered", "read", "failed")
_ALIASES = {"played": "read"}
_MAX_RECIPIENT, _MAX_ATTEMPT = 2**32 - 1, 2**16 - 1
_Item = TypeVar("_Item")
_ENVELOPE = msgspec.json.Decoder(shapes.Envelope)
_VALUE = msgspec.json.Decoder(shapes.Value)
_RAW_VALUE = msgspec.json.Decoder(shapes.RawValue)
_ANY = msgspec.json.Decoder()


def is_signed(body: bytes, header: str | None, app_secret: str) -> bool:
    """Whether `X-Hub-Signature-256` is the HMAC-SHA256 of the raw body under the app secret (constant time)."""
    if not header or not header.startswith("sha256=") or not app_secret:
        return False
    wanted = hmac.digest(app_secret.encode(), body, hashlib.sha256).hex()
    return hmac.compare_digest(wanted.encode(), header[7:].strip().lower().encode("utf-8", "replace"))


def parse_webhook(body: bytes) -> Webhook:
    """Read one body.

    Raises:
        InputError: it is no JSON.
    """
    try:
        envelope = _ENVELOPE.decode(body)
    except msgspec.ValidationError:
        return Webhook(skipped=1)
    except msgspec.MsgspecError:
        raise InputError(reason=N_("the body is no webhook")) from None
    found = Webhook()
    for entry in envelope.entry or ():
        for change in entry.changes or ():
            _read_change(found, entry, change)
    return found


def _read_change(found: Webhook, entry: shapes.Entry, change: shapes.Change) -> None:
    field = change.field or entry.field or ""
    if field in ("messages", "user_preferences"):
        _read_value(found, entry, _decode_value(found, change.value))
        return
    try:
        value = _ANY.decode(change.value)
    except msgspec.MsgspecError:
        found.skipped += 1
        return
    if isinstance(value, dict) and "new_quality_score" in value:
        field = "message_template_quality_update"
    if not isinstance(value, dict) or field not in RECORDED_FIELDS:
        found.skipped += 1
    else:
        found.notices.append(
            AccountNotice(field=field, waba_id=_text(entry.id), value=value, at_s=_seconds(entry.time))
        )


def _decode_value(found: Webhook, raw: msgspec.Raw) -> shapes.Value:
    try:
        return _VALUE.decode(raw)
    except msgspec.MsgspecError:
        pass
    try:
        loose = _RAW_VALUE.decode(raw)
    except msgspec.MsgspecError:
        found.skipped += 1
        return shapes.Value()
    return shapes.Value(
        metadata=loose.metadata,
        contacts=_decode_each(found, loose.contacts, shapes.Contact),
        statuses=_decode_each(found, loose.statuses, shapes.Status),
        messages=_decode_each(found, loose.messages, shapes.Message),
        user_preferences=_decode_each(found, loose.user_preferences, shapes.Preference),
        errors=_decode_each(found, loose.errors, shapes.Failure),
    )


def _decode_each(found: Webhook, items: Iterable[msgspec.Raw] | None, shape: type[_Item]) -> list[_Item]:
    read = []
    for item in items or ():
        try:
            read.append(msgspec.json.decode(item, type=shape))
        except msgspec.MsgspecError:
            found.skipped += 1
    return read


def _read_value(found: Webhook, entry: shapes.Entry, value: shapes.Value) -> None:
    number = _text(value.metadata.phone_number_id) if value.metadata else ""
    contacts = value.contacts or []
    for status in value.statuses or ():
        _read_status(found, number, status, contacts)
    for message in value.messages or ():
        _read_message(found, number, message, contacts)
    for preference in value.user_preferences or ():
        found.preferences.append(
            PreferenceChange(
                phone_number_id=number,
                at_s=_seconds(preference.timestamp),
                value=(preference.value or "").lower(),
                phone=_text(preference.wa_id),
                user_id=preference.user_id or "",
            )
        )
    for failure in value.errors or ():
        detail = {"code": _code(failure)}
        found.notices.append(
            AccountNotice(
                phone_number_id=number,
                field="errors",
                waba_id=_text(entry.id),
                value=detail,
                at_s=_seconds(entry.time),
            )
        )


def _read_status(found: Webhook, number: str, status: shapes.Status, contacts: list[shapes.Contact]) -> None:
    word = status.status.lower()
    word = _ALIASES.get(word, word)
    ours = parse_callback_data(status.biz_opaque_callback_data or "")
    if word not in STATUS_WORDS or ours is None or ours[1] > _MAX_RECIPIENT or not 0 < ours[2] <= _MAX_ATTEMPT:
        found.skipped += 1
        return
    contact = contacts[0] if len(contacts) == 1 else None
    found.statuses.append(
        StatusUpdate(
            phone_number_id=number,
            at_s=_seconds(status.timestamp),
            operation_id=ours[0],
            recipient_no=ours[1],
            attempt=ours[2],
            word=word,
            message_id=(status.id or "").replace("\n", ""),
            code=_code(status.errors[0]) if status.errors else None,
            price_type=(status.pricing.type or "") if status.pricing else "",
            price_category=(status.pricing.category or "") if status.pricing else "",
            phone=_digits(status.recipient_id) or (_digits(contact.wa_id) if contact else ""),
            user_id=status.recipient_user_id or ((contact.user_id or "") if contact else ""),
        )
    )


def _read_message(found: Webhook, number: str, message: shapes.Message, contacts: list[shapes.Contact]) -> None:
    kind, at_s = message.type or "", _seconds(message.timestamp)
    contact = _contact_of(message, contacts)
    phone = _digits(message.sender) or _digits(contact.wa_id)
    user_id = message.from_user_id or contact.user_id or ""
    if kind == "system":
        _read_system(found, number, message, phone or "", user_id)
        return
    if not (phone or user_id) or not message.id:
        found.skipped += 1
        return
    button, reply = message.button or shapes.Button(), _reply(message)
    found.inbound.append(
        InboundMessage(
            phone_number_id=number,
            at_s=at_s,
            kind=kind,
            message_id=message.id,
            phone=phone,
            user_id=user_id,
            name=(contact.profile.name or "") if contact.profile else "",
            context_id=(message.context.id or "") if message.context else "",
            text=(message.text.body or "") if message.text else "",
            payload=button.payload or reply.id or "",
            title=button.text or reply.title or "",
            referral=str(message.referral.get("source_type") or "ad") if message.referral else "",
        )
    )


def _read_system(found: Webhook, number: str, message: shapes.Message, phone: str, user_id: str) -> None:
    system = message.system or shapes.System()
    new_phone, new_user_id = _digits(system.wa_id), system.user_id or ""
    old_user_id = system.previous_user_id or user_id
    if not (phone or old_user_id) or not (new_phone or new_user_id):
        found.skipped += 1
        return
    found.identities.append(
        IdentityChange(
            phone_number_id=number,
            at_s=_seconds(message.timestamp),
            phone=phone,
            user_id=old_user_id,
            new_phone=new_phone,
            new_user_id=new_user_id,
        )
    )


def _contact_of(message: shapes.Message, contacts: list[shapes.Contact]) -> shapes.Contact:
    sender = _digits(message.sender)
    for contact in contacts:
        same_phone = sender and _digits(contact.wa_id) == sender
        if same_phone or (message.from_user_id and contact.user_id == message.from_user_id):
            return contact
    return contacts[0] if len(contacts) == 1 else shapes.Contact()


def _reply(message: shapes.Message) -> shapes.Reply:
    if message.interactive is None:
        return shapes.Reply()
    return message.interactive.button_reply or message.interactive.list_reply or shapes.Reply()


def _text(value: shapes.Loose) -> str:
    return "" if value is None else str(value)


def _digits(value: shapes.Loose) -> str:
    text = _text(value).lstrip("+")
    return text if text.isascii() and text.isdigit() else ""


def _seconds(value: shapes.Loose) -> int:
    """Unix seconds; 0 when it is none (milliseconds are taken for what they are)."""
    try:
        seconds = int(float(value or 0))
    except (ValueError, OverflowError):
        return 0
    seconds = seconds // 1000 if seconds > 10**11 else seconds
    return seconds if 0 < seconds < 2**32 else 0


def _code(failure: shapes.Failure) -> int | None:
    try:
        code = int(failure.code if failure.code is not None else "")
    except ValueError:
        return None
    return code if 0 <= code < 2**31 else None
