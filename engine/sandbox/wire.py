"""The sandbox's side of the wire: reading a body, the token, whole answers, and a line that is cut on purpose."""

from __future__ import annotations

import hmac

from starlette.types import Receive, Scope, Send

from engine.sandbox.credentials import Credentials
from engine.sandbox.refusals import refuse, trace_id

LINE = "ulak.transport"
HEADERS = [(b"content-type", b"application/json; charset=UTF-8"), (b"facebook-api-version", b"v25.0")]


class LineCut(Exception):
    """The line is cut on purpose; only seen where there is no real line."""


def check_token(scope: Scope, credentials: Credentials) -> None:
    """Refuse a missing token (104) and a wrong one (190)."""
    given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    scheme, _, token = given.partition(b" ")
    if scheme.lower() not in (b"bearer", b"oauth") or not token:
        raise refuse(104, text="An access token is required to request this resource.")
    if not hmac.compare_digest(token.strip(), credentials.access_token.encode()):
        raise refuse(190, text="Invalid OAuth access token - Cannot parse access token", subcode=463)


async def cut_line(scope: Scope, receive: Receive) -> None:
    """Cut the TCP connection without a word."""
    transport = scope.get("extensions", {}).get(LINE)
    if transport is None:
        raise LineCut
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def answer(send: Send, status: int, body: bytes) -> None:
    """Send a whole answer."""
    headers = [*HEADERS, (b"x-fb-trace-id", trace_id()[:12].encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request."""
    event = await receive()
    if not event.get("more_body"):
        return bytes(event.get("body", b""))
    parts = [event["body"]]
    while event.get("more_body"):
        event = await receive()
        parts.append(event.get("body", b""))
    return b"".join(parts)
