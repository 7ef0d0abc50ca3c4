"""The sandbox as a process: the ASGI application, and uvicorn around it.

A protocol class of its own hands the connection on, so that a fault can cut the line.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import FrameType

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.sandbox.control import Control
from engine.sandbox.credentials import Credentials, ensure_credentials
from engine.sandbox.graph import Graph
from engine.sandbox.media import MediaStore
from engine.sandbox.messages import MessagesEndpoint
from engine.sandbox.postman import Postman
from engine.sandbox.wire import LINE
from engine.sandbox.world import DEFAULT_SEED, World
from engine.settings import Settings

CHANNEL_ID = "sandbox"
HOST = "127.0.0.1"
GRACE_SECONDS = 2


class LineProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, whose scope knows its own connection."""

    def on_message_begin(self) -> None:
        """Start a request."""
        super().on_message_begin()
        self.scope["extensions"] = {LINE: self.transport}  # type: ignore[dict-item]


class SandboxServer(uvicorn.Server):
    """uvicorn's server, which tells a hanging answer that it is time to go."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        app = self.config.app
        if isinstance(app, SandboxApp):
            app.messages.is_leaving = True
        super().handle_exit(sig, frame)


class SandboxApp(Starlette):
    """The application; the sending path goes around the router."""

    messages: MessagesEndpoint
    world: World

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith("/messages"):
            parts = scope["path"].split("/")
            if len(parts) == 4:
                await self.messages(scope, receive, send, parts[2])
                return
        await super().__call__(scope, receive, send)


def create_app(
    folder: Path,
    credentials: Credentials,
    webhook_url: str,
    *,
    seed: int = DEFAULT_SEED,
    transport: httpx.AsyncBaseTransport | None = None,
) -> SandboxApp:
    """Build the application over a folder, whose journal is read back.

    Args:
        folder: where the journal and the media lie.
        webhook_url: where webhooks go until someone subscribes another address.
        transport: what carries webhooks; the network unless a test gives its own.
    """
    world = World(folder, credentials, webhook_url, seed=seed)
    world.load()
    postman = Postman(world, transport)
    media = MediaStore(folder / "media")

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        delivering = asyncio.create_task(postman.run())
        yield
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)

    app = SandboxApp(routes=[*Control(world, postman).routes(), *Graph(world, media).routes()], lifespan=lifespan)
    app.messages = MessagesEndpoint(world, media)
    app.world = world
    return app


def server_config(app: Starlette, port: int) -> uvicorn.Config:
    """How the application is served: loopback, one process, quiet."""
    return uvicorn.Config(
        app,
        host=HOST,
        port=port,
        http=LineProtocol,
        loop="uvloop",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=75,
    )


def serve(settings: Settings) -> None:
    """Run the sandbox until it is told to stop."""
    folder = settings.sandbox_credentials_path.parent
    webhook_url = f"http://{HOST}:{settings.receiver_port}/webhook/{CHANNEL_ID}"
    app = create_app(folder, ensure_credentials(settings), webhook_url)
    SandboxServer(server_config(app, settings.sandbox_port)).run()
