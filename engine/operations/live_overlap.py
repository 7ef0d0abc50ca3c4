"""Which operations that are not over have people of a file in their frozen audience, and how many.

What is frozen stays as it was: an import doesn't reach it. A person should know, and may pause first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.operations.states import OperationState
from engine.warehouse import Warehouse

LIVE_STATES = (
    OperationState.LAUNCHING,
    OperationState.SCHEDULED,
    OperationState.RUNNING,
    OperationState.WAITING,
    OperationState.PAUSED,
    OperationState.HALTED,
)


@dataclass(frozen=True, slots=True)
class LiveOverlap:
    """An operation that is not over, and how many people of the file are in its frozen audience."""

    operation_id: str
    name: str
    state: OperationState
    count: int


def live_overlap(warehouse: Warehouse, staged_path: Path) -> tuple[LiveOverlap, ...]:
    """The operations that have people of a staged file, the one with the most first.

    Args:
        staged_path: Parquet with a column `person_key` (UBIGINT), one row a person.
    """
    cursor = warehouse.cursor()
    marks = ", ".join("?" for _ in LIVE_STATES)
    rows = cursor.execute(
        f"SELECT operation_id, name, state, snapshot_path FROM operations WHERE state IN ({marks}) "
        f"AND snapshot_path IS NOT NULL",
        [state.value for state in LIVE_STATES],
    ).fetchall()
    found = []
    for operation_id, name, state, snapshot in rows:
        if not Path(snapshot).exists():
            continue
        ((count,),) = cursor.execute(
            "SELECT count(*) FROM read_parquet(?) frozen SEMI JOIN read_parquet(?) staged USING (person_key)",
            [snapshot, str(staged_path)],
        ).fetchall()
        if count:
            found.append(LiveOverlap(operation_id, name, OperationState(state), count))
    return tuple(sorted(found, key=lambda each: -each.count))
