"""The Graph API's paths but the sending one: templates, phone number, account, media, webhook subscription."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.sandbox import nodes
from engine.sandbox.account import Callback
from engine.sandbox.catalogue import DEFAULT_FIELDS, NODE_FIELDS, Template, node_view
from engine.sandbox.desk import TemplateDesk
from engine.sandbox.media import MediaStore, Medium
from engine.sandbox.refusals import Refusal, invalid, refuse, trace_id, unknown_object
from engine.sandbox.uploads import Uploads
from engine.sandbox.wire import check_token
from engine.sandbox.world import World

Handler = Callable[[Request], Awaitable[Any]]
USAGE = '{"%s":[{"type":"whatsapp_business_management","call_count":1,"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":0}]}'  # noqa: E501
URL_LIFE_MS = 300_000
TEMPLATE_FILTERS = ("status", "name", "language", "category")


class Graph:
    """The endpoints, over one world."""

    def __init__(self, world: World, media: MediaStore) -> None:
        self.world = world
        self.media = media
        self.desk = TemplateDesk(world, Uploads(world.folder / "uploads"))
        self._links: dict[str, tuple[str, int]] = {}

    def routes(self) -> list[Route]:
        """The paths, any version."""
        return [
            Route("/media-content/{link}", self._guarded(self.download), methods=["GET"]),
            Route("/{version}/{node}", self._guarded(self.read_node), methods=["GET"]),
            Route("/{version}/{node}", self._guarded(self.delete_node), methods=["DELETE"]),
            Route("/{version}/{node}/message_templates", self._guarded(self.templates), methods=["GET"]),
            Route("/{version}/{node}/phone_numbers", self._guarded(self.phone_numbers), methods=["GET"]),
            Route("/{version}/{node}/media", self._guarded(self.upload), methods=["POST"]),
            Route(
                "/{version}/{node}/subscribed_apps", self._guarded(self.subscribed), methods=["GET", "POST", "DELETE"]
            ),
            *self.desk.routes(self._guarded),
        ]

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Check token and version first; turn a refusal into Graph's error body."""

        async def endpoint(request: Request) -> Response:
            headers = {"x-fb-trace-id": trace_id()[:12], "facebook-api-version": "v25.0"}
            headers["x-business-use-case-usage"] = USAGE % self.world.credentials.waba_id
            try:
                check_token(request.scope, self.world.credentials)
                _check_version(request.path_params.get("version", "v25.0"))
                answer = await handler(request)
            except Refusal as refusal:
                return Response(refusal.body(), refusal.status, headers, "application/json; charset=UTF-8")
            if isinstance(answer, Response):
                return answer
            return Response(msgspec.json.encode(answer), 200, headers, "application/json; charset=UTF-8")

        return endpoint

    async def read_node(self, request: Request) -> Any:
        """A phone number, an account, a template or a medium."""
        node, asked = request.path_params["node"], request.query_params.get("fields")
        world, keys = self.world, self.world.credentials
        if node == "app":
            return {"id": nodes.APP_ID, "name": "Ulak"}
        if node == keys.phone_number_id:
            return _view(nodes.phone_node(world), asked, nodes.PHONE_DEFAULT, "WhatsAppBusinessPhoneNumber")
        if node == keys.waba_id:
            return _view(nodes.waba_node(world), asked, nodes.WABA_DEFAULT, "WhatsAppBusinessAccount")
        if (template := world.catalogue.by_id(node)) is not None:
            return self._template_view(template, asked, request)
        if (medium := self._medium(request)) is not None:
            return self._medium_view(medium, request)
        raise unknown_object("get", node)

    async def delete_node(self, request: Request) -> Any:
        """Delete a medium."""
        medium = self._medium(request)
        if medium is None:
            raise unknown_object("delete", request.path_params["node"])
        self.media.remove(medium)
        return {"success": True}

    async def templates(self, request: Request) -> Any:
        """The account's templates: filtered, paged, with the fields asked for."""
        self._own(request, self.world.credentials.waba_id)
        query = dict(request.query_params)
        chosen = [template for template in self.world.catalogue.templates if _passes(template, query)]
        views = [self._template_view(template, query.get("fields"), request) for template in chosen]
        return nodes.page(views, query, _url(request))

    async def phone_numbers(self, request: Request) -> Any:
        """The account's phone numbers: one."""
        self._own(request, self.world.credentials.waba_id)
        query = dict(request.query_params)
        view = _view(
            nodes.phone_node(self.world), query.get("fields"), nodes.PHONES_DEFAULT, "WhatsAppBusinessPhoneNumber"
        )
        return nodes.page([view], query, _url(request))

    async def upload(self, request: Request) -> Any:
        """Take a file in."""
        self._own(request, self.world.credentials.phone_number_id)
        async with request.form() as form:
            file = form.get("file")
            if form.get("messaging_product") != "whatsapp":
                raise invalid("The parameter messaging_product is required.")
            if not isinstance(file, UploadFile):
                raise invalid("The parameter file is required.")
            given = file.content_type or str(form.get("type") or "")
            return {"id": self.media.add(await file.read(), given.partition(";")[0].strip().lower()).id}

    async def download(self, request: Request) -> Response:
        """The bytes behind a medium's link, which lives five minutes."""
        media_id, until_ms = self._links.get(request.path_params["link"], ("", 0))
        medium = self.media.media.get(media_id)
        if medium is None or until_ms <= self.world.clock():
            return Response(status_code=404)
        return Response(self.media.content(medium), media_type=medium.mime_type)

    async def subscribed(self, request: Request) -> Any:
        """Who gets the account's webhooks: read, subscribe (with another address, once it proved itself), leave."""
        self._own(request, self.world.credentials.waba_id)
        callback = self.world.callback
        if request.method == "DELETE":
            self.world.put("callback", Callback(callback.url, is_subscribed=False))
            return {"success": True}
        if request.method == "POST":
            return await self._subscribe(await _fields_of(request))
        return {"data": [_app(callback.url)] if callback.is_subscribed else []}

    async def _subscribe(self, given: dict[str, Any]) -> dict[str, Any]:
        url = given.get("override_callback_uri")
        if url is None:
            self.world.put("callback", Callback(self.world.callback.url))
            return {"success": True}
        if not await proves_itself(str(url), str(given.get("verify_token", ""))):
            text = "(#100) Webhook callback URL is not reachable or invalid"
            raise refuse(100, text=text, subcode=2200)
        self.world.put("callback", Callback(str(url)))
        return {"success": True, "data": [_app(str(url))]}

    def _own(self, request: Request, node: str) -> None:
        if request.path_params["node"] != node:
            raise unknown_object(request.method, request.path_params["node"])

    def _medium(self, request: Request) -> Medium | None:
        owner = request.query_params.get("phone_number_id", self.world.credentials.phone_number_id)
        if owner != self.world.credentials.phone_number_id:
            return None
        return self.media.media.get(request.path_params["node"])

    def _medium_view(self, medium: Medium, request: Request) -> dict[str, Any]:
        link = secrets.token_urlsafe(24)
        self._links[link] = (medium.id, self.world.clock() + URL_LIFE_MS)
        return {
            "messaging_product": "whatsapp",
            "url": f"{str(request.base_url).rstrip('/')}/media-content/{link}",
            "mime_type": medium.mime_type,
            "sha256": medium.sha256,
            "file_size": str(medium.file_size),
            "id": medium.id,
        }

    def _template_view(self, template: Template, asked: str | None, request: Request) -> dict[str, Any]:
        fields = nodes.chosen_fields(asked, NODE_FIELDS, DEFAULT_FIELDS, "WhatsAppMessageTemplate")
        return node_view(template, fields, str(request.base_url))


