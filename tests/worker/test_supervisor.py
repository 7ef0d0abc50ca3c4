"""`ulak up`: order, restart, stop, the home's lock, taken ports, a server that is not fit."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from engine.errors import AlreadyRunning, QueueUnavailable, SettingsError
from engine.settings import Settings, load_settings
from worker.parts import Part, list_parts, refuse_taken_ports
from worker.redis_server import check_server, server_arguments, socket_path
from worker.supervisor import Supervisor, home_lock

STAYS = "import signal,sys,time; signal.signal(15, lambda *_: sys.exit(0)); print('up', flush=True); time.sleep(60)"
IGNORES_TERM = "import signal,time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def part(name: str, code: str = STAYS, *, ready: bool = True, grace_seconds: float = 5) -> Part:
    return Part(name, [sys.executable, "-c", code], lambda _: ready, grace_seconds, start_seconds=1, is_base=True)


async def run_until(supervisor: Supervisor, out: io.StringIO, text: str, *, then_stop: bool = True) -> int:
    """Run until a line holds the text, then stop as a signal would."""
    running = asyncio.create_task(supervisor.run())
    async with asyncio.timeout(15):
        while text not in out.getvalue() and not running.done():
            await asyncio.sleep(0.02)
        if then_stop:
            supervisor.stop()
        return await running


def test_parts_start_in_order_and_the_address_comes_last(settings: Settings) -> None:
    out = io.StringIO()

    def talks(name: str) -> Part:
        ready = f"{name:<6} | up"
        return Part(name, [sys.executable, "-c", STAYS], lambda _: ready in out.getvalue(), is_base=True)

    supervisor = Supervisor(settings, [talks("first"), talks("second")], out)
    assert asyncio.run(run_until(supervisor, out, "ready: http://127.0.0.1:8501")) == 0
    lines = [line.split("|")[0].strip() for line in out.getvalue().splitlines()]
    assert lines[:3] == ["first", "second", "ulak"]


def test_they_stop_in_the_reverse_order(settings: Settings, tmp_path: Path) -> None:
    def noting(name: str) -> Part:
        code = (
            "import signal,sys,time\n"
            f"def end(*_):\n    open({str(tmp_path / 'order')!r}, 'a').write('{name} '); sys.exit(0)\n"
            "signal.signal(15, end); print('up', flush=True); time.sleep(60)"
        )
        return part(name, code)

    out = io.StringIO()
    supervisor = Supervisor(settings, [noting("redis"), noting("worker"), noting("web")], out)
    asyncio.run(run_until(supervisor, out, "web    | up"))
    assert (tmp_path / "order").read_text().split() == ["web", "worker", "redis"]


def test_what_dies_is_started_again(settings: Settings) -> None:
    out = io.StringIO()
    supervisor = Supervisor(settings, [part("frail", "print('born', flush=True); raise SystemExit(3)")], out)
    asyncio.run(run_until(supervisor, out, "frail ended with 3; starting it again in 1.0 s"))
    assert out.getvalue().count("| born") >= 2


def test_what_never_gets_ready_ends_the_start_with_a_sentence(settings: Settings) -> None:
    out = io.StringIO()
    supervisor = Supervisor(settings, [part("slow", ready=False), part("never")], out)
    assert asyncio.run(run_until(supervisor, out, "?", then_stop=False)) == 1
    assert "slow was not ready within 1 s" in out.getvalue()
    assert "never |" not in out.getvalue()


def test_what_ignores_the_signal_is_ended_after_its_grace(settings: Settings) -> None:
    out = io.StringIO()
    supervisor = Supervisor(settings, [part("stubborn", IGNORES_TERM, grace_seconds=0.3)], out)
    assert asyncio.run(run_until(supervisor, out, "stubborn | up")) == 0
    assert "did not stop within" in out.getvalue()


def test_a_second_start_on_the_same_home_says_so(settings: Settings) -> None:
    with home_lock(settings), pytest.raises(AlreadyRunning, match=str(os.getpid())), home_lock(settings):
        pass


def test_a_taken_port_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"ULAK_RECEIVER_PORT port {port} is taken"):
            refuse_taken_ports(load_settings({"ULAK_RECEIVER_PORT": str(port), "ULAK_PORT": str(free_port())}))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_everything_listens_on_loopback(settings: Settings) -> None:
    arguments = server_arguments(settings)
    assert arguments[arguments.index("--port") + 1] == "0"
    names = [part.name for part in list_parts(settings)]
    assert names == ["redis", "sandbox", "receiver", "dispatcher", "worker-1", "worker-2", "web"]


def test_a_given_redis_is_not_started(settings: Settings) -> None:
    given = load_settings({"ULAK_REDIS_URL": "redis://127.0.0.1:6379/0", "ULAK_HOME": str(settings.home)})
    assert "redis" not in [part.name for part in list_parts(given)]


def test_the_socket_path_stays_short_enough_to_bind(tmp_path: Path) -> None:
    deep = load_settings({"ULAK_HOME": str(tmp_path / ("x" * 120))})
    path = socket_path(deep)
    assert len(os.fsencode(path)) <= 100
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [("appendonly", "no", "append-only"), ("maxmemory-policy", "allkeys-lru", "evicts")],
)
def test_a_server_that_may_forget_is_refused(live: redis.Redis, name: str, value: str, reason: str) -> None:
    before = live.config_get(name)[name]
    live.config_set(name, value)
    try:
        with pytest.raises(QueueUnavailable, match=reason):
            check_server(live)
    finally:
        live.config_set(name, before)


def test_our_own_server_is_fit(live: redis.Redis) -> None:
    assert check_server(live)


def test_a_misspelt_setting_ends_the_command_with_one_sentence(settings: Settings) -> None:
    environment = os.environ | {"ULAK_PROT": "1", "ULAK_HOME": str(settings.home)}
    done = subprocess.run(
        [sys.executable, "-m", "worker.cli", "up"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr == "ulak: ULAK_PROT is no setting of Ulak; did you mean ULAK_PORT?\n"


def test_children_die_with_the_supervisor(settings: Settings, tmp_path: Path) -> None:
    code = (
        "import asyncio, os, sys\n"
        "from engine.settings import load_settings\n"
        "from worker.parts import Part\nfrom worker.supervisor import Supervisor\n"
        "tell = lambda pid: print('pid', pid, flush=True) or True\n"
        f"child = Part('child', [sys.executable, '-c', {STAYS!r}], tell)\n"
        "asyncio.run(Supervisor(load_settings(), [child]).run())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid = next(int(line.split()[1]) for line in process.stdout if line.startswith("pid "))
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]:
            return
        subprocess.run(["sleep", "0.02"], check=True)
    pytest.fail("the child outlived its supervisor")
