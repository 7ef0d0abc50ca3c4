"""Test sends: one message to one's own number, filled with a chosen person's values.

A test belongs to no operation, takes no place of its ledger and is in no report; the record keeps who sent which
template where, and what the provider answered. It goes out under the same rules as any message: an approved template,
no empty blank, a channel that isn't halted, and nobody who asked for no messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb
import httpx
import redis

from engine.channels.client import make_client
from engine.channels.cloud_api import CloudApi
from engine.channels.errors_table import classify
from engine.channels.media import media_ids_for
from engine.channels.provider import Channel, ChannelSecrets, Outcome
from engine.channels.store import get_channel, get_secrets
from engine.clock import from_store, to_store
from engine.contacts import load_registry, parse_phone, person_key
from engine.contacts.person import key_to_int
from engine.errors import InputError, InvalidTemplate, MissingParameter, NotFound, StateError
from engine.ids import new_id
from engine.live import channel_key, reaching_redis
from engine.settings import Settings
from engine.templates import Bindings, Template
from engine.templates.bindings import MEDIA_MARK
from engine.templates.people import look_at
from engine.warehouse import Warehouse, audit
from engine.words import N_

MOST_NUMBERS = 10
CALLBACK = "test"
PRESSED_TWICE = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class OwnNumber:
    """A number that tests may go to."""

    number_id: str
    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one test.

    Attributes:
        outcome: as the provider's `Outcome.kind`.
        meaning: what the code says, an English text to be translated; empty when it was accepted.
    """

    test_id: str
    number: OwnNumber
    outcome: str
    code: int
    message_id: str
    sent_by: str
    sent_at: datetime

    @property
    def is_accepted(self) -> bool:
        """The provider took it."""
        return self.outcome in ("accepted", "held")

    @property
    def meaning(self) -> str:
        """Why not, for people."""
        return "" if self.is_accepted else classify(self.code).meaning


def add_own_number(warehouse: Warehouse, name: str, phone: str, *, region: str, who: str, now: datetime) -> OwnNumber:
    """Keep a number for tests; the same number is kept once.

    Raises:
        InvalidPhone: it is no phone number.
        InputError: it has no name, or there are too many already.
    """
    if not name.strip():
        raise InputError(reason=N_("Say whose number it is."))
    number = parse_phone(phone, region).e164
    known = list_own_numbers(warehouse.cursor())
    if (same := next((each for each in known if each.phone == number), None)) is not None:
        return same
    if len(known) >= MOST_NUMBERS:
        raise InputError(reason=N_("Ten numbers are kept for tests; remove one first."))
    made = OwnNumber(new_id("num", now), name.strip()[:80], number)
    with warehouse.writing(is_about_people=False) as cursor:
        cursor.execute(
            "INSERT INTO test_numbers VALUES (?, ?, ?, ?, ?, NULL)",
            [made.number_id, made.name, made.phone, who, to_store(now)],
        )
        audit(cursor, who=who, verb="added", subject=("test number", made.number_id), now=now)
    return made


def remove_own_number(warehouse: Warehouse, number_id: str, *, who: str, now: datetime) -> None:
    """No test goes there any more; what was sent stays on record."""
    with warehouse.writing(is_about_people=False) as cursor:
        cursor.execute(
            "UPDATE test_numbers SET archived_at = ? WHERE number_id = ? AND archived_at IS NULL",
            [to_store(now), number_id],
        )
        audit(cursor, who=who, verb="removed", subject=("test number", number_id), now=now)


def list_own_numbers(cursor: duckdb.DuckDBPyConnection) -> list[OwnNumber]:
    """The numbers that tests may go to, by name."""
    rows = cursor.execute(
        "SELECT number_id, name, phone FROM test_numbers WHERE archived_at IS NULL ORDER BY name, phone"
    ).fetchall()
    return [OwnNumber(*row) for row in rows]