async def proves_itself(url: str, verify_token: str) -> bool:
    """Whether a callback answers Meta's verification call: the challenge, plain, for the right token."""
    challenge = str(secrets.randbelow(10**10))
    query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.get(url, params=query)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.status_code == 200 and answer.text == challenge


async def _fields_of(request: Request) -> dict[str, Any]:
    """The parameters of a POST: JSON, form or query."""
    if "json" not in request.headers.get("content-type", ""):
        async with request.form() as form:
            return {**request.query_params, **form}
    try:
        given = msgspec.json.decode(await request.body())
    except msgspec.DecodeError:
        raise invalid("Invalid parameter") from None
    return given if isinstance(given, dict) else {}


def _view(node: dict[str, Any], asked: str | None, default: tuple[str, ...], kind: str) -> dict[str, Any]:
    fields = nodes.chosen_fields(asked, frozenset(node), default, kind)
    return {name: node[name] for name in (*fields, "id")}


def _passes(template: Template, query: dict[str, str]) -> bool:
    node = template.node
    if "name" in query and query["name"].lower() not in node["name"]:
        return False
    wanted = {name: query[name].upper().split(",") for name in TEMPLATE_FILTERS if name in query and name != "name"}
    return all(str(node[name]).upper() in values for name, values in wanted.items())


def _check_version(version: str) -> None:
    number = version.removeprefix("v").split(".")
    if not (version.startswith("v") and len(number) == 2 and all(part.isdigit() for part in number)):
        raise refuse(100, text="Invalid version format. Use format like 'v23.0'")


def _url(request: Request) -> str:
    return str(request.url.replace(query=""))


def _app(url: str) -> dict[str, Any]:
    app = {"id": nodes.APP_ID, "name": "Ulak", "link": f"https://www.facebook.com/games/?app_id={nodes.APP_ID}"}
    return {"whatsapp_business_api_data": app, "override_callback_uri": url}
