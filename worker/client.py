"""How the command line reaches Ulak: through the REST API of the running web, else the same API in this process.

DuckDB has one owner, so nobody else opens the file while web runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from engine.errors import StoreError, UlakError
from engine.settings import Settings
from engine.warehouse.shared import close_shared_warehouse, shared_warehouse
from worker.api import Services, create_api, local_token

PREFIX = "/api/v1"


class ApiRefused(UlakError):
    """{text}"""


class WebWentAway(UlakError):
    """The web process ended before it answered ({reason}); look whether it was done before you repeat it."""


class Client:
    """Calls the verbs of the API, wherever it runs."""

    def __init__(self, settings: Settings, person: str) -> None:
        self._settings = settings
        self._headers = {"Authorization": f"Bearer {local_token(settings)}", "X-Ulak-As": quote(person)}

    def call(self, verb: str, path: str, **options: Any) -> Any:
        """One verb; answers its JSON.

        Raises:
            ApiRefused: the API refused; `text` is its sentence, `status` its code.
            StoreError: web doesn't run, and another process holds the database.
            WebWentAway: web ended before it answered.
        """
        # Headers carry ASCII: names and keys may be anything.
        headers = self._headers | {name: quote(text) for name, text in options.pop("headers", {}).items()}
        if not self.web_runs():
            return _read(asyncio.run(self._in_process(verb, path, headers, options)))
        with self._to_web() as client:
            return _read(client.request(verb, PREFIX + path, headers=headers, **options))

    def download(self, verb: str, path: str, target: Path, **options: Any) -> httpx.Headers:
        """One verb whose answer is a file; answers its headers. The file is written when it came whole.

        Raises: as `call`.
        """
        part = target.with_name(target.name + ".part")
        try:
            if not self.web_runs():
                answer = asyncio.run(self._in_process(verb, path, self._headers, options))
                _refuse(answer)
                part.write_bytes(answer.content)
            else:
                with self._to_web() as client:
                    answer = _stream(client, verb, PREFIX + path, part, headers=self._headers, **options)
            part.rename(target)
        finally:
            part.unlink(missing_ok=True)
        return answer.headers

    @contextmanager
    def _to_web(self) -> Iterator[httpx.Client]:
        base = f"http://{self._settings.host}:{self._settings.port}"
        try:
            with httpx.Client(base_url=base, timeout=600, trust_env=False) as client:
                yield client
        except httpx.TransportError as problem:
            raise WebWentAway(reason=type(problem).__name__) from problem

    def web_runs(self) -> bool:
        """Whether the web of this home answers (its token is ours)."""
        base = f"http://{self._settings.host}:{self._settings.port}"
        try:
            answer = httpx.get(base + PREFIX + "/store", headers=self._headers, timeout=5, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    async def _in_process(
        self, verb: str, path: str, headers: dict[str, str], options: dict[str, Any]
    ) -> httpx.Response:
        try:
            shared_warehouse()
        except StoreError as problem:
            raise StoreError(reason=f"{problem.fields['reason']}; is web of this home on another port?") from problem
        app = create_api(Services(self._settings, shared_warehouse))
        transport = httpx.ASGITransport(app=app)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://ulak", timeout=600) as client:
                return await client.request(verb, path, headers=headers, **options)
        finally:
            close_shared_warehouse()


def _stream(client: httpx.Client, verb: str, path: str, target: Path, **options: Any) -> httpx.Response:
    with client.stream(verb, path, **options) as answer:
        if not answer.is_success:
            answer.read()
            _refuse(answer)
        with target.open("wb") as file:
            for piece in answer.iter_bytes():
                file.write(piece)
    return answer


def _read(answer: httpx.Response) -> Any:
    _refuse(answer)
    return answer.json()


def _refuse(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        raise ApiRefused(text=f"the API answered {answer.status_code}", status=answer.status_code) from None
    raise ApiRefused(text=error["message"], status=answer.status_code, kind=error["type"])
