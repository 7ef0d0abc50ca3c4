"""What people said: opt-outs act at once, service windows open, the rest is an event for the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.channels.webhook_events import InboundMessage
from engine.live import OPT_OUTS, windows_key
from engine.operations import ledger
from engine.operations.hearing_names import Names
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
from engine.operations.inbound import (
    MUTE_KINDS,
    REASONS,
    WINDOWLESS_KINDS,
    Wish,
    heard,
    is_news,
    wish_of_message,
    wish_of_preference,
)

WINDOW_MS = 24 * 3_600_000
_LONGEST_TEXT = 256


@dataclass(frozen=True, slots=True)
class _Said:
    """A wish of one person (under one of their keys)."""

    key: bytes
    wish: Wish
    at_ms: int
    channel_id: str
    owner: int

    @property
    def field(self) -> bytes:
        return self.key + b":" + self.wish.way.value.encode()


class People:
    """Messages and preferences of a group of bodies."""

    def __init__(self, bodies: Sequence[Body], context: Context, names: Names, now_ms: int) -> None:
        self._bodies = bodies
        self._context = context
        self._names = names
        self._now_ms = now_ms
        self._wishes: list[_Said] = []
        self._windows: dict[tuple[str, bytes], tuple[int, set[int]]] = {}
        self._events: list[Owned] = []

    def first(self) -> list[Command]:
        """Nothing to ask before the names are known."""
        return []

    def second(self, answers: Sequence[Any]) -> list[Command]:
        """How new each wish is, and how long the windows stand open."""
        for owner, body in enumerate(self._bodies):
            self._read(owner, body)
        asked: list[Command] = [("HGET", OPT_OUTS, said.field) for said in self._wishes]
        return asked + [("HGET", windows_key(channel_id), key) for channel_id, key in self._windows]

    def commands(self, answers: Sequence[Any]) -> list[Owned]:
        """Opt-outs first, then windows, then the events."""
        wishes = self._wish_commands(answers[: len(self._wishes)])
        return wishes + self._window_commands(answers[len(self._wishes) :]) + self._events

    def _read(self, owner: int, body: Body) -> None:
        for message in body.webhook.inbound:
            channel = self._context.channel_of(body, message.phone_number_id)
            if channel is None or message.kind in MUTE_KINDS:
                continue
            at_ms = moment_ms(message.at_s, self._now_ms)
            keys = self._names.keys_of(message.phone, message.user_id)
            self._wish(owner, keys, wish_of_message(message, self._context.words), at_ms, channel.channel_id)
            if message.kind not in WINDOWLESS_KINDS:
                self._open_window(owner, channel, keys, at_ms + WINDOW_MS)
            fact = _inbound_fact(message, channel, keys[0], at_ms)
            self._events.append(Owned(event_command("inbound", fact), frozenset((owner,))))
        for change in body.webhook.preferences:
            channel = self._context.channel_of(body, change.phone_number_id)
            if channel is not None and (change.phone or change.user_id):
                keys = self._names.keys_of(change.phone, change.user_id)
                at_ms = moment_ms(change.at_s, self._now_ms)
                self._wish(owner, keys, wish_of_preference(change), at_ms, channel.channel_id)

    def _wish(self, owner: int, keys: Sequence[bytes], wish: Wish | None, at_ms: int, channel_id: str) -> None:
        if wish is not None:
            self._wishes += [_Said(key, wish, at_ms, channel_id, owner) for key in keys]

    def _open_window(self, owner: int, channel: ChannelAddress, keys: Sequence[bytes], until_ms: int) -> None:
        for key in keys:
            stands, owners = self._windows.get((channel.channel_id, key), (0, set()))
            self._windows[(channel.channel_id, key)] = (max(stands, until_ms), owners | {owner})

    def _wish_commands(self, answers: Sequence[bytes | None]) -> list[Owned]:
        commands: list[Owned] = []
        newest = dict(zip((said.field for said in self._wishes), answers, strict=True))
        for said in self._wishes:
            if not is_news(newest[said.field], said.wish, said.at_ms):
                continue
            newest[said.field] = heard(said.wish, said.at_ms).encode()
            owners = frozenset((said.owner,))
            commands.append(Owned(script_command(self._wish_call(said)), owners))
            commands.append(Owned(("HSET", OPT_OUTS, said.field, newest[said.field]), owners))
        return commands

    def _wish_call(self, said: _Said) -> ledger.Call[Any]:
        if said.wish.is_stop:
            scope = "marketing" if said.wish.reason == "user_preferences" else self._context.stop_scope
            return ledger.suppress(said.key, scope, said.wish.reason, channel_id=said.channel_id)
        return ledger.lift(said.key, reasons=REASONS[said.wish.way], channel_id=said.channel_id)

    def _window_commands(self, answers: Sequence[bytes | None]) -> list[Owned]:
        commands = []
        for ((channel_id, key), (until_ms, owners)), stands in zip(self._windows.items(), answers, strict=True):
            if stands is None or int(stands) < until_ms:
                command = ("HSET", windows_key(channel_id), key, until_ms)
                commands.append(Owned(command, frozenset(owners)))
        return commands


def _inbound_fact(message: InboundMessage, channel: ChannelAddress, person: bytes, at_ms: int) -> dict[str, Any]:
    return {
        "channel_id": channel.channel_id,
        "person_key": person.hex(),
        "phone": message.phone,
        "user_id": message.user_id,
        "name": message.name[:_LONGEST_TEXT],
        "kind": message.kind,
        "at_ms": at_ms,
        "context_id": message.context_id,
        "payload": message.payload[:_LONGEST_TEXT],
        "referral": message.referral[:_LONGEST_TEXT],
        "message_id": message.message_id,
    }
