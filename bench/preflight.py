"""How long preflight and freezing take for everybody, beside a bare DuckDB projection into Parquet.

    python -m bench.preflight [CONTACTS]

Contacts with 8 % opted out, 2 % suppressed and 3 % without a name; a template with four slots. The baseline copies
the same columns, in memory already, to a Parquet file, nothing more. The contacts are made in a process of their own:
the peak memory is that of preflight and freezing. Prints seconds, the ratio, and that peak.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from datetime import UTC
from pathlib import Path

import duckdb

from engine.clock import to_store, utc_now
from engine.operations.preflight import preflight
from engine.operations.snapshot import freeze
from engine.segments import Audience, load_context
from engine.templates import Binding, parse_template
from engine.warehouse import Warehouse, open_scratch, open_warehouse

TEXT = "Dear {{1}} {{2}}, your order {{3}} has arrived in {{4}}."
TEMPLATE = parse_template(
    "bench",
    {
        "name": "arrived", "language": "en", "id": "1", "status": "APPROVED", "category": "MARKETING",
        "components": [{"type": "BODY", "text": TEXT, "example": {"body_text": [["a", "b", "c", "d"]]}}],
    },
)  # fmt: skip
BINDINGS = {
    "body:1": Binding.of("@name"),
    "body:2": Binding.of("@surname", fallback="friend"),
    "body:3": Binding.of("No. @email"),
    "body:4": Binding.of("@city", fallback="your city"),
}
COLUMNS = "contact_id, person_key, phone, user_id, country, language, name, surname, email, city"


def fill(warehouse: Warehouse, count: int) -> None:
    """Contacts, the same at each run, and suppressions for every fiftieth."""
    moment = to_store(utc_now())
    with warehouse.writing() as cursor:
        cursor.execute(
            """INSERT INTO contacts (contact_id, phone, match_key, person_key, phone_valid, bucket, origin,
                   created_at, updated_at, name, surname, email, language, country, city, consent)
               SELECT i, '+90532' || lpad(i::VARCHAR, 7, '0'), '90532' || lpad(i::VARCHAR, 7, '0'), hash(i), true,
                   i % 10000, 'import', ?, ?, CASE WHEN i % 33 <> 0 THEN 'Ayşe ' || i % 5000 END,
                   'Yılmaz ' || i % 20000, 'order-' || i, 'tr', 'TR',
                   ['İstanbul', 'Ankara', 'İzmir', NULL][1 + i % 4],
                   CASE WHEN i % 12 = 0 THEN 'opted_out' WHEN i % 3 = 0 THEN 'opted_in' END
               FROM range(1, ? + 1) AS r(i)""",
            [moment, moment, count],
        )
        cursor.execute(
            "INSERT INTO suppressions SELECT person_key, 'marketing', 'keyword', NULL, 'bench', ?, NULL, NULL"
            " FROM contacts WHERE contact_id % 50 = 0",
            [moment],
        )


def make(path: Path, count: int) -> None:
    """A store on disk with that many contacts."""
    warehouse = open_warehouse(path)
    fill(warehouse, count)
    warehouse.close()


def bare_copy(cursor: duckdb.DuckDBPyConnection, target: Path) -> float:
    """Seconds of DuckDB's own COPY of the columns, the faster of two."""
    people = cursor.sql(f"SELECT {COLUMNS} FROM contacts").to_arrow_table()
    seconds = []
    with open_scratch() as scratch:
        scratch.register("people", people)
        for _ in range(2):
            start = time.perf_counter()
            scratch.execute(f"COPY people TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
            seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    """Run and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ulak.duckdb"
        child = multiprocessing.get_context("spawn").Process(target=make, args=(path, count))
        child.start()
        child.join()
        warehouse = open_warehouse(path)
        cursor = warehouse.cursor()
        context = load_context(cursor, now=utc_now(), zone=UTC)
        for turn in ("cold", "warm", "warm"):
            start, processor = time.perf_counter(), time.process_time()
            found = preflight(cursor, Audience(), TEMPLATE, BINDINGS, context)
            judged = time.perf_counter()
            freeze(found.recipients, Path(folder) / "op" / "recipients.parquet", {"operation_id": "bench"})
            done = time.perf_counter()
            print(f"{turn}: {count:,} contacts -> {found.recipient_count:,} recipients")
            print(
                f"  preflight {judged - start:.2f} s, freeze {done - judged:.2f} s, both {done - start:.2f} s,",
                end=" ",
            )
            print(f"{time.process_time() - processor:.2f} s of processor")
            print("  left out:", ", ".join(f"{key} {n:,}" for key, n in found.reasons.items()))
            del found
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory {peak:,.0f} MB")
        bare = bare_copy(cursor, Path(folder) / "bare.parquet")
        print(f"a bare COPY takes {bare:.2f} s; the last turn {(done - start) / bare:.1f} x as long")


if __name__ == "__main__":
    main()
