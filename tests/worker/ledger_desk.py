"""What the ledger's tests write with: one operation on a real server, a clock of its own, short words for calls."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import redis

from engine.live import EVENTS, STORE, channel_key, operation_key, portfolio_key, windows_key
from engine.operations import ledger
from engine.operations.ledger import Change, ClaimAnswer, CloseAnswer, ControlAnswer, LedgerSpec, TransitionAnswer
from engine.operations.states import FLAG_LATE, ROW_DTYPE, DeliveryState

START_MS = 1_800_000_000_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
DAY = 24 * HOUR


def person(number: int) -> bytes:
    """The key of the person with this number."""
    return struct.pack(">Q", number + 1_000)


@dataclass
class Desk:
    """One operation, `count` recipients, the persons 0..count-1 unless told otherwise."""

    live: redis.Redis
    count: int = 10
    operation_id: str = "op-1"
    operation_no: int = 1
    people: Sequence[int] | None = None
    category: str = "MARKETING"
    channel_id: str = "ch"
    portfolio_id: str = "pf"
    limit: int = -1
    rate: float = 1_000_000.0
    now: int = START_MS
    tokens: int = 0
    shared: bool = False
    sent_events: list[dict[bytes, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.shared:
            self.live.hset(STORE, mapping={"epoch": "e1", "suppressions": "1"})
            self.live.hset(channel_key(self.channel_id), mapping={"rate": self.rate, "state": "ok"})
            self.set_limit(self.limit)
        people = range(self.count) if self.people is None else self.people
        spec = LedgerSpec(
            self.operation_id,
            self.operation_no,
            "e1",
            self.count,
            5_000,
            self.channel_id,
            self.portfolio_id,
            self.category,
        )
        self.was_created = self.run(ledger.create(spec, b"".join(map(person, people)), now_ms=self.now))

    def run(self, call):  # type: ignore[no-untyped-def]
        """Run a call on the real server."""
        return ledger.run(self.live, call)

    def set_limit(self, limit: int) -> None:
        """The portfolio's messaging limit from now on; -1: none."""
        self.live.hset(portfolio_key(self.portfolio_id), "limit", limit)

    def claim(
        self, rows: Sequence[int] = (), job: str = "j1", token: str = "", not_after: int = 0, **more: object
    ) -> ClaimAnswer:
        """Claim rows; a fresh token unless one is given."""
        if not token:
            self.tokens += 1
            token = f"t{self.tokens}-{self.operation_id}"
        return self.run(
            ledger.claim(
                self.operation_id,
                job=job,
                token=token,
                channel_id=self.channel_id,
                portfolio_id=self.portfolio_id,
                candidates=list(rows),
                not_after_ms=not_after or self.now + 2_000,
                now_ms=self.now,
                **more,
            )
        )

    def attempts(self, rows: Sequence[int], job: str = "j1") -> list[int]:
        """Claim rows and return the attempts given."""
        return [row.attempt for row in self.claim(rows, job).rows]

    def tell(
        self, *words: tuple[int, int, DeliveryState], source: str = "worker", job: str = "", **more: object
    ) -> TransitionAnswer:
        """Say (recipient, attempt, what) words; `more` goes to each Change."""
        rows = [Change(r, a, what, **more) for r, a, what in words]  # type: ignore[arg-type]
        return self.run(ledger.transition(self.operation_id, rows, source=source, job=job, now_ms=self.now))

    def hear(self, *words: tuple[int, int, DeliveryState], **more: object) -> TransitionAnswer:
        """A webhook says words."""
        return self.tell(*words, source="webhook", **more)

    def close(self, posted: Sequence[tuple[int, int]] = (), job: str = "j1") -> CloseAnswer:
        """End a job."""
        return self.run(ledger.close_job(self.operation_id, job, posted, now_ms=self.now))

    def expire(self) -> list[str]:
        """Sweep the expired leases."""
        return self.run(ledger.expire_jobs(self.operation_id, now_ms=self.now))

    def control(self, verb: str, **more: object) -> ControlAnswer:
        """A person decides."""
        return self.run(ledger.control(self.operation_id, verb, who="ayse", now_ms=self.now, **more))

    def bytes_(self) -> list[DeliveryState]:
        """The state of each recipient, as the byte says."""
        return [DeliveryState(b) for b in ledger.read_states(self.live, self.operation_id, 0, self.count)]

    def byte(self, recipient_no: int) -> DeliveryState:
        """One recipient's state."""
        return self.bytes_()[recipient_no]

    def attempt(self, recipient_no: int) -> int:
        """One recipient's attempt number."""
        raw = self.live.getrange(operation_key(self.operation_id, "att"), 2 * recipient_no, 2 * recipient_no + 1)
        return int.from_bytes(raw, "little")

    @property
    def state(self) -> str:
        """The operation's state."""
        return ledger.operation_state(self.live, self.operation_id) or ""

    @property
    def cause(self) -> str:
        """Why the operation is in its state."""
        return (self.live.hget(operation_key(self.operation_id), "cause") or b"").decode()

    @property
    def places(self) -> int:
        """People who hold a place now."""
        return ledger.places_used(self.live, self.portfolio_id, self.now)

    def open_window(self, number: int, until_ms: int) -> None:
        """Open a service window of a person on the channel."""
        self.live.hset(windows_key(self.channel_id), person(number), until_ms)

    def events(self, kind: str | None = None) -> list[dict[bytes, bytes]]:
        """The stream's entries, of one kind if asked."""
        entries = [fields for _, fields in self.live.xrange(EVENTS)]
        return [f for f in entries if kind is None or f[b"k"] == kind.encode()]

    def event_rows(self) -> list[tuple[int, int, DeliveryState, bool]]:
        """(recipient, attempt, state, late) of each row of the stream, of this operation."""
        rows = []
        for entry in self.events("rows"):
            if entry[b"op"] == self.operation_id.encode():
                for row in np.frombuffer(entry[b"rows"], ROW_DTYPE):
                    late = bool(row["flags"] & FLAG_LATE)
                    rows.append(
                        (int(row["recipient_no"]), int(row["attempt"]), DeliveryState(int(row["state"])), late)
                    )
        return rows

    def replayed(self) -> list[DeliveryState]:
        """The states that the stream alone leads to, as a recorder would find them."""
        states = [DeliveryState.PENDING] * self.count
        for entry in self.events():
            if entry.get(b"op") != self.operation_id.encode():
                continue
            if entry[b"k"] == b"rows":
                for row in np.frombuffer(entry[b"rows"], ROW_DTYPE):
                    if not row["flags"] & FLAG_LATE:
                        states[int(row["recipient_no"])] = DeliveryState(int(row["state"]))
            elif entry[b"k"] == b"control":
                from_states = {int(s) for s in entry[b"from"].split(b",")}
                for r in range(int(entry[b"lo"]), int(entry[b"hi"])):
                    if states[r] in from_states:
                        states[r] = DeliveryState(int(entry[b"to"]))
        return states
