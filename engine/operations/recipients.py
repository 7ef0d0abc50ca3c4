"""The people of an operation, a page at a time: recipients with what became of them, and those left out with why.

The snapshot (Parquet) says who they are, `deliveries` what happened, `contacts` what they are called; DuckDB joins
the three for one page, never for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import polars as pl

from engine.errors import NotFound
from engine.operations.left_out import reason_rank
from engine.operations.states import DeliveryState
from engine.operations.store import Operation

PAGE_ROWS = 50

_DELIVERY = "state, attempt, code, accepted_at, sent_at, delivered_at, read_at, failed_at, answered_at"
_NAME = "trim(concat_ws(' ', c.name, c.surname))"
_FOLD = "lower(translate({text}, 'İIı', 'iii'))"
"""As segments fold text: İ, I, ı are i, then lower case."""


@dataclass(frozen=True)
class RecipientPage:
    """One page. `rows` — **Shape**: recipient_no, contact_id, name, phone, user_id, country, state (UInt8), attempt,
    code, accepted_at … answered_at (Datetime, UTC), p_0 …; by recipient_no, at most `PAGE_ROWS`."""

    total: int
    rows: pl.DataFrame


def recipients_page(
    cursor: duckdb.DuckDBPyConnection,
    operation: Operation,
    *,
    states: Sequence[DeliveryState] = (),
    codes: Sequence[int] = (),
    search: str = "",
    offset: int = 0,
) -> RecipientPage:
    """The recipients in any of these states (all: none given) whose name or phone holds the text.

    Raises:
        NotFound: the frozen audience is gone.
    """
    base, bound = _base(operation, states, codes, search)
    try:
        total = cursor.execute(f"SELECT count(*) {base}", bound).fetchall()[0][0]
        page = cursor.sql(
            f"SELECT s.* EXCLUDE (row_salt, row_hash, person_key, variant, language), {_NAME} AS name,"
            f" coalesce(d.state, 0)::UTINYINT AS state, d.* EXCLUDE (recipient_no, state)"
            f" {base} ORDER BY s.recipient_no LIMIT {PAGE_ROWS} OFFSET {max(offset, 0):d}",
            params=bound,
        ).pl()
    except duckdb.IOException:
        raise NotFound(kind="frozen audience", id=operation.operation_id) from None
    return RecipientPage(int(total), page)


def left_out_reasons(cursor: duckdb.DuckDBPyConnection, operation_no: int) -> dict[str, int]:
    """People left out by reason, in the order in which the reasons are asked."""
    rows = cursor.execute(
        "SELECT reason, count(*) FROM left_out WHERE operation_no = ? GROUP BY reason", [operation_no]
    ).fetchall()
    return dict(sorted(rows, key=lambda row: reason_rank(row[0])))


def left_out_page(
    cursor: duckdb.DuckDBPyConnection, operation_no: int, *, reason: str | None = None, offset: int = 0
) -> pl.DataFrame:
    """One page of those left out.

    Returns: **Shape**: contact_id, name, phone, reason; by contact_id, at most `PAGE_ROWS`.
    """
    page: pl.DataFrame = cursor.sql(
        f"SELECT l.contact_id, {_NAME} AS name, c.phone, l.reason FROM left_out AS l"
        " LEFT JOIN contacts AS c ON c.contact_id = l.contact_id"
        " WHERE l.operation_no = ? AND (?::VARCHAR IS NULL OR l.reason = ?)"
        f" ORDER BY l.contact_id LIMIT {PAGE_ROWS} OFFSET {max(offset, 0):d}",
        params=[operation_no, reason, reason],
    ).pl()
    return page


def _base(
    operation: Operation, states: Sequence[DeliveryState], codes: Sequence[int], search: str
) -> tuple[str, list[object]]:
    """FROM and WHERE of a page, and what is bound in it."""
    base = (
        "FROM read_parquet(?) AS s"
        f" LEFT JOIN (SELECT recipient_no, {_DELIVERY} FROM deliveries WHERE operation_no = ?) AS d"
        " ON d.recipient_no = s.recipient_no"
        " LEFT JOIN contacts AS c ON c.contact_id = s.contact_id WHERE true"
    )
    bound: list[object] = [operation.snapshot_path, operation.operation_no]
    if states:
        base += " AND coalesce(d.state, 0) IN (SELECT unnest(?::UTINYINT[]))"
        bound.append([int(state) for state in states])
    if codes:
        base += " AND d.code IN (SELECT unnest(?::INTEGER[]))"
        bound.append(list(codes))
    if text := " ".join(search.split()):
        digits = "".join(letter for letter in text if letter.isdigit())
        base += f" AND (contains({_FOLD.format(text=_NAME)}, {_FOLD.format(text='?')})"
        bound.append(text)
        if len(digits) >= 3:
            base += " OR contains(s.phone, ?)"
            bound.append(digits.lstrip("0") or digits)
        base += ")"
    return base, bound
