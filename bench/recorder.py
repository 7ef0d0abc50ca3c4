"""Events a second from a real stream into DuckDB, beside a bare INSERT of the same rows.

    python -m bench.recorder [DELIVERIES]

A store with so many deliveries (default 10 million, 20 operations) stands; events come for neighbouring rows (what a
running operation makes, entries of 64 rows and of one) and for rows anywhere. Prints events/s and the ratio.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import redis

from bench.receiver import own_server
from engine.live import EVENTS
from engine.operations.recording_rows import rows_table
from engine.operations.states import ROW_DTYPE, DeliveryState
from engine.operations.stream import read_entry, read_raw
from engine.settings import load_settings
from engine.warehouse import Warehouse, open_warehouse
from worker.recorder import Recorder

OPERATIONS = 20
AT_MS = 1_763_800_000_000


def fill(client: redis.Redis, numbers: np.ndarray, per_operation: int, rows_an_entry: int) -> int:
    """Write `sent` events for global row numbers into the stream; returns how many rows."""
    pipe = client.pipeline(transaction=False)
    for start in range(0, len(numbers), rows_an_entry):
        some = numbers[start : start + rows_an_entry]
        operation_no = int(some[0] // per_operation) + 1
        rows = np.zeros(len(some), ROW_DTYPE)
        rows["recipient_no"], rows["attempt"], rows["state"] = some % per_operation, 1, DeliveryState.SENT
        rows["at_s"] = AT_MS // 1000
        fields = {"v": 1, "k": "rows", "op": f"op-{operation_no}", "no": operation_no, "at": AT_MS, "src": "webhook"}
        pipe.xadd(EVENTS, fields | {"rows": rows.tobytes()})
        if start // rows_an_entry % 5_000 == 4_999:
            pipe.execute()
    pipe.execute()
    return len(numbers)


def bare_insert(warehouse: Warehouse, client: redis.Redis) -> float:
    """Rows a second of one INSERT of what the stream holds, from Arrow, nothing else."""
    table = rows_table([read_entry(raw) for raw in read_raw(client, "0-0", 10**9)])
    cursor = warehouse.cursor()
    cursor.execute("CREATE OR REPLACE TABLE bare AS SELECT * FROM events LIMIT 0")
    cursor.register("bare_rows", table)
    began = time.perf_counter()
    cursor.execute(
        "INSERT INTO bare SELECT operation_no, recipient_no, attempt, state, flags, code, happened_at FROM bare_rows"
    )
    seconds = time.perf_counter() - began
    cursor.execute("DROP TABLE bare")
    return float(table.num_rows / seconds)


def measure(name: str, warehouse: Warehouse, client: redis.Redis, rows: int) -> None:
    """Drain the stream and print."""
    bare = bare_insert(warehouse, client)
    recorder = Recorder(warehouse, client)
    began = time.perf_counter()
    recorder.drain()
    ours = rows / (time.perf_counter() - began)
    print(f"recorder: {name}: {ours:,.0f} events/s (bare INSERT {bare:,.0f}/s, ratio {ours / bare:.2f})", flush=True)


def cases(total: int, per_operation: int) -> Iterable[tuple[str, np.ndarray, int]]:
    """(name, row numbers, rows an entry)."""
    chance = np.random.default_rng(5)
    near = np.concatenate([np.arange(size) + start for start, size in ((per_operation, 200_000),)])
    yield "neighbouring rows, 64 an entry", near % total, 64
    yield "neighbouring rows, 1 an entry", (near[:100_000] + 3 * per_operation) % total, 1
    yield f"anywhere in {total:,}, 1 an entry", chance.integers(0, total, 100_000), 1


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    per_operation = total // OPERATIONS
    with tempfile.TemporaryDirectory(prefix="ulb") as folder:
        settings = load_settings({"ULAK_HOME": folder})
        warehouse = open_warehouse(Path(folder) / "ulak.duckdb")
        with own_server(settings) as client:
            for number in range(OPERATIONS):
                fields = {"v": 1, "k": "created", "op": f"op-{number + 1}", "no": number + 1, "at": AT_MS}
                client.xadd(EVENTS, fields | {"n": per_operation})
            Recorder(warehouse, client).drain()
            warehouse.cursor().execute("CHECKPOINT")
            for name, numbers, rows_an_entry in cases(total, per_operation):
                measure(name, warehouse, client, fill(client, numbers, per_operation, rows_an_entry))
        warehouse.close()


if __name__ == "__main__":
    main()
