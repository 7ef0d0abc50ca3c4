"""The ledger under random walks (LEDGER_WALKS, LEDGER_STEPS: how many, how long)."""

from __future__ import annotations

import pytest
import redis
from hypothesis.stateful import run_state_machine_as_test

from tests.worker.ledger_machine import WALK_SETTINGS, LedgerWalk


@pytest.mark.timeout(3600)
def test_no_walk_sends_twice_loses_anyone_or_tells_an_untruth(live: redis.Redis) -> None:
    walk = type("Walk", (LedgerWalk,), {"live": live})
    run_state_machine_as_test(walk, settings=WALK_SETTINGS)
