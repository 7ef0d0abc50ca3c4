"""Launches a draft over three stores: Parquet, DuckDB, Redis; in that order, each step safe to repeat.

    freeze the recipients   Parquet under its final name, durable      the draft is still a draft
    record `launching`      DuckDB, one transaction: hash, counts, left out, audit
    create the ledger       Redis, one script, only if absent          from here Redis owns the state
    ring the first batches  the dispatcher would do it a second later

The draft's id is the operation's id, so a second launch of it (double click, second tab, rerun) finds what the first
did and returns the same. What a dead process left as `launching` is finished, or made a draft again, at web's start.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import redis

from engine.channels.media import media_ids_for
from engine.errors import NotFound, QueueUnavailable, StateError, StoreError
from engine.live import STORE, operation_key, reaching_redis
from engine.operations import ledger
from engine.operations.launch_checks import check_launch
from engine.operations.launch_record import (
    Stored,
    back_to_draft,
    halt_lost,
    launching,
    next_number,
    record_launching,
    stored,
)
from engine.operations.lost import LOST_EPOCH
from engine.operations.snapshot import BATCH_SIZE, freeze, read_header, snapshot_path, thaw
from engine.operations.states import OperationState
from engine.segments import load_context
from engine.segments.sizes import record_used_sizes
from engine.settings import Settings
from engine.warehouse import Warehouse
from engine.words import N_

Enqueue = Callable[[str, int], None]
"""Rings for one batch: (operation id, batch number)."""
AfterStep = Callable[[str], None]
"""Called with a step's name once it is done: `frozen`, `recorded`, `created`, `rung`."""

LOST_FILE = N_("the frozen audience is missing or was changed")

one_at_a_time = threading.RLock()
"""Held by a launch, and by whoever must not meet one (an erasure)."""


@dataclass(frozen=True)
class Launched:
    """An operation that is launched; `fresh` is false when an earlier call did it."""

    operation_id: str
    operation_no: int
    recipient_count: int
    fresh: bool


@dataclass(frozen=True)
class Settled:
    """What became of an operation found `launching`: running, halted, or a draft again with the reason."""

    operation_id: str
    state: OperationState
    reason: str | None = None


def launch(
    warehouse: Warehouse,
    client: redis.Redis,
    settings: Settings,
    operation_id: str,
    *,
    who: str,
    now: datetime,
    enqueue: Enqueue,
    confirmed_count: int | None = None,
    shown: str | None = None,
    after_step: AfterStep = lambda step: None,
) -> Launched:
    """Launch a draft once; called again, return what the first call did.

    Args:
        confirmed_count: how many people the caller was told it reaches. Needed when nothing narrows the audience;
            when given, it must be right at this moment, whatever the audience is.
        shown: the fingerprint of the verdicts that the caller saw; others are refused, not sent.

    Raises:
        NotFound: there is no such operation.
        NotConfirmed, InvalidTemplate, MissingParameter, MessagingLimitReached, StateError: as `check_launch`.
        QueueUnavailable: Redis is away. Before the step `recorded` nothing was changed; after it the next call, or
            web's start, goes on from there.
    """
    with one_at_a_time:
        found = stored(warehouse.cursor(), operation_id)
        fresh = found.state == OperationState.DRAFT
        chosen = found.draft.audience.segment_ids if fresh else ()
        if fresh:
            found = _freeze_and_record(
                warehouse, client, settings, found, who=who, now=now, confirmed_count=confirmed_count, shown=shown,
                after=after_step,
            )  # fmt: skip
        if found.state == OperationState.LAUNCHING:
            _create_ledger(client, settings, found, was_emptied=not fresh and is_emptied(client))
            after_step("created")
            _ring(enqueue, settings, found)
            after_step("rung")
        if chosen:
            context = load_context(warehouse.cursor(), now=now, zone=settings.zone)
            record_used_sizes(warehouse, chosen, context, now=now)
        return Launched(operation_id, found.number, found.recipient_count, fresh)


def is_emptied(client: redis.Redis) -> bool:
    """Whether Redis had lost this store's epoch, and web hasn't yet settled what that means for each launch.

    Raises:
        QueueUnavailable: Redis is away.
    """
    with reaching_redis():
        return bool(client.hexists(STORE, "emptied"))


