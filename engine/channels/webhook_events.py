"""What a webhook says, in neutral words: no provider's field name, no idea of what follows from it.

Phones are digits without +; empty text and 0 mean that the provider didn't say.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What all events share."""

    phone_number_id: str = ""
    at_s: int = 0


class StatusUpdate(Event, frozen=True, gc=False, kw_only=True):
    """A message of ours got further, or failed."""

    operation_id: str
    recipient_no: int
    attempt: int
    word: str
    message_id: str = ""
    code: int | None = None
    price_type: str = ""
    price_category: str = ""
    phone: str = ""
    user_id: str = ""


class InboundMessage(Event, frozen=True, gc=False, kw_only=True):
    """A person wrote, tapped or reacted."""

    kind: str
    message_id: str
    phone: str = ""
    user_id: str = ""
    name: str = ""
    context_id: str = ""
    text: str = ""
    payload: str = ""
    title: str = ""
    referral: str = ""


class PreferenceChange(Event, frozen=True, gc=False, kw_only=True):
    """A person stopped marketing messages inside WhatsApp, or took them up again."""

    value: str
    phone: str = ""
    user_id: str = ""


class IdentityChange(Event, frozen=True, gc=False, kw_only=True):
    """A person has a new number or a new user id."""

    phone: str = ""
    user_id: str = ""
    new_phone: str = ""
    new_user_id: str = ""


class AccountNotice(Event, frozen=True, gc=False, kw_only=True):
    """Something of the account changed: a template, a limit, a restriction, an error that is nobody's row."""

    field: str
    waba_id: str
    value: dict[str, Any]


class Webhook(msgspec.Struct, gc=False):
    """The events of one body, by kind."""

    statuses: list[StatusUpdate] = msgspec.field(default_factory=list)
    inbound: list[InboundMessage] = msgspec.field(default_factory=list)
    preferences: list[PreferenceChange] = msgspec.field(default_factory=list)
    identities: list[IdentityChange] = msgspec.field(default_factory=list)
    notices: list[AccountNotice] = msgspec.field(default_factory=list)
    skipped: int = 0
