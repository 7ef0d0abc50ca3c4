"""Which person each row of a file is about, and which of a person's rows counts.

A person is named by the phone's match key, else by the user id; a row with neither, by the value of the target that
was chosen as identity: it has no person key until it finds its contact. Whoever has no name at all is rejected.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

from engine.contacts.person import person_array
from engine.contacts.values import Column

Numbers = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
_NAMES = "SELECT raw.rowid AS n, CAST({value} AS VARCHAR) AS name FROM raw {join} WHERE ({value}) IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Named:
    """The rows that somebody is named in.

    Shape: `rows` (row numbers), `keys` (UInt64, null: named by the identity), `kept` (the row that counts for the
    row's person, itself for most); one length, in the order of rows. `rejected`: the numbers of all other rows.
    """

    rows: Numbers
    keys: pl.Series
    kept: Numbers
    rejected: Numbers

    @property
    def is_kept(self) -> npt.NDArray[np.bool_]:
        """Whether a row is the one that counts."""
        return np.asarray(self.rows == self.kept)


def key_phones(cursor: duckdb.DuckDBPyConnection, salt: bytes) -> tuple[Numbers, Keys]:
    """(row numbers, person keys as UInt64) of the rows with a usable phone, from the view `phones`."""
    keys_frame = cursor.sql("SELECT n, CAST(match_key AS BLOB) AS name FROM phones WHERE e164 IS NOT NULL").pl()
    return keys_frame["n"].to_numpy(), person_array(salt, keys_frame["name"].to_list())


def name_rows(
    cursor: duckdb.DuckDBPyConnection,
    by_phone: tuple[Numbers, Keys],
    columns: dict[str, Column],
    *,
    salt: bytes,
    identity: str | None,
    row_count: int,
    is_first_kept: bool,
) -> Named:
    """Name every row of `raw` that can be named.

    Args:
        by_phone: from `key_phones`.
        columns: by target; asked for `user_id` and the identity.
    """
    keys, has_key = np.zeros(row_count, dtype=np.uint64), np.zeros(row_count, dtype=np.bool_)
    keys[by_phone[0]], has_key[by_phone[0]] = by_phone[1], True
    if "user_id" in columns:
        rows, names = _names_of(cursor, columns["user_id"], has_key)
        keys[rows], has_key[rows] = person_array(salt, (name.encode() for name in names)), True
    rows = np.flatnonzero(has_key)
    kept = rows[_kept_of(keys[rows], is_first_kept)]
    named = pl.Series("person_key", keys[rows], dtype=pl.UInt64)
    if identity is not None and identity in columns:
        more, names = _names_of(cursor, columns[identity], has_key)
        codes = names.rank("dense").to_numpy() if len(names) else np.zeros(0, dtype=np.uint64)
        kept = np.concatenate([kept, more[_kept_of(codes, is_first_kept)]])
        rows, named = np.concatenate([rows, more]), named.extend_constant(None, len(more))
        has_key[more] = True
    return Named(rows, named, kept, np.flatnonzero(~has_key))


def _names_of(
    cursor: duckdb.DuckDBPyConnection, column: Column, has_key: npt.NDArray[np.bool_]
) -> tuple[Numbers, pl.Series]:
    """The names that a column holds for rows that have none yet."""
    names_frame = cursor.sql(_NAMES.format(value=column.value, join=column.join)).pl().sort("n")
    rows = names_frame["n"].to_numpy()
    is_free = ~has_key[rows]
    return rows[is_free], names_frame["name"].filter(pl.Series(is_free))


def _kept_of(keys: Keys, is_first_kept: bool) -> Numbers:
    """For each key, the place of the last (or first) one equal to it."""
    ordered = np.sort(keys)
    if not bool((ordered[1:] == ordered[:-1]).any()):
        return np.arange(len(keys))
    order = np.argsort(keys, kind="stable")
    is_start = np.concatenate([[True], keys[order][1:] != keys[order][:-1]])
    starts = np.flatnonzero(is_start)
    ends = np.append(starts[1:], len(keys)) - 1
    chosen = order[starts if is_first_kept else ends]
    kept = np.empty(len(keys), dtype=np.int64)
    kept[order] = chosen[np.cumsum(is_start) - 1]
    return kept