def send_test(
    warehouse: Warehouse,
    client: redis.Redis,
    settings: Settings,
    template: Template,
    bindings: Bindings,
    *,
    number_id: str,
    contact_id: int | None,
    who: str,
    now: datetime,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Trial:
    """Post one message to one's own number; a second press within `PRESSED_TWICE` finds the first.

    It is on record before it goes out, as unknown until the answer comes.

    Args:
        contact_id: whose values it is filled with; None where no field is read.
        transport: for tests; else the ordinary client.

    Raises:
        NotFound: the number or the channel isn't there.
        InvalidTemplate, MissingParameter: it can't be sent, or this person has no value for a blank.
        StateError: the channel is halted, or the number asked for no messages.
        ProviderError: a file of the message can't be uploaded.
        QueueUnavailable: Redis is away.
    """
    cursor = warehouse.cursor()
    number = _own_number(cursor, number_id)
    channel, secrets = get_channel(cursor, template.channel_id), get_secrets(cursor, settings, template.channel_id)
    if template.unsendable_reason is not None:
        raise InvalidTemplate(name=template.name, language=template.language, reason=template.unsendable_reason)
    _refuse_halted(client, channel)
    _refuse_suppressed(warehouse, number)
    look = look_at(cursor, template, bindings, contact_id, load_registry(cursor), zone=settings.timezone)
    if look.empty:
        raise MissingParameter(slot=look.empty[0].label, key=look.empty[0].key)
    files = media_ids_for(warehouse, settings, channel.channel_id, bindings, now=now)
    begun, is_new = _begin(warehouse, template, number, contact_id, who, now)
    if not is_new:
        return begun
    payload = {
        **{name: value for name, value in look.payload.items() if name != "recipient"},
        "to": number.phone,
        "biz_opaque_callback_data": begun.test_id,
        "template": _with_files(look.payload["template"], files),
    }
    outcome = asyncio.run(_post(channel, secrets, payload, transport))
    sent = replace(begun, outcome=outcome.kind, code=outcome.code, message_id=outcome.message_id)
    _record(warehouse, template, sent)
    return sent


def list_tests(cursor: duckdb.DuckDBPyConnection, template: Template, *, limit: int = 10) -> list[Trial]:
    """The tests of a template, the newest first."""
    rows = cursor.execute(
        "SELECT test_id, n.number_id, n.name, n.phone, outcome, code, coalesce(message_id, ''), sent_by, sent_at"
        " FROM test_sends s JOIN test_numbers n ON n.number_id = s.number_id"
        " WHERE channel_id = ? AND template_name = ? AND template_language = ? ORDER BY sent_at DESC LIMIT ?",
        [template.channel_id, template.name, template.language, limit],
    ).fetchall()
    return [
        Trial(test_id, OwnNumber(number_id, name, phone), outcome, code, message_id, sent_by, from_store(sent_at))
        for test_id, number_id, name, phone, outcome, code, message_id, sent_by, sent_at in rows
    ]


def _own_number(cursor: duckdb.DuckDBPyConnection, number_id: str) -> OwnNumber:
    for number in list_own_numbers(cursor):
        if number.number_id == number_id:
            return number
    raise NotFound(kind="test number", id=number_id)


def _refuse_halted(client: redis.Redis, channel: Channel) -> None:
    with reaching_redis():
        state = client.hget(channel_key(channel.channel_id), "state")
    if state == b"halted":
        raise StateError(reason=N_("the channel is halted; solve its problem and resume it first"))


def _refuse_suppressed(warehouse: Warehouse, number: OwnNumber) -> None:
    key = person_key(warehouse.salt, parse_phone(number.phone, "ZZ").match_key, None)
    found = warehouse.cursor().execute(
        "SELECT 1 FROM suppressions WHERE person_key = ? AND lifted_at IS NULL"
        " UNION ALL SELECT 1 FROM pending_suppressions WHERE person_key = ?",
        [key_to_int(key)] * 2,
    )
    if found.fetchall():
        raise StateError(reason=N_("this number asked for no messages; lift its suppression first"))


def _with_files(part: Any, files: Mapping[str, str]) -> Any:
    """The payload with the provider's ids in the place of our marks."""
    if isinstance(part, Mapping):
        return {key: _with_files(value, files) for key, value in part.items()}
    if isinstance(part, list):
        return [_with_files(value, files) for value in part]
    if isinstance(part, str) and part.startswith(MEDIA_MARK):
        return files.get(part.removeprefix(MEDIA_MARK), part)
    return part


async def _post(
    channel: Channel, secrets: ChannelSecrets, payload: Mapping[str, Any], transport: httpx.AsyncBaseTransport | None
) -> Outcome:
    client = httpx.AsyncClient(transport=transport) if transport else make_client()
    async with client:
        return await CloudApi(channel, secrets, client).send(payload)


def _begin(
    warehouse: Warehouse, template: Template, number: OwnNumber, contact_id: int | None, who: str, now: datetime
) -> tuple[Trial, bool]:
    """(the test, whether it is new): the same one of a moment ago is not begun again."""
    with warehouse.writing(is_about_people=False) as cursor:
        known = cursor.execute(
            "SELECT test_id, outcome, code, coalesce(message_id, ''), sent_by, sent_at FROM test_sends WHERE"
            " channel_id = ? AND template_name = ? AND template_language = ? AND number_id = ?"
            " AND contact_id IS NOT DISTINCT FROM ? AND sent_at > ? ORDER BY sent_at DESC LIMIT 1",
            [*_place(template), number.number_id, contact_id, to_store(now - PRESSED_TWICE)],
        ).fetchall()
        if known:
            test_id, outcome, code, message_id, sent_by, sent_at = known[0]
            return Trial(test_id, number, outcome, code, message_id, sent_by, from_store(sent_at)), False
        begun = Trial(new_id(CALLBACK, now), number, "unknown", 0, "", who, now)
        row = [begun.test_id, *_place(template), number.number_id, contact_id, begun.outcome, 0, None, who]
        cursor.execute("INSERT INTO test_sends VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [*row, to_store(now)])
        return begun, True


def _record(warehouse: Warehouse, template: Template, sent: Trial) -> None:
    """What the provider answered."""
    with warehouse.writing(is_about_people=False) as cursor:
        cursor.execute(
            "UPDATE test_sends SET outcome = ?, code = ?, message_id = ? WHERE test_id = ?",
            [sent.outcome, sent.code, sent.message_id or None, sent.test_id],
        )
        subject = ("template", "/".join(_place(template)))
        audit(cursor, who=sent.sent_by, verb="tested", subject=subject, now=sent.sent_at, outcome=sent.outcome)


def _place(template: Template) -> tuple[str, str, str]:
    return template.channel_id, template.name, template.language
