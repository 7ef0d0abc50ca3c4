"""The ledger of an operation: one byte a recipient in Redis, changed by three Lua scripts and nothing else.

`claim` gives the right to post, `transition` hears what became of it, `control` is a person's or the
dispatcher's decision. Each may be called again with the same arguments and changes nothing the second time.
Callers build a `Call` and `run` it (or `run_async`). The rules stand in the Lua, each with its test in
`tests/worker/test_ledger_*.py`.
"""

from __future__ import annotations

from typing import cast

import redis

from engine.live import operation_key, portfolio_key
from engine.operations.ledger_calls import claim, close_job, expire_jobs, transition
from engine.operations.ledger_control import control, create, erase, lift, suppress, suppression_value
from engine.operations.ledger_scripts import run, run_async, run_many
from engine.operations.ledger_types import (
    HTTP_TIMEOUT_MS,
    LEASE_MS,
    MAX_ROWS,
    NOT_AFTER_MS,
    SEND_AGAIN_AFTER_MS,
    Action,
    Call,
    Change,
    ClaimAnswer,
    Claimed,
    CloseAnswer,
    ControlAnswer,
    LedgerSpec,
    TransitionAnswer,
)
from engine.operations.states import DeliveryState

__all__ = [
    "HTTP_TIMEOUT_MS",
    "LEASE_MS",
    "MAX_ROWS",
    "NOT_AFTER_MS",
    "SEND_AGAIN_AFTER_MS",
    "Action",
    "Call",
    "Change",
    "ClaimAnswer",
    "Claimed",
    "CloseAnswer",
    "ControlAnswer",
    "LedgerSpec",
    "TransitionAnswer",
    "claim",
    "close_job",
    "control",
    "counters",
    "create",
    "erase",
    "expire_jobs",
    "lift",
    "operation_state",
    "places_used",
    "read_states",
    "run",
    "run_async",
    "run_many",
    "suppress",
    "suppression_value",
    "transition",
]


def counters(client: redis.Redis, operation_id: str) -> dict[DeliveryState, int]:
    """Recipients by state, as the scripts count them; empty when there is no ledger."""
    key = operation_key(operation_id)
    values = client.hmget(key, ["n", *(f"c:{state.value}" for state in DeliveryState)])
    if values[0] is None:
        return {}
    return {state: int(value or 0) for state, value in zip(DeliveryState, values[1:], strict=True)}


def operation_state(client: redis.Redis, operation_id: str) -> str | None:
    """The live state of an operation, or None when it has no ledger."""
    value = cast("bytes | None", client.hget(operation_key(operation_id), "state"))
    return None if value is None else value.decode()


def places_used(client: redis.Redis, portfolio_id: str, now_ms: int) -> int:
    """People who hold a place of the portfolio's messaging limit at `now_ms`."""
    return int(client.zcount(portfolio_key(portfolio_id, "places"), f"({now_ms}", "+inf"))


def read_states(client: redis.Redis, operation_id: str, start: int, stop: int) -> bytes:
    """The states of recipients start..stop-1, a byte each: what a batch has left to do."""
    return cast("bytes", client.getrange(operation_key(operation_id, "led"), start, stop - 1))
