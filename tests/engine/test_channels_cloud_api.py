"""One send, whatever happens to it, comes to one named outcome. Each fault is a real one, on a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from engine.channels import Channel, ChannelSecrets, CloudApi, Outcome, make_client
from engine.channels.cloud_api import ProviderAway
from engine.errors import ProviderError

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SECRETS = ChannelSecrets(access_token=SecretStr("token-1"), app_secret=SecretStr("s"), verify_token=SecretStr("v"))
ACCEPTED = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": "+905321234567", "wa_id": "905321234567"}],
    "messages": [{"id": "wamid.1", "message_status": "accepted"}],
}


def channel(url: str) -> Channel:
    return Channel(
        channel_id="ch-1",
        name="Shop",
        provider="cloud_api",
        portfolio_id="pf-1",
        waba_id="10",
        phone_number_id="55",
        graph_url=url,
        graph_version="v25.0",
        rate_per_second=80,
    )


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """The whole request: head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    return head + await reader.readexactly(length)


def saying(status: int, text: str | dict[str, Any]) -> Answer:
    """A server that answers every message with this."""
    raw = (text if isinstance(text, str) else json.dumps(text)).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(raw)) + raw)
        await writer.drain()

    return answer


async def cut_after_reading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.transport.abort()


async def cut_in_the_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"messages"')
    await writer.drain()
    writer.transport.abort()


async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await reader.read()


async def send_to(answer: Answer, client: httpx.AsyncClient | None = None) -> Outcome:
    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with client or make_client(2) as used:
        outcome = await CloudApi(channel(f"http://127.0.0.1:{port}"), SECRETS, used).send({"to": "+905321234567"})
    server.close()
    return outcome


def send(answer: Answer) -> Outcome:
    return asyncio.run(send_to(answer))


def refusal(code: int, **more: Any) -> dict[str, Any]:
    return {"error": {"message": "no", "type": "OAuthException", "code": code, "fbtrace_id": "A1", **more}}


def test_an_accepted_message_has_the_providers_ids() -> None:
    assert send(saying(200, ACCEPTED)) == Outcome("accepted", message_id="wamid.1", wa_id="905321234567")


@pytest.mark.parametrize("status", ["held_for_quality_assessment", "paused", "something_new"])
def test_a_message_that_is_kept_back_is_held(status: str) -> None:
    body = ACCEPTED | {"messages": [{"id": "wamid.1", "message_status": status}]}
    assert send(saying(200, body)).kind == "held"


def test_an_answer_without_a_status_is_accepted() -> None:
    assert send(saying(200, ACCEPTED | {"messages": [{"id": "wamid.1"}]})).kind == "accepted"


def test_a_person_known_by_user_id_alone_is_accepted() -> None:
    body = ACCEPTED | {"contacts": [{"input": "TR.1", "user_id": "TR.1"}]}
    assert send(saying(200, body)) == Outcome("accepted", message_id="wamid.1", user_id="TR.1")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (cut_after_reading, "unknown"),
        (cut_in_the_answer, "unknown"),
        (saying(500, ""), "unknown"),
        (saying(502, "<html>Bad gateway</html>"), "unknown"),
        (saying(503, "[]"), "unknown"),
        (saying(200, "not JSON"), "unknown"),
        (saying(200, "{}"), "unknown"),
        (saying(200, {"messages": []}), "unknown"),
        (saying(404, "<html>no such page</html>"), "halt_operation"),
        (saying(500, refusal(131000)), "retry"),
        (saying(503, refusal(2)), "retry"),
        (saying(400, refusal(131026)), "skip"),
        (saying(200, refusal(131026)), "skip"),
        (saying(400, refusal(132000)), "skip"),
        (saying(400, refusal(131050)), "suppress"),
        (saying(400, refusal(132015)), "halt_operation"),
        (saying(401, refusal(190)), "halt_channel"),
        (saying(400, refusal(424242)), "halt_operation"),
        (saying(400, refusal(424242, is_transient=True)), "retry"),
        (saying(400, {"error": {"message": "odd"}}), "halt_operation"),
        (saying(400, {"error": {"code": "abc"}}), "halt_operation"),
    ],
)
def test_whatever_comes_back_has_one_name(answer: Answer, kind: str) -> None:
    assert send(answer).kind == kind


