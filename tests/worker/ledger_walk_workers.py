"""Walks, first part: what workers and the dispatcher do; they lose answers, repeat themselves, die."""

from __future__ import annotations

import redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.operations import ledger
from engine.operations.ledger import Change
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_checks import check_world
from tests.worker.ledger_desk import DAY, HOUR, MINUTE, SECOND
from tests.worker.ledger_world import Job, Post, World, lease_end

picks = st.integers(0, 30)
rows_drawn = st.sets(st.integers(0, 4), min_size=1).map(sorted)
FAILURES = {"failed": S.FAILED, "retry": S.RETRY, "template": S.RETRY, "slow": S.RETRY, "halt": S.PENDING}
FATES = st.sampled_from(
    ["accepted"] * 4 + ["held", "vague", "vague but accepted", "under way", "not yet posted", *FAILURES]
)
ACTIONS = {"template": "template_error", "slow": "slow_down", "halt": "halt_operation"}
COUNT = 5


class WorkerRules(RuleBasedStateMachine):
    """Claiming, posting, telling, closing, dying; time; the sweep."""

    live: redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.live, COUNT)
        self.token = 0
        self.may_retry = False

    def pick_job(self, pick: int, alive: bool = True) -> Job | None:
        jobs = [job for job in self.world.jobs if not job.closed and (job.alive or not alive)]
        return jobs[pick % len(jobs)] if jobs else None

    @invariant()
    def everything_holds(self) -> None:
        check_world(self.world, self.may_retry)
        self.may_retry = False

    def ask(self, job: Job, token: str, rows: list[int], is_heard: bool) -> None:
        sent_lease = lease_end(self.world)
        answer = self.world.claim(job, rows, token, self.world.server + 2 * SECOND)
        if not is_heard:
            job.unheard = (token, rows)
            return
        job.unheard = None
        if answer.lost:
            job.rows, job.lease_until = [], 0
            return
        job.lease_until = sent_lease
        known = set(job.rows) | job.posted
        job.rows += [(c.recipient_no, c.attempt) for c in answer.rows if (c.recipient_no, c.attempt) not in known]

    @rule(pick=picks, rows=rows_drawn, is_heard=st.booleans(), operation=st.integers(0, 1))
    def claim(self, pick: int, rows: list[int], is_heard: bool, operation: int) -> None:
        job = self.pick_job(pick)
        if job is None or pick > 20:
            job = self.new_job(operation)
        self.token += 1
        self.ask(job, f"t{self.token}", rows, is_heard)

    @rule(pick=picks, rows=rows_drawn, operation=st.integers(0, 1))
    def claim_is_stuck_in_a_socket(self, pick: int, rows: list[int], operation: int) -> None:
        job = self.pick_job(pick)
        if job is None or pick > 20:
            job = self.new_job(operation)
        self.token += 1
        self.world.stuck.append((job, f"t{self.token}", rows, self.world.server + 2 * SECOND))

    @precondition(lambda self: self.world.stuck)
    @rule(pick=picks)
    def a_stuck_claim_arrives(self, pick: int) -> None:
        job, token, rows, not_after = self.world.stuck.pop(pick % len(self.world.stuck))
        before = job.desk.bytes_()
        self.world.claim(job, rows, token, not_after)
        if self.world.server > not_after or job.closed:
            assert job.desk.bytes_() == before, "a claim that came too late took rows"

    @rule(operation=st.integers(0, 1), rows=rows_drawn, end=st.sampled_from(["closed", "expired", "late"]))
    def a_claim_is_overtaken_by_the_end_of_its_job(self, operation: int, rows: list[int], end: str) -> None:
        job = self.new_job(operation)
        self.token += 2
        if end != "late":
            self.ask(job, f"t{self.token}", rows[:1], True)
            check_world(self.world)
        not_after = self.world.server + 2 * SECOND
        if end == "closed":
            self.end(job)
        elif end == "expired":
            self.a_minute_passes_and_leases_are_swept()
            not_after = self.world.server + 2 * SECOND
        else:
            self.world.tick(3 * SECOND)
        check_world(self.world)
        before = job.desk.bytes_()
        self.world.claim(job, rows, f"t{self.token + 1}", not_after)
        job.alive = False
        assert job.desk.bytes_() == before, "a claim that came too late took rows"

    @rule(pick=picks, is_heard=st.booleans())
    def repeat_a_token(self, pick: int, is_heard: bool) -> None:
        jobs = [job for job in self.world.jobs if job.unheard and job.alive and not job.closed]
        if jobs:
            self.repeat(jobs[pick % len(jobs)], is_heard)

    def repeat(self, job: Job, is_heard: bool = True) -> None:
        assert job.unheard is not None
        self.ask(job, *job.unheard, is_heard)

    @rule(pick=picks)
    def renew(self, pick: int) -> None:
        job = self.pick_job(pick)
        if job is not None:
            self.token += 1
            self.ask(job, f"t{self.token}", [], True)

    @rule(pick=picks)
    def exchange_a_slot(self, pick: int) -> None:
        job = self.pick_job(pick)
        if job is not None and job.rows and not job.unheard:
            kept = job.rows.pop(0)
            answer = job.desk.claim(job=job.name, again=[kept])
            self.world.note_lease(job, answer)
            job.rows += [(c.recipient_no, c.attempt) for c in answer.rows]

    @precondition(lambda self: self.world.ready_jobs())
    @rule(pick=picks)
    def post(self, pick: int) -> None:
        ready = self.world.ready_jobs()
        self.world.start_post(ready[pick % len(ready)])

    @precondition(lambda self: self.world.ready_jobs())
    @rule(pick=picks, fate=st.sampled_from(["accepted", *FAILURES]))
    def a_row_goes_through(self, pick: int, fate: str) -> None:
        ready = self.world.ready_jobs()
        job = ready[pick % len(ready)]
        self.world.start_post(job)
        self.finish(self.world.posts.pop(), fate)
        self.tell(job, job.outcomes[-1:], True)

    def new_job(self, operation: int) -> Job:
        job = Job(f"job{len(self.world.jobs)}", self.world.desks[operation])
        self.world.jobs.append(job)
        return job

    def a_new_job_claims(self, operation: int, rows: list[int]) -> Job:
        job = self.new_job(operation)
        self.token += 1
        self.ask(job, f"t{self.token}", rows, True)
        check_world(self.world)
        return job

    @rule(rows=rows_drawn, fates=st.lists(FATES, min_size=COUNT, max_size=COUNT))
    def a_job_works_on_the_first(self, rows: list[int], fates: list[str]) -> None:
        self.work(0, rows, fates)

    @rule(rows=rows_drawn, fates=st.lists(FATES, min_size=COUNT, max_size=COUNT))
    def a_job_works_on_the_second(self, rows: list[int], fates: list[str]) -> None:
        self.work(1, rows, fates)

    def work(self, operation: int, rows: list[int], fates: list[str]) -> None:
        job = self.a_new_job_claims(operation, rows)
        for (recipient_no, _), fate in zip(list(job.rows), fates, strict=False):
            if fate == "not yet posted":
                job.rows.append(job.rows.pop(0))
                continue
            assert recipient_no == job.rows[0][0]
            self.world.start_post(job)
            if fate != "under way":
                self.finish(self.world.posts.pop(), fate)
        self.tell(job, list(job.outcomes), True)

    @rule()
    def a_minute_passes_and_leases_are_swept(self) -> None:
        self.world.tick(MINUTE)
        for desk in self.world.desks:
            self.world.expire(desk)

    @precondition(lambda self: self.world.posts)
    @rule(
        pick=picks,
        fate=st.sampled_from(["accepted", "accepted", "held", "vague", "vague but accepted", *FAILURES]),
    )
    def post_ends(self, pick: int, fate: str) -> None:
        self.finish(self.world.posts.pop(pick % len(self.world.posts)), fate)

    def finish(self, post: Post, fate: str) -> None:
        what = {"accepted": S.ACCEPTED, "held": S.HELD, **FAILURES}.get(fate, S.UNKNOWN)
        if what in (S.ACCEPTED, S.HELD) or fate == "vague but accepted":
            self.world.accept(post.attempt)
        due = self.world.server + 5 * SECOND if what == S.RETRY else 0
        change = Change(*post.attempt[1:], what, code=131000, due_ms=due, action=ACTIONS.get(fate, ""))
        post.job.outcomes.append(change)

    @precondition(lambda self: any(j.alive and j.outcomes for j in self.world.jobs))
    @rule(pick=picks, is_heard=st.booleans())
    def tell_outcomes(self, pick: int, is_heard: bool) -> None:
        jobs = [j for j in self.world.jobs if j.alive and j.outcomes]
        job = jobs[pick % len(jobs)]
        numbers = [change.recipient_no for change in job.outcomes]
        self.tell(job, job.outcomes if len(set(numbers)) == len(numbers) else job.outcomes[:1], is_heard)

    def tell(self, job: Job, told: list[Change], is_heard: bool) -> None:
        name = job.desk.operation_id
        job.desk.run(ledger.transition(name, told, source="worker", job=job.name, now_ms=job.desk.now))
        for change in told:
            self.world.note_word((name, change.recipient_no, change.attempt), change.what, change.due_ms)
        if is_heard:
            job.outcomes = [change for change in job.outcomes if change not in told]

    @rule(pick=picks, is_doubled=st.booleans())
    def give_back(self, pick: int, is_doubled: bool) -> None:
        job = self.pick_job(pick)
        if job is not None and job.rows:
            recipient_no, attempt = job.rows.pop()
            for _ in range(1 + is_doubled):
                job.desk.tell((recipient_no, attempt, S.PENDING), job=job.name)
            self.world.note_word((job.desk.operation_id, recipient_no, attempt), S.PENDING)

    @rule(pick=picks)
    def close(self, pick: int) -> None:
        job = self.pick_job(pick)
        if job is not None:
            self.end(job)

    @precondition(lambda self: self.world.ready_jobs())
    @rule(pick=picks, fate=st.sampled_from(["under way", "accepted", "failed"]))
    def a_job_ends_before_it_told(self, pick: int, fate: str) -> None:
        ready = self.world.ready_jobs()
        job = ready[pick % len(ready)]
        self.world.start_post(job)
        if fate != "under way":
            self.finish(self.world.posts.pop(), fate)
        self.end(job)

    def end(self, job: Job) -> None:
        job.desk.close(sorted(job.posted), job=job.name)
        job.closed, job.rows = True, []
        for attempt, owner in self.world.owner.items():
            if owner is job and attempt not in self.world.ever_posted:
                self.world.note_word(attempt, S.PENDING)

    @rule(pick=picks)
    def die(self, pick: int) -> None:
        job = self.pick_job(pick)
        if job is not None:
            job.alive, job.rows, job.outcomes = False, [], []

    # Time, the dispatcher

    @rule(
        milliseconds=st.sampled_from(
            [100, 200, SECOND, SECOND, 3 * SECOND, 16 * SECOND, 36 * SECOND, 11 * MINUTE, HOUR, DAY]
        )
    )
    def time_passes(self, milliseconds: int) -> None:
        self.world.tick(milliseconds)

    @rule()
    def the_servers_clock_steps_back(self) -> None:
        self.world.set_server(self.world.server - 2 * SECOND)

    @rule(operation=st.integers(0, 1))
    def expire(self, operation: int) -> None:
        self.world.expire(self.world.desks[operation])
