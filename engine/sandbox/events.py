"""What becomes of one accepted message: its updates, when they happen, and when their webhooks leave.

A plan follows from the message, the seed and the settings alone. So it is never stored: after a restart it is
made again, and what was acknowledged is left out.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.sandbox.chance import between, many_rolls
from engine.sandbox.faults import WebhookFaults
from engine.sandbox.journal import Accepted
from engine.sandbox.people import MARKETING_ONLY, Fate, People, fate_of

OVERTAKEN_MS = 60
ROLLS_OF_STORY = 6


class Event(NamedTuple):
    """One update: what it says, when it happened (what its timestamp tells), and when its webhook leaves."""

    what: str  # sent, delivered, read, failed, button, text, opt_out, stop
    at_ms: int
    due_ms: int
    code: int = 0


def plan(message: Accepted, message_no: int, seed: int, people: People, webhooks: WebhookFaults) -> list[Event]:
    """The updates of a message, in an order that stays the same whenever it is planned again.

    Args:
        message_no: which of the person's accepted messages this is, from 0.
    """
    if not people.enabled:
        return []
    roll = many_rolls(seed, "message", message.person, message_no)
    story = _story(message, fate_of(people, seed, message.person), roll, people)
    return _on_their_way(story, roll[ROLLS_OF_STORY:], webhooks)


def _story(message: Accepted, fate: Fate, roll: list[float], people: People) -> list[Event]:
    start = message.at_ms + message.hold_ms
    code = message.fails_with or _failure(fate, message.category)
    if code:
        return [_event("failed", start + _ms(between(people.failed_delay, roll[0])), code)]
    factor = people.slow_factor if fate.is_slow else 1.0
    sent = start + _ms(between(people.sent_delay, roll[1]))
    if fate.is_unreachable:
        return [_event("sent", sent)]
    delivered = max(sent, start + _ms(between(people.delivered_delay, roll[2]) * factor))
    if not fate.reads:
        return [_event("sent", sent), _event("delivered", delivered)]
    read = delivered + _ms(between(people.read_delay, roll[3]) * factor)
    story = [_event("sent", sent), _event("delivered", delivered), _event("read", read)]
    if roll[5] < people.chat_open:
        del story[1]
    if fate.reaction and (fate.reaction != "button" or message.press):
        story.append(_event(fate.reaction, read + _ms(between(people.answer_delay, roll[4]) * factor)))
    return story


def _failure(fate: Fate, category: str) -> int:
    if fate.fails_with in MARKETING_ONLY and category != "MARKETING":
        return 0
    return fate.fails_with


def _on_their_way(story: list[Event], roll: list[float], webhooks: WebhookFaults) -> list[Event]:
    travelling: list[Event] = []
    copies: list[Event] = []
    for position, event in enumerate(story):
        late, how_late, overtaken, twice, how_twice = roll[position * 5 : position * 5 + 5]
        due = event.due_ms
        if late < webhooks.late:
            due += _ms(between(webhooks.late_seconds, how_late))
        if overtaken < webhooks.out_of_order and position + 1 < len(story):
            due = max(due, story[position + 1].due_ms + OVERTAKEN_MS)
        travelling.append(Event(event.what, event.at_ms, due, event.code))
        if twice < webhooks.duplicate:
            copies.append(event._replace(due_ms=due + _ms(between(webhooks.duplicate_seconds, how_twice))))
    return travelling + copies


def _event(what: str, at_ms: int, code: int = 0) -> Event:
    return Event(what, at_ms, at_ms, code)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
