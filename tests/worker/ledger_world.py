"""A small world around the ledger: jobs that forget and die, a provider that knows the truth, people who ask.

It keeps two clocks (the server's and the workers' monotonic one) and what really happened, so that what the ledger
says can be judged. Nothing here looks into a script; it sees bytes, attempts, places and the event stream.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import redis

from engine.live import operation_key
from engine.operations import ledger
from engine.operations.ledger import Change
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_desk import DAY, MINUTE, SECOND, Desk

Attempt = tuple[str, int, int]  # operation, recipient, attempt

BACK = {S.DELIVERED, S.READ}


@dataclass
class Job:
    """One run of a batch: what it believes it holds, and what it has not told yet."""

    name: str
    desk: Desk
    alive: bool = True
    closed: bool = False
    lease_until: int = 0  # monotonic, as the worker reckons
    deadline: int = 0  # server's clock, as the server should reckon
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

    def __init__(self, live: redis.Redis, count: int = 5, limit: int = 5) -> None:
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
        self.placed_by_delivery: set[Attempt] = set()
        self.accepted_told: dict[Attempt, int] = {}
        self.retry_due: dict[Attempt, int] = {}
        self.delivered_told: dict[Attempt, int] = {}
        self.asked: set[tuple[str, int]] = set()
        self.unknown_since: dict[tuple[str, int], int] = {}
        self.windows: dict[int, int] = {}
        self.bytes_ = {desk.operation_id: desk.bytes_() for desk in self.desks}
        self.attempts = {desk.operation_id: [0] * count for desk in self.desks}
        self.replayed = {desk.operation_id: [S.PENDING] * count for desk in self.desks}
        self.last_id: bytes | str = "-"
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

    def rows_in(self, state: S) -> list[tuple[Desk, int]]:
        """(operation, recipient) of every byte that has this state."""
        return [(d, r) for d in self.desks for r, byte in enumerate(self.bytes_[d.operation_id]) if byte == state]

    def ready_jobs(self) -> list[Job]:
        """Jobs that may post: they live, hold rows, and believe in their lease."""
        return [j for j in self.jobs if j.alive and not j.closed and j.rows and self.mono < j.lease_until]

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
        used, state = job.desk.places, job.desk.state
        answer = job.desk.claim(rows, job=job.name, token=token, not_after=not_after)
        self.note_lease(job, answer)
        name = job.desk.operation_id
        if self.limit >= 0:
            assert job.desk.places <= max(self.limit, used), "the messaging limit was exceeded"
        now, states = read_attempts(job.desk), job.desk.bytes_()
        for row in answer.rows:
            is_claimed = states[row.recipient_no] == S.CLAIMED and now[row.recipient_no] == row.attempt
            assert is_claimed, f"handed out, and not claimed: {name}:{row.recipient_no}:{row.attempt}"
        for recipient_no, (old, new) in enumerate(zip(self.attempts[name], now, strict=True)):
            if new > old:
                assert state == "running", f"claimed while {state}"
                before = self.retry_due.get((name, recipient_no, old), 0)
                was_retry = self.bytes_[name][recipient_no] == S.RETRY
                assert not was_retry or self.server >= before, "claimed before it was due"
                attempt = (name, recipient_no, new)
                self.owner[attempt], self.claimed_at[attempt] = job, self.server
                in_window = self.windows.get(self.people[name][recipient_no], 0) >= self.server + 2 * MINUTE
                if self.limit >= 0 and not in_window:
                    self.placed.add(attempt)
        return answer

    def note_lease(self, job: Job, answer: ledger.ClaimAnswer) -> None:
        """A claim renewed the job's lease, or came too late to."""
        if 0 < job.deadline <= self.server:
            assert answer.lost, "a job whose lease had run out went on"
        has_lease = job.deadline > 0 or answer.state not in ("completed", "cancelled")
        if has_lease and not answer.lost:
            job.deadline = self.server + ledger.LEASE_MS

    def expire(self, desk: Desk) -> None:
        """The dispatcher's sweep."""
        swept = desk.expire()
        for job in self.jobs:
            assert job.desk is not desk or job.name not in swept or job.deadline <= self.server, "a renewal lost"

    def note_word(self, attempt: Attempt, what: S, due: int = 0) -> None:
        """The ledger was told a word."""
        if what in (S.ACCEPTED, S.HELD, S.SENT):
            self.accepted_told.setdefault(attempt, self.server)
        if what == S.RETRY:
            self.retry_due.setdefault(attempt, due)
        if what in BACK:
            since = max(self.accepted.get(attempt, 0), self.claimed_at.get(attempt, 0))
            window = self.windows.get(self.people[attempt[0]][attempt[1]], 0)
            ran_out = since + DAY - MINUTE <= self.server
            takes_none = ran_out and (self.limit < 0 or window > self.server)
            if attempt not in self.delivered_told and self.limit >= 0 and window <= self.server:
                self.placed_by_delivery.add(attempt)
            self.delivered_told.setdefault(attempt, 0 if takes_none else self.server)
        elif what in (S.FAILED, S.RETRY, S.PENDING) and attempt not in self.delivered_told:
            self.dropped.add(attempt)


def read_attempts(desk: Desk) -> list[int]:
    """The attempt numbers as the ledger has them."""
    raw = desk.live.get(operation_key(desk.operation_id, "att")) or b""
    return [int(n) for n in np.frombuffer(raw, "<u2")]


def lease_end(world: World) -> int:
    """When a worker that asks now stops posting: request sent + 15 s, by its own clock."""
    return world.mono + 15 * SECOND
