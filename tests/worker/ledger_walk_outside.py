"""Walks, second part: a provider that repeats and contradicts itself, and people who decide."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from engine.operations import ledger
from engine.operations.states import DeliveryState as S
from tests.worker.ledger_checks import check_world
from tests.worker.ledger_desk import DAY, HOUR, MINUTE, SECOND, Desk, person
from tests.worker.ledger_walk_workers import FAILURES, WorkerRules, picks, rows_drawn
from tests.worker.ledger_world import Attempt

STATUSES = st.sampled_from([S.SENT, S.DELIVERED, S.READ, S.FAILED, S.RETRY])


class OutsideRules(WorkerRules):
    """Webhooks in any order and number; pause, cancel, send again, retry, opting out; windows, limits."""

    # Provider

    def hear(self, attempt: Attempt, what: S) -> None:
        desk = self.world.desks[0 if attempt[0] == "op-1" else 1]
        before, is_old = desk.byte(attempt[1]), attempt[2] < desk.attempt(attempt[1])
        desk.hear((*attempt[1:], what), due_ms=desk.now, at_ms=desk.now)
        if is_old and what not in (S.DELIVERED, S.READ):
            assert desk.byte(attempt[1]) == before, "a word about an older attempt changed the row"
        self.world.note_word(attempt, what, self.world.server + 10 * MINUTE)

    def happen(self, attempt: Attempt, what: S) -> None:
        if what in (S.FAILED, S.RETRY) and attempt not in self.world.delivered:
            self.world.failed.add(attempt)
        if what in (S.DELIVERED, S.READ):
            self.world.delivered.add(attempt)

    @precondition(lambda self: self.world.accepted)
    @rule(pick=picks, what=STATUSES)
    def provider_moves_on(self, pick: int, what: S) -> None:
        attempt = sorted(self.world.accepted)[pick % len(self.world.accepted)]
        self.happen(attempt, what)
        self.world.unheard_words.append((attempt, what))

    @precondition(lambda self: self.world.accepted)
    @rule(pick=picks, words=st.lists(STATUSES, min_size=2, max_size=3))
    def a_burst_of_webhooks(self, pick: int, words: list[S]) -> None:
        attempt = sorted(self.world.accepted)[pick % len(self.world.accepted)]
        for what in words:
            self.happen(attempt, what)
        for what in words:
            self.world.said_words.append((attempt, what))
            self.hear(attempt, what)
            check_world(self.world)

    @precondition(lambda self: self.world.ready_jobs())
    @rule(pick=picks, what=STATUSES)
    def a_webhook_overtakes_the_answer(self, pick: int, what: S) -> None:
        ready = self.world.ready_jobs()
        job = ready[pick % len(ready)]
        self.world.start_post(job)
        attempt = self.world.posts[-1].attempt
        self.finish(self.world.posts.pop(), "accepted")
        self.happen(attempt, what)
        self.world.said_words.append((attempt, what))
        self.hear(attempt, what)
        check_world(self.world)
        self.tell(job, job.outcomes[-1:], True)

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

    @rule(
        operation=st.integers(0, 1),
        pick=st.integers(0, 9),
        slices=st.integers(1, 2),
        then=st.sampled_from(["", "close", *FAILURES]),
    )
    def cancel(self, operation: int, pick: int, slices: int, then: str) -> None:
        desk = self.world.desks[operation]
        is_under_way = S.CLAIMED in self.world.bytes_[desk.operation_id]  # the moment that is hard to get right
        is_asked = any(name == desk.operation_id for name, _ in self.world.asked)
        if not (desk.state == "cancelled" or pick == 0 or (pick < 4 and (is_under_way or is_asked))):
            return
        for _ in range(slices):
            desk.control("cancel", slice_rows=3)
        check_world(self.world)
        ready = [job for job in self.world.ready_jobs() if job.desk is desk]
        if ready and then in FAILURES:
            self.world.start_post(ready[0])
            self.finish(self.world.posts.pop(), then)
            self.tell(ready[0], ready[0].outcomes[-1:], True)
        elif ready and then:
            self.end(ready[0])

    @rule(delay=st.sampled_from([0, SECOND, ledger.SEND_AGAIN_AFTER_MS - 1, ledger.SEND_AGAIN_AFTER_MS]))
    def leases_run_out_and_a_person_asks(self, delay: int) -> None:
        self.world.tick(16 * SECOND)
        for desk in self.world.desks:
            self.world.expire(desk)
        check_world(self.world)
        self.world.tick(delay)
        for desk, recipient_no in self.world.rows_in(S.UNKNOWN):
            self.ask_again(desk, recipient_no)

    @precondition(lambda self: self.world.rows_in(S.UNKNOWN))
    @rule(pick=picks)
    def send_again(self, pick: int) -> None:
        unknown = self.world.rows_in(S.UNKNOWN)
        self.ask_again(*unknown[pick % len(unknown)])

    def ask_again(self, desk: Desk, recipient_no: int) -> None:
        name = desk.operation_id
        asked = self.world.live_attempts(name, recipient_no)
        if desk.control("send_again", rows=[(recipient_no, desk.attempt(recipient_no))]).count:
            opens = self.world.unknown_since[name, recipient_no] + ledger.SEND_AGAIN_AFTER_MS
            assert self.world.server >= opens, "sent again while it may still be posted"
            self.world.allowed[name, recipient_no] = len(asked) + 1
            self.world.asked.add((name, recipient_no))

    @precondition(lambda self: self.world.rows_in(S.FAILED))
    @rule(pick=picks)
    def retry(self, pick: int) -> None:
        failed = self.world.rows_in(S.FAILED)
        desk, recipient_no = failed[pick % len(failed)]
        asked = self.world.live_attempts(desk.operation_id, recipient_no)
        self.may_retry = True
        self.world.retry_due[desk.operation_id, recipient_no, desk.attempt(recipient_no)] = self.world.server
        if desk.control("retry", rows=[(recipient_no, desk.attempt(recipient_no))]).count:
            self.world.allowed[desk.operation_id, recipient_no] = len(asked) + 1

    @rule(number=st.integers(0, 6), length=st.sampled_from([MINUTE, HOUR, DAY]))
    def window_opens(self, number: int, length: int) -> None:
        self.world.windows[number] = self.world.server + length
        self.world.desks[0].open_window(number, self.world.server + length)

    @rule(limit=st.sampled_from([1, 2, 4, 5, 6, -1]))
    def limit_changes(self, limit: int) -> None:
        self.world.limit = limit
        self.world.desks[0].set_limit(limit)

    @rule(number=st.integers(0, 6), scope=st.sampled_from(["marketing", "all"]), pick=st.integers(0, 3))
    def person_opts_out_or_in(self, number: int, scope: str, pick: int) -> None:
        desk = self.world.desks[0]
        desk.run(ledger.suppress(person(number), scope, "keyword") if pick == 0 else ledger.lift(person(number)))

    @rule(operation=st.integers(0, 1), rows=rows_drawn)
    def a_lost_answer_is_repeated_when_its_rows_moved_on(self, operation: int, rows: list[int]) -> None:
        desk = self.world.desks[operation]
        job = self.new_job(operation)
        self.token += 1
        self.ask(job, f"t{self.token}", rows, False)
        check_world(self.world)
        for _ in range(2):
            self.a_minute_passes_and_leases_are_swept()
            check_world(self.world)
        for row in [r for d, r in self.world.rows_in(S.UNKNOWN) if d is desk]:
            self.ask_again(desk, row)
        check_world(self.world)
        self.a_new_job_claims(operation, rows[:1])
        self.repeat(job)
