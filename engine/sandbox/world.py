"""The sandbox's world: journal, ledger, people, faults and the updates that are on their way.

One object, used from one event loop. Every change is written to the journal first; `load` reads it back and plans
again what was not yet acknowledged.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engine.clock import now_ms
from engine.sandbox.account import Account, Callback
from engine.sandbox.authoring import Review
from engine.sandbox.catalogue import Catalogue, Template
from engine.sandbox.credentials import Credentials
from engine.sandbox.events import Event, plan
from engine.sandbox.faults import FaultBox, Faults
from engine.sandbox.forgetting import Forget, forget_in, forgotten, new_name
from engine.sandbox.journal import Accepted, Acknowledged, Changed, Happening, Journal, Refused
from engine.sandbox.ledger import DAY_MS, Ledger
from engine.sandbox.people import People

DEFAULT_SEED = 20261122
MARKETING = "MARKETING"


class Update(NamedTuple):
    """One update that is due: what it is about, which one of its plan, and what it says."""

    subject: Accepted | Happening
    item: int
    event: Event


class World:
    """Everything the simulated platform knows."""

    def __init__(
        self,
        folder: Path,
        credentials: Credentials,
        webhook_url: str,
        *,
        seed: int = DEFAULT_SEED,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.folder = folder
        self.credentials = credentials
        self.clock = clock
        self.callback = Callback(webhook_url)
        self.catalogue = Catalogue()
        self.journal = Journal(folder / "journal.jsonl")
        self.generation = 0
        self.last_no = 0
        self.on_schedule: Callable[[int], None] = lambda due_ms: None
        self._start_anew(seed)

    def _start_anew(self, seed: int) -> None:
        self.seed = seed
        self.ledger = Ledger()
        self.people = People()
        self.account = Account()
        self.review = Review()
        self.box = FaultBox()
        self._due: list[tuple[int, int, int, Update]] = []
        self.catalogue.restore()

    # What happens

    def accept(self, message: Accepted) -> None:
        """Write an accepted message down, count it, and plan what becomes of it."""
        self.journal.write(message)
        for update in self._count_accepted(message):
            self._schedule(update)
        self._pause_if_asked(message)

    def refuse(self, refused: Refused) -> None:
        """Write down a POST for a person that was not accepted."""
        self.journal.write(refused)
        self.ledger.refuse(refused)

    def happen(self, person: str, field: str, value: dict[str, Any], delay_ms: int = 0) -> None:
        """Let something happen that belongs to no message, now or later, and send its webhook."""
        happening = Happening(self.next_no(), self.clock() + delay_ms, person, field, value)
        self.journal.write(happening)
        self._schedule(_update_of(happening))

    def next_no(self) -> int:
        """The next running number."""
        self.last_no += 1
        return self.last_no

    def take_due(self, most: int) -> list[Update]:
        """Up to so many updates whose webhook leaves now; what they mean for limits and windows takes effect."""
        taken: list[Update] = []
        moment = self.clock()
        while self._due and self._due[0][0] <= moment and len(taken) < most:
            update = heapq.heappop(self._due)[3]
            self._take_effect(update)
            taken.append(update)
        return taken

    @property
    def next_due_ms(self) -> int | None:
        """When the next webhook leaves."""
        return self._due[0][0] if self._due else None

    @property
    def waiting_count(self) -> int:
        """Updates whose webhook has not left yet."""
        return len(self._due)

    def acknowledge(self, updates: list[Update]) -> None:
        """The receiver has these."""
        self.journal.write(Acknowledged([(update.subject.n, update.item) for update in updates]))

    # What is set

    def put(self, what: str, value: Any) -> None:
        """Set people, faults, account or callback, and remember it."""
        self._set(what, value)
        self.journal.write(Changed(what, msgspec.to_builtins(value)))

    def set_template(self, name: str, language: str, status: str, reason: str = "NONE", title: str = "") -> Template:
        """Change a template's status, with the webhook that Meta sends."""
        template = self.catalogue.set_status(name, language, status)
        self.journal.write(Changed("template", [name, language, status]))
        self.happen("", "message_template_status_update", template.status_value(reason, title))
        return template

    def reset(self, seed: int | None = None) -> None:
        """Forget every message and every setting but the credentials and the callback."""
        self.journal.clear()
        self.generation += 1
        self._start_anew(self.seed if seed is None else seed)
        self.journal.write(Changed("seed", self.seed))
        self.journal.write(Changed("callback", msgspec.to_builtins(self.callback)))

    def forget(self, asked: Forget, travelling: Iterable[Accepted | Happening] = ()) -> int:
        """Forget a person, on disk and then in memory; returns how many records of the journal were about them.

        Args:
            travelling: what is out of the schedule already, and may have to be sent again.
        """
        names, pseudonym = asked.names(), new_name()
        records, count = forgotten(self.journal.records(), names, pseudonym)
        if count:
            self.journal.rewrite(records)
        counted = self.ledger.rename(names, pseudonym)
        for subject in (*counted, *travelling, *(entry[3].subject for entry in self._due)):
            forget_in(subject, names, pseudonym)
        self._due = [entry for entry in self._due if not entry[3].subject.is_forgotten]
        heapq.heapify(self._due)
        return count

    # What is read back

    def load(self) -> None:
        """Read the journal back and schedule what was not acknowledged."""
        waiting: dict[tuple[int, int], Update] = {}
        for record in self.journal.records():
            match record:
                case Accepted():
                    self.ledger.post(record.person, record.at_ms)
                    waiting |= {(record.n, update.item): update for update in self._count_accepted(record)}
                    self.last_no = max(self.last_no, record.n)
                case Happening():
                    waiting[record.n, 0] = _update_of(record)
                    self.last_no = max(self.last_no, record.n)
                case Acknowledged():
                    for key in record.items:
                        if (update := waiting.pop(key, None)) is not None:
                            self._take_effect(update)
                case Refused():
                    self.ledger.post(record.person, record.at_ms)
                    self.ledger.refuse(record)
                case Changed():
                    self._restore(record.what, record.value)
        for update in (each for each in waiting.values() if not each.subject.is_forgotten):
            self._schedule(update)

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()

    def _restore(self, what: str, value: Any) -> None:
        if what in ("template", "made", "removed"):
            self.catalogue.redo(what, value)
        elif what == "seed":
            self.seed = value
        else:
            kinds = {"people": People, "faults": Faults, "account": Account, "callback": Callback, "review": Review}
            self._set(what, msgspec.convert(value, kinds[what]))

    def _set(self, what: str, value: Any) -> None:
        if what == "faults":
            self.box.put(value)
        else:
            setattr(self, what, value)

    def _count_accepted(self, message: Accepted) -> list[Update]:
        message_no = len(self.ledger.person(message.person).messages)
        self.ledger.accept(message)
        name, _, language = message.template.partition("/")
        if template := self.catalogue.find(name, language):
            template.accepted_count += 1
        if message.is_forgotten:
            return []
        events = plan(message, message_no, self.seed, self.people, self.box.faults.webhooks)
        return [Update(message, item, event) for item, event in enumerate(events)]

    def _schedule(self, update: Update) -> None:
        due = update.event.due_ms
        heapq.heappush(self._due, (due, update.subject.n, update.item, update))
        self.on_schedule(due)

    def _take_effect(self, update: Update) -> None:
        event, name = update.event, update.subject.person
        if event.what in ("delivered", "read"):
            self._delivered(name, update.subject.n, event.at_ms)
        elif event.what == "failed":
            self.ledger.places.give_back(name, update.subject.n)
        elif event.what in ("button", "text", "opt_out"):
            # Webhook times are whole seconds: whoever counts from them must never be ahead of this.
            self.ledger.person(name).window_ms = event.at_ms // 1000 * 1000 + DAY_MS
        elif event.what in ("stop", "resume"):
            self.ledger.person(name).has_stopped = event.what == "stop"
        elif isinstance(update.subject, Happening) and update.subject.field == "message_template_status_update":
            self.catalogue.settle(update.subject.value)

    def _delivered(self, name: str, holder: int, at_ms: int) -> None:
        places = self.ledger.places
        if places.holds(name, holder) or self.ledger.person(name).window_ms <= at_ms:
            places.take(name, holder, at_ms // 1000 * 1000 + DAY_MS)

    def _pause_if_asked(self, message: Accepted) -> None:
        name, _, language = message.template.partition("/")
        template = self.catalogue.find(name, language)
        asked = self.box.faults.pause_template
        is_meant = asked and (asked.name, asked.language) == (name, language)
        if is_meant and template and asked and template.accepted_count == asked.after:
            self.set_template(name, language, "PAUSED", title="FIRST_PAUSE")


def _update_of(happening: Happening) -> Update:
    what = {"messages": "text", "user_preferences": "stop"}.get(happening.field, "")
    if happening.field == "user_preferences":
        what = happening.value["user_preferences"][0]["value"]
    return Update(happening, 0, Event(what, happening.at_ms, happening.at_ms))
