"""What the sandbox counts: POSTs and accepted messages per person, people per 24 hours, messages per second.

It never deduplicates. People in an open service window take no place of the messaging limit; a place lasts 24
hours from acceptance or from delivery, whichever is later, and a failure gives it back (reference §6.1, §7).
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from typing import Any

from engine.sandbox.journal import Accepted, Refused

DAY_MS = 86_400_000
SECOND_MS = 1_000
PAIR_MS = 6_000
PAIR_BURST = 45


class Person:
    """One person, as the provider knows them."""

    __slots__ = ("has_stopped", "messages", "pair_ms", "posts", "window_ms")

    def __init__(self) -> None:
        self.posts = 0
        self.messages: list[Accepted] = []
        self.window_ms = 0
        self.pair_ms = 0
        self.has_stopped = False


class RateMeter:
    """How many fell into the last second, and the most that ever did."""

    def __init__(self) -> None:
        self._times: deque[int] = deque()
        self.highest = 0

    def present(self, now_ms: int) -> int:
        """How many lie in the second before now."""
        times = self._times
        while times and times[0] <= now_ms - SECOND_MS:
            times.popleft()
        return len(times)

    def count(self, now_ms: int) -> None:
        """One more, now."""
        self._times.append(now_ms)
        self.highest = max(self.highest, self.present(now_ms))


class Places:
    """Unique people outside a service window in a moving 24 hours; each message to a person is a holder."""

    def __init__(self) -> None:
        self._holders: dict[str, dict[int, int]] = {}
        self._expiries: list[tuple[int, str]] = []
        self.highest = 0

    def present(self, now_ms: int) -> int:
        """How many people hold a place now."""
        while self._expiries and self._expiries[0][0] <= now_ms:
            _, person = heapq.heappop(self._expiries)
            if not self.has(person, now_ms):
                self._holders.pop(person, None)
        return len(self._holders)

    def has(self, person: str, now_ms: int) -> bool:
        """Whether a person holds a place now."""
        return any(until > now_ms for until in self._holders.get(person, {}).values())

    def take(self, person: str, holder: int, until_ms: int) -> None:
        """Let a message hold its person's place until then."""
        self._holders.setdefault(person, {})[holder] = until_ms
        heapq.heappush(self._expiries, (until_ms, person))
        self.highest = max(self.highest, len(self._holders))

    def holds(self, person: str, holder: int) -> bool:
        """Whether this message took a place."""
        return holder in self._holders.get(person, {})

    def rename(self, person: str, name: str) -> None:
        """The person goes under another name from now on."""
        if (held := self._holders.pop(person, None)) is not None:
            self._holders.setdefault(name, {}).update(held)
        self._expiries = [(until_ms, name if each == person else each) for until_ms, each in self._expiries]
        heapq.heapify(self._expiries)

    def give_back(self, person: str, holder: int) -> None:
        """The message failed; the place goes with its last holder."""
        holders = self._holders.get(person, {})
        holders.pop(holder, None)
        if not holders:
            self._holders.pop(person, None)


class Ledger:
    """Everything counted since the last reset."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.places = Places()
        self.posts = RateMeter()
        self.accepted = RateMeter()
        self.accepted_count = 0
        self.refused_count = 0
        self.refusals: Counter[int] = Counter()
        self._callbacks: set[str] = set()
        self.repeated_callbacks: Counter[str] = Counter()

    def person(self, name: str) -> Person:
        """The person of that name, new if need be."""
        found = self.people.get(name)
        if found is None:
            found = self.people[name] = Person()
        return found

    def rename(self, names: frozenset[str], new_name: str) -> list[Accepted]:
        """Count a person under another name: no sum changes, and under the old ones they are new.

        Returns: their messages.
        """
        moved: list[Accepted] = []
        for name in names & self.people.keys():
            former, person = self.people.pop(name), self.person(new_name)
            person.posts += former.posts
            person.messages += former.messages
            person.window_ms = max(person.window_ms, former.window_ms)
            self.places.rename(name, new_name)
            moved += former.messages
        return moved

    def post(self, name: str, now_ms: int) -> int:
        """Count one POST for a person; its number among the person's POSTs."""
        person = self.person(name)
        person.posts += 1
        self.posts.count(now_ms)
        return person.posts

    def accept(self, message: Accepted) -> None:
        """Count an accepted message, and the place it takes."""
        person = self.person(message.person)
        person.messages.append(message)
        person.pair_ms = max(person.pair_ms, message.at_ms) + PAIR_MS
        self.accepted.count(message.at_ms)
        self.accepted_count += 1
        if message.callback is not None:
            if message.callback in self._callbacks:
                self.repeated_callbacks[message.callback] += 1
            self._callbacks.add(message.callback)
        if person.window_ms <= message.at_ms:
            self.places.take(message.person, message.n, message.at_ms + DAY_MS)

    def refuse(self, refused: Refused) -> None:
        """Count a POST that was not accepted."""
        self.refused_count += 1
        self.refusals[refused.code] += 1

    def summary(self, now_ms: int) -> dict[str, Any]:
        """The counts alone."""
        accepted = [person for person in self.people.values() if person.messages]
        return {
            "accepted": self.accepted_count,
            "posts": sum(person.posts for person in self.people.values()),
            "refused": self.refused_count,
            "refused_by_code": {str(code): count for code, count in sorted(self.refusals.items())},
            "people_posted": sum(person.posts > 0 for person in self.people.values()),
            "people_accepted": len(accepted),
            "people_accepted_more_than_once": sum(len(person.messages) > 1 for person in accepted),
            "callback_data_repeated": sum(self.repeated_callbacks.values()),
            "people_24h": self.places.present(now_ms),
            "max_people_24h": self.places.highest,
            "max_per_second": self.accepted.highest,
            "max_posts_per_second": self.posts.highest,
        }

    def messages_of(self, to: str | None = None) -> dict[str, list[dict[str, Any]]]:
        """The accepted messages per person (or of one), oldest first."""
        chosen = {to: self.people[to]} if to in self.people else {} if to else self.people
        return {
            name: [_entry(message) for message in person.messages]
            for name, person in chosen.items()
            if person.messages
        }

    def posts_of(self, to: str | None = None) -> dict[str, int]:
        """The POSTs per person, refused ones included."""
        return {name: person.posts for name, person in self.people.items() if to in (None, name) and person.posts}


def _entry(message: Accepted) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "biz_opaque_callback_data": message.callback,
        "template": message.template,
        "texts": message.texts,
        "at_ms": message.at_ms,
        "fault": message.fault,
    }
