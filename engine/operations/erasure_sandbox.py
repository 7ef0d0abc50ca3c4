"""The erased person in the sandbox, which is another process with files of its own and is told like a provider.

A sandbox that runs holds its journal's lock and is asked over HTTP; where none runs, its own program changes the
journal. Nobody else's sandbox is asked: the lock is this home's.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx

from engine.errors import StoreError
from engine.operations.erasure_traces import Traces
from engine.settings import Settings
from engine.words import N_

FORGETTING = "engine.sandbox.forgetting"
PATIENCE_SECONDS = 60
_NO_ANSWER = N_("the sandbox doesn't answer, and its files hold the person")
_ROOT = Path(__file__).resolve().parents[2]


def forget_in_sandbox(settings: Settings, traces: Traces) -> None:
    """Let the sandbox of this home forget the person; nothing to do where it was never used.

    Raises:
        StoreError: it runs and doesn't answer, or its journal can't be changed.
    """
    journal = settings.sandbox_credentials_path.with_name("journal.jsonl")
    if not journal.exists() or not journal.stat().st_size:
        return
    asked = json.dumps({"phones": traces.phones, "user_ids": traces.user_ids}).encode()
    if _is_held(journal):
        _ask(settings, asked)
        return
    command = [sys.executable, "-m", FORGETTING, str(journal)]
    done = subprocess.run(command, input=asked, cwd=_ROOT, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
    if done.returncode:
        raise StoreError(reason=_NO_ANSWER)


def _ask(settings: Settings, asked: bytes) -> None:
    url = f"http://127.0.0.1:{settings.sandbox_port}/sandbox/forget"
    try:
        httpx.post(url, content=asked, timeout=PATIENCE_SECONDS, trust_env=False).raise_for_status()
    except httpx.HTTPError as problem:
        raise StoreError(reason=_NO_ANSWER) from problem


def _is_held(journal: Path) -> bool:
    handle = os.open(journal, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
