"""The records that hearing a webhook is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from engine.channels.webhook_events import StatusUpdate, Webhook
from engine.live import EVENTS
from engine.operations.ledger import Call, Change
from engine.operations.ledger_scripts import SCRIPTS

Command = tuple[Any, ...]
_LATEST_SKEW_MS = 300_000


@dataclass(frozen=True, slots=True)
class ChannelAddress:
    """What of a channel a webhook needs."""

    channel_id: str
    phone_number_id: str
    waba_id: str
    portfolio_id: str


@dataclass(frozen=True, slots=True)
class Body:
    """One webhook body, read, and the channel whose signature it bears."""

    channel: ChannelAddress
    webhook: Webhook


@dataclass(slots=True)
class Context:
    """What hearing depends on.

    `known_names` grows by the names that are in Redis already, so that they are asked for once.
    """

    salt: bytes
    words: Mapping[str, str]
    stop_scope: str
    channels: Sequence[ChannelAddress]
    change_of: Callable[[StatusUpdate, int], Change]
    halts_channel: Callable[[int], bool]
    known_names: set[bytes] = field(default_factory=set)

    def channel_of(self, body: Body, phone_number_id: str) -> ChannelAddress | None:
        """The channel a number belongs to: one app's webhooks come to one address for all its numbers."""
        if not phone_number_id or phone_number_id == body.channel.phone_number_id:
            return body.channel
        return next((channel for channel in self.channels if channel.phone_number_id == phone_number_id), None)

    def channels_of(self, body: Body, waba_id: str) -> list[ChannelAddress]:
        """The channels of an account; of no known one: the channel the webhook came for."""
        found = [channel for channel in self.channels if waba_id and channel.waba_id == waba_id]
        return found or [body.channel]


@dataclass(frozen=True, slots=True)
class Owned:
    """A command and the bodies (by position) that fail if it fails."""

    command: Command
    owners: frozenset[int]


class Part(Protocol):
    """One concern of hearing: two rounds of questions, then commands."""

    def first(self) -> list[Command]:
        """What to ask before anything is known."""

    def second(self, answers: Sequence[Any]) -> list[Command]:
        """What to ask once the first answers are there."""

    def commands(self, answers: Sequence[Any]) -> list[Owned]:
        """What to tell, given the second answers."""


def moment_ms(at_s: int, now_ms: int) -> int:
    """An event's own time; now when it has none or lies in the future."""
    at_ms = at_s * 1000
    return at_ms if 0 < at_ms <= now_ms + _LATEST_SKEW_MS else now_ms


def script_command(call: Call[Any]) -> Command:
    """A ledger call as a command for a pipeline."""
    return ("EVALSHA", SCRIPTS[call.script].sha, len(call.keys), *call.keys, *call.args)


def event_command(kind: str, facts: Any) -> Command:
    """An event that carries JSON, as a command."""
    return ("XADD", EVENTS, "*", "v", 1, "k", kind, "j", msgspec.json.encode(facts))
