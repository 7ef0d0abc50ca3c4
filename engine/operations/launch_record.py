"""What a launch writes into DuckDB: the draft becomes `launching`, with its evidence; or a draft again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from engine.clock import to_store
from engine.errors import NotFound, StateError
from engine.operations.drafts import Draft, parse_draft
from engine.operations.launch_checks import Plan
from engine.operations.snapshot import Frozen
from engine.operations.states import DeliveryState, OperationState
from engine.warehouse import Warehouse, audit
from engine.words import N_

LAST_NUMBER = "last_operation_no"
"""Of the table `store`: no operation gets a number up to it."""
_COLUMNS = "operation_id, state, operation_no, recipient_count, snapshot_hash, epoch, draft"


@dataclass(frozen=True)
class Stored:
    """An operation's row, as far as a launch needs it."""

    operation_id: str
    state: OperationState
    number: int
    recipient_count: int
    snapshot_hash: str | None
    epoch: str | None
    draft_text: str | None

    @property
    def draft(self) -> Draft:
        """The choices it is launched from."""
        return parse_draft(self.draft_text)


def stored(cursor: duckdb.DuckDBPyConnection, operation_id: str) -> Stored:
    """The row of that id.

    Raises:
        NotFound: there is none.
    """
    rows = cursor.execute(f"SELECT {_COLUMNS} FROM operations WHERE operation_id = ?", [operation_id]).fetchall()
    if not rows:
        raise NotFound(kind="operation", id=operation_id)
    return _stored(rows[0])


def launching(cursor: duckdb.DuckDBPyConnection) -> list[Stored]:
    """Every operation whose launch isn't finished as far as the store knows, oldest first."""
    rows = cursor.execute(f"SELECT {_COLUMNS} FROM operations WHERE state = 'launching' ORDER BY operation_no")
    return [_stored(row) for row in rows.fetchall()]


def next_number(cursor: duckdb.DuckDBPyConnection) -> int:
    """The number the next operation gets; one launch at a time asks for it. Those that a store may have given out
    after the backup it was restored from are left free (`operations.restoring`)."""
    given = "SELECT max(operation_no) FROM operations UNION ALL SELECT value::INTEGER FROM store WHERE key = ?"
    found = cursor.execute(f"SELECT coalesce(max(number), 0) + 1 FROM ({given}) AS g(number)", [LAST_NUMBER])
    return int(found.fetchall()[0][0])


def record_launching(
    warehouse: Warehouse, found: Stored, plan: Plan, header: Mapping[str, Any], frozen: Frozen, *, now: datetime
) -> None:
    """Turn the draft into `launching` with its evidence, those left out and an audit row, in one transaction.

    Raises:
        StateError: the draft was edited, launched or thrown away since it was read.
    """
    who, number, left_out = header["launched_by"], header["operation_no"], plan.preflight.left_out
    values = {
        **plan.row(),
        "state": OperationState.LAUNCHING,
        "cause": None,
        "operation_no": number,
        "batch_size": header["batch_size"],
        "epoch": header["epoch"],
        "snapshot_path": str(frozen.path),
        "snapshot_hash": frozen.file_hash,
        "launched_by": who,
        "launched_at": to_store(now),
        "updated_at": to_store(now),
    }
    with warehouse.writing() as cursor:
        changed = cursor.execute(
            f"UPDATE operations SET {', '.join(f'{name} = ?' for name in values)} WHERE operation_id = ?"
            " AND state = 'draft' AND draft IS NOT DISTINCT FROM ? RETURNING operation_id",
            [*values.values(), found.operation_id, found.draft_text],
        ).fetchall()
        if not changed:
            raise StateError(reason=N_("the draft was changed while it was being launched; look at it again"))
        cursor.register("launch_left_out", left_out.to_arrow())
        cursor.execute("INSERT INTO left_out SELECT ?, contact_id, reason FROM launch_left_out", [number])
        cursor.unregister("launch_left_out")
        detail = {"recipients": frozen.recipient_count, "left_out": left_out.height, "file": frozen.file_hash}
        audit(cursor, who=who, verb="launched", subject=("operation", found.operation_id), now=now, **detail)


def back_to_draft(warehouse: Warehouse, found: Stored, reason: str, *, now: datetime) -> None:
    """A launch that never reached Redis and can't be finished: a draft again, with the reason."""
    with warehouse.writing() as cursor:
        cursor.execute("DELETE FROM left_out WHERE operation_no = ?", [found.number])
        cursor.execute(
            "UPDATE operations SET state = 'draft', cause = ?, operation_no = NULL, snapshot_hash = NULL,"
            " launched_at = NULL, launched_by = NULL, updated_at = ? WHERE operation_id = ? AND state = 'launching'",
            [reason, to_store(now), found.operation_id],
        )
        subject = ("operation", found.operation_id)
        audit(cursor, who="ulak", verb="launch_failed", subject=subject, now=now, reason=reason)


def halt_lost(warehouse: Warehouse, found: Stored, reason: str, *, now: datetime) -> None:
    """A launch of which nobody can say whether it reached Redis: halted with everybody unknown, never made anew."""
    with warehouse.writing() as cursor:
        cursor.execute(
            "UPDATE operations SET state = 'halted', cause = ?, updated_at = ?"
            " WHERE operation_id = ? AND state = 'launching'",
            [reason, to_store(now), found.operation_id],
        )
        cursor.execute(
            "INSERT INTO deliveries (operation_no, recipient_no, state, attempt, code, pricing, updated_at)"
            " SELECT $no, range, $state, 0, 0, 0, $moment FROM range($count)"
            " WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE operation_no = $no)",
            {
                "no": found.number,
                "state": int(DeliveryState.UNKNOWN),
                "moment": to_store(now),
                "count": found.recipient_count,
            },
        )
        subject = ("operation", found.operation_id)
        audit(cursor, who="ulak", verb="halted", subject=subject, now=now, reason=reason)


def _stored(row: tuple[Any, ...]) -> Stored:
    operation_id, state, number, count, file_hash, epoch, draft = row
    return Stored(operation_id, OperationState(state), number or 0, count or 0, file_hash, epoch, draft)
