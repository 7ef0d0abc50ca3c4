"""The JSON of WhatsApp's webhooks as msgspec shapes: every field optional, what is unknown is passed over.

Nothing outside `webhooks` looks at these. Ids and times come as text or as numbers, whichever page one reads.
Source: WhatsApp Cloud API, webhook reference, 2026-11.
"""

from __future__ import annotations

from typing import Any

import msgspec

Loose = str | int | float | None


class Shape(msgspec.Struct, gc=False):
    """Unknown fields are passed over; missing ones have their default."""


class Failure(Shape):
    """One of `errors`."""

    code: int | str | None = None


class Pricing(Shape):
    """What a message costs: type and category."""

    type: str | None = None
    category: str | None = None


class Status(Shape):
    """One of `statuses`."""

    status: str = ""
    id: str | None = None
    timestamp: Loose = None
    recipient_id: Loose = None
    recipient_user_id: str | None = None
    biz_opaque_callback_data: str | None = None
    pricing: Pricing | None = None
    errors: list[Failure] | None = None


class Profile(Shape):
    """What the person calls themselves."""

    name: str | None = None


class Contact(Shape):
    """One of `contacts`: the person a message or status is about."""

    profile: Profile | None = None
    wa_id: Loose = None
    user_id: str | None = None


class Context(Shape):
    """The message that this one answers."""

    id: str | None = None


class Text(Shape):
    """A text message."""

    body: str | None = None


class Button(Shape):
    """A tap on a template's quick reply."""

    payload: str | None = None
    text: str | None = None


class Reply(Shape):
    """A tap on an interactive button or list row."""

    id: str | None = None
    title: str | None = None


class Interactive(Shape):
    """The answer to an interactive message."""

    button_reply: Reply | None = None
    list_reply: Reply | None = None


class System(Shape):
    """A person changed their number or their user id."""

    type: str | None = None
    wa_id: Loose = None
    user_id: str | None = None
    previous_user_id: str | None = None


class Message(Shape):
    """One of `messages`."""

    id: str | None = None
    sender: Loose = msgspec.field(name="from", default=None)
    from_user_id: str | None = None
    timestamp: Loose = None
    type: str | None = None
    context: Context | None = None
    text: Text | None = None
    button: Button | None = None
    interactive: Interactive | None = None
    system: System | None = None
    referral: dict[str, Any] | None = None


class Preference(Shape):
    """One of `user_preferences`: marketing stopped or taken up again inside WhatsApp."""

    wa_id: Loose = None
    user_id: str | None = None
    category: str | None = None
    value: str | None = None
    timestamp: Loose = None


class Metadata(Shape):
    """The business's number."""

    phone_number_id: Loose = None


class Value(Shape):
    """What a change of the fields `messages` and `user_preferences` holds."""

    metadata: Metadata | None = None
    contacts: list[Contact] | None = None
    statuses: list[Status] | None = None
    messages: list[Message] | None = None
    user_preferences: list[Preference] | None = None
    errors: list[Failure] | None = None


class RawValue(Shape):
    """The same with its items unread: used when one of them is not as expected."""

    metadata: Metadata | None = None
    contacts: list[msgspec.Raw] | None = None
    statuses: list[msgspec.Raw] | None = None
    messages: list[msgspec.Raw] | None = None
    user_preferences: list[msgspec.Raw] | None = None
    errors: list[msgspec.Raw] | None = None


class Change(Shape):
    """One change; one documented example has `field` a level higher."""

    field: str | None = None
    value: msgspec.Raw = msgspec.Raw(b"null")


class Entry(Shape):
    """The changes of one WhatsApp Business Account."""

    id: Loose = None
    time: Loose = None
    field: str | None = None
    changes: list[Change] | None = None


class Envelope(Shape):
    """The whole body."""

    object: str | None = None
    entry: list[Entry] | None = None
