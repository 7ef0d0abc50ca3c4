"""Random walks over the ledger: two operations, workers that lose answers and die, a provider that repeats itself."""

from __future__ import annotations

import os

import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.operations import ledger
from engine.operations.ledger import Change
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_checks import check_world
from tests.worker.ledger_desk import DAY, HOUR, MINUTE, SECOND, person
from tests.worker.ledger_world import Job, Post, World, lease_end

WALKS = int(os.environ.get("LEDGER_WALKS", "60"))
STEPS = int(os.environ.get("LEDGER_STEPS", "60"))
WALK_SETTINGS = settings(
    max_examples=WALKS,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.generate, Phase.shrink] if os.environ.get("LEDGER_SHRINK") else [Phase.generate],
    report_multiple_bugs=False,
    print_blob=False,
)
picks = st.integers(0, 30)
rows_drawn = st.sets(st.integers(0, 4), min_size=1).map(sorted)
FAILURES = {"failed": S.FAILED, "retry": S.RETRY, "template": S.RETRY, "slow": S.RETRY, "halt": S.PENDING}
ACTIONS = {"template": "template_error", "slow": "slow_down", "halt": "halt_operation"}
COUNT = 5


class LedgerWalk(RuleBasedStateMachine):
    """See `World` for what must hold."""

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

    # Workers

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
            job = Job(f"job{len(self.world.jobs)}", self.world.desks[operation])
            self.world.jobs.append(job)
        self.token += 1
        self.ask(job, f"t{self.token}", rows, is_heard)

    @rule(pick=picks, rows=rows_drawn, operation=st.integers(0, 1))
    def claim_is_stuck_in_a_socket(self, pick: int, rows: list[int], operation: int) -> None:
        job = self.pick_job(pick)
        if job is None or pick > 20:
            job = Job(f"job{len(self.world.jobs)}", self.world.desks[operation])
            self.world.jobs.append(job)
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

    @rule(pick=picks, is_heard=st.booleans())
    def repeat_a_token(self, pick: int, is_heard: bool) -> None:
        jobs = [job for job in self.world.jobs if job.unheard and job.alive and not job.closed]
        if jobs:
            job = jobs[pick % len(jobs)]
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

    @rule(pick=picks, operation=st.integers(0, 1), recipient_no=st.integers(0, COUNT - 1))
    def a_new_job_claims_one_row(self, pick: int, operation: int, recipient_no: int) -> None:
        job = Job(f"job{len(self.world.jobs)}", self.world.desks[operation])
        self.world.jobs.append(job)
        self.token += 1
        self.ask(job, f"t{self.token}", [recipient_no], True)

    @rule()
    def a_minute_passes_and_leases_are_swept(self) -> None:
        self.world.tick(MINUTE)
        for desk in self.world.desks:
            desk.expire()

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
            self.world.note_word((name, change.recipient_no, change.attempt), change.what)
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

    @rule(milliseconds=st.sampled_from([100, SECOND, 3 * SECOND, 16 * SECOND, 36 * SECOND, 11 * MINUTE, HOUR, DAY]))
    def time_passes(self, milliseconds: int) -> None:
        self.world.tick(milliseconds)

    @rule()
    def the_servers_clock_steps_back(self) -> None:
        self.world.set_server(self.world.server - 2 * SECOND)

    @rule(operation=st.integers(0, 1))
    def expire(self, operation: int) -> None:
        self.world.desks[operation].expire()

    # Provider

    def hear(self, attempt: tuple[str, int, int], what: S) -> None:
        desk = self.world.desks[0 if attempt[0] == "op-1" else 1]
        desk.hear((*attempt[1:], what), due_ms=desk.now, at_ms=desk.now)
        self.world.note_word(attempt, what)

    @precondition(lambda self: self.world.accepted)
    @rule(pick=picks, what=st.sampled_from([S.SENT, S.DELIVERED, S.READ, S.FAILED, S.RETRY]))
    def provider_moves_on(self, pick: int, what: S) -> None:
        attempt = sorted(self.world.accepted)[pick % len(self.world.accepted)]
        if what in (S.FAILED, S.RETRY) and attempt not in self.world.delivered:
            self.world.failed.add(attempt)
        if what in (S.DELIVERED, S.READ):
            self.world.delivered.add(attempt)
        self.world.unheard_words.append((attempt, what))

    @precondition(lambda self: self.world.unheard_words)
    @rule(pick=picks)
    def webhook(self, pick: int) -> None:
        word = self.world.unheard_words.pop(pick % len(self.world.unheard_words))
        self.world.said_words.append(word)
        self.hear(*word)

    @precondition(lambda self: self.world.said_words)
    @rule(pick=picks)
    def webhook_is_doubled(self, pick: int) -> None:
        self.hear(*self.world.said_words[pick % len(self.world.said_words)])

    # People

    @rule(operation=st.integers(0, 1), verb=st.sampled_from(["pause", "wait", "halt"]))
    def person_decides(self, operation: int, verb: str) -> None:
        desk = self.world.desks[operation]
        back = {"paused": "resume", "halted": "resume", "waiting": "wake"}
        desk.control(back.get(desk.state, verb))

    @rule(operation=st.integers(0, 1), pick=st.integers(0, 9))
    def cancel(self, operation: int, pick: int) -> None:
        desk = self.world.desks[operation]
        if pick == 0 or desk.state == "cancelled":
            desk.control("cancel", slice_rows=3)

    @precondition(lambda self: self.world.rows_in(S.UNKNOWN))
    @rule(pick=picks)
    def send_again(self, pick: int) -> None:
        unknown = self.world.rows_in(S.UNKNOWN)
        desk, recipient_no = unknown[pick % len(unknown)]
        name = desk.operation_id
        asked = self.world.live_attempts(name, recipient_no)
        if desk.control("send_again", rows=[(recipient_no, desk.attempt(recipient_no))]).count:
            opens = self.world.unknown_since[name, recipient_no] + ledger.SEND_AGAIN_AFTER_MS
            assert self.world.server >= opens, "sent again while it may still be posted"
            self.world.allowed[name, recipient_no] = len(asked) + 1

    @precondition(lambda self: self.world.rows_in(S.FAILED))
    @rule(pick=picks)
    def retry(self, pick: int) -> None:
        failed = self.world.rows_in(S.FAILED)
        desk, recipient_no = failed[pick % len(failed)]
        asked = self.world.live_attempts(desk.operation_id, recipient_no)
        self.may_retry = True
        if desk.control("retry", rows=[(recipient_no, desk.attempt(recipient_no))]).count:
            self.world.allowed[desk.operation_id, recipient_no] = len(asked) + 1

    @rule(number=st.integers(0, 6), length=st.sampled_from([MINUTE, HOUR, DAY]))
    def window_opens(self, number: int, length: int) -> None:
        self.world.windows[number] = self.world.server + length
        self.world.desks[0].open_window(number, self.world.server + length)

    @rule(limit=st.sampled_from([1, 2, 3, 3, 4, -1]))
    def limit_changes(self, limit: int) -> None:
        self.world.limit = limit
        self.world.desks[0].set_limit(limit)

    @rule(number=st.integers(0, 6), scope=st.sampled_from(["marketing", "all"]), pick=st.integers(0, 3))
    def person_opts_out_or_in(self, number: int, scope: str, pick: int) -> None:
        desk = self.world.desks[0]
        desk.run(ledger.suppress(person(number), scope, "keyword") if pick == 0 else ledger.lift(person(number)))

    # The end: everything drains.

    def teardown(self) -> None:
        world = self.world
        for job in world.jobs:
            job.alive = False
        world.tick(MINUTE)
        for desk in world.desks:
            while desk.expire():
                pass
            assert S.CLAIMED not in desk.bytes_(), "something stays claimed"
        check_world(world)
        for word in world.unheard_words:
            self.hear(*word)
            check_world(world)
        world.limit = -1
        world.desks[0].set_limit(-1)
        for desk in world.desks:
            self.drain(desk)
            self.judge(desk)

    def drain(self, desk: object) -> None:
        world = self.world
        target = next(d for d in world.desks if d is desk)
        if target.state == "cancelled":
            while not target.control("cancel", slice_rows=3).done:
                pass
        for round_no in range(30):
            target.control("resume")
            target.control("wake")
            world.tick(11 * MINUTE)
            job = Job(f"last{round_no}", target)
            world.jobs.append(job)
            self.token += 1
            self.ask(job, f"t{self.token}", list(range(COUNT)), True)
            check_world(world)
            while job.rows:
                world.start_post(job)
                post = world.posts.pop()
                world.accept(post.attempt)
                target.tell((*post.attempt[1:], S.ACCEPTED), job=job.name)
            check_world(world)
            if target.state in ("completed", "cancelled"):
                return
        raise AssertionError("the operation never completes")

    def judge(self, desk: object) -> None:
        world = self.world
        target = next(d for d in world.desks if d is desk)
        for recipient_no in range(COUNT):
            live = world.live_attempts(target.operation_id, recipient_no)
            for attempt in live:
                self.hear(attempt, S.DELIVERED)
            check_world(world)
            byte = target.byte(recipient_no)
            arrived = [a for a in world.delivered if a[:2] == (target.operation_id, recipient_no)]
            if live or arrived:
                assert byte in (S.DELIVERED, S.READ), f"it arrived, and the ledger says {byte!r}"
            else:
                ends = (S.FAILED, S.UNKNOWN, S.SUPPRESSED, S.CANCELLED)
                assert byte in ends, f"lost: nothing arrived, and the ledger says {byte!r}"
