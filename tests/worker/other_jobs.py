"""Jobs of other kinds than sending: each leaves its child of the worker in a different way."""

from __future__ import annotations

import asyncio
import os
import signal


def use_polars() -> int:
    """Starts polars' threads."""
    import polars as pl

    return int(pl.DataFrame({"n": range(100_000)}).group_by(pl.col("n") % 7).len().height)


def use_duckdb() -> int:
    """Starts DuckDB's threads."""
    import duckdb

    return int(duckdb.sql("SELECT count(*) FROM range(1000000)").fetchall()[0][0])


def use_arrow_threads() -> int:
    """Starts Arrow's threads."""
    import pyarrow.compute as pc

    return int(pc.sum(list(range(1000))).as_py())


def use_asyncio() -> str:
    """Runs a loop of its own."""
    return asyncio.run(asyncio.sleep(0, "done"))


def fail() -> None:
    """Raises."""
    raise ValueError("as it should")


def leave_by_signal() -> None:
    """Dies at once."""
    os.kill(os.getpid(), signal.SIGKILL)
