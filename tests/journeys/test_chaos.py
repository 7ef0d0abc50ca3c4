"""Everything runs, five thousand people are sent to, and meanwhile every process is killed -9."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.chaos_judge import Evidence, gather, judge
from tests.journeys.chaos_world import KILLED, Send, begin, kill_parts, set_rate, wait_for_the_end
from tests.journeys.conftest import Running

COUNT, RATE = 5_000, 250
SEED = int(os.environ.get("CHAOS_SEED", "20261124"))
LONG = "CHAOS_LONG" in os.environ


@pytest.fixture
def swift(tmp_path: Path) -> Iterator[Running]:
    """A whole Ulak whose sandbox channel is faster than the default."""
    ulak = Running(tmp_path / "home")
    set_rate(ulak, RATE)
    ulak.start()
    yield ulak
    if ulak.process is not None and ulak.process.poll() is None:
        ulak.stop()


def tell(send: Send, found: Evidence) -> None:
    """Print the figures of a run (seen with `pytest -s`)."""
    sandbox = found.sandbox
    print(f"\nkilled: {', '.join(f'{kill.part} at {kill.accepted_count}' for kill in send.kills)}")
    print(f"states: {dict(Counter(state.name.lower() for state in found.states))}")
    print(
        f"accepted {sandbox['accepted']}, posts {sandbox['posts']}, ambiguous {sandbox['ambiguous']}, "
        f"most people in 24 h {sandbox['max_people_24h']}, most posts in a second {sandbox['max_posts_per_second']} "
        f"at a rate of {send.rate}, webhooks repeated {sandbox['webhooks']['retries']}"
    )


def run_chaos(ulak: Running, folder: Path, seed: int, count: int) -> None:
    """Send, kill, wait, judge."""
    chance = random.Random(seed)
    send = begin(ulak, folder, count, RATE, chance)
    kill_parts(send, chance)
    wait_for_the_end(send)
    found = gather(send)
    tell(send, found)
    assert sorted(kill.part for kill in send.kills) == sorted(KILLED)
    judge(send, found)


@pytest.mark.timeout(420)
def test_nobody_is_sent_to_twice_or_skipped_when_every_process_is_killed(swift: Running, tmp_path: Path) -> None:
    run_chaos(swift, tmp_path, SEED, COUNT)


AMBIGUOUS = {
    "accept_then_500": {"probability": 0.02},
    "accept_then_cut": {"probability": 0.02},
    "accept_then_hang": {"probability": 0.01, "seconds": 12},
    "refuse_500": {"probability": 0.02},
    "cut_before": {"probability": 0.01},
}


@pytest.mark.skipif(not LONG, reason="set CHAOS_LONG=1: several minutes")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(SEED, SEED + 3))
def test_nor_when_the_provider_leaves_us_without_an_answer_meanwhile(
    swift: Running, tmp_path: Path, seed: int
) -> None:
    swift.sandbox("PUT", "faults", AMBIGUOUS)
    run_chaos(swift, tmp_path, seed, COUNT)
