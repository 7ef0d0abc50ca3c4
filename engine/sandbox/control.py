"""The paths under `/sandbox`: the ledger, the knobs, and a hand on the simulated people. No token: loopback alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import UnknownName
from engine.sandbox import pictures
from engine.sandbox.account import Account, Callback
from engine.sandbox.authoring import Review
from engine.sandbox.faults import Faults
from engine.sandbox.forgetting import Forget
from engine.sandbox.identity import message_id, new_token
from engine.sandbox.people import People
from engine.sandbox.postman import Postman
from engine.sandbox.refusals import Refusal
from engine.sandbox.updates import preference_value, text_value
from engine.sandbox.values import phone_digits
from engine.sandbox.world import World

Handler = Callable[[Request], Awaitable[Any]]
T = TypeVar("T")
SETTINGS: dict[str, type[msgspec.Struct]] = {
    "people": People,
    "faults": Faults,
    "account": Account,
    "callback": Callback,
    "review": Review,
}
FILES: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "png": ("image/png", pictures.banner),
    "pdf": ("application/pdf", lambda name: pictures.invoice()),
    "mp4": ("video/mp4", lambda name: pictures.film()),
}


class Reset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/reset`: a new seed, else the present one stays."""

    seed: int | None = None
    webhook_url: str | None = None


class TemplateStatus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `PUT /sandbox/templates/{name}/{language}`."""

    status: str
    reason: str = "NONE"


class Inbound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/inbound`: a person writes (`text`), or uses WhatsApp's own switch (`preference`)."""

    phone: str
    text: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    preference: str = ""


class Control:
    """The endpoints, over one world and its postman."""

    def __init__(self, world: World, postman: Postman) -> None:
        self.world = world
        self.postman = postman

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/sandbox/health", self.health, methods=["GET"]),
            Route("/sandbox/ledger", self.ledger, methods=["GET"]),
            Route("/sandbox/reset", _answered(self.reset), methods=["POST"]),
            Route("/sandbox/forget", _answered(self.forget), methods=["POST"]),
            Route("/sandbox/inbound", _answered(self.inbound), methods=["POST"]),
            Route("/sandbox/templates/{name}/{language}", _answered(self.template), methods=["PUT"]),
            Route("/sandbox/media/{name}", self.media, methods=["GET"]),
            *(
                Route(f"/sandbox/{what}", _answered(self._setting(what, kind)), methods=["GET", "PUT"])
                for what, kind in SETTINGS.items()
            ),
        ]

    async def health(self, request: Request) -> Response:
        """Whether it lives, and what is under way."""
        counted = self.world.ledger
        return _json(
            {
                "status": "ok",
                "seed": self.world.seed,
                "accepted": counted.accepted_count,
                "webhooks_pending": self.postman.pending_count,
            }
        )

    async def ledger(self, request: Request) -> Response:
        """The judge: counts, and unless `summary=1` every accepted message per person (or of `to`)."""
        world, query = self.world, request.query_params
        answer = world.ledger.summary(world.clock())
        answer["tier"], answer["tier_limit"] = world.account.tier, world.account.limit
        answer["faults_struck"] = dict(world.box.struck)
        answer["ambiguous"] = world.box.ambiguous_count
        answer["webhooks"] = {
            "pending": self.postman.pending_count,
            "delivered": self.postman.delivered,
            "posts": self.postman.posts,
            "retries": self.postman.retries,
            "dropped": self.postman.dropped,
        }
        if query.get("summary") not in ("1", "true"):
            to = "".join(filter(str.isdigit, query["to"])) if "to" in query else None
            answer["messages"] = world.ledger.messages_of(to)
            answer["posts_per_person"] = world.ledger.posts_of(to)
        return _json(answer)

    async def reset(self, request: Request) -> Any:
        """Forget all messages and settings."""
        asked = _decoded(await request.body() or b"{}", Reset)
        self.world.reset(asked.seed)
        self.postman.forget()
        if asked.webhook_url is not None:
            self.world.put("callback", Callback(asked.webhook_url))
        return {"seed": self.world.seed}

    async def forget(self, request: Request) -> Any:
        """Forget a person; their messages still count."""
        asked = _decoded(await request.body(), Forget)
        return {"records": self.world.forget(asked, self.postman.waiting_subjects())}

    async def template(self, request: Request) -> Any:
        """Change a template's status, with its webhook."""
        asked = _decoded(await request.body(), TemplateStatus)
        name, language = request.path_params["name"], request.path_params["language"]
        return {"status": self.world.set_template(name, language, asked.status, asked.reason).status}

    async def inbound(self, request: Request) -> Any:
        """Let a person write, or stop or resume marketing."""
        asked, now = _decoded(await request.body(), Inbound), self.world.clock()
        person = phone_digits(asked.phone)
        if asked.preference in ("stop", "resume"):
            self.world.happen(person, "user_preferences", preference_value(person, asked.preference, now))
            return {"person": person}
        wamid = message_id(person, new_token(), inbound=True)
        self.world.happen(person, "messages", text_value(person, asked.text or "Merhaba", wamid, now))
        return {"person": person, "message_id": wamid}

    async def media(self, request: Request) -> Response:
        """The example file behind a template's header."""
        name, _, suffix = request.path_params["name"].rpartition(".")
        found = FILES.get(suffix)
        if found is None or not name:
            return Response(status_code=404)
        media_type, draw = found
        return Response(draw(name[:64]), media_type=media_type, headers={"cache-control": "max-age=3600"})

    def _setting(self, what: str, kind: type[msgspec.Struct]) -> Handler:
        async def setting(request: Request) -> Any:
            if request.method == "PUT":
                self.world.put(what, _decoded(await request.body(), kind))
            return self.world.box.faults if what == "faults" else getattr(self.world, what)

        return setting


def _decoded(raw: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(raw, type=kind)


def _answered(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Answer 422 with one sentence to what is malformed."""

    async def endpoint(request: Request) -> Response:
        try:
            return _json(await handler(request))
        except (msgspec.DecodeError, UnknownName) as problem:
            return _json({"error": str(problem)}, 422)
        except Refusal as refusal:
            return _json({"error": refusal.details or refusal.text}, 422)

    return endpoint


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
