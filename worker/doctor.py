"""`ulak doctor`: each part's state in one list; secrets are masked; bad findings make the exit code 1."""

from __future__ import annotations

import contextlib
import json
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import redis

from engine import live
from engine.errors import QueueUnavailable, UlakError
from engine.operations.ledger import counters
from engine.operations.states import FINAL_OPERATION_STATES, DeliveryState
from engine.settings import PREFIX, Settings
from worker import __version__
from worker.heartbeat import DEAD_AFTER_SECONDS, read_beats
from worker.parts import answers
from worker.queue import count_queued
from worker.redis_server import check_server

LOW_DISK_BYTES = 1 << 30
LATE_RECORDER_SECONDS = 30
LIBRARIES = ("streamlit", "duckdb", "polars", "rq", "redis", "httpx", "pydantic")


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, `ok`, `warn` or `bad`, and the facts in words."""

    part: str
    state: str
    text: str


def examine(settings: Settings, read_store: Callable[[], dict[str, Any]]) -> list[Finding]:
    """Look at everything.

    Args:
        read_store: the store's own figures, from the REST API or from the file (`worker.client`).
    """
    findings = [
        _versions(),
        *_settings(settings),
        _disk(settings),
    ]
    epoch: str | None = None
    try:
        with live.connect(settings) as client:
            epoch = _text(client.hget(live.STORE, "epoch"))
            findings += _redis(client)
            findings += _processes(client, settings)
            findings += _operations(client)
    except (QueueUnavailable, redis.RedisError) as problem:
        reason = problem.message if isinstance(problem, QueueUnavailable) else type(problem).__name__
        findings.append(Finding("redis", "bad", reason))
    findings += _store(read_store, epoch)
    return findings


def is_bad(findings: list[Finding]) -> bool:
    """Whether one of them is bad."""
    return any(finding.state == "bad" for finding in findings)


def as_rows(findings: list[Finding]) -> list[dict[str, str]]:
    """The findings as JSON-ready rows."""
    return [asdict(finding) for finding in findings]


def _versions() -> Finding:
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return Finding("versions", "ok", f"Ulak {__version__}, Python {platform.python_version()}, {libraries}")


def _settings(settings: Settings) -> Iterator[Finding]:
    secret = {"secret_key", "redis_url"}
    shown = [
        f"{PREFIX}{name.upper()}={'••••' if name in secret and value is not None else value}"
        for name, value in settings
        if value is not None
    ]
    yield Finding("settings", "ok", ", ".join(shown))


def _disk(settings: Settings) -> Finding:
    folder = settings.home if settings.home.exists() else settings.home.parent
    free = shutil.disk_usage(folder).free
    used = sum(path.stat().st_size for path in settings.home.rglob("*") if path.is_file())
    state = "warn" if free < LOW_DISK_BYTES else "ok"
    return Finding("disk", state, f"{_megabytes(used)} used by {settings.home}, {_megabytes(free)} free")


def _redis(client: redis.Redis) -> Iterator[Finding]:
    found = check_server(client)
    memory = client.info("memory")
    limit, used = int(memory["maxmemory"]), int(memory["used_memory"])
    share = used / limit if limit else 0.0
    state = "bad" if share >= 0.8 else "warn" if share >= 0.25 else "ok"
    bound = f" of {_megabytes(limit)}" if limit else ", no maxmemory set"
    yield Finding("redis", state, f"version {found}, {_megabytes(used)}{bound}")
    stream = client.xlen(live.EVENTS)
    yield Finding("event stream", "ok", f"{stream} entries not yet recorded")
    yield Finding("queue", "ok", f"{count_queued(client)} doorbells waiting")


def _processes(client: redis.Redis, settings: Settings) -> Iterator[Finding]:
    beats = read_beats(client)
    for name in ("receiver", "dispatcher", "recorder"):
        yield _alive(name, beats.get(name))
    workers = {name: row for name, row in beats.items() if name.startswith("worker.")}
    living = [name for name, row in workers.items() if row["age_seconds"] <= DEAD_AFTER_SECONDS]
    yield Finding("workers", "ok" if living else "bad", f"{len(living)} alive")
    channels = client.scard(live.CHANNELS)
    if channels > len(living) > 0:
        yield Finding("channels", "warn", f"{channels} channels share {len(living)} workers; raise {PREFIX}WORKERS")
    for channel_id in sorted(_text(raw) for raw in client.smembers(live.CHANNELS)):
        state, cause = client.hmget(live.channel_key(channel_id), "state", "cause")
        word = _text(state) or "ok"
        text = f"{word}{': ' + _text(cause) if cause and word != 'ok' else ''}, secrets ••••"
        yield Finding(f"channel {channel_id}", "ok" if word == "ok" else "bad", text)
    sandbox = answers(f"http://127.0.0.1:{settings.sandbox_port}/sandbox/health")
    yield Finding("sandbox", "ok" if sandbox else "warn", "answers" if sandbox else "does not answer")
    web = answers(f"http://{settings.host}:{settings.port}/_stcore/health")
    yield Finding("web", "ok" if web else "bad", "answers" if web else "does not answer")


def _alive(name: str, row: dict[str, Any] | None) -> Finding:
    if row is None:
        return Finding(name, "bad", "does not run")
    age = row["age_seconds"]
    known = {"pid", "at_ms", "version", "age_seconds"}
    figures = "".join(f", {key} {value}" for key, value in row.items() if key not in known)
    state = "ok" if age <= DEAD_AFTER_SECONDS else "bad"
    return Finding(name, state, f"process {row['pid']}, seen {age:.0f} s ago{figures}")


def _operations(client: redis.Redis) -> Iterator[Finding]:
    unknown = live_count = 0
    for raw in client.smembers(live.OPERATIONS):
        operation_id = _text(raw)
        state = _text(client.hget(live.operation_key(operation_id), "state"))
        live_count += state not in FINAL_OPERATION_STATES
        count = counters(client, operation_id).get(DeliveryState.UNKNOWN, 0)
        unknown += count
        if count:
            yield Finding(
                f"operation {operation_id}", "warn", f"{count} recipients unknown: sent or not, we can't tell"
            )
    yield Finding("ledger", "ok", f"{live_count} live operations, {unknown} unknowns")


def _store(read_store: Callable[[], dict[str, Any]], epoch: str | None) -> Iterator[Finding]:
    try:
        facts = read_store()
    except UlakError as problem:
        yield Finding("store", "bad", problem.message)
        return
    yield Finding("store", "ok", f"schema {facts['schema']}, {facts['contacts']} contacts, epoch {facts['epoch']}")
    if epoch is not None and epoch != facts["epoch"]:
        yield Finding("epoch", "bad", "Redis doesn't belong to this store, or was emptied; restart Ulak")
    lag = float(facts.get("recorder_lag_seconds") or 0)
    if facts.get("recorder_lag_entries") is not None:
        state = "warn" if lag > LATE_RECORDER_SECONDS else "ok"
        yield Finding("recorder lag", state, f"{facts['recorder_lag_entries']} entries, {lag:.1f} s")
    rejected = int(facts.get("rejected_events", 0))
    if rejected:
        yield Finding("rejected events", "bad", f"{rejected} events could not be recorded; see table rejected_events")
    with contextlib.suppress(KeyError):
        for row in facts["launching"]:
            yield Finding(f"operation {row}", "warn", "launch under way or interrupted; web finishes it at its start")


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def _megabytes(count: int) -> str:
    return f"{count / (1 << 20):,.0f} MB"


def print_findings(findings: list[Finding]) -> str:
    """The findings as aligned lines."""
    width = max(len(finding.part) for finding in findings)
    marks = {"ok": "ok  ", "warn": "WARN", "bad": "BAD "}
    return "\n".join(f"{marks[f.state]} {f.part:<{width}}  {f.text}" for f in findings)


def to_json(findings: list[Finding]) -> str:
    """The findings as JSON."""
    return json.dumps({"ok": not is_bad(findings), "findings": as_rows(findings)}, ensure_ascii=False, indent=2)
