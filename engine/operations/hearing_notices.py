"""What an account notice changes at once: operations of a stopped template halt, a restricted channel halts, a new
messaging limit counts. Every notice is an event for the record; one heard before changes nothing again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.channels.notices import new_limit, restriction_cause, template_news
from engine.channels.webhook_events import AccountNotice
from engine.live import NOTICES, OPERATIONS, channel_key, operation_key, portfolio_key
from engine.operations import ledger
from engine.operations.hearing_types import (
    Body,
    ChannelAddress,
    Command,
    Context,
    Owned,
    event_command,
    moment_ms,
    script_command,
)

STOPPED_TEMPLATE_CODES = {"PAUSED": 132015, "DISABLED": 132016}
MISSING_TEMPLATE_CODE = 132001
_REMEMBERED_SECONDS = 8 * 24 * 3600
_HALTABLE = frozenset({b"running", b"waiting", b"paused"})


class Notices:
    """The account notices of a group of bodies."""

    def __init__(self, bodies: Sequence[Body], context: Context, now_ms: int) -> None:
        self._context = context
        self._now_ms = now_ms
        self._all = [(owner, body, notice) for owner, body in enumerate(bodies) for notice in body.webhook.notices]
        self._marks = [_mark(body, notice) for _, body, notice in self._all]
        self._is_heard: list[bool] = []
        self._operations: list[str] = []

    def first(self) -> list[Command]:
        """Which notices were heard before, and which operations there are."""
        if not self._all:
            return []
        return [*(("EXISTS", mark) for mark in self._marks), ("SMEMBERS", OPERATIONS)]

    def second(self, answers: Sequence[Any]) -> list[Command]:
        """What the operations send, if a template was stopped."""
        if not self._all:
            return []
        self._is_heard = [bool(answer) for answer in answers[:-1]]
        news = [template_news(notice.field, notice.value) for _, _, notice in self._all]
        if any(each is not None and each.stops_sending for each in news):
            self._operations = sorted(operation.decode() for operation in answers[-1])
        return [("HMGET", operation_key(each), "state", "channel", "template") for each in self._operations]

    def commands(self, answers: Sequence[Any]) -> list[Owned]:
        """Halts and limits, the event, and the mark that it was heard."""
        live = dict(zip(self._operations, answers, strict=True))
        commands: list[Owned] = []
        for (owner, body, notice), mark, is_heard in zip(self._all, self._marks, self._is_heard, strict=True):
            if is_heard:
                continue
            acts = self._acts(body, notice, live)
            fact = {
                "channel_id": body.channel.channel_id,
                "field": notice.field,
                "value": notice.value,
                "at_ms": moment_ms(notice.at_s, self._now_ms),
            }
            acts += [event_command("account", fact), ("SET", mark, 1, "EX", _REMEMBERED_SECONDS)]
            commands += [Owned(command, frozenset((owner,))) for command in acts]
        return commands

    def _acts(self, body: Body, notice: AccountNotice, live: dict[str, Any]) -> list[Command]:
        channels = self._context.channels_of(body, notice.waba_id)
        acts = self._template_acts(channels, notice, live)
        cause = restriction_cause(notice.field, notice.value)
        if cause:
            acts += [_halt_channel(channel, cause) for channel in channels]
        code = notice.value.get("code") if notice.field == "errors" else None
        if isinstance(code, int) and self._context.halts_channel(code):
            number = self._context.channel_of(body, notice.phone_number_id) or body.channel
            acts.append(_halt_channel(number, str(code)))
        limit = new_limit(notice.field, notice.value)
        if limit is not None:
            for portfolio_id in sorted({channel.portfolio_id for channel in channels}):
                acts.append(("HSET", portfolio_key(portfolio_id), "limit", limit[0], "tier", limit[1]))
        return acts

    def _template_acts(
        self, channels: Sequence[ChannelAddress], notice: AccountNotice, live: dict[str, Any]
    ) -> list[Command]:
        news = template_news(notice.field, notice.value)
        if news is None or not news.stops_sending:
            return []
        ids = {channel.channel_id.encode() for channel in channels}
        code = STOPPED_TEMPLATE_CODES.get(news.status, MISSING_TEMPLATE_CODE)
        return [
            script_command(ledger.control(operation_id, "halt", who="ulak", cause=f"template:{code}"))
            for operation_id, (state, channel_id, template) in live.items()
            if state in _HALTABLE and channel_id in ids and template == news.key.encode()
        ]


def _halt_channel(channel: ChannelAddress, cause: str) -> Command:
    return ("HSET", channel_key(channel.channel_id), "state", "halted", "cause", cause)


def _mark(body: Body, notice: AccountNotice) -> str:
    whole = msgspec.json.encode((body.channel.channel_id, notice.field, notice.at_s, notice.value))
    return NOTICES + hashlib.blake2b(whole, digest_size=12).hexdigest()
