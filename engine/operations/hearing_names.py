"""Learns by which names (wa_id, user_id) a person answers: the ledger knows whom it sent to, a status who they are.

A name is kept as its `person_key`, pointing to the `person_key` the person is known by; so an opt-out that comes
under another name reaches the person who was written to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.contacts.person import KEY_BYTES, is_pseudonym, person_key
from engine.contacts.phones import match_key
from engine.live import ALIASES, operation_key
from engine.operations.hearing_types import Body, Command, Context, Owned, event_command

Said = tuple[str, str]  # phone digits, user id; either may be empty


def name_keys(salt: bytes, phone: str, user_id: str) -> list[bytes]:
    """The keys of a person's names as they were said: the phone's first."""
    keys = [person_key(salt, match_key(phone), None)] if phone else []
    return keys + ([person_key(salt, None, user_id)] if user_id else [])


class Names:
    """Resolves names to persons, and learns new ones."""

    def __init__(self, bodies: Sequence[Body], context: Context) -> None:
        self._context = context
        self._asked: dict[bytes, bytes | None] = {}
        self._sent: dict[tuple[str, int], tuple[Said, int]] = {}
        self._renamed: list[tuple[Said, Said, int]] = []
        self._settled: set[bytes] = set()
        self._learned: dict[bytes, tuple[bytes, Said, int]] = {}
        for owner, body in enumerate(bodies):
            self._collect(owner, body)

    def _collect(self, owner: int, body: Body) -> None:
        salt, known = self._context.salt, self._context.known_names
        for update in body.webhook.statuses:
            keys = name_keys(salt, update.phone, update.user_id)
            fresh = [key for key in keys if key not in known]
            if fresh:
                self._asked.update(dict.fromkeys(fresh))
                self._sent[(update.operation_id, update.recipient_no)] = ((update.phone, update.user_id), owner)
        spoken: list[Said] = [(message.phone, message.user_id) for message in body.webhook.inbound]
        spoken += [(change.phone, change.user_id) for change in body.webhook.preferences]
        for said in spoken:
            self._asked.update(dict.fromkeys(name_keys(salt, *said)))
            if all(said):
                self._renamed.append((said, said, owner))
        for change in body.webhook.identities:
            old, new = (change.phone, change.user_id), (change.new_phone, change.new_user_id)
            self._asked.update(dict.fromkeys(name_keys(salt, *old) + name_keys(salt, *new)))
            self._renamed.append((old, new, owner))

    def first(self) -> list[Command]:
        """Who the names are, and whom the ledger sent to."""
        asked: list[Command] = [("HMGET", ALIASES, *self._asked)] if self._asked else []
        for operation_id, recipient_no in self._sent:
            start = KEY_BYTES * recipient_no
            asked.append(("GETRANGE", operation_key(operation_id, "who"), start, start + KEY_BYTES - 1))
        return asked

    def second(self, answers: Sequence[Any]) -> list[Command]:
        """Nothing more to ask; the answers tell what is new."""
        if self._asked:
            self._asked = dict(zip(self._asked, answers[0], strict=True))
        for (said, owner), person in zip(self._sent.values(), answers[1:], strict=True):
            if len(person) == KEY_BYTES and not is_pseudonym(person):
                self._learn(person, said, owner)
                self._settled.update(name_keys(self._context.salt, *said))
        for old, new, owner in self._renamed:
            self._learn(self.person_of(*old), new, owner)
        return []

    def person_of(self, phone: str, user_id: str) -> bytes:
        """The person a name stands for: the phone decides, else the user id; a learned name leads on."""
        keys = name_keys(self._context.salt, phone, user_id)
        for key in keys:
            person = self._asked.get(key) or (self._learned[key][0] if key in self._learned else None)
            if person:
                return person
        return keys[0]

    def keys_of(self, phone: str, user_id: str) -> list[bytes]:
        """The person, and the bare name where it differs: what must hold for both."""
        person = self.person_of(phone, user_id)
        return list(dict.fromkeys([person, *name_keys(self._context.salt, phone, user_id)]))

    def _learn(self, person: bytes, said: Said, owner: int) -> None:
        for key in name_keys(self._context.salt, *said):
            if key != person and self._asked.get(key) != person:
                self._learned[key] = (person, said, owner)

    def commands(self, answers: Sequence[Any]) -> list[Owned]:
        """The new names, and one event for them all."""
        if not self._learned:
            return []
        owners = frozenset(owner for _, _, owner in self._learned.values())
        pairs = [part for key, (person, _, _) in self._learned.items() for part in (key, person)]
        facts = {
            (person, said): {"person_key": person.hex(), "wa_id": said[0], "user_id": said[1], "phone": ""}
            for person, said, _ in self._learned.values()
        }
        return [
            Owned(("HSET", ALIASES, *pairs), owners),
            Owned(event_command("identity", list(facts.values())), owners),
        ]

    def remember(self) -> None:
        """After the commands went through: don't ask for these names again."""
        known = self._context.known_names
        if len(known) > 500_000:
            known.clear()
        known.update(self._settled)
