"""The doorbells: RQ jobs that say nothing but "look at this batch of this operation".

Ringing twice is harmless (the ledger decides who may post what), so nothing here is unique, retried or scheduled:
leases notice a dead worker long before RQ would.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

import redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from engine.errors import QueueUnavailable

QUEUE_NAME = "ulak"
SEND_BATCH = "worker.jobs.send_batch"
JOB_TIMEOUT_SECONDS = 180
"""A sending job ends by itself long before; this is for one that hangs."""
FAILURE_TTL_SECONDS = 3600
QUEUED_TTL_SECONDS = 600


class Doorbell(NamedTuple):
    """A queued job that has not begun."""

    operation_id: str
    batch_no: int


def queue(connection: redis.Redis) -> Queue:
    """The one queue of the workers."""
    return Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)


def enqueue_batch(connection: redis.Redis, operation_id: str, batch_no: int) -> str:
    """Ring the doorbell of one batch, and return the job's id.

    Raises:
        QueueUnavailable: Redis is away or full.
    """
    job_id = f"{operation_id}_{batch_no}_{secrets.token_hex(4)}"
    try:
        queue(connection).enqueue_call(
            SEND_BATCH,
            args=(operation_id, batch_no),
            job_id=job_id,
            timeout=JOB_TIMEOUT_SECONDS,
            ttl=QUEUED_TTL_SECONDS,
            result_ttl=0,
            failure_ttl=FAILURE_TTL_SECONDS,
            description=f"send batch {batch_no} of {operation_id}",
        )
    except RedisError as problem:
        raise QueueUnavailable(reason=f"no batch can be queued ({type(problem).__name__})") from problem
    return job_id


def queued_doorbells(connection: redis.Redis) -> list[Doorbell]:
    """The doorbells that wait for a worker, first to be taken first."""
    found = (_parse(job_id) for job_id in queue(connection).get_job_ids())
    return [doorbell for doorbell in found if doorbell is not None]


def _parse(job_id: str) -> Doorbell | None:
    operation_id, _, rest = job_id.partition("_")
    batch_no, _, mark = rest.partition("_")
    if not (mark and batch_no.isdigit()):
        return None
    return Doorbell(operation_id, int(batch_no))


def count_queued(connection: redis.Redis) -> int:
    """How many doorbells wait for a worker."""
    return int(queue(connection).count)
