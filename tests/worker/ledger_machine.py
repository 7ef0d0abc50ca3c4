"""Random walks over the ledger: two operations, workers that lose answers and die, a provider that repeats itself."""

from __future__ import annotations

import os
import sys

from hypothesis import HealthCheck, Phase, settings

from engine.operations.states import DeliveryState as S
from tests.worker.ledger_checks import check_world
from tests.worker.ledger_desk import MINUTE, Desk
from tests.worker.ledger_walk_outside import OutsideRules
from tests.worker.ledger_walk_workers import COUNT
from tests.worker.ledger_world import Attempt, Job

WALKS = int(os.environ.get("LEDGER_WALKS", "40"))
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


UNDER_WAY = (S.ACCEPTED, S.HELD, S.SENT, S.DELIVERED, S.READ, S.UNKNOWN, S.SUPPRESSED)


class LedgerWalk(OutsideRules):
    """See `ledger_checks` for what must hold after each step; here is what must hold at the end."""

    def teardown(self) -> None:
        if sys.exc_info()[0] is not None:
            return  # a step failed: that is the finding, not what it leaves behind
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

    def drain(self, target: Desk) -> None:
        world = self.world
        if target.state == "cancelled":
            while not target.control("cancel", slice_rows=3).done:
                pass
        for round_no in range(30):
            target.control("resume")
            target.control("wake")
            world.tick(11 * MINUTE)
            job = Job(f"last{round_no}", target)
            world.jobs.append(job)
            for recipient_no in range(COUNT):
                self.token += 1
                self.ask(job, f"t{self.token}", [recipient_no], True)
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

    def judge(self, target: Desk) -> None:
        world = self.world
        for recipient_no in range(COUNT):
            live = world.live_attempts(target.operation_id, recipient_no)
            self.judge_before_delivery(target, recipient_no, live)
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

    def judge_before_delivery(self, target: Desk, recipient_no: int, live: list[Attempt]) -> None:
        number, byte = target.attempt(recipient_no), target.byte(recipient_no)
        posted = [a[2] for a in self.world.ever_posted if a[:2] == (target.operation_id, recipient_no)]
        for _, _, attempt in live:
            if attempt == number:
                assert byte in UNDER_WAY, f"it is on its way, and the ledger says {byte!r}"
            if attempt == max(posted):
                assert byte != S.CANCELLED, "it is on its way, and the ledger says cancelled"
