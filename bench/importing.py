"""How long an import takes, beside a bare DuckDB read of the same file.

    python bench/importing.py [ROWS]

Makes a file (Turkish mobiles in the ways people write them, 10 columns, some rows broken), imports it into an empty
store, imports it again (nothing changes), and again with one column changed in every row. Prints seconds, the ratio
to the bare read, and the peak memory of this process and of the reading process.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from engine.clock import utc_now
from engine.contacts.importing import import_contacts
from engine.settings import load_settings
from engine.warehouse import open_warehouse


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


COLUMNS = {
    "Ad": ["Elif", "Deniz", "Ömer", "Işıl", "Şule"],
    "Soyad": ["Yılmaz", "Kaya", "Çelik", "Öztürk"],
    "Şehir": ["İstanbul", "Ankara", "İzmir", "Iğdır"],
    "Dil": ["tr", "Türkçe", "en", "de"],
    "İzin": ["Evet", "Hayır", ""],
}
MONTHS = [".03.1990", ".11.1984", ".07.2001", ".01.1975"]


def timed(what: Callable[[], object]) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ULAK_HOME"] = folder
        settings, path = load_settings(), Path(folder) / "contacts.csv"
        warehouse = open_warehouse(settings.database_path)
        make_file(path, rows)
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB")
        bare = timed(
            lambda: duckdb.connect().execute(f"CREATE TABLE t AS FROM read_csv('{path}', all_varchar = true)")
        )
        print(f"bare DuckDB read          {bare:6.2f} s")
        for title, plan in (
            ("first import", "silver"),
            ("the same file again", "silver"),
            ("every row updated", "gold"),
        ):
            make_file(path, rows, plan=plan)
            marks: list[tuple[str, float]] = []
            tell = lambda step, share, marks=marks: marks.append((step, time.perf_counter()))  # noqa: E731
            seconds = timed(
                lambda tell=tell: print(
                    import_contacts(warehouse, settings, path, who="bench", now=utc_now(), on_progress=tell)
                    .model_dump_json(include={"counts", "rejected_count", "duplicate_count"})
                )
            )  # fmt: skip
            marks.append(("end", time.perf_counter()))
            steps = {step: 0.0 for step, _ in marks[:-1]}
            for (step, start), (_, end) in pairwise(marks):
                steps[step] += end - start
            print(f"{title:25} {seconds:6.2f} s  {seconds / bare:5.1f} x bare   {rows / seconds:,.0f} rows/s")
            print("   ", "  ".join(f"{step} {took:.2f}" for step, took in steps.items()))
        own, child = (
            resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        print(f"peak memory: this process {own:.0f} MB, the reading process {child:.0f} MB")


if __name__ == "__main__":
    main()
