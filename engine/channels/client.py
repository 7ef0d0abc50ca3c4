"""The one place that builds an HTTP client for a provider: httpx over aiohttp's transport.

Plain httpx is several times slower (its pool is searched at each request). No proxy or certificate setting of
the environment is taken.
"""

from __future__ import annotations

import httpx
from httpx_aiohttp import AiohttpTransport

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
WRITE_SECONDS = 5.0


def make_client(concurrency: int = 8) -> httpx.AsyncClient:
    """A client that keeps `concurrency` connections open. Total time-out of a request: at most 30 s."""
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency, keepalive_expiry=30)
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, write=WRITE_SECONDS, pool=CONNECT_SECONDS)
    return httpx.AsyncClient(
        transport=AiohttpTransport(limits=limits, trust_env=False), timeout=timeout, trust_env=False
    )
