"""The jobs that workers run. Never import Streamlit, DuckDB or polars here: this is the child of a fork.

A job is told which batch to look at, and nothing else: what may be sent is the ledger's to say.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import traceback
from dataclasses import dataclass

import redis
import redis.asyncio
from pydantic import ValidationError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from engine import live
from engine.channels.cloud_api import CloudApi
from engine.channels.provider import Channel, ChannelSecrets, make_client
from engine.channels.store import load_channel
from engine.errors import UlakError
from engine.ids import callback_data
from engine.operations import ledger
from engine.operations.causes import CHANNEL_UNREADABLE, MESSAGING_LIMIT, SNAPSHOT, UNREACHABLE
from engine.operations.delivery import Delivery
from engine.operations.delivery_appetite import choose_window
from engine.operations.delivery_ledger import AWAY, RedisJobLedger, Work
from engine.operations.delivery_outcomes import DeliveryReport, Ending
from engine.operations.ledger import Claimed
from engine.operations.live_operations import (
    LiveOperation,
    leased_batches,
    open_batches,
    read_operations,
    server_now_ms,
)
from engine.operations.snapshot_reader import Recipient, open_snapshot, read_batch, snapshot_path
from engine.settings import Settings, current_settings
from engine.templates.components import Template
from engine.templates.render import PayloadBuilder
from worker import stopping
from worker.queue import enqueue_batch, queued_doorbells

logger = logging.getLogger("ulak.jobs")

UNREACHABLE_MS = 15_000


def send_batch(operation_id: str, batch_no: int) -> None:
    """Send what may be sent of one batch, for some twenty seconds."""
    try:
        _send_batch(operation_id, batch_no)
    except Exception as problem:
        # The queue keeps an error's text in Redis and in its log; ours may hold a value of a person.
        frames = "".join(traceback.format_tb(problem.__traceback__))
        logger.error("%s: batch %d: %s\n%s", operation_id, batch_no, type(problem).__name__, frames)
        raise JobFailed(operation_id=operation_id, batch_no=batch_no, kind=type(problem).__name__) from None


class JobFailed(UlakError):
    """{operation_id}: batch {batch_no} failed ({kind})"""


def _send_batch(operation_id: str, batch_no: int) -> None:
    settings = current_settings()
    client = live.connect(settings)
    try:
        found = read_operations(client, [operation_id])
        if not found or not found[0].is_running:
            return
        task = _prepare(client, settings, found[0], batch_no)
        if task is None:
            return
        report = asyncio.run(_deliver(settings, task))
        _go_on(client, task, report)
    except AWAY as problem:
        logger.warning("%s: batch %d: Redis is away (%s)", operation_id, batch_no, type(problem).__name__)
    finally:
        client.close()


@dataclass(frozen=True)
class _Task:
    operation: LiveOperation
    work: Work
    builder: PayloadBuilder
    recipients: list[Recipient]
    channel: Channel
    secrets: ChannelSecrets
    rate_per_second: float


def _prepare(client: redis.Redis, settings: Settings, operation: LiveOperation, batch_no: int) -> _Task | None:
    """Read what the job needs; what can't be read halts the operation, as no other worker would do better."""
    cause = SNAPSHOT
    try:
        snapshot = open_snapshot(snapshot_path(settings.operations_folder, operation.operation_id))
        recipients = read_batch(snapshot, batch_no)
        builder = PayloadBuilder(Template.model_validate(snapshot.facts["template"]), snapshot.facts.get("media_ids"))
        cause = CHANNEL_UNREADABLE
        channel, channel_secrets = load_channel(client, settings, operation.channel_id)
    except (UlakError, ValidationError, KeyError) as problem:
        logger.error("%s: halted: %s (%s)", operation.operation_id, cause, type(problem).__name__)
        ledger.run(client, ledger.control(operation.operation_id, "halt", who="", cause=cause))
        return None
    work = Work(
        operation_id=operation.operation_id,
        batch_no=batch_no,
        batch_size=operation.batch_size,
        job=f"{batch_no}.{secrets.token_hex(4)}",
        channel_id=operation.channel_id,
        portfolio_id=operation.portfolio_id,
    )
    rate = float(client.hget(live.channel_key(operation.channel_id), "rate") or channel.rate_per_second)
    return _Task(operation, work, builder, recipients, channel, channel_secrets, rate)


async def _deliver(settings: Settings, task: _Task) -> DeliveryReport:
    operation_id, build = task.work.operation_id, task.builder.build_bytes

    def encode(recipient: Recipient, row: Claimed) -> bytes:
        mark = callback_data(operation_id, row.recipient_no, row.attempt)
        return build(recipient.phone, recipient.user_id, recipient.parameters, mark)

    concurrency = choose_window(task.rate_per_second).concurrency
    connection = live.connect_async(settings, max_connections=4)
    connection.set_retry(Retry(NoBackoff(), 1))
    try:
        with stopping.event_of_job() as stop:
            async with make_client(concurrency) as client:
                sender = CloudApi(task.channel, task.secrets, client)
                job_ledger = RedisJobLedger(connection, task.work)
                return await Delivery(
                    job_ledger, sender, encode, task.recipients, task.rate_per_second, stop=stop
                ).run()
    finally:
        await connection.aclose()


def _go_on(client: redis.Redis, task: _Task, report: DeliveryReport) -> None:
    """Leave the operation as the next job should find it, and ring for it when nothing else waits."""
    operation = task.operation
    logger.info(
        "%s: batch %d: posted %d, left %d (%s)",
        operation.operation_id,
        task.work.batch_no,
        report.posted_count,
        report.left_count,
        report.ending.value,
    )
    if report.ending is Ending.NO_PLACE:
        until_ms = report.no_place_until_ms
        call = ledger.control(operation.operation_id, "wait", who="", cause=MESSAGING_LIMIT, until_ms=until_ms)
        ledger.run(client, call)
    elif report.ending is Ending.UNREACHABLE:
        until_ms = server_now_ms(client) + UNREACHABLE_MS
        call = ledger.control(operation.operation_id, "wait", who="", cause=UNREACHABLE, until_ms=until_ms)
        ledger.run(client, call)
    elif report.ending in (Ending.DONE, Ending.TIME) and not queued_doorbells(client):
        ring_next(client, operation.operation_id)


def ring_next(client: redis.Redis, operation_id: str) -> None:
    """Ring for the first batch of an operation that has something to send and no job, if there is one."""
    now_ms = server_now_ms(client)
    for operation in read_operations(client, [operation_id]):
        busy = leased_batches(client, operation_id, now_ms)
        batch_no = next((no for no in open_batches(client, operation, now_ms) if no not in busy), None)
        if operation.is_running and batch_no is not None:
            enqueue_batch(client, operation_id, batch_no)


def prepare() -> None:
    """In the worker, before the first fork: read the settings. What is imported above is what a job needs."""
    current_settings()
