"""How a process of ours starts: its name, its log lines, its patience until Redis is there."""

from __future__ import annotations

import logging
import os
import socket
import sys

import redis

from engine import live
from engine.errors import QueueUnavailable
from engine.operations.delivery_ledger import AWAY
from engine.settings import Settings
from worker import stopping

logger = logging.getLogger("ulak.process")

PAUSE_SECONDS = 1.0


def process_name(kind: str) -> str:
    """The name of this process among all of its kind: `worker.<host>.<pid>`."""
    host = "".join(mark if mark.isalnum() or mark == "-" else "-" for mark in socket.gethostname())
    return f"{kind}.{host}.{os.getpid()}"


def wait_for_redis(settings: Settings, stopped: stopping.Flag) -> redis.Redis | None:
    """A client once Redis answers; None when asked to stop before that."""
    is_told = False
    while not stopped.is_set():
        try:
            client = live.connect(settings)
            client.ping()
            return client
        except (QueueUnavailable, *AWAY) as problem:
            if not is_told:
                reason = problem.fields["reason"] if isinstance(problem, QueueUnavailable) else type(problem).__name__
                logger.warning("waiting for Redis: %s", reason)
                is_told = True
            stopped.wait(PAUSE_SECONDS)
    return None


def start_logging() -> None:
    """Plain lines on standard output: ours from INFO on, those of libraries only when something is wrong."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout, force=True)
    logging.getLogger("ulak").setLevel(logging.INFO)
