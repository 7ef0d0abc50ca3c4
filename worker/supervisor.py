"""`ulak up`: starts every part in order, restarts what dies, stops in the reverse order; one terminal.

One supervisor a home (a file lock). A part that dies is started again with a growing pause; parts die with the
supervisor (Linux: SIGTERM as their parent-death signal), so nothing is left behind.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from engine import live
from engine.errors import AlreadyRunning
from engine.settings import Settings
from worker.parts import Part, leave_redis_address, list_parts, refuse_taken_ports
from worker.redis_server import check_server

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_SECONDS = 60.0
PROJECT_FOLDER = Path(__file__).resolve().parent.parent


@contextmanager
def home_lock(settings: Settings) -> Iterator[None]:
    """Hold the home for this supervisor.

    Raises:
        AlreadyRunning: another one holds it.
    """
    settings.run_folder.mkdir(parents=True, exist_ok=True)
    path = settings.run_folder / "up.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunning(home=settings.home, pid=file.read().strip() or "unknown") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def run(settings: Settings) -> int:
    """Run everything until a signal. Returns the exit code."""
    with home_lock(settings):
        refuse_taken_ports(settings)
        if settings.redis_url is None:
            leave_redis_address(settings)
        else:
            with live.connect(settings) as client:
                check_server(client)
        return asyncio.run(Supervisor(settings, list_parts(settings)).run())


class Supervisor:
    """Runs the parts of one home."""

    def __init__(self, settings: Settings, parts: list[Part], out: TextIO = sys.stdout) -> None:
        self._settings = settings
        self._parts = parts
        self._out = out
        self._width = max(len(part.name) for part in parts)
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._failed = False

    async def run(self) -> int:
        """Start in order, wait for a signal, stop in the reverse order."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stopping.set)
        if await self._start_all():
            self._say("ulak", f"ready: http://{self._settings.host}:{self._settings.port}")
        await self._stopping.wait()
        self._say("ulak", "stopping; what is under way is finished first")
        for part in reversed(self._parts):
            await self._stop(part)
        for keeper in self._keepers:
            keeper.cancel()
        return 1 if self._failed else 0

    def stop(self) -> None:
        """Stop as a signal would."""
        self._stopping.set()

    async def _start_all(self) -> bool:
        """Start the base parts one after another, then the rest side by side."""
        for part in self._parts:
            if part.is_base and not await self._start(part):
                return False
        rest = [self._start(part) for part in self._parts if not part.is_base]
        return all(await asyncio.gather(*rest)) and not self._stopping.is_set()

    async def _start(self, part: Part) -> bool:
        ready = asyncio.Event()
        self._keepers.append(asyncio.create_task(self._keep(part, ready)))
        waiting = {asyncio.create_task(ready.wait()), asyncio.create_task(self._stopping.wait())}
        done, pending = await asyncio.wait(waiting, timeout=part.start_seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if ready.is_set():
            return True
        if not done:
            self._give_up(f"{part.name} was not ready within {part.start_seconds:.0f} s; its lines above say why")
        return False

    async def _keep(self, part: Part, ready: asyncio.Event) -> None:
        """Run one part for ever: start, wait until ready, wait until dead, pause, again."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            born = asyncio.get_running_loop().time()
            process = await self._spawn(part)
            watch = asyncio.create_task(self._until_ready(part, process, ready))
            code = await process.wait()
            watch.cancel()
            if self._stopping.is_set():
                return
            pause = FIRST_PAUSE_SECONDS if asyncio.get_running_loop().time() - born > HEALTHY_SECONDS else pause
            self._say("ulak", f"{part.name} ended with {code}; starting it again in {pause:.1f} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _spawn(self, part: Part) -> asyncio.subprocess.Process:
        environment = os.environ | {"ULAK_HOME": str(self._settings.home), "PYTHONUNBUFFERED": "1"}
        process = await asyncio.create_subprocess_exec(
            *part.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            cwd=PROJECT_FOLDER,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        self._running[part.name] = process
        asyncio.create_task(self._relay(part, process))  # noqa: RUF006  ends with the process's output
        return process

    async def _until_ready(self, part: Part, process: asyncio.subprocess.Process, ready: asyncio.Event) -> None:
        while not await asyncio.to_thread(part.ready, process.pid):
            await asyncio.sleep(0.1)
        ready.set()

    def _give_up(self, reason: str) -> None:
        self._failed = True
        self._say("ulak", reason)
        self._stopping.set()

    async def _relay(self, part: Part, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            self._say(part.name, line.decode(errors="replace").rstrip())

    async def _stop(self, part: Part) -> None:
        process = self._running.get(part.name)
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), part.grace_seconds)
        except TimeoutError:
            self._say("ulak", f"{part.name} did not stop within {part.grace_seconds:.0f} s; ending it")
            process.kill()
            await process.wait()

    def _say(self, name: str, text: str) -> None:
        print(f"{name:<{self._width}} | {text}", file=self._out, flush=True)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
