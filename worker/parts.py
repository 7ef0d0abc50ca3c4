"""The parts that `ulak up` runs: each one's command, how to tell that it is ready, how long it may take to stop."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

import redis

from engine import live
from engine.errors import QueueUnavailable, SettingsError
from engine.settings import PREFIX, Settings
from worker.redis_server import server_arguments, socket_path


@dataclass(frozen=True)
class Part:
    """One supervised process. `ready` is asked with its pid until it says yes."""

    name: str
    arguments: list[str]
    ready: Callable[[int], bool]
    grace_seconds: float = 10
    start_seconds: float = 90
    is_base: bool = False
    """The parts after it wait until it is ready."""


def list_parts(settings: Settings) -> list[Part]:
    """All parts in the order of their start; they stop in the reverse order.

    The first ones wait for each other; the rest need only those, and get ready side by side.
    """
    parts = (
        []
        if settings.redis_url
        else [Part("redis", server_arguments(settings), lambda _: _pings(settings), is_base=True)]
    )
    parts += [
        _ours("sandbox", lambda _: answers(f"http://127.0.0.1:{settings.sandbox_port}/sandbox/health"), is_base=True),
        _ours("receiver", lambda pid: _beats(settings, pid)),
        _ours("dispatcher", lambda pid: _beats(settings, pid)),
    ]
    for number in range(1, settings.workers + 1):
        parts.append(_ours("worker", lambda pid: _beats(settings, pid), name=f"worker-{number}", grace_seconds=40))
    parts.append(_ours("web", lambda _: answers(f"http://{settings.host}:{settings.port}/_stcore/health")))
    return parts


def refuse_taken_ports(settings: Settings) -> None:
    """Say which port is taken before anything starts.

    Raises:
        SettingsError: names the port and the setting that changes it.
    """
    wanted = ((settings.host, "port"), (settings.receiver_host, "receiver_port"), ("127.0.0.1", "sandbox_port"))
    for host, field in wanted:
        port = getattr(settings, field)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                raise SettingsError(
                    name=PREFIX + field.upper(), reason=f"port {port} is taken by another program; choose another one"
                ) from None


def leave_redis_address(settings: Settings) -> None:
    """Write where our own server is, for the processes of this home."""
    settings.run_folder.mkdir(parents=True, exist_ok=True)
    (settings.run_folder / "redis.url").write_text(f"unix://{socket_path(settings)}")


def _ours(
    command: str,
    ready: Callable[[int], bool],
    *,
    name: str = "",
    grace_seconds: float = 10,
    is_base: bool = False,
) -> Part:
    arguments = [sys.executable, "-m", "worker.cli", command]
    return Part(name or command, arguments, ready, grace_seconds, is_base=is_base)


def _pings(settings: Settings) -> bool:
    with contextlib.suppress(redis.RedisError, QueueUnavailable, OSError), live.connect(settings) as client:
        return bool(client.ping())
    return False


def answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
        return int(answer.status) == 200
    return False


def _beats(settings: Settings, pid: int) -> bool:
    """Whether a process with this pid wrote its heartbeat within the last 10 s."""
    with contextlib.suppress(redis.RedisError, QueueUnavailable, OSError), live.connect(settings) as client:
        for raw in client.hvals(live.HEARTBEATS):
            beat = json.loads(raw)
            if beat.get("pid") == pid and time.time() * 1000 - beat.get("at_ms", 0) < 10_000:
                return True
    return False
