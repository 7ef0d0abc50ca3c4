"""A small world around the ledger: jobs that forget and die, a provider that knows the truth, people who ask.

It keeps two clocks (the server's and the workers' monotonic one) and what really happened, so that what the ledger
says can be judged. Nothing here looks into a script; it sees bytes, attempts, places and the event stream.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import redis

from engine.live import EVENTS, operation_key, portfolio_key
from engine.operations import ledger
from engine.operations.ledger import Change
from engine.operations.states import FLAG_LATE, OPEN_DELIVERY_STATES, ROW_DTYPE
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_desk import DAY, MINUTE, SECOND, Desk

Attempt = tuple[str, int, int]  # operation, recipient, attempt

BACK = {S.DELIVERED, S.READ}
EDGES = {
    S.PENDING: set(S) - {S.PENDING, S.EXPIRED},
    S.RETRY: {S.CLAIMED, S.SUPPRESSED, S.CANCELLED} | BACK,
    S.CLAIMED: set(S) - {S.CLAIMED, S.EXPIRED},
    S.ACCEPTED: {S.HELD, S.SENT, S.FAILED, S.RETRY} | BACK,
    S.HELD: {S.SENT, S.FAILED, S.RETRY} | BACK,
    S.SENT: {S.FAILED, S.RETRY} | BACK,
    S.DELIVERED: {S.READ},
    S.READ: set(),
    S.FAILED: BACK,  # and to RETRY, when a person says so
    S.UNKNOWN: {S.PENDING, S.ACCEPTED, S.HELD, S.SENT, S.FAILED, S.RETRY, S.CANCELLED} | BACK,
    S.SUPPRESSED: BACK,
    S.CANCELLED: BACK,
    S.EXPIRED: BACK,
}


@dataclass
class Job:
    """One run of a batch: what it believes it holds, and what it has not told yet."""

    name: str
    desk: Desk
    alive: bool = True
    closed: bool = False
    lease_until: int = 0  # monotonic
    rows: list[tuple[int, int]] = field(default_factory=list)
    posted: set[tuple[int, int]] = field(default_factory=set)
    outcomes: list[Change] = field(default_factory=list)
    unheard: tuple[str, list[int]] | None = None  # token and rows of a claim whose answer was lost


@dataclass
class Post:
    """A POST under way."""

    job: Job
    attempt: Attempt
    ends: int  # monotonic


class World:
    """Two operations over the same people and one messaging limit."""

    def __init__(self, live: redis.Redis, count: int = 5, limit: int = 3) -> None:
        live.flushall()
        self.live = live
        self.limit = limit
        first = Desk(live, count=count, limit=limit)
        second = Desk(
            live,
            count=count,
            limit=limit,
            operation_id="op-2",
            operation_no=2,
            people=range(2, 2 + count),
            shared=True,
        )
        self.desks = [first, second]
        self.people = {"op-1": range(count), "op-2": range(2, 2 + count)}
        self.mono, self.server = 0, first.now
        self.jobs: list[Job] = []
        self.posts: list[Post] = []
        self.stuck: list[tuple[Job, str, list[int], int]] = []
        self.ever_posted: set[Attempt] = set()
        self.accepted: dict[Attempt, int] = {}
        self.failed: set[Attempt] = set()  # the provider said so
        self.delivered: set[Attempt] = set()
        self.unheard_words: list[tuple[Attempt, S]] = []
        self.said_words: list[tuple[Attempt, S]] = []
        self.allowed: dict[tuple[str, int], int] = defaultdict(lambda: 1)
        self.owner: dict[Attempt, Job] = {}
        self.claimed_at: dict[Attempt, int] = {}
        self.placed: set[Attempt] = set()
        self.dropped: set[Attempt] = set()
        self.delivered_told: dict[Attempt, int] = {}
        self.unknown_since: dict[tuple[str, int], int] = {}
        self.windows: dict[int, int] = {}
        self.bytes_ = {desk.operation_id: desk.bytes_() for desk in self.desks}
        self.attempts = {desk.operation_id: [0] * count for desk in self.desks}
        self.replayed = {desk.operation_id: [S.PENDING] * count for desk in self.desks}
        self.last_id = "-"
        self.tags = {live.hget(operation_key(d.operation_id), "tag"): d.operation_id for d in self.desks}

    def tick(self, milliseconds: int) -> None:
        """Time passes for everyone; a POST that takes too long was accepted at its last moment."""
        late = [post for post in self.posts if post.ends <= self.mono + milliseconds]
        for post in late:
            self.posts.remove(post)
            self.accept(post.attempt)
        self.mono += milliseconds
        self.set_server(self.server + milliseconds)

    def set_server(self, now: int) -> None:
        """Set the server's clock."""
        self.server = now
        for desk in self.desks:
            desk.now = now

    def is_live(self, attempt: Attempt) -> bool:
        """The provider has this message and did not say that it failed."""
        return attempt in self.accepted and attempt not in self.failed

    def live_attempts(self, operation_id: str, recipient_no: int) -> list[Attempt]:
        """The messages that a recipient gets or got."""
        return [a for a in self.accepted if a[:2] == (operation_id, recipient_no) and self.is_live(a)]

    def accept(self, attempt: Attempt) -> None:
        """The provider takes a message: the moment that must not come twice."""
        self.accepted[attempt] = self.server
        live = self.live_attempts(*attempt[:2])
        assert len(live) <= self.allowed[attempt[:2]], f"accepted twice, and nobody asked for it: {live}"

    def start_post(self, job: Job) -> None:
        """A worker posts its next row, if its own clock says that the lease holds."""
        recipient_no, number = job.rows.pop(0)
        attempt = (job.desk.operation_id, recipient_no, number)
        assert attempt not in self.ever_posted, f"posted twice: {attempt}"
        self.ever_posted.add(attempt)
        job.posted.add((recipient_no, number))
        self.posts.append(Post(job, attempt, self.mono + ledger.HTTP_TIMEOUT_MS))

    def claim(self, job: Job, rows: list[int], token: str, not_after: int) -> ledger.ClaimAnswer:
        """The claim reaches the server (whether or not the answer is heard)."""
        used = job.desk.places
        answer = job.desk.claim(rows, job=job.name, token=token, not_after=not_after)
        name = job.desk.operation_id
        if self.limit >= 0:
            assert job.desk.places <= max(self.limit, used), "the messaging limit was exceeded"
        for recipient_no, (old, new) in enumerate(
            zip(self.attempts[name], self.read_attempts(job.desk), strict=True)
        ):
            if new > old:
                attempt = (name, recipient_no, new)
                self.owner[attempt], self.claimed_at[attempt] = job, self.server
                in_window = self.windows.get(self.people[name][recipient_no], 0) >= self.server + 2 * MINUTE
                if self.limit >= 0 and not in_window:
                    self.placed.add(attempt)
        return answer

    def note_word(self, attempt: Attempt, what: S) -> None:
        """The ledger was told a word."""
        if what in BACK:
            self.delivered_told.setdefault(attempt, self.server)
        elif what in (S.FAILED, S.RETRY, S.PENDING) and attempt not in self.delivered_told:
            self.dropped.add(attempt)

    def read_attempts(self, desk: Desk) -> list[int]:
        """The attempt numbers as the ledger has them."""
        raw = self.live.get(operation_key(desk.operation_id, "att")) or b""
        return [int(n) for n in np.frombuffer(raw, "<u2")]

    def holders(self) -> dict[Attempt, int]:
        """Every holder of a place that has not run out: attempt -> expiry."""
        found: dict[Attempt, int] = {}
        for packed in self.live.hgetall(portfolio_key("pf", "holders")).values():
            for start in range(0, len(packed), 23):
                one = packed[start : start + 23]
                expiry = int(np.frombuffer(one[15:], "<f8")[0])
                if expiry > self.server:
                    recipient_no = int.from_bytes(one[8:12], "little")
                    found[self.tags[one[:8]], recipient_no, int.from_bytes(one[12:14], "little")] = expiry
        return found

    def check(self, may_retry: bool = False) -> None:
        """Everything that must hold after every step."""
        self._replay()
        for desk in self.desks:
            self._check_operation(desk, may_retry)
        self._check_places()

    def _check_operation(self, desk: Desk, may_retry: bool) -> None:
        name, now = desk.operation_id, desk.bytes_()
        for recipient_no, (old, new) in enumerate(zip(self.bytes_[name], now, strict=True)):
            by_person = may_retry and (old, new) == (S.FAILED, S.RETRY)
            assert old == new or new in EDGES[old] or by_person, f"{name}:{recipient_no} went {old!r} to {new!r}"
            if new == S.UNKNOWN and old != S.UNKNOWN:
                self.unknown_since[name, recipient_no] = self.server
        attempts = self.read_attempts(desk)
        assert all(a >= b for a, b in zip(attempts, self.attempts[name], strict=True)), "an attempt number went back"
        self.bytes_[name], self.attempts[name] = now, attempts
        counted = ledger.counters(self.live, name)
        assert counted == {state: now.count(state) for state in S}, "counters are not the bytes"
        assert self.replayed[name] == now, "the event stream tells another story than the bytes"
        has_open = any(state in OPEN_DELIVERY_STATES for state in now)
        assert (desk.state == "completed") == (not has_open) or desk.state == "cancelled", "completed, or not?"
        is_swept = self.live.hget(operation_key(name), "sweep") is None
        if desk.state == "cancelled" and is_swept:
            assert S.PENDING not in now, "pending in a cancelled operation"
            assert S.RETRY not in now, "to be retried in a cancelled operation"

    def _check_places(self) -> None:
        held = self.holders()
        for attempt in held:
            assert attempt not in self.dropped or attempt in self.delivered_told, f"a place leaks: {attempt}"
        for attempt in self.placed - self.dropped:
            name, recipient_no, number = attempt
            since = max(self.accepted.get(attempt, 0), self.delivered_told.get(attempt, 0))
            byte = self.bytes_[name][recipient_no]
            if self.attempts[name][recipient_no] == number and byte in (S.CLAIMED, S.UNKNOWN):
                since = max(since, self.claimed_at[attempt])
            if since + DAY - MINUTE > self.server:
                assert attempt in held, f"a place was dropped: {attempt}"

    def _replay(self) -> None:
        entries = self.live.xrange(EVENTS, min=self.last_id)
        for entry_id, entry in entries:
            self.last_id = b"(" + entry_id
            states = self.replayed.get(entry.get(b"op", b"").decode(), [])
            if entry[b"k"] == b"rows":
                for row in np.frombuffer(entry[b"rows"], ROW_DTYPE):
                    if not row["flags"] & FLAG_LATE:
                        states[int(row["recipient_no"])] = S(int(row["state"]))
            elif entry[b"k"] == b"control":
                changed = {int(number) for number in entry[b"from"].split(b",")}
                for recipient_no in range(int(entry[b"lo"]), int(entry[b"hi"])):
                    if states[recipient_no] in changed:
                        states[recipient_no] = S(int(entry[b"to"]))


def lease_end(world: World) -> int:
    """When a worker that asks now stops posting: request sent + 15 s, by its own clock."""
    return world.mono + 15 * SECOND
