"""The provider's calls that make, change and delete templates, and upload their example files.

Its refusals come with words for the person who manages templates; they are kept beside code and subcode. The token
travels in a header alone. Source: whatsapp.md §1.6, §3.3, §5.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from engine.channels.cloud_api import TEMPLATE_FIELDS, ProviderAway
from engine.channels.provider import Channel, ChannelSecrets
from engine.errors import ProviderError

NODE_FIELDS = TEMPLATE_FIELDS
UPLOAD_SECONDS = 120.0


class TemplateRefused(ProviderError):
    """The provider refused the template: {said}"""


class MakingApi:
    """One channel's Graph API, over a client that the caller owns and closes."""

    def __init__(self, channel: Channel, secrets: ChannelSecrets, client: httpx.AsyncClient) -> None:
        self._channel = channel
        self._client = client
        self._token = secrets.access_token.get_secret_value()

    async def create(self, definition: Mapping[str, Any]) -> dict[str, Any]:
        """Submit a new template.

        Returns: id, status and the category it got.

        Raises:
            TemplateRefused: the provider said no, and why.
            ProviderAway: it can't be reached; whether the template was made isn't known.
        """
        return await self._call("POST", f"{self._channel.waba_id}/message_templates", json=dict(definition))

    async def edit(self, template_id: str, definition: Mapping[str, Any]) -> dict[str, Any]:
        """Change a template's content and category. Raises: as `create`."""
        changes = {name: definition[name] for name in ("category", "components")}
        return await self._call("POST", template_id, json=changes)

    async def delete(self, name: str, template_id: str | None) -> dict[str, Any]:
        """Delete one template, or without an id all languages of a name. Raises: as `create`."""
        query = {"name": name} | ({"hsm_id": template_id} if template_id else {})
        return await self._call("DELETE", f"{self._channel.waba_id}/message_templates", params=query)

    async def read(self, template_id: str) -> dict[str, Any]:
        """A template's node. Raises: as `create`."""
        return await self._call("GET", template_id, params={"fields": NODE_FIELDS})

    async def find(self, name: str, language: str) -> str | None:
        """The id of the template of exactly that name and language. Raises: as `create`."""
        query = {"name": name, "fields": "id,name,language", "limit": "100"}
        page = await self._call("GET", f"{self._channel.waba_id}/message_templates", params=query)
        found = [row for row in page.get("data", []) if row["name"] == name]
        return next((str(row["id"]) for row in found if row["language"].replace("-", "_") == language), None)

    async def app_id(self) -> str:
        """The app that the channel's token belongs to. Raises: as `create`."""
        return str((await self._call("GET", "app"))["id"])

    async def upload_example(self, app_id: str, content: bytes, mime_type: str, file_name: str) -> str:
        """Upload a header's example file; goes on once where a broken line left it.

        Returns: the handle that a new template names.

        Raises:
            TemplateRefused, ProviderAway: as `create`.
        """
        query = {"file_name": file_name, "file_length": str(len(content)), "file_type": mime_type}
        session = str((await self._call("POST", f"{app_id}/uploads", params=query))["id"])
        try:
            return await self._send_bytes(session, content, 0)
        except ProviderAway:
            here = await self._call("GET", session, scheme="OAuth")
            return await self._send_bytes(session, content, int(here["file_offset"]))

    async def _send_bytes(self, session: str, content: bytes, offset: int) -> str:
        answer = await self._call(
            "POST",
            session,
            scheme="OAuth",
            content=content[offset:],
            headers={"file_offset": str(offset)},
            timeout=UPLOAD_SECONDS,
        )
        return str(answer["h"])

    async def _call(self, method: str, path: str, *, scheme: str = "Bearer", **given: Any) -> dict[str, Any]:
        headers = {"Authorization": f"{scheme} {self._token}", **given.pop("headers", {})}
        url = f"{self._channel.base_url}/{path}"
        try:
            answer = await self._client.request(method, url, headers=headers, **given)
        except (httpx.HTTPError, OSError) as problem:
            raise ProviderAway(code=0) from problem
        return _body_of(answer)


def _body_of(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        body = None
    if isinstance(body, dict) and answer.is_success:
        return body
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        raise ProviderAway(code=answer.status_code)
    said = [str(error.get(name) or "") for name in ("error_user_title", "error_user_msg")]
    raise TemplateRefused(
        code=_integer(error.get("code")),
        subcode=_integer(error.get("error_subcode")),
        said=": ".join(filter(None, said)) or str(error.get("message") or ""),
        trace_id=str(error.get("fbtrace_id") or ""),
    )


def _integer(value: Any) -> int:
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdigit()) else 0
