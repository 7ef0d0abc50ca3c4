"""From webhooks to what Redis is told: transitions, opt-outs, service windows, learned names, halts, events.

`hear` is a conversation without a connection: it yields questions (read-only commands), is sent the answers, and
returns the commands, each with the bodies it belongs to. Every command may be repeated: a body that was not answered
with 200 comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.operations import ledger
from engine.operations.hearing_names import Names
from engine.operations.hearing_notices import Notices
from engine.operations.hearing_people import People
from engine.operations.hearing_types import Body, Command, Context, Owned, Part, script_command


@dataclass(frozen=True, slots=True)
class Told:
    """The commands, in order; `remember` is called when all of them went through."""

    commands: list[Owned]
    remember: Callable[[], None]


Conversation = Generator[list[Command], list[Any], Told]


def hear(bodies: Sequence[Body], context: Context, now_ms: int) -> Conversation:
    """Work out what a group of bodies means.

    Args:
        now_ms: the receiver's clock; events are dated by their own timestamps.

    Yields: questions; send the answers in the same order. At most twice, and not at all when there is nothing to ask.

    Returns: what to tell Redis.
    """
    names = Names(bodies, context)
    parts: list[Part] = [names, People(bodies, context, names, now_ms), Notices(bodies, context, now_ms)]
    answers = yield from _ask([part.first() for part in parts])
    answers = yield from _ask([part.second(own) for part, own in zip(parts, answers, strict=True)])
    commands = status_commands(bodies, context, now_ms)
    for part, own in zip(parts, answers, strict=True):
        commands += part.commands(own)
    return Told(commands, names.remember)


def _ask(questions: list[list[Command]]) -> Generator[list[Command], list[Any], list[list[Any]]]:
    together = [question for own in questions for question in own]
    answers = (yield together) if together else []
    split, start = [], 0
    for own in questions:
        split.append(answers[start : start + len(own)])
        start += len(own)
    return split


def status_commands(bodies: Sequence[Body], context: Context, now_ms: int) -> list[Owned]:
    """One transition an operation, in slices that a script takes."""
    by_operation: dict[str, list[tuple[ledger.Change, int]]] = {}
    for owner, body in enumerate(bodies):
        for update in body.webhook.statuses:
            by_operation.setdefault(update.operation_id, []).append((context.change_of(update, now_ms), owner))
    commands = []
    for operation_id, rows in by_operation.items():
        for start in range(0, len(rows), ledger.MAX_ROWS):
            some = rows[start : start + ledger.MAX_ROWS]
            call = ledger.transition(operation_id, [change for change, _ in some], source="webhook")
            commands.append(Owned(script_command(call), frozenset(owner for _, owner in some)))
    return commands