def finish_launches(
    warehouse: Warehouse,
    client: redis.Redis,
    settings: Settings,
    *,
    now: datetime,
    enqueue: Enqueue,
    was_emptied: bool = False,
) -> list[Settled]:
    """At web's start: finish each launch that a dead process left behind, or make it a draft again with the reason.

    Args:
        was_emptied: Redis had lost this store's epoch, and has only just been given it again. A launch without a
            ledger may then have sent already: it is halted, not made anew.

    Raises:
        QueueUnavailable: Redis is away; they stay `launching`.
    """
    with one_at_a_time:
        found = launching(warehouse.cursor())
        return [
            _settle(warehouse, client, settings, each, now=now, enqueue=enqueue, was_emptied=was_emptied)
            for each in found
        ]


def _freeze_and_record(
    warehouse: Warehouse,
    client: redis.Redis,
    settings: Settings,
    found: Stored,
    *,
    who: str,
    now: datetime,
    confirmed_count: int | None,
    shown: str | None,
    after: AfterStep,
) -> Stored:
    cursor = warehouse.cursor()
    plan = check_launch(
        warehouse, client, settings, found.draft, now=now, confirmed_count=confirmed_count, shown=shown
    )
    header = {
        "operation_id": found.operation_id,
        "operation_no": next_number(cursor),
        "epoch": warehouse.epoch,
        "batch_size": BATCH_SIZE,
        "launched_by": who,
        "launched_at": now.isoformat(),
        "media_ids": media_ids_for(warehouse, settings, plan.channel.channel_id, plan.draft.bindings, now=now),
        **plan.facts(),
    }
    frozen = freeze(plan.preflight.recipients, snapshot_path(settings.operations_folder, found.operation_id), header)
    after("frozen")
    record_launching(warehouse, found, plan, header, frozen, now=now)
    after("recorded")
    return stored(cursor, found.operation_id)


def _create_ledger(client: redis.Redis, settings: Settings, found: Stored, *, was_emptied: bool = False) -> None:
    """Create the ledger if it is absent, from what the snapshot says of itself.

    Raises:
        NotFound, StoreError: there is no ledger, and no snapshot, or not the recorded one.
        StateError: there is no ledger, and Redis isn't the one that this launch began with.
    """
    with reaching_redis():
        if client.exists(operation_key(found.operation_id)):
            return
        if was_emptied or client.hget(STORE, "epoch") != (found.epoch or "").encode():
            raise StateError(reason=LOST_EPOCH)
    path = snapshot_path(settings.operations_folder, found.operation_id)
    frozen, header = thaw(path), read_header(path)
    if (frozen.file_hash, frozen.recipient_count) != (found.snapshot_hash, found.recipient_count):
        raise StoreError(reason=LOST_FILE)
    spec = ledger.LedgerSpec(
        operation_id=found.operation_id,
        operation_no=header["operation_no"],
        epoch=header["epoch"],
        recipient_count=header["recipient_count"],
        batch_size=header["batch_size"],
        channel_id=header["channel_id"],
        portfolio_id=header["portfolio_id"],
        category=header["category"],
        template=f"{header['template']['name']}/{header['template']['language']}",
    )
    with reaching_redis():
        ledger.run(client, ledger.create(spec, frozen.person_keys))


def _ring(enqueue: Enqueue, settings: Settings, found: Stored) -> None:
    """Ring for as many batches as there are workers; the dispatcher rings for the others, and for these if Redis
    goes away just now."""
    batch_count = -(-found.recipient_count // BATCH_SIZE)
    with contextlib.suppress(QueueUnavailable), reaching_redis():
        for batch_no in range(min(batch_count, settings.workers)):
            enqueue(found.operation_id, batch_no)


def _settle(
    warehouse: Warehouse,
    client: redis.Redis,
    settings: Settings,
    found: Stored,
    *,
    now: datetime,
    enqueue: Enqueue,
    was_emptied: bool,
) -> Settled:
    try:
        _create_ledger(client, settings, found, was_emptied=was_emptied)
    except (NotFound, StoreError):
        back_to_draft(warehouse, found, LOST_FILE, now=now)
        return Settled(found.operation_id, OperationState.DRAFT, LOST_FILE)
    except StateError:
        halt_lost(warehouse, found, LOST_EPOCH, now=now)
        return Settled(found.operation_id, OperationState.HALTED, LOST_EPOCH)
    _ring(enqueue, settings, found)
    return Settled(found.operation_id, OperationState.RUNNING)
