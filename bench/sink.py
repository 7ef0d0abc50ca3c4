"""A provider that takes everything at once: what the send loop and the bare client are measured against.

A protocol of its own instead of a web server, so that the two cores are left to what is measured. It notes when
each message arrived; `GET /moments` hands them out and forgets them.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from multiprocessing.process import BaseProcess
from typing import Any

ANSWER = b'{"messaging_product":"whatsapp","contacts":[{"input":"+905320000000","wa_id":"905320000000"}],'
ANSWER += b'"messages":[{"id":"wamid.HBgMOTA1MzIxMjM0NTY3FQIAERgSEXAMPLE%012d","message_status":"accepted"}]}'


class SinkProtocol(asyncio.Protocol):
    """Reads requests, however they are cut, and answers each."""

    moments: list[float] = []  # noqa: RUF012

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self._transport: Any = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        """Some bytes came."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            self._answer(head.startswith(b"get"))

    def _answer(self, asks_for_moments: bool) -> None:
        if asks_for_moments:
            body = json.dumps(self.moments).encode()
            self.moments.clear()
        else:
            self.moments.append(time.monotonic())
            body = ANSWER % len(self.moments)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % len(body) + body)


def start_sink() -> tuple[BaseProcess, int]:
    """Start a sink in a process of its own, and return it with its port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    return process, ours.recv()


def _serve(pipe: Any) -> None:
    import uvloop

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(SinkProtocol, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())
