"""How much a delivery takes on: enough to use the rate over a slow network, no more than it can post in time.

What is claimed and not settled is what a killed worker leaves as `unknown`, so as little as will do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SMALLEST_WINDOW = 16
LARGEST_WINDOW = 256
AHEAD_SECONDS = 0.25
CLAIM_ROWS = 1_000
LOCAL_SHARE, LOCAL_TOLERANCE_SECONDS = 0.985, 0.012
SMALLEST_BREADTH, SHRINK, GROW = 0.1, 0.75, 1.05


@dataclass(frozen=True)
class WindowSize:
    """How much may be under way at once: `concurrency` claimed and unanswered, `ahead` of them not posted yet."""

    concurrency: int
    ahead: int


def choose_window(rate_per_second: float) -> WindowSize:
    """A window for a channel's rate: a second of it under way, a quarter of a second claimed ahead."""
    concurrency = min(max(math.ceil(rate_per_second), SMALLEST_WINDOW), LARGEST_WINDOW)
    ahead = min(max(math.ceil(rate_per_second * AHEAD_SECONDS), 1), concurrency // 2)
    return WindowSize(concurrency, ahead)


class Appetite:
    """How many rows to ask for."""

    def __init__(self, size: WindowSize) -> None:
        self._size = size
        self._breadth = 1.0

    def room(self, *, ahead: int, in_flight: int, unrecorded: int) -> int:
        """How many more rows may be claimed; 0 or less: none.

        Args:
            unrecorded: outcomes that the ledger hasn't confirmed: they count as not settled.
        """
        if in_flight > self._size.concurrency * self._breadth:
            return 0
        held = ahead + in_flight
        return min(
            self._size.ahead - ahead,
            self._size.concurrency - held,
            2 * self._size.concurrency - held - unrecorded,
            CLAIM_ROWS,
        )

    def is_worth_a_call(self, room: int) -> bool:
        """Whether so much room is worth asking for, when nothing presses."""
        return 2 * room >= self._size.ahead

    def learn(self, missed_count: int) -> None:
        """Slots missed mean that this process can't keep up: with fewer answers awaited it comes round sooner."""
        if missed_count:
            self._breadth = max(SMALLEST_BREADTH, SHRINK * self._breadth)
        else:
            self._breadth = min(1.0, GROW * self._breadth)


class LocalPace:
    """Keeps one process within the rate in every second, whatever delays its slots met on the way.

    The bucket spaces the slots; slots that were delayed unequally would leave in bursts. Source: the generic cell
    rate algorithm, with a tolerance that the tenths of a percent under the rate pay for.
    """

    def __init__(self, rate_per_second: float) -> None:
        self._interval = 1.0 / (LOCAL_SHARE * rate_per_second)
        self._next = 0.0

    @property
    def ready_at(self) -> float:
        """The monotonic moment from which the next message may leave."""
        return self._next - LOCAL_TOLERANCE_SECONDS

    def spend(self, now: float) -> None:
        """One message leaves."""
        self._next = max(self._next, now) + self._interval
