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

FEWEST_DIGITS = 3
"""A number is looked for from so many digits on."""

_NAME = "trim(concat_ws(' ', c.name, c.surname))"
_FOLD = "lower(translate({text}, 'İIı', 'iii'))"
"""As segments fold text: İ, I, ı are i, then lower case."""
_HOLDS = "(state IN (SELECT unnest(?::UTINYINT[])) OR ?) AND (code IN (SELECT unnest(?::INTEGER[])) OR ?)"
_OUTCOMES = f"SELECT recipient_no FROM deliveries WHERE operation_no = ? AND {_HOLDS}"
_OTHERS = f"""SELECT r.range::INTEGER AS recipient_no FROM range(?) AS r
    EXCEPT SELECT recipient_no FROM deliveries WHERE operation_no = ? AND NOT ({_HOLDS})"""
"""For `pending`, which is also whoever has no row yet: everybody but those of whom it doesn't hold."""
_FOUND = f"""SELECT s.recipient_no::INTEGER AS recipient_no FROM read_parquet(?) AS s
    WHERE contains(s.phone, ?) OR s.contact_id IN (
        SELECT contact_id FROM contacts AS c WHERE contains({_FOLD.format(text=_NAME)}, {_FOLD.format(text="?")}))"""
_PAGE = f"""SELECT s.* EXCLUDE (row_salt, row_hash, person_key, variant, language), {_NAME} AS name,
        coalesce(d.state, 0)::UTINYINT AS state, d.attempt, d.code, d.accepted_at, d.sent_at, d.delivered_at,
        d.read_at, d.failed_at, d.answered_at
    FROM (SELECT * FROM read_parquet(?) WHERE recipient_no IN (SELECT unnest(?::UINTEGER[]))) AS s
    LEFT JOIN (SELECT * FROM deliveries WHERE operation_no = ? AND recipient_no IN (SELECT unnest(?::INTEGER[]))) AS d
        ON d.recipient_no = s.recipient_no
    LEFT JOIN contacts AS c ON c.contact_id = s.contact_id
    ORDER BY s.recipient_no"""


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
    try:
        total, numbers = _matching(cursor, operation, states, codes, " ".join(search.split()), max(offset, 0))
        page = cursor.sql(_PAGE, params=[operation.snapshot_path, numbers, operation.operation_no, numbers]).pl()
    except duckdb.IOException:
        raise NotFound(kind="frozen audience", id=operation.operation_id) from None
    return RecipientPage(total, page)


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


def _matching(
    cursor: duckdb.DuckDBPyConnection,
    operation: Operation,
    states: Sequence[DeliveryState],
    codes: Sequence[int],
    search: str,
    offset: int,
) -> tuple[int, list[int]]:
    """(how many match, the recipient numbers of one page): the people themselves are read for the page alone."""
    if not (states or codes or search):
        count = operation.recipient_count
        return count, list(range(min(offset, count), min(offset + PAGE_ROWS, count)))
    parts, bound = [], list[object]()
    if states or codes:
        is_open = DeliveryState.PENDING in states and not codes
        parts.append(_OTHERS if is_open else _OUTCOMES)
        bound += [operation.recipient_count] if is_open else []
        bound += [operation.operation_no, [int(state) for state in states], not states, list(codes), not codes]
    if search:
        digits = "".join(letter for letter in search if letter.isdigit()).lstrip("0")
        parts.append(_FOUND)
        bound += [operation.snapshot_path, digits if len(digits) >= FEWEST_DIGITS else None, search]
    rows = cursor.execute(
        f"SELECT recipient_no, count(*) OVER () FROM ({' INTERSECT '.join(parts)})"
        f" ORDER BY recipient_no LIMIT {PAGE_ROWS} OFFSET {offset:d}",
        bound,
    ).fetchall()
    return (rows[0][1], [row[0] for row in rows]) if rows else (0, [])
