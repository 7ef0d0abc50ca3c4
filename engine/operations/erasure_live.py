"""The erased person in Redis: their rows in every ledger stand for a pseudonym, windows and learned names are gone.

What keeps messages from them stays: suppressions are known by a keyed hash, and hold for each of their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import numpy as np
import redis

from engine.live import ALIASES, CHANNELS, OPERATIONS, SUPPRESSED, operation_key, windows_key
from engine.operations import ledger
from engine.operations.erasure_traces import Traces

_SCAN = 5_000
_SCOPES = {"a": "all", "m": "marketing"}


def end_in_ledgers(client: redis.Redis, traces: Traces, frozen: Mapping[str, Sequence[int]], *, who: str) -> int:
    """End their waiting rows in every ledger, and let all their rows stand for the pseudonym.

    Args:
        frozen: their recipient numbers by operation id, as the frozen audiences have them.

    Returns: how many rows waited.
    """
    live = {name.decode() for name in cast("set[bytes]", client.smembers(OPERATIONS))}
    ended = 0
    for operation_id in sorted(live | frozen.keys()):
        rows = sorted({*frozen.get(operation_id, ()), *_rows_in(client, operation_id, traces)})
        for start in range(0, len(rows), ledger.MAX_ROWS):
            some = rows[start : start + ledger.MAX_ROWS]
            ended += ledger.run(client, ledger.erase(operation_id, some, traces.pseudonym, who=who))
    return ended


def _rows_in(client: redis.Redis, operation_id: str, traces: Traces) -> list[int]:
    people = np.frombuffer(cast("bytes", client.get(operation_key(operation_id, "who")) or b""), ">u8")
    return [int(row) for row in np.flatnonzero(np.isin(people, traces.key_numbers))]


def keep_suppressed(client: redis.Redis, traces: Traces, *, standing: Iterable[tuple[str, str]], who: str) -> None:
    """Let what keeps messages from them outlive them, under each of their names.

    Args:
        standing: (scope, reason) as the record has it; Redis may know of more.
    """
    value = cast("bytes | None", client.hget(SUPPRESSED, traces.person))
    entries = [part.split(":", 1) for part in (value or b"").decode().split(";")[1:] if ":" in part]
    wanted = {*standing, *((_SCOPES[scope], reason) for scope, reason in entries if reason)}
    for key in traces.keys:
        for scope, reason in sorted(wanted):
            ledger.run(client, ledger.suppress(key, scope, reason, who=who))


def forget_names(client: redis.Redis, traces: Traces) -> None:
    """Remove their service windows and what leads from a learned name to them."""
    for channel in cast("set[bytes]", client.smembers(CHANNELS)):
        client.hdel(windows_key(channel.decode()), *traces.keys)
    cursor = -1
    while cursor != 0:
        page = client.hscan(ALIASES, max(cursor, 0), count=_SCAN)
        cursor, some = cast("tuple[int, dict[bytes, bytes]]", page)
        gone = [name for name, person in some.items() if person in traces.keys or name in traces.keys]
        if gone:
            client.hdel(ALIASES, *gone)
