"""Group commit: what arrives while one write to Redis is under way goes into the next, and each waits for its own.

One flusher, one pipeline a group, so that a thousand webhooks a second are a few hundred round trips. Any error of a
command fails the webhooks it belongs to; they are answered 503 and come again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import redis.asyncio
from redis.exceptions import NoScriptError, ResponseError

from engine.clock import now_ms
from engine.operations.hearing import Told, hear
from engine.operations.hearing_types import Body, Command, Context
from engine.operations.ledger_scripts import SCRIPTS

log = logging.getLogger("ulak.receiver")

GATHER_SECONDS = 0.003
MOST_BODIES = 1_000
MOST_WAITING = 20_000
_AWAY = (ConnectionError, TimeoutError, redis.ConnectionError, redis.TimeoutError)


class NotTaken(Exception):
    """Redis did not take it; the provider must send it again."""


class GroupCommit:
    """Applies bodies in groups. `apply` returns when Redis has what a body says."""

    def __init__(self, client: redis.asyncio.Redis, context: Callable[[], Context | None]) -> None:
        self._client = client
        self._context = context
        self._waiting: list[tuple[Body, asyncio.Future[None]]] = []
        self._news = asyncio.Event()
        self._flusher: asyncio.Task[None] | None = None
        self.group_count = 0

    def start(self) -> None:
        """Start the flusher, in the running loop."""
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush_for_ever(), name="flusher")

    async def stop(self) -> None:
        """Apply what waits, then end."""
        while self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
        if self._flusher is not None:
            self._flusher.cancel()
            self._flusher = None
        await self._client.aclose()

    async def apply(self, body: Body) -> None:
        """Apply one body.

        Raises:
            NotTaken: Redis is away or refused; nothing is lost if the body comes again.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise NotTaken
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((body, future))
        self._news.set()
        await future

    async def _flush_for_ever(self) -> None:
        with contextlib.suppress(*_AWAY, redis.RedisError):  # so that the first group is told once
            await self._load_scripts()
        while True:
            await self._news.wait()
            await asyncio.sleep(GATHER_SECONDS)
            group, self._waiting = self._waiting[:MOST_BODIES], self._waiting[MOST_BODIES:]
            if not self._waiting:
                self._news.clear()
            failed = await self._flush([body for body, _ in group])
            self.group_count += 1
            for position, (_, future) in enumerate(group):
                if future.done():
                    continue
                if position in failed:
                    future.set_exception(NotTaken())
                else:
                    future.set_result(None)

    async def _flush(self, bodies: Sequence[Body]) -> set[int]:
        """Apply a group; returns the positions of those that were not taken.

        A body that nobody foresaw fails alone: it comes again for days, and must not take others with it.
        """
        context = self._context()
        try:
            if context is not None:
                return await self._tell(await self._converse(bodies, context))
        except _AWAY as problem:
            log.warning("redis did not take %d webhooks: %s", len(bodies), type(problem).__name__)
        except Exception as problem:
            if len(bodies) > 1:
                middle = len(bodies) // 2
                first, second = await self._flush(bodies[:middle]), await self._flush(bodies[middle:])
                return first | {position + middle for position in second}
            log.error("a webhook could not be applied: %s\n%s", type(problem).__name__, _frames_of(problem))
        return set(range(len(bodies)))

    async def _converse(self, bodies: Sequence[Body], context: Context) -> Told:
        conversation = hear(bodies, context, now_ms())
        try:
            questions = next(conversation)
            while True:
                answers = await self._send(questions)
                for answer in answers:
                    if isinstance(answer, Exception):
                        raise answer
                questions = conversation.send(answers)
        except StopIteration as done:
            told: Told = done.value
            return told

    async def _tell(self, told: Told) -> set[int]:
        commands = [owned.command for owned in told.commands]
        if not commands:
            return set()
        answers = await self._send(commands)
        missed = next((place for place, each in enumerate(answers) if isinstance(each, NoScriptError)), None)
        if missed is not None:  # what came before it is done, and needn't be an event twice
            await self._load_scripts()
            answers = answers[:missed] + await self._send(commands[missed:])
        failed: set[int] = set()
        for owned, answer in zip(told.commands, answers, strict=True):
            if isinstance(answer, Exception):
                log.error("redis refused %s: %s", owned.command[0], _kind_of(answer))
                failed |= owned.owners
        if not failed:
            told.remember()
        return failed

    async def _send(self, commands: Sequence[Command]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(await pipe.execute(raise_on_error=False))

    async def _load_scripts(self) -> None:
        for script in SCRIPTS.values():
            await self._client.script_load(script.text)


def _frames_of(problem: BaseException) -> str:
    """Where it happened, without the error's text: that may hold what a person wrote."""
    return "".join(traceback.format_tb(problem.__traceback__))


def _kind_of(problem: Exception) -> str:
    """The error's class and first word: its text may hold what we sent."""
    word = str(problem).split(" ", 1)[0] if isinstance(problem, ResponseError) else ""
    return f"{type(problem).__name__} {word}".strip()
