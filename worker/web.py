"""The web process: what happens when it starts and stops, and the routes beside the pages."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.routing import BaseRoute

from engine.warehouse.shared import close_shared_warehouse, shared_warehouse

log = logging.getLogger("ulak.web")


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Open the store before the first page, close it after the last."""
    shared_warehouse()
    try:
        yield
    finally:
        close_shared_warehouse()


def routes() -> list[BaseRoute]:
    """The REST API."""
    return []
