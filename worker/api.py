"""The REST API: its frame. Mounted under `/api/v1` beside the pages, and called in-process by the command line when
no web runs.

Bearer tokens; errors are `{"error": {"type", "message", "fields"}}` with the status that fits their class. The verbs
are in `api_contacts`, `api_messages` and `api_operations`.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import unquote

import redis
from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse

from engine import live
from engine.errors import (
    InputError,
    NotFound,
    ProviderError,
    QueueUnavailable,
    SettingsError,
    StateError,
    StoreError,
    UlakError,
    UnknownName,
)
from engine.settings import Settings
from engine.warehouse import Warehouse
from worker import __version__

STATUS_BY_ERROR: tuple[tuple[type[UlakError], int], ...] = (
    (UnknownName, 404),
    (NotFound, 404),
    (InputError, 422),
    (StateError, 409),
    (ProviderError, 502),
    (QueueUnavailable, 503),
    (StoreError, 503),
    (SettingsError, 500),
)


@dataclass(frozen=True)
class Services:
    """The doors the verbs use."""

    settings: Settings
    warehouse: Callable[[], Warehouse]

    def live(self) -> redis.Redis:
        """A client for Redis (raises QueueUnavailable)."""
        return live.connect(self.settings)

    @contextlib.contextmanager
    def live_or_none(self) -> Iterator[redis.Redis | None]:
        """A client for Redis, or None where it can't be reached: for what also works without it."""
        try:
            client = self.live()
            client.ping()
        except (QueueUnavailable, redis.RedisError, OSError):
            yield None
        else:
            with client:
                yield client


class Unauthorized(UlakError):
    """The token is missing or wrong; it is in the file api.token under ULAK_HOME."""


def local_token(settings: Settings) -> str:
    """The token of this home, made at the first call in a 0600 file."""
    path = settings.home / "api.token"
    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    token = secrets.token_urlsafe(32)
    with os.fdopen(handle, "w") as file:
        file.write(token)
    return token


def services_of(request: Request) -> Services:
    """The doors of the app that serves this request."""
    services: Services = request.app.state.services
    return services


def person_of(
    request: Request,
    authorization: Annotated[str, Header()] = "",
    x_ulak_as: Annotated[str, Header(description="Who acts, for the audit table; UTF-8 or percent-encoded")] = "api",
) -> str:
    """The person behind a request, once its token was checked."""
    given = authorization.removeprefix("Bearer ").strip()
    if not hmac.compare_digest(given.encode(), local_token(services_of(request).settings).encode()):
        raise Unauthorized
    return name_of_header(x_ulak_as)


def name_of_header(text: str) -> str:
    """A person's name out of a header, which carries bytes: percent-encoded, or UTF-8 as curl sends it."""
    try:
        plain = text.encode("latin-1").decode()
    except UnicodeError:
        plain = text
    return " ".join(unquote(plain).split())[:60] or "api"


Person = Annotated[str, Depends(person_of)]
Doors = Annotated[Services, Depends(services_of)]


def create_api(services: Services) -> FastAPI:
    """The ASGI app of the REST API."""
    from worker.api_backup import router as backups
    from worker.api_contacts import router as contacts
    from worker.api_erasure import router as erasure
    from worker.api_exports import router as exports
    from worker.api_imports import router as imports
    from worker.api_lists import router as lists
    from worker.api_messages import router as messages
    from worker.api_operations import router as operations
    from worker.api_people import router as people
    from worker.api_segments import router as segments
    from worker.api_suppressions import router as suppressions

    app = FastAPI(title="Ulak", version=__version__, docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    app.state.services = services
    app.add_exception_handler(UlakError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_malformed)
    app.include_router(_frame())
    for router in (contacts, erasure, exports, imports, lists, messages, operations, people, segments, suppressions):
        app.include_router(router)
    app.include_router(backups)
    return app


def _frame() -> APIRouter:
    router = APIRouter()

    @router.get("/health")
    def health() -> dict[str, Any]:
        """Whether the API answers."""
        return {"ok": True, "version": __version__}

    @router.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        """The verbs as a page that needs nothing from outside."""
        from worker.api_docs import page_of

        return HTMLResponse(page_of(request.app.openapi()))

    return router


async def _answer_error(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, UlakError)
    status = 401 if isinstance(problem, Unauthorized) else 500
    for kind, code in STATUS_BY_ERROR:
        if isinstance(problem, kind):
            status = code
            break
    fields = {
        key: value if isinstance(value, int | float | str) else str(value) for key, value in problem.fields.items()
    }
    body = {"error": {"type": type(problem).__name__, "message": problem.message, "fields": fields}}
    return JSONResponse(body, status_code=status)


async def _answer_malformed(request: Request, problem: Exception) -> JSONResponse:
    """A body or parameter that isn't of its type: in the same shape as every other refusal, without its value."""
    assert isinstance(problem, RequestValidationError)
    first = problem.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    return await _answer_error(request, InputError(reason=f"{name}: {first['msg']}"))
