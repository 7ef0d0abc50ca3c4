"""The Graph API's paths on which templates are made, changed and deleted, and their example files uploaded."""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.sandbox import nodes
from engine.sandbox.authoring import category_of, checked, reviewed
from engine.sandbox.catalogue import HOME_LINK, Template
from engine.sandbox.chance import between, rolls
from engine.sandbox.journal import Changed
from engine.sandbox.refusals import invalid, refuse, unknown_object
from engine.sandbox.uploads import Uploads
from engine.sandbox.world import World

Node = dict[str, Any]
Guard = Callable[[Callable[[Request], Awaitable[Any]]], Callable[[Request], Awaitable[Response]]]
DAY_MS = 86_400_000
EDITABLE = ("APPROVED", "REJECTED", "PAUSED")
EDITS_A_MONTH = 10
STATUS_FIELD = "message_template_status_update"


class TemplateDesk:
    """The endpoints, over one world and its uploads."""

    def __init__(self, world: World, uploads: Uploads) -> None:
        self.world = world
        self.uploads = uploads

    def routes(self, guarded: Guard) -> list[Route]:
        """The paths, any version."""
        return [
            Route("/sandbox/examples/{upload}", self.example, methods=["GET"]),
            Route("/{version}/{node}/message_templates", guarded(self.create), methods=["POST"]),
            Route("/{version}/{node}/message_templates", guarded(self.delete), methods=["DELETE"]),
            Route("/{version}/{node}/uploads", guarded(self.begin_upload), methods=["POST"]),
            Route("/{version}/upload:{upload}", guarded(self.upload), methods=["GET", "POST"]),
            Route("/{version}/{node}", guarded(self.edit), methods=["POST"]),
        ]

    async def create(self, request: Request) -> Any:
        """Take a new template in, and send it to review."""
        self._own(request, self.world.credentials.waba_id)
        given = await _json_of(request)
        node = checked(given, self.uploads.handles)
        catalogue, now = self.world.catalogue, self.world.clock()
        if catalogue.locked.get((node["name"], node["language"]), 0) > now:
            said = ("Name is being deleted", "New content can't be added for 30 days while it is being deleted.")
            raise refuse(100, text="(#100) Invalid parameter", subcode=2388023, said=said)
        if catalogue.find(node["name"], node["language"]) is not None:
            said = ("Content in this language already exists", "Choose another name or language, or edit that one.")
            raise refuse(100, text="(#100) Invalid parameter", subcode=2388024, said=said)
        node |= {
            "id": str(73 * 10**14 + secrets.randbelow(10**14)),
            "status": "PENDING",
            "category": category_of(node),
            "parameter_format": str(given.get("parameter_format") or "POSITIONAL").upper(),
            "quality_score": {"score": "UNKNOWN", "date": now // 1000},
            "rejected_reason": "NONE",
            "components": self._with_links(node["components"]),
        }
        template = self._put(node)
        return {name: template.node[name] for name in ("id", "status", "category")}

    async def edit(self, request: Request) -> Any:
        """Change a template's content or category; it goes back to review."""
        template = self.world.catalogue.by_id(request.path_params["node"])
        if template is None:
            raise unknown_object("post", request.path_params["node"])
        given, now, was = await _json_of(request), self.world.clock(), template.node
        edits = [at for at in was.get("edits", []) if at > now - 30 * DAY_MS]
        if template.status not in EDITABLE:
            raise _no_edit("Only approved, rejected or paused templates can be edited.")
        if template.status == "APPROVED" and (len(edits) >= EDITS_A_MONTH or any(at > now - DAY_MS for at in edits)):
            raise _no_edit("An approved template can be edited once in 24 hours and 10 times in 30 days.")
        if template.status == "APPROVED" and str(given.get("category") or was["category"]).upper() != was["category"]:
            raise _no_edit("The category of an approved template can't be edited.")
        node = checked(
            {**was, **{key: given[key] for key in ("category", "components") if key in given}}, self.uploads.handles
        )
        node["components"] = self._with_links(node["components"])
        self._put({**was, **node, "status": "PENDING", "rejected_reason": "NONE", "edits": [*edits, now]})
        return {"success": True}

    async def delete(self, request: Request) -> Any:
        """Delete a template in all languages, or the one with `hsm_id`; the name of an approved one is locked."""
        self._own(request, self.world.credentials.waba_id)
        name, template_id = request.query_params.get("name"), request.query_params.get("hsm_id")
        found = [
            each
            for each in self.world.catalogue.templates
            if each.node["name"] == name and template_id in (None, each.node["id"])
        ]
        if not found:
            said = ("Template not found", "Message template was not found.")
            raise refuse(100, text="(#100) Invalid parameter", subcode=2593002, said=said)
        for template in found:
            remove_template(self.world, template)
        return {"success": True}

    async def begin_upload(self, request: Request) -> Any:
        """Open an upload session of the app."""
        self._own(request, nodes.APP_ID)
        query = request.query_params
        upload = self.uploads.begin(
            query.get("file_name", "file"), query.get("file_type", ""), query.get("file_length", "")
        )
        return {"id": f"upload:{upload.id}"}

    async def upload(self, request: Request) -> Any:
        """Take bytes in, or say how many are here; `OAuth` instead of `Bearer`, as Meta has it here alone."""
        if not request.headers.get("authorization", "").lower().startswith("oauth "):
            raise refuse(190, text="Invalid OAuth access token - Cannot parse access token")
        upload_id = request.path_params["upload"]
        if request.method == "GET":
            return {"id": f"upload:{upload_id}", "file_offset": self.uploads.offset(upload_id)}
        offset = request.headers.get("file_offset", "")
        if not offset.isdigit():
            raise invalid("The header file_offset is required.")
        return {"h": self.uploads.take(upload_id, int(offset), await request.body()).handle}

    async def example(self, request: Request) -> Response:
        """The example file behind a template made here."""
        if request.path_params["upload"] not in self.uploads.sessions:
            return Response(status_code=404)
        content, kind = self.uploads.content(request.path_params["upload"])
        return Response(content, media_type=kind)

    def _put(self, node: Node) -> Template:
        reason = reviewed(
            node, [each.node for each in self.world.catalogue.templates if each.node["id"] != node["id"]]
        )
        return put_template(self.world, node, reason)

    def _with_links(self, components: list[Node]) -> list[Node]:
        """Handles become links to the file, as they are read back."""
        text = json.dumps(copy.deepcopy(components))
        for handle, upload in self.uploads.handles.items():
            text = text.replace(json.dumps(handle), json.dumps(f"{HOME_LINK}/sandbox/examples/{upload.id}"))
        kept: list[Node] = json.loads(text)
        return kept

    def _own(self, request: Request, node: str) -> None:
        if request.path_params["node"] != node:
            raise unknown_object(request.method, request.path_params["node"])


def put_template(world: World, node: Node, reason: str) -> Template:
    """Take in a new or changed template, and let a review come to `reason` (NONE: approved) a little later."""
    template = world.catalogue.put(node)
    world.journal.write(Changed("made", node))
    if world.review.enabled:
        outcome = "APPROVED" if reason == "NONE" else "REJECTED"
        delay_ms = round(between(world.review.seconds, rolls(world.seed, "review", node["id"])[0]) * 1000)
        world.happen("", STATUS_FIELD, template.status_value(reason) | {"event": outcome}, delay_ms)
    return template


def remove_template(world: World, template: Template) -> None:
    """Delete a template, with the webhook that Meta sends; the name of an approved one is locked for 30 days."""
    until_ms = world.clock() + 30 * DAY_MS if template.status == "APPROVED" else 0
    world.catalogue.remove(template.node["id"], until_ms)
    world.journal.write(Changed("removed", [template.node["id"], until_ms]))
    world.happen("", STATUS_FIELD, template.status_value("NONE") | {"event": "PENDING_DELETION"})


async def _json_of(request: Request) -> Node:
    try:
        given = msgspec.json.decode(await request.body())
    except msgspec.DecodeError:
        raise invalid("Invalid parameter") from None
    if not isinstance(given, dict):
        raise invalid("Invalid parameter")
    return given


def _no_edit(message: str) -> Exception:
    said = ("This template can't be edited", message)
    return refuse(100, text="(#100) Invalid parameter", subcode=2388025, said=said)
