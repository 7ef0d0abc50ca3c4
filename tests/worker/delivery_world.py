"""What the tests of sending stand on: an operation on a real server, and people who answer as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import redis
import redis.asyncio

from engine.channels.provider import Outcome
from engine.live import STORE, channel_key, operation_key, portfolio_key
from engine.operations import ledger
from engine.operations.delivery import Delivery
from engine.operations.delivery_appetite import WindowSize
from engine.operations.delivery_clock import monotonic
from engine.operations.delivery_ledger import JobLedger, RedisJobLedger, Work
from engine.operations.delivery_outcomes import DeliveryReport
from engine.operations.ledger import Claimed, LedgerSpec
from engine.operations.snapshot_reader import Recipient
from engine.operations.states import DeliveryState

OPERATION = "op-20261124-120000-abcdef"
Answer = Callable[[int, int], Outcome]


def accept(recipient_no: int, attempt: int) -> Outcome:
    """The answer of a provider that takes everything."""
    return Outcome(kind="accepted", message_id=f"wamid.{recipient_no}.{attempt}")


class FakeSender:
    """A provider in the same process: notes when what was posted, and answers after a while."""

    def __init__(self, answer: Answer = accept, latency: Callable[[int], float] = lambda number: 0.01) -> None:
        self._answer = answer
        self._latency = latency
        self.posts: list[tuple[int, int]] = []
        self.moments: list[float] = []
        self.posted = asyncio.Event()

    async def send(self, payload: bytes) -> Outcome:
        """Post: `payload` is "<recipient>:<attempt>"."""
        recipient_no, attempt = map(int, payload.split(b":"))
        self.posts.append((recipient_no, attempt))
        self.moments.append(monotonic())
        self.posted.set()
        await asyncio.sleep(self._latency(recipient_no))
        return self._answer(recipient_no, attempt)

    async def wait_for(self, count: int) -> None:
        """Wait until so many were posted."""
        while len(self.posts) < count:
            self.posted.clear()
            await self.posted.wait()


def encode(recipient: Recipient, row: Claimed) -> bytes:
    """What `FakeSender` reads."""
    return b"%d:%d" % (recipient.recipient_no, row.attempt)


def create_operation(
    live: redis.Redis,
    count: int,
    *,
    operation_id: str = OPERATION,
    rate: float = 5_000,
    limit: int = -1,
    batch_size: int = 5_000,
    channel_id: str = "sandbox",
    priority: int = 0,
) -> None:
    """An operation that runs, with its channel and portfolio."""
    live.hset(STORE, mapping={"epoch": "e1", "suppressions": "1"})
    live.hset(channel_key(channel_id), mapping={"rate": rate, "state": "ok"})
    live.hset(portfolio_key("pf"), "limit", limit)
    people = b"".join(number.to_bytes(8, "big") for number in range(1, count + 1))
    spec = LedgerSpec(operation_id, 1, "e1", count, batch_size, channel_id, "pf", "MARKETING", priority)
    assert ledger.run(live, ledger.create(spec, people))


def recipients_of(count: int) -> list[Recipient]:
    """The recipients of the operation's first batch."""
    return [Recipient(number, f"+90532{number:07}", "", ()) for number in range(count)]


def states_of(live: redis.Redis, count: int, operation_id: str = OPERATION) -> list[DeliveryState]:
    """Each recipient's state."""
    return [DeliveryState(byte) for byte in ledger.read_states(live, operation_id, 0, count)]


def leased_jobs(live: redis.Redis, operation_id: str = OPERATION) -> list[bytes]:
    """The jobs that hold a lease."""
    return live.zrange(operation_key(operation_id, "leases"), 0, -1)


def job_work(job: str = "0.aa", operation_id: str = OPERATION) -> Work:
    """The work of one job on the first batch."""
    return Work(operation_id, 0, 5_000, job, "sandbox", "pf")


async def deliver(
    socket: str,
    sender: FakeSender,
    count: int,
    *,
    rate: float = 5_000,
    stop: asyncio.Event | None = None,
    job_seconds: float = 20.0,
    size: WindowSize | None = None,
    recipients: Sequence[Recipient] | None = None,
    job: str = "0.aa",
    build: Callable[[Recipient, Claimed], bytes] = encode,
    wrap: Callable[[RedisJobLedger], JobLedger] = lambda real: real,
) -> DeliveryReport:
    """Run one delivery of the first batch."""
    client = redis.asyncio.Redis(unix_socket_path=socket)
    try:
        return await Delivery(
            wrap(RedisJobLedger(client, job_work(job))),
            sender,
            build,
            recipients_of(count) if recipients is None else recipients,
            rate,
            size=size,
            stop=stop or asyncio.Event(),
            job_seconds=job_seconds,
        ).run()
    finally:
        await client.aclose()
