"""The same counts on listmonk's schema, where PostgreSQL is at hand.

    python -m bench.listmonk [COUNT]

listmonk keeps a person's own fields in `subscribers.attribs`, a JSONB without an index, and asks it with SQL of the
operator's own (https://listmonk.app/docs/querying-and-segmentation, 2026-11). Both hold the same people, made by
`bench.contacts`; both answers must agree. A server of its own runs in a folder of its own and is stopped at the end.
Without PostgreSQL it says so.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.contacts import make_contacts
from bench.segments import COUNTS
from engine.clock import utc_now
from engine.segments import Audience, count_audience, load_context
from engine.settings import load_settings
from engine.warehouse import Warehouse, open_warehouse

RUNS = 5
FIELDS = ("city", "language", "country", "consent", "origin", "plan", "store", "vip", "order_total", "surname")
SCHEMA = """
CREATE TYPE subscriber_status AS ENUM ('enabled', 'disabled', 'blocklisted');
CREATE TABLE subscribers (
    id SERIAL PRIMARY KEY, uuid uuid NOT NULL UNIQUE, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    attribs JSONB NOT NULL DEFAULT '{}', status subscriber_status NOT NULL DEFAULT 'enabled',
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(), updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW()
);
CREATE UNIQUE INDEX idx_subs_email ON subscribers(LOWER(email));
CREATE INDEX idx_subs_status ON subscribers(status);
CREATE INDEX idx_subs_created_at ON subscribers(created_at);
CREATE INDEX idx_subs_updated_at ON subscribers(updated_at);
"""
CONDITIONS = {
    "include one, exclude one": "attribs->>'language' = 'tr' AND attribs->>'city' IS DISTINCT FROM 'Ankara'",
    "number, date, not empty": "(attribs->>'order_total')::NUMERIC > 500 AND attribs->>'consent' <> '' "
    "AND created_at >= '2026-03-31 21:00:00+00'",
    "two of a facet, any of two rules": "attribs->>'country' IN ('TR', 'DE') AND ((attribs->>'vip')::BOOLEAN "
    "OR (attribs->>'order_total')::NUMERIC >= 10000)",
    "text, folded": "attribs->>'surname' ~* 'y[ıiİI]lmaz'",
}  # fmt: skip


class Server:
    """A PostgreSQL of our own, reached through a socket in its folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        # PostgreSQL refuses to run as root
        self.user = "postgres" if os.geteuid() == 0 else None

    def call(self, program: str, *arguments: str, text: str | None = None) -> str:
        """One program of PostgreSQL's; what it printed."""
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, user=self.user, check=False)
        if done.returncode:
            raise SystemExit(f"{program}: {done.stderr.strip()[-400:]}")
        return done.stdout

    def ask(self, sql: str) -> str:
        """The answer to a statement."""
        return self.call("psql", "-h", str(self.folder), "-U", "ulak", "-d", "postgres", "-qAtX", text=sql).strip()

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        """Made, started, and stopped at the end."""
        place, log = str(self.folder / "data"), str(self.folder / "log")
        self.call("initdb", "-D", place, "-U", "ulak", "-A", "trust", "--no-sync", "-E", "UTF8")
        settings = f"-k {self.folder} -h '' -c shared_buffers=1GB -c work_mem=64MB -c fsync=off"
        self.call("pg_ctl", "-D", place, "-l", log, "-w", "-o", settings, "start")
        try:
            yield self
        finally:
            self.call("pg_ctl", "-D", place, "-m", "fast", "-w", "stop")


def programs() -> Path | None:
    """Where `initdb` and `pg_ctl` are, the newest version first."""
    found = shutil.which("initdb")
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: -float(each.parent.name))
    candidates = [*known, *([Path(found).resolve().parent] if found else [])]
    return next((each for each in candidates if all((each / name).exists() for name in ("initdb", "pg_ctl"))), None)


def load(server: Server, warehouse: Warehouse, path: Path) -> None:
    """The same people in listmonk's table, its statistics fresh."""
    attribs = ", ".join(f'{name} := "{name}"' for name in FIELDS)
    people = warehouse.cursor().sql(
        f"SELECT uuid() AS uuid, 'kisi' || contact_id || '@example.com' AS email, coalesce(name, '') AS name, "
        f"to_json(struct_pack({attribs}))::VARCHAR AS attribs, created_at || '+00' AS created_at FROM contacts"
    )
    people.write_csv(str(path), header=False)
    path.chmod(0o644)
    server.ask(SCHEMA)
    server.ask(f"COPY subscribers (uuid, email, name, attribs, created_at) FROM '{path}' (FORMAT csv)")
    server.ask("VACUUM ANALYZE subscribers")


def median_ms(call: Callable[[], object]) -> float:
    """The median of some runs after one that warms up. Units: milliseconds."""
    spent = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        call()
        spent.append((time.perf_counter() - began) * 1000)
    return statistics.median(spent[1:])


def server_ms(server: Server, condition: str) -> float:
    """What the server itself says a count takes, without the client's start. Units: milliseconds."""
    query = f"EXPLAIN (ANALYZE, TIMING OFF) SELECT count(*) FROM subscribers WHERE {condition};"
    told = server.ask(query * (RUNS + 1)).splitlines()
    return statistics.median([float(line.split()[2]) for line in told if line.startswith("Execution Time")][1:])


def compare(server: Server, warehouse: Warehouse) -> None:
    """Each count here and there."""
    cursor = warehouse.cursor()
    context = load_context(cursor, now=utc_now(), zone=load_settings({}).zone)
    print(f"{'count':36} {'Ulak':>9} {'listmonk':>11} {'ratio':>7}")
    for name, condition in CONDITIONS.items():
        audience = Audience(segment=COUNTS[name][0])
        ours = count_audience(cursor, audience, context)
        theirs = int(server.ask(f"SELECT count(*) FROM subscribers WHERE {condition}"))
        if ours != theirs:
            raise SystemExit(f"{name}: {ours} is not {theirs}")
        own = median_ms(lambda audience=audience: count_audience(cursor, audience, context))
        other = server_ms(server, condition)
        print(f"{name:36} {own:6.1f} ms {other:8.1f} ms {own / other:6.3f}x", flush=True)


def main() -> None:
    """Make the people twice, then measure."""
    place = programs()
    if place is None:
        print("no PostgreSQL here (initdb and pg_ctl): nothing compared")
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="ulpg") as name:
        folder = Path(name)
        folder.chmod(0o755)
        own = folder / "postgres"
        own.mkdir()
        server = Server(place, own)
        if server.user:
            os.chown(own, pwd.getpwnam(server.user).pw_uid, -1)
        warehouse = open_warehouse(folder / "ulak.duckdb", (folder / "rows",))
        (folder / "rows").mkdir()
        make_contacts(warehouse, count)
        with server.running():
            load(server, warehouse, folder / "rows" / "people.csv")
            print(f"{count:,} contacts, median of {RUNS} runs")
            compare(server, warehouse)
        warehouse.close()


if __name__ == "__main__":
    main()
