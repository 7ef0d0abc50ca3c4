"""How long an import takes, beside a bare DuckDB read of the same file.

    python -m bench.importing [ROWS] [--cold]

The reading process is started before, as the Import page does when it asks for a file (`--cold`: it is not).

Makes a file (Turkish mobiles in the ways people write them, 10 columns, some rows broken), imports it into an empty
store, imports it again (nothing changes), and again with one column changed in every row, and undoes that. Prints
seconds, the ratio to the bare read, and the peak memory of all processes together, as sampled.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from engine.clock import utc_now
from engine.contacts.child import prepare
from engine.contacts.importing import import_contacts
from engine.contacts.merging import ImportResult
from engine.contacts.undo import undo_import
from engine.settings import Settings, load_settings
from engine.warehouse import Warehouse, open_warehouse


def make_file(path: Path, rows: int, *, plan: str = "silver") -> None:
    """Write the file; the same at each run."""
    chance = np.random.default_rng(7)
    number = pl.Series(chance.permutation(rows) + 10_000_000).cast(pl.String)
    bare = pl.concat(
        [pl.Series(["53"]).extend_constant("53", rows - 1).to_frame("a"), number.to_frame("b")], how="horizontal"
    )
    form = pl.Series("form", chance.integers(0, 4, rows))
    frame = bare.with_columns(form, digits=pl.col("a") + pl.col("b"), n=pl.int_range(rows))
    digits = pl.col("digits")
    spaced = "+90 " + digits.str.slice(0, 3) + " " + digits.str.slice(3, 3) + " " + digits.str.slice(6)
    phone = (
        pl.when(pl.col("n") % 997 == 0).then(pl.lit("5,32E+09"))
        .when(pl.col("form") == 0).then("0" + digits)
        .when(pl.col("form") == 1).then(spaced)
        .when(pl.col("form") == 2).then("90" + digits)
        .otherwise(digits)
    )  # fmt: skip
    pick = [pl.Series(name, chance.choice(values, rows)) for name, values in COLUMNS.items()]
    frame.select(phone.alias("Telefon")).with_columns(pick).with_columns(
        pl.Series("Doğum tarihi", chance.integers(1, 28, rows).astype(str)) + pl.Series(chance.choice(MONTHS, rows)),
        pl.Series("Sipariş no", np.arange(rows).astype(str)).str.pad_start(8, "A"),
        pl.Series("Tutar", chance.integers(10, 9999, rows).astype(str)) + ",50",
        pl.lit(plan).alias("Paket"),
    ).write_csv(path, separator=";")


READY_SECONDS = 3.0
COLUMNS = {
    "Ad": ["Elif", "Deniz", "Ömer", "Işıl", "Şule"],
    "Soyad": ["Yılmaz", "Kaya", "Çelik", "Öztürk"],
    "Şehir": ["İstanbul", "Ankara", "İzmir", "Iğdır"],
    "Dil": ["tr", "Türkçe", "en", "de"],
    "İzin": ["Evet", "Hayır", ""],
}
MONTHS = [".03.1990", ".11.1984", ".07.2001", ".01.1975"]


def cpu_seconds() -> float:
    """Of this process and of its children that ended."""
    return sum(os.times()[:4])


def timed(what: Callable[[], object]) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


class Steps:
    """How long each step of an import took."""

    def __init__(self) -> None:
        self._marks = [("opening", time.perf_counter())]

    def tell(self, step: str, share: float) -> None:
        """Take a step's name from the import's progress."""
        self._marks.append(("merging" if step == "planned" else step, time.perf_counter()))

    def shown(self) -> str:
        """Name and seconds of each, in order."""
        self.tell("end", 1.0)
        took: dict[str, float] = {}
        for (step, start), (_, end) in pairwise(self._marks):
            took[step] = took.get(step, 0.0) + end - start
        return "  ".join(f"{step} {seconds:.2f}" for step, seconds in took.items())


class Memory:
    """The peak of the resident memory of this process and its children, sampled 50 times a second."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.peak_bytes = max(self.peak_bytes, sum(map(_resident_bytes, _family(os.getpid()))))


def _family(process: int) -> list[int]:
    """A process and all below it."""
    children: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            children += [int(child) for child in (task / "children").read_text().split()]
    return [process, *(each for child in children for each in _family(child))]


def _resident_bytes(process: int) -> int:
    with suppress(OSError, ValueError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def measure(title: str, path: Path, warehouse: Warehouse, settings: Settings, bare: float) -> ImportResult:
    """Import the file and print what it took."""
    if "--cold" not in sys.argv:
        prepare()
        time.sleep(READY_SECONDS)
    steps, cpu = Steps(), cpu_seconds()
    results: list[ImportResult] = []
    with Memory() as memory:
        seconds = timed(
            lambda: results.append(
                import_contacts(warehouse, settings, path, who="bench", now=utc_now(), on_progress=steps.tell)
            )
        )
    shown, rows, peak = steps.shown(), results[0].row_count, memory.peak_bytes / 1e6
    print(
        f"{title:22} {seconds:6.2f} s  {seconds / bare:5.1f} x bare  {rows / seconds:9,.0f} rows/s  "
        f"CPU {cpu_seconds() - cpu:.1f} s  peak {peak:.0f} MB\n    {shown}\n    {results[0].counts}"
    )
    return results[0]


def measure_undo(import_id: str, rows: int, warehouse: Warehouse, settings: Settings) -> None:
    """Undo an import and print what it took."""
    cpu = cpu_seconds()
    with Memory() as memory:
        seconds = timed(lambda: undo_import(warehouse, settings, import_id, who="bench", now=utc_now()))
    print(
        f"{'undoing that':22} {seconds:6.2f} s  {rows / seconds:9,.0f} rows/s  CPU {cpu_seconds() - cpu:.1f} s  "
        f"peak {memory.peak_bytes / 1e6:.0f} MB"
    )


def main() -> None:
    """Measure and print."""
    numbers = [int(each) for each in sys.argv[1:] if each.isdigit()]
    rows = numbers[0] if numbers else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ULAK_HOME"] = folder
        settings, path = load_settings(), Path(folder) / "contacts.csv"
        warehouse = open_warehouse(settings.database_path)
        make_file(path, rows)
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB")
        read = f"CREATE TABLE t AS FROM read_csv('{path}', all_varchar = true)"
        bare = timed(lambda: duckdb.connect().execute(read))
        print(f"{'bare DuckDB read':22} {bare:6.2f} s")
        measure("first import", path, warehouse, settings, bare)
        measure("the same file again", path, warehouse, settings, bare)
        make_file(path, rows, plan="gold")
        updated = measure("every row updated", path, warehouse, settings, bare)
        measure_undo(updated.import_id, rows, warehouse, settings)


if __name__ == "__main__":
    main()
