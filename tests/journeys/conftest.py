"""Everything running, in a home and on ports of its own, driven through its own doors."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

ROOT = Path(__file__).resolve().parents[2]


def free_ports(count: int) -> list[int]:
    """Ports that are free just now, all different."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Running:
    """A whole Ulak: `ulak up` in a process of its own."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.port, self.receiver_port, self.sandbox_port = free_ports(3)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ULAK_")}
        self.environment = clean | {
            "ULAK_HOME": str(home),
            "ULAK_PORT": str(self.port),
            "ULAK_RECEIVER_PORT": str(self.receiver_port),
            "ULAK_SANDBOX_PORT": str(self.sandbox_port),
            **settings,
        }
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait for the line that gives the address."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "worker.cli", "up"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        wait_until(lambda: any("ready: http" in line for line in self.lines), 90, self.tail)

    def stop(self) -> int:
        """Stop as Ctrl-C would; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=90)

    def ulak(self, *arguments: str) -> Any:
        """One command of the command line with `--json`; its JSON."""
        done = subprocess.run(
            [sys.executable, "-m", "worker.cli", *arguments, "--json"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, f"ulak {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return json.loads(done.stdout)

    def sandbox(self, verb: str, path: str, body: Any = None) -> Any:
        """One call to the sandbox's control."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.sandbox_port}/sandbox/{path}",
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def redis(self) -> redis.Redis:
        """A client on this home's Redis."""
        return redis.Redis.from_url((self.home / "run" / "redis.url").read_text())

    def tail(self) -> str:
        """The last lines of its output."""
        return "\n".join(self.lines[-40:])

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self.lines.append(line.rstrip())


def wait_until(is_done: Callable[[], bool], seconds: float, story: Callable[[], str] = str) -> None:
    """Ask until it is so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_done():
            return
        time.sleep(0.1)
    pytest.fail(f"not within {seconds:.0f} s\n{story()}")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A whole Ulak, stopped at the end."""
    ulak = Running(tmp_path / "home")
    ulak.start()
    yield ulak
    if ulak.process is not None and ulak.process.poll() is None:
        ulak.stop()
