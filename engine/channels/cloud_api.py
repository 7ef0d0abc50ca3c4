"""The Cloud API (Graph): sends, reads templates and the number's state, uploads media. The sandbox speaks the same.

`send` turns whatever happens into one outcome. Only what certainly never left is `retry`; a cut line, a time-out or a
5xx without an error body may hide an accepted message and is `unknown`. Source: whatsapp.md §2.10, §6.2, §3.1.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import httpx
import msgspec

from engine.channels.errors_table import BACKOFF_MS, TABLE, classify
from engine.channels.provider import Channel, ChannelSecrets, Outcome
from engine.errors import ProviderError

TEMPLATE_FIELDS = (
    "id,name,language,status,category,components,parameter_format,quality_score,rejected_reason,"
    "previous_category,correct_category,message_send_ttl_seconds"
)
NUMBER_FIELDS = (
    "id,display_phone_number,verified_name,status,quality_rating,throughput,"
    "whatsapp_business_manager_messaging_limit,account_mode"
)
SMALL_NUMBER_FIELDS = "id,display_phone_number,verified_name,quality_rating"
PAGE_SIZE = 100
NOT_SENT_MS = 2_000
MOST_PAGES = 200
THROUGHPUT_CODE = 130429
UPLOAD_SECONDS, UPLOAD_BYTES_PER_SECOND = 30.0, 250_000
"""How long an upload may take: a document of 100 MB over a slow line is several minutes on its way."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class ProviderAway(ProviderError):
    """The provider can't be reached just now; nothing was changed."""


class CloudApi:
    """One channel's Graph API, over a client that the caller owns and closes."""

    def __init__(self, channel: Channel, secrets: ChannelSecrets, client: httpx.AsyncClient) -> None:
        self._channel = channel
        self._client = client
        self._authorization = {"Authorization": f"Bearer {secrets.access_token.get_secret_value()}"}
        self._headers = self._authorization | {"Content-Type": "application/json"}
        self._messages_url = f"{channel.base_url}/{channel.phone_number_id}/messages"

    async def send(self, payload: Mapping[str, Any] | bytes) -> Outcome:
        """Post one message; never raises for what the provider or the network did."""
        body = payload if isinstance(payload, bytes) else _encode(payload)
        try:
            answer = await self._client.post(self._messages_url, content=body, headers=self._headers)
        except httpx.PoolTimeout:
            return Outcome("retry", retry_after_ms=NOT_SENT_MS)
        except httpx.HTTPError as problem:
            return Outcome("retry", retry_after_ms=NOT_SENT_MS) if _never_left(problem) else Outcome("unknown")
        except (aiohttp.ClientError, OSError):  # what httpx_aiohttp has no name for; TimeoutError is an OSError
            return Outcome("unknown")
        return _outcome_of(answer)

    async def list_templates(self) -> list[dict[str, Any]]:
        """Every template of the account, all pages, as the provider describes it.

        Raises:
            ProviderError: the provider refused (code) or can't be reached.
        """
        return [row async for row in self._pages(f"{self._channel.waba_id}/message_templates", TEMPLATE_FIELDS)]

    async def read_number(self) -> dict[str, Any]:
        """The phone number's node: status, quality, throughput, messaging limit.

        Raises:
            ProviderError: the provider refused (code) or can't be reached.
        """
        path = self._channel.phone_number_id
        try:
            return await self._get(path, {"fields": NUMBER_FIELDS})
        except ProviderError as problem:
            if problem.fields.get("code") != 100:  # 100: a field this version doesn't know fails the whole call
                raise
            return await self._get(path, {"fields": SMALL_NUMBER_FIELDS})

    async def upload_media(self, content: bytes, mime_type: str, file_name: str) -> str:
        """Upload a file and return its media id (valid 30 days).

        Raises:
            ProviderError: the provider refused (code) or can't be reached.
        """
        url = f"{self._channel.base_url}/{self._channel.phone_number_id}/media"
        form = {"messaging_product": "whatsapp", "type": mime_type}
        try:
            answer = await self._client.post(
                url,
                data=form,
                files={"file": (file_name, content, mime_type)},
                headers=self._authorization,
                timeout=UPLOAD_SECONDS + len(content) / UPLOAD_BYTES_PER_SECOND,
            )
        except httpx.HTTPError as problem:
            raise ProviderAway(code=0) from problem
        return str(_json_of(answer)["id"])

    async def _pages(self, path: str, fields: str) -> AsyncIterator[dict[str, Any]]:
        query = {"fields": fields, "limit": str(PAGE_SIZE)}
        for _ in range(MOST_PAGES):
            page = await self._get(path, query)
            for row in page.get("data", []):
                yield row
            paging = page.get("paging") or {}
            if not paging.get("next"):
                return
            query["after"] = str(paging["cursors"]["after"])

    async def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        try:
            answer = await self._client.get(
                f"{self._channel.base_url}/{path}", params=dict(query), headers=self._authorization
            )
        except httpx.HTTPError as problem:
            raise ProviderAway(code=0) from problem
        return _json_of(answer)


def _never_left(problem: httpx.HTTPError) -> bool:
    """Whether the request certainly never reached the provider: no connection came about.

    httpx_aiohttp reports a line cut after the body as ConnectTimeout too, so its cause is what counts.
    """
    cause: BaseException | None = problem.__cause__
    if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return True
    return isinstance(problem, httpx.ConnectError) and cause is None


def _outcome_of(answer: httpx.Response) -> Outcome:
    try:
        body = _decode(answer.content)
    except msgspec.DecodeError:
        body = None
    if not isinstance(body, dict):
        if answer.status_code == 429:
            return Outcome("retry", THROUGHPUT_CODE, retry_after_ms=_jitter(BACKOFF_MS[0]))
        return Outcome("unknown") if answer.status_code >= 500 or answer.is_success else Outcome("halt_operation")
    error = body.get("error")
    if isinstance(error, dict):
        return _refused(error)
    try:
        message = body["messages"][0]
        message_id = str(message["id"])
    except (KeyError, IndexError, TypeError):
        return Outcome("unknown")
    contact = (body.get("contacts") or [{}])[0]
    status = message.get("message_status", "accepted")
    return Outcome(
        "accepted" if status == "accepted" else "held",
        message_id=message_id,
        wa_id=str(contact.get("wa_id") or ""),
        user_id=str(contact.get("user_id") or ""),
    )


def _refused(error: Mapping[str, Any]) -> Outcome:
    code = _integer(error.get("code"))
    rule = classify(code)
    trace_id = str(error.get("fbtrace_id") or "")
    if error.get("is_transient") is True and code not in TABLE:
        return Outcome("retry", code, retry_after_ms=_jitter(BACKOFF_MS[1]), trace_id=trace_id)
    if rule.action == "template_error":
        return Outcome("skip", code, trace_id=trace_id)
    return Outcome(rule.action, code, retry_after_ms=_jitter(rule.delay_ms(1)), trace_id=trace_id)


def _integer(value: Any) -> int:
    """A code as a number; what is none becomes -1, a code nobody knows."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return -1


def _jitter(delay_ms: int) -> int:
    return int(delay_ms * random.uniform(0.8, 1.2))


def _json_of(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object, or the provider's refusal as an error of ours."""
    try:
        body = _decode(answer.content)
    except msgspec.DecodeError:
        body = None
    if isinstance(body, dict) and answer.is_success:
        return body
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        raise ProviderError(code=_integer(error.get("code")), trace_id=str(error.get("fbtrace_id") or ""))
    raise ProviderAway(code=answer.status_code)
