"""A desk for the sandbox's tests: the application without a network, a catcher of webhooks, and messages to send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from engine.sandbox.credentials import Credentials, new_credentials
from engine.sandbox.server import create_app

HOOK = "http://receiver.test/webhook/sandbox"
QUICK = {
    "sent_delay": [0, 0],
    "delivered_delay": [0.001, 0.001],
    "read_delay": [0.001, 0.001],
    "answer_delay": [0.001, 0.001],
    "failed_delay": [0, 0],
    "slow": 0,
}
EVERYBODY_IS_FINE = {
    "not_on_whatsapp": 0,
    "stopped_marketing": 0,
    "held_back": 0,
    "in_experiment": 0,
    "unreachable": 0,
    "chat_open": 0,
    "reads": 1,
    "presses": 0,
    "answers": 0,
    "opts_out": 0,
    "stops": 0,
}
STRAIGHT = {"duplicate": 0, "late": 0, "out_of_order": 0}


class Receiver:
    """Catches webhooks, and answers as told."""

    def __init__(self) -> None:
        self.posts: list[httpx.Request] = []
        self.answers: list[int] = []
        self._changed = asyncio.Event()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.posts.append(request)
        self._changed.set()
        return httpx.Response(self.answers.pop(0) if self.answers else 200)

    async def until(self, is_enough: Callable[[], bool]) -> None:
        """Wait until the webhooks caught so far are enough."""
        async with asyncio.timeout(10):
            while not is_enough():
                await self._changed.wait()
                self._changed.clear()

    def changes(self) -> list[dict[str, Any]]:
        """All changes of all webhooks."""
        return [
            change
            for post in self.posts
            for entry in json.loads(post.content)["entry"]
            for change in entry["changes"]
        ]

    def of(self, field: str, part: str) -> list[dict[str, Any]]:
        """All statuses, messages … of a field."""
        return [
            item for change in self.changes() if change["field"] == field for item in change["value"].get(part, [])
        ]


class Desk:
    """A running sandbox and someone who talks to it."""

    def __init__(self, folder: Path, credentials: Credentials, runner: asyncio.Runner, **given: Any) -> None:
        self.credentials = credentials
        self.receiver = Receiver()
        transport = httpx.MockTransport(self.receiver)
        self.app = create_app(folder, credentials, HOOK, transport=transport, **given)
        self._runner = runner
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://testserver")

    def call(self, method: str, path: str, *, token: str | None = "", **given: Any) -> httpx.Response:
        """One request; the right token unless another (None: none) is given."""
        if token is not None:
            given["headers"] = {"Authorization": f"Bearer {token or self.credentials.access_token}"}
        return self._runner.run(self._client.request(method, path, **given))

    def send(self, message: dict[str, Any], **given: Any) -> httpx.Response:
        """POST one message."""
        return self.call("POST", f"/v25.0/{self.credentials.phone_number_id}/messages", json=message, **given)

    def put(self, what: str, value: dict[str, Any]) -> None:
        """Set people, faults or account."""
        answer = self.call("PUT", f"/sandbox/{what}", json=value)
        assert answer.status_code == 200, answer.text

    def quick(self, *, webhooks: dict[str, Any] | None = None, **people: Any) -> None:
        """Everybody receives and reads at once but for what is given; webhooks arrive once and in order."""
        self.put("people", {**QUICK, **EVERYBODY_IS_FINE, **people})
        self.put("faults", {"webhooks": {**STRAIGHT, **(webhooks or {})}})

    def ledger(self, query: str = "") -> dict[str, Any]:
        """The sandbox's ledger."""
        answer: dict[str, Any] = self.call("GET", f"/sandbox/ledger{query}").json()
        return answer

    def until(self, is_enough: Callable[[], bool]) -> None:
        """Let the sandbox live until enough webhooks came."""
        self._runner.run(self.receiver.until(is_enough))


@contextmanager
def open_desk(folder: Path, credentials: Credentials | None = None, **given: Any) -> Iterator[Desk]:
    """A desk over a folder; opening the folder again is a restart."""
    with asyncio.Runner() as runner:
        desk = Desk(folder, credentials or new_credentials(), runner, **given)
        living = desk.app.router.lifespan_context(desk.app)
        runner.run(living.__aenter__())
        yield desk
        runner.run(living.__aexit__(None, None, None))
        desk.app.world.close()


def template_message(to: str = "+905321234567", callback: str | None = None, **template: Any) -> dict[str, Any]:
    """The body of a template message; the plainest template unless another is given."""
    message: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "to": to,
        "type": "template",
        "template": {"name": "service_notice", "language": {"code": "tr"}, **template},
    }
    if callback is not None:
        message["biz_opaque_callback_data"] = callback
    return message


def texts(*values: str) -> list[dict[str, str]]:
    """Positional text parameters."""
    return [{"type": "text", "text": value} for value in values]


def named(**values: str) -> list[dict[str, str]]:
    """Named text parameters."""
    return [{"type": "text", "parameter_name": name, "text": value} for name, value in values.items()]


def winter_sale(to: str = "+905321234567", callback: str | None = None) -> dict[str, Any]:
    """A whole message with an image header, a positional body, a link and a quick reply's payload."""
    return template_message(
        to,
        callback,
        name="winter_sale",
        components=[
            {
                "type": "header",
                "parameters": [{"type": "image", "image": {"link": "https://cdn.example/banner.jpg"}}],
            },
            {"type": "body", "parameters": texts("Ayşe", "%20", "30 Kasım")},
            {"type": "button", "sub_type": "url", "index": "1", "parameters": texts("a1b2c3?utm=wa")},
            {
                "type": "button",
                "sub_type": "quick_reply",
                "index": "0",
                "parameters": [{"type": "payload", "payload": "OPTOUT:41"}],
            },
        ],
    )