def test_a_refusal_keeps_its_code_and_trace() -> None:
    outcome = send(saying(400, refusal(131056)))
    assert (outcome.code, outcome.trace_id) == (131056, "A1")
    assert 800 <= outcome.retry_after_ms <= 1_200


def test_too_many_requests_without_a_body_slow_the_channel_down() -> None:
    outcome = send(saying(429, ""))
    assert (outcome.kind, outcome.code) == ("retry", 130429)


def test_no_connection_means_nothing_was_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

        async def go() -> Outcome:
            async with make_client(1) as client:
                return await CloudApi(channel(url), SECRETS, client).send(b"{}")

        outcome = asyncio.run(go())
    assert (outcome.kind, outcome.code) == ("retry", 0)


def test_a_host_that_has_no_address_means_nothing_was_sent() -> None:
    async def go() -> Outcome:
        async with make_client(1) as client:
            return await CloudApi(channel("http://nowhere.invalid"), SECRETS, client).send(b"{}")

    assert asyncio.run(go()).kind == "retry"


def test_a_failed_tls_handshake_means_nothing_was_sent() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    async def go() -> Outcome:
        server = await asyncio.start_server(plain, "127.0.0.1", 0)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with make_client(1) as client:
            outcome = await CloudApi(channel(url), SECRETS, client).send(b"{}")
        server.close()
        return outcome

    assert asyncio.run(go()).kind == "retry"


def test_an_answer_that_never_comes_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.channels.client.READ_SECONDS", 0.2)
    assert send(never_answer).kind == "unknown"


def test_waiting_for_a_free_connection_means_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.channels.client.CONNECT_SECONDS", 0.2)
    monkeypatch.setattr("engine.channels.client.READ_SECONDS", 1.0)
    arrived: list[int] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.append(1)
        await reader.read()
        writer.close()

    async def go() -> list[str]:
        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with make_client(1) as client:
            api = CloudApi(channel(url), SECRETS, client)
            outcomes = await asyncio.gather(api.send(b"{}"), api.send(b"{}"))
        server.close()
        return sorted(outcome.kind for outcome in outcomes)

    assert asyncio.run(go()) == ["retry", "unknown"]
    assert len(arrived) == 1


def test_a_message_goes_to_the_number_with_the_token() -> None:
    seen: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        raw = json.dumps(ACCEPTED).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(raw) + raw)
        await writer.drain()

    send(note)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v25.0/55/messages HTTP/1.1")
    assert b"authorization: bearer token-1" in head.lower()
    assert json.loads(body) == {"to": "+905321234567"}


def ask(handler: Callable[[httpx.Request], httpx.Response], question: str) -> Any:
    async def go() -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
            return await getattr(CloudApi(channel("https://graph.example"), SECRETS, client), question)()

    return asyncio.run(go())


def test_every_page_of_templates_is_read_by_its_cursor() -> None:
    asked: list[str | None] = []

    def pages(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        asked.append(after)
        page = int(after or 0)
        paging: dict[str, Any] = {"cursors": {"after": str(page + 1)}}
        if page < 2:
            paging["next"] = "https://elsewhere.example/?access_token=never-followed"
        return httpx.Response(200, json={"data": [{"name": f"t{page}"}], "paging": paging})

    assert [row["name"] for row in ask(pages, "list_templates")] == ["t0", "t1", "t2"]
    assert asked == [None, "1", "2"]


def test_a_field_the_version_doesnt_know_doesnt_hide_the_number() -> None:
    def number(request: httpx.Request) -> httpx.Response:
        if "throughput" in request.url.params["fields"]:
            return httpx.Response(400, json=refusal(100))
        return httpx.Response(200, json={"id": "55", "quality_rating": "GREEN"})

    assert ask(number, "read_number") == {"id": "55", "quality_rating": "GREEN"}


def test_a_refused_question_is_an_error_with_its_code() -> None:
    with pytest.raises(ProviderError) as problem:
        ask(lambda _: httpx.Response(401, json=refusal(190)), "list_templates")
    assert (problem.value.code, problem.value.trace_id) == (190, "A1")


def test_a_provider_that_is_away_is_told_apart() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request)

    with pytest.raises(ProviderAway):
        ask(away, "list_templates")
    with pytest.raises(ProviderAway):
        ask(lambda _: httpx.Response(502, text="<html>"), "read_number")


def test_no_secret_shows_in_a_repr() -> None:
    assert "token-1" not in repr(SECRETS)
    assert "token-1" not in repr(channel("https://graph.example"))
