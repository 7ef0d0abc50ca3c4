"""The erased person in files beside the store: what imports left (undo, rejects, duplicates), exports, logs.

An import that isn't finished and holds them is given up: its file must be uploaded again. Run it under the writer
lock, so that no import is merged meanwhile. A file is replaced by a whole new one, or removed.
"""

from __future__ import annotations

import contextlib
import csv
import mmap
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl

from engine.operations.erasure_traces import Traces
from engine.settings import Settings

CELLS_KEPT = {"rejects.csv": 2}
"""Line and reason come first there, and are nobody's."""
STAGED = "staged.parquet"
DELIMITERS = ",;\t|"
_LARGEST_FIELD = 1 << 22


def clean_files(cursor: duckdb.DuckDBPyConnection, settings: Settings, traces: Traces) -> tuple[str, ...]:
    """Take the person out of every file of the home that may hold them.

    Args:
        cursor: inside the erasure's transaction.

    Returns: the unfinished imports that were given up.
    """
    given_up = []
    finished = {row[0] for row in cursor.execute("SELECT import_id FROM imports").fetchall()}
    for folder in sorted(path for path in (settings.home / "imports").glob("*") if path.is_dir()):
        if folder.name in finished:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                _clean(cursor, path, traces)
        elif any(_holds(cursor, path, traces) for path in folder.rglob("*") if path.is_file()):
            shutil.rmtree(folder, ignore_errors=True)
            given_up.append(folder.name)
    for path in sorted((settings.home / "imports").glob("*.json")):
        _clean_text(path, traces)
    for path in _exports(settings.home):
        path.unlink(missing_ok=True)
    for path in sorted({*settings.home.glob("*.log"), *settings.home.glob("logs/**/*")}):
        if path.is_file():
            _clean_text(path, traces)
    return tuple(given_up)


def _exports(home: Path) -> Iterator[Path]:
    """Exports are copies that can be made again: all of them go."""
    yield from (path for path in (home / "exports").rglob("*") if path.is_file())


def _holds(cursor: duckdb.DuckDBPyConnection, path: Path, traces: Traces) -> bool:
    if path.suffix == ".parquet":
        columns = _columns(cursor, path)
        return bool(columns) and bool(_count(cursor, path, _condition(columns, texts=True), traces))
    return _is_in(path, traces)


def _clean(cursor: duckdb.DuckDBPyConnection, path: Path, traces: Traces) -> None:
    if path.suffix == ".parquet":
        _clean_table(cursor, path, traces)
    elif path.suffix == ".csv":
        _clean_csv(path, traces)
    elif path.suffix in (".json", ".txt", ".log"):
        _clean_text(path, traces)
    elif _is_in(path, traces):
        path.unlink()


def _clean_table(cursor: duckdb.DuckDBPyConnection, path: Path, traces: Traces) -> None:
    """Rows that name the person by id or key go; where a file knows neither, those that hold a number of theirs."""
    columns = _columns(cursor, path)
    condition = _condition(columns, texts=not {"contact_id", "person_key"} & columns.keys())
    if not columns or not _count(cursor, path, condition, traces):
        return
    kept_frame: pl.DataFrame = cursor.sql(
        f"SELECT * FROM read_parquet($path) WHERE NOT ({condition})", params=_bound(path, condition, traces)
    ).pl()
    fresh = path.with_name(path.name + ".new")
    kept_frame.write_parquet(fresh)
    fresh.replace(path)


def _columns(cursor: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    with contextlib.suppress(duckdb.Error):
        rows = cursor.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
        return {row[0]: row[1] for row in rows}
    return {}


def _condition(columns: dict[str, str], *, texts: bool) -> str:
    parts = ["contact_id = $contact"] if "contact_id" in columns else []
    parts += ["coalesce(person_key IN (SELECT unnest($keys::UBIGINT[])), false)"] if "person_key" in columns else []
    if texts:
        quoted = [name.replace('"', '""') for name, kind in columns.items() if kind == "VARCHAR"]
        parts += [f'coalesce(regexp_matches("{name}", $pattern), false)' for name in quoted]
    return " OR ".join(parts) or "false"


def _bound(path: Path, condition: str, traces: Traces) -> dict[str, object]:
    values = {"contact": traces.contact_id, "keys": traces.key_numbers, "pattern": traces.sql_pattern}
    return {"path": str(path)} | {name: value for name, value in values.items() if f"${name}" in condition}


def _count(cursor: duckdb.DuckDBPyConnection, path: Path, condition: str, traces: Traces) -> int:
    sql = f"SELECT count(*) FROM read_parquet($path) WHERE {condition}"
    return int(cursor.execute(sql, _bound(path, condition, traces)).fetchall()[0][0])


def _is_in(path: Path, traces: Traces) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return traces.raw_pattern.search(content) is not None


def _clean_text(path: Path, traces: Traces) -> None:
    if not _is_in(path, traces):
        return
    text = path.read_text("utf-8", errors="surrogateescape")
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(traces.taken_out(text), "utf-8", errors="surrogateescape")
    fresh.replace(path)


def _clean_csv(path: Path, traces: Traces) -> None:
    """Empty the cells of their rows; the rows stay, so that the file's counts do."""
    kept = CELLS_KEPT.get(path.name, 0)
    fresh = path.with_name(path.name + ".new")
    has_found = False
    csv.field_size_limit(_LARGEST_FIELD)
    with (
        path.open(encoding="utf-8-sig", newline="") as source,
        fresh.open("w", encoding="utf-8-sig", newline="") as to,
    ):
        delimiter = _delimiter(source.readline())
        source.seek(0)
        writer = csv.writer(to, delimiter=delimiter, lineterminator="\r\n")
        ids: set[int] = set()
        for number, row in enumerate(csv.reader(source, delimiter=delimiter)):
            if number == 0:
                ids = {place for place, name in enumerate(row) if name == "contact_id"}
            is_theirs = _is_row_theirs(row, ids, traces) if number else False
            has_found = has_found or is_theirs
            writer.writerow([*row[:kept], *("" for _ in row[kept:])] if is_theirs else row)
    if has_found:
        fresh.replace(path)
    else:
        fresh.unlink()


def _is_row_theirs(row: list[str], ids: set[int], traces: Traces) -> bool:
    by_id = any(place < len(row) and row[place] == str(traces.contact_id) for place in ids)
    return by_id or any(traces.pattern.search(cell) for cell in row)


def _delimiter(header: str) -> str:
    return max(DELIMITERS, key=header.count)
