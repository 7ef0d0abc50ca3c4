"""When a slot given by the server falls due on this machine, by monotonic time alone.

Each answer of Redis bounds the distance between its clock and ours: the server looked at its clock after we asked
and before we heard. Several answers bound it more tightly; of what is left we take the later moment, so that no
message leaves before its slot.
"""

from __future__ import annotations

import time
from collections import deque

REMEMBERED_ANSWERS = 8


def monotonic() -> float:
    """Seconds on a clock that no one sets, and that goes on while the machine sleeps where there is such a clock."""
    return time.clock_gettime(_CLOCK)


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ServerClock:
    """The server's clock as seen from here."""

    def __init__(self) -> None:
        self._lower_bounds: deque[float] = deque(maxlen=REMEMBERED_ANSWERS)
        self._offset = 0.0
        self.latest_shift = 0.0
        """How much later than the best of the last answers the latest one puts a slot, in seconds."""

    def observe(self, sent_at: float, answered_at: float, server_ms: int) -> None:
        """Learn from one answer.

        Args:
            sent_at, answered_at: when we asked and heard, in seconds of `monotonic`.
            server_ms: what the server's clock showed, in whole milliseconds since 1970.
        """
        seconds = server_ms / 1000
        lower_bound = seconds - answered_at
        upper_bound = seconds + 0.001 - sent_at
        self._lower_bounds.append(lower_bound)
        self._offset = min(max(self._lower_bounds), upper_bound)
        self.latest_shift = max(0.0, self._offset - lower_bound)

    def server_ms(self, moment: float) -> int:
        """What the server's clock shows at a monotonic moment (never ahead of it)."""
        return int((moment + self._offset) * 1000)

    def moment_of(self, server_ms: float) -> float:
        """The monotonic moment at which the server's clock shows `server_ms` (never before it)."""
        return server_ms / 1000 - self._offset
