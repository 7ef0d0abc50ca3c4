"""The three Lua scripts: loaded with their shared text in front, run by hash, one by one, in a row or async."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import redis
import redis.asyncio
from redis.exceptions import NoScriptError

from engine.operations.ledger_types import Call

T = TypeVar("T")

FOLDER = Path(__file__).parent / "lua"
PARTS = {
    "claim": ("prelude", "places", "claim"),
    "transition": ("prelude", "places", "suppressions", "consequences", "transition"),
    "control": ("prelude", "suppressions", "control"),
}


@dataclass(frozen=True, slots=True)
class Script:
    """A script's whole text and its hash."""

    text: str
    sha: str


def assemble(name: str, texts: dict[str, str]) -> Script:
    """Put the shared parts between a script's shebang line and its body."""
    *shared, own = PARTS[name]
    shebang, _, body = texts[own].partition("\n")
    text = "\n".join([shebang, *(texts[part] for part in shared), body])
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def read_parts() -> dict[str, str]:
    """The Lua files by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.lua"))}


SCRIPTS = {name: assemble(name, read_parts()) for name in PARTS}


def run(client: redis.Redis, call: Call[T]) -> T:
    """Run a call; the script is loaded when the server doesn't know it."""
    script = SCRIPTS[call.script]
    arguments = (len(call.keys), *call.keys, *call.args)
    try:
        reply: Any = client.evalsha(script.sha, *cast("tuple[Any, ...]", arguments))
    except NoScriptError:
        reply = client.eval(script.text, *cast("tuple[Any, ...]", arguments))
    return call.decode(reply)


def run_many(client: redis.Redis, calls: Sequence[Call[T]], slice_calls: int = 500) -> list[T]:
    """Run calls of one script, in order, without waiting for each answer; others are served in between.

    Args:
        slice_calls: how many travel at once.
    """
    answers: list[T] = []
    for start in range(0, len(calls), slice_calls):
        some = calls[start : start + slice_calls]
        answers.append(run(client, some[0]))  # loads the script where the server doesn't know it
        pipe = client.pipeline(transaction=False)
        for call in some[1:]:
            pipe.evalsha(SCRIPTS[call.script].sha, len(call.keys), *call.keys, *call.args)
        answers += [call.decode(reply) for call, reply in zip(some[1:], cast("Any", pipe.execute()), strict=True)]
    return answers


async def run_async(client: redis.asyncio.Redis, call: Call[T]) -> T:
    """As `run`, for asyncio."""
    script = SCRIPTS[call.script]
    arguments = (len(call.keys), *call.keys, *call.args)
    try:
        reply: Any = await cast("Any", client.evalsha(script.sha, *cast("tuple[Any, ...]", arguments)))
    except NoScriptError:
        reply = await cast("Any", client.eval(script.text, *cast("tuple[Any, ...]", arguments)))
    return call.decode(reply)
