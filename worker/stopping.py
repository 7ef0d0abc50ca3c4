"""How a process learns that it is to stop: a signal sets a flag, and whoever waits on it wakes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_asked = threading.Event()


def request(signum: int, frame: FrameType | None) -> None:
    """A signal handler: note the request for `event_of_job`."""
    _asked.set()


@contextlib.contextmanager
def event_of_job() -> Iterator[asyncio.Event]:
    """Inside a running loop of a job: an event that a request to stop sets, also one that came before."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, event.set)
    if _asked.is_set():
        event.set()
    try:
        yield event
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, request)


class Flag:
    """A request to stop by SIGTERM or SIGINT, for a process of its own."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def is_set(self) -> bool:
        """Whether the process was asked to stop."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait; True as soon as the process was asked to stop."""
        return self._event.wait(seconds)

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[Flag]:
        """Take the signals while inside."""
        former = {number: signal.signal(number, self._set) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield self
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _set(self, signum: int, frame: FrameType | None) -> None:
        self._event.set()
