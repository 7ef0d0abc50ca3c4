"""The receiver's door and its statuses: signatures, the ledger's own transition, 503 when Redis can't take it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import redis

from engine.live import EVENTS, SUPPRESSED, channel_key, operation_key
from engine.operations import ledger
from engine.operations.states import DeliveryState as S
from engine.settings import Settings, current_settings
from tests.worker.webhook_writing import (
    CHANNEL,
    OPERATION,
    make_operation,
    messages,
    person_of,
    publish_store,
    signed,
    status,
)
from worker.receiver import MOST_BYTES, Receiver, create_app

PATH = f"/webhook/{CHANNEL}"
Story = Callable[[Receiver, httpx.AsyncClient], Awaitable[Any]]


@pytest.fixture
def settings(live: redis.Redis) -> Settings:
    found = current_settings()
    publish_store(live, found)
    return found


def play(settings: Settings, story: Story) -> Any:
    """Run a story against a started receiver."""

    async def run() -> Any:
        receiver = create_app(settings)
        await receiver.start()
        transport = httpx.ASGITransport(app=receiver)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
            try:
                return await story(receiver, client)
            finally:
                await receiver.stop()

    return asyncio.run(run())


def post(settings: Settings, *bodies: dict[str, Any] | bytes) -> list[int]:
    """POST bodies one after another; the status codes."""

    async def story(receiver: Receiver, client: httpx.AsyncClient) -> list[int]:
        codes = []
        for body in bodies:
            raw, headers = signed(body)
            codes.append((await client.post(PATH, content=raw, headers=headers)).status_code)
        return codes

    found: list[int] = play(settings, story)
    return found


def states(live: redis.Redis, count: int) -> list[int]:
    return list(ledger.read_states(live, OPERATION, 0, count))


def test_the_address_is_verified_with_the_channels_own_token(settings: Settings) -> None:
    async def story(receiver: Receiver, client: httpx.AsyncClient) -> list[tuple[int, str]]:
        asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
        answers = []
        for path, token in ((PATH, "verify-1"), (PATH, "verify-2"), (PATH, ""), ("/webhook/none", "verify-1")):
            answer = await client.get(path, params=asked | {"hub.verify_token": token})
            answers.append((answer.status_code, answer.text))
        answers.append(((await client.get(PATH)).status_code, ""))
        return answers

    right, *wrong = play(settings, story)
    assert right == (200, "1158201444")
    assert [code for code, _ in wrong] == [403] * 4


def test_a_body_without_the_channels_signature_changes_nothing(settings: Settings, live: redis.Redis) -> None:
    make_operation(live, 2)
    raw, headers = signed(messages(statuses=[status(0, "delivered")]))

    async def story(receiver: Receiver, client: httpx.AsyncClient) -> list[int]:
        wrong: list[tuple[bytes, Any]] = [
            (raw, {}),
            (raw, {"x-hub-signature-256": "sha256=" + "0" * 64}),
            (raw + b" ", headers),
            signed(raw, "another-secret"),
            (raw, {"x-hub-signature-256": b"sha256=\xe9"}),
        ]
        return [(await client.post(PATH, content=content, headers=given)).status_code for content, given in wrong] + [
            (await client.post("/webhook/none", content=raw, headers=headers)).status_code
        ]

    assert play(settings, story) == [401] * 6
    assert states(live, 2) == [S.CLAIMED, S.CLAIMED]


def test_a_changed_secret_is_read_again_before_a_signature_is_refused(
    settings: Settings, live: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_operation(live, 1)
    monkeypatch.setattr("worker.receiver_surroundings.SOONEST_RELOAD_SECONDS", 0.0)
    raw, headers = signed(messages(statuses=[status(0, "delivered")]), "app-secret-2")

    async def story(receiver: Receiver, client: httpx.AsyncClient) -> list[int]:
        before = await client.post(PATH, content=raw, headers=headers)
        publish_store(live, settings, app_secret="app-secret-2")
        after = await client.post(PATH, content=raw, headers=headers)
        return [before.status_code, after.status_code]

    assert play(settings, story) == [401, 200]
    assert states(live, 1) == [S.DELIVERED]


def test_what_is_too_large_is_refused_unread(settings: Settings) -> None:
    assert post(settings, b"x" * (MOST_BYTES + 1)) == [413]


def test_what_is_no_json_is_refused_and_what_is_unknown_is_taken(settings: Settings) -> None:
    strange = {"object": "page", "entry": [{"changes": [{"field": "dance", "value": {"a": [1]}}], "new": {}}]}
    bodies: list[dict[str, Any] | bytes] = [b"{", strange, {"entry": "text"}, {}]
    assert post(settings, *bodies) == [400, 200, 200, 200]


def test_statuses_move_the_ledger_and_leave_their_time_price_and_id(settings: Settings, live: redis.Redis) -> None:
    make_operation(live, 3)
    price = {"pricing": {"type": "regular", "category": "marketing"}}
    body = messages(statuses=[status(0, "sent", **price), status(1, "delivered"), status(2, "failed", code=131026)])
    assert post(settings, body, messages(statuses=[status(0, "played")])) == [200, 200]
    assert states(live, 3) == [S.READ, S.DELIVERED, S.FAILED]
    fields = [entry for _, entry in live.xrange(EVENTS) if entry[b"k"] == b"rows" and entry[b"src"] == b"webhook"]
    assert b"wamid.0.1\nwamid.1.1\nwamid.2.1" in [entry.get(b"ids") for entry in fields]


def test_a_status_twice_and_out_of_order_changes_nothing_more(settings: Settings, live: redis.Redis) -> None:
    make_operation(live, 1)
    words = ["read", "sent", "delivered", "read", "failed"]
    assert post(settings, *(messages(statuses=[status(0, word, code=None)]) for word in words)) == [200] * 5
    assert states(live, 1) == [S.READ]
    assert ledger.counters(live, OPERATION)[S.READ] == 1


@pytest.mark.parametrize(
    ("code", "state"),
    [(131026, S.FAILED), (131049, S.RETRY), (131000, S.RETRY), (131050, S.FAILED), (132015, S.RETRY), (190, S.RETRY)],
)
def test_a_failure_by_webhook_follows_the_same_table(
    settings: Settings, live: redis.Redis, code: int, state: int
) -> None:
    make_operation(live, 2)
    assert post(settings, messages(statuses=[status(0, "failed", code=code)])) == [200]
    assert states(live, 2) == [state, S.CLAIMED]
    if state == S.RETRY:
        seconds, _ = live.time()
        due = live.zscore(operation_key(OPERATION, "due"), 0)
        assert due is not None
        assert due >= (int(seconds) + 590) * 1000


def test_a_person_who_stopped_marketing_is_suppressed_at_once(settings: Settings, live: redis.Redis) -> None:
    make_operation(live, 2)
    post(settings, messages(statuses=[status(1, "failed", code=131050)]))
    assert live.hkeys(SUPPRESSED) == [person_of(1)]


def test_a_code_of_the_account_halts_the_operation_and_its_channel(settings: Settings, live: redis.Redis) -> None:
    make_operation(live, 2)
    post(settings, messages(statuses=[status(0, "failed", code=131042)]))
    assert ledger.operation_state(live, OPERATION) == "halted"
    assert live.hget(channel_key(CHANNEL), "state") == b"halted"


def test_a_status_for_a_ledger_that_is_gone_is_kept_for_the_record(settings: Settings, live: redis.Redis) -> None:
    assert post(settings, messages(statuses=[status(7, "delivered", operation="op-20250101-000000-abcdef")])) == [200]
    [(_, entry)] = live.xrange(EVENTS)
    assert (entry[b"k"], entry[b"orphan"], entry[b"op"]) == (b"rows", b"1", b"op-20250101-000000-abcdef")


def test_many_at_once_are_applied_each_once_and_in_few_round_trips(settings: Settings, live: redis.Redis) -> None:
    make_operation(live, 600)

    async def story(receiver: Receiver, client: httpx.AsyncClient) -> tuple[list[int], int]:
        bodies = [signed(messages(statuses=[status(number, "delivered")])) for number in range(600)]
        answers = await asyncio.gather(*(client.post(PATH, content=raw, headers=given) for raw, given in bodies))
        return [answer.status_code for answer in answers], receiver._commit.group_count

    codes, groups = play(settings, story)
    assert codes == [200] * 600
    assert groups < 100
    assert ledger.counters(live, OPERATION)[S.DELIVERED] == 600


def test_scripts_are_loaded_again_when_the_server_forgot_them(settings: Settings, live: redis.Redis) -> None:
    make_operation(live, 1)
    live.script_flush()
    assert post(settings, messages(statuses=[status(0, "delivered")])) == [200]
    assert states(live, 1) == [S.DELIVERED]


def test_a_server_that_is_nearly_full_is_not_filled_further(settings: Settings, live: redis.Redis) -> None:
    make_operation(live, 1)
    used = live.info("memory")["used_memory"]
    live.config_set("maxmemory", int(used * 1.1))
    try:
        assert post(settings, messages(statuses=[status(0, "delivered")])) == [503]
    finally:
        live.config_set("maxmemory", 0)
    assert post(settings, messages(statuses=[status(0, "delivered")])) == [200]


def test_a_body_that_redis_refuses_fails_alone(settings: Settings, live: redis.Redis) -> None:
    make_operation(live, 1)
    other = "op-20260101-000000-abcdef"
    live.set(operation_key(other), "no ledger but a text")

    async def story(receiver: Receiver, client: httpx.AsyncClient) -> list[int]:
        bodies = [messages(statuses=[status(0, "delivered", operation=name)]) for name in (OPERATION, other)]
        posts = [client.post(PATH, content=raw, headers=given) for raw, given in map(signed, bodies)]
        return [answer.status_code for answer in await asyncio.gather(*posts)]

    assert play(settings, story) == [200, 503]
    assert states(live, 1) == [S.DELIVERED]


def test_without_redis_it_answers_503_and_nothing_of_a_person_is_logged(
    settings: Settings, live: redis.Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_operation(live, 1)
    raw, headers = signed(messages(statuses=[status(0, "delivered")]))

    async def story(receiver: Receiver, client: httpx.AsyncClient) -> int:
        async def away(*_: Any) -> list[Any]:
            raise redis.ConnectionError("to +905321200000")

        monkeypatch.setattr(receiver._commit, "_send", away)
        return (await client.post(PATH, content=raw, headers=headers)).status_code

    assert play(settings, story) == 503
    assert "905321200000" not in caplog.text
    assert "wamid" not in caplog.text


def test_it_beats_and_says_when_it_is_ready(settings: Settings, live: redis.Redis) -> None:
    async def story(receiver: Receiver, client: httpx.AsyncClient) -> int:
        for _ in range(200):
            if live.hexists("ulak:heartbeats", "receiver"):
                break
            await asyncio.sleep(0.01)
        return (await client.get("/health")).status_code

    assert play(settings, story) == 200
    assert json.loads(live.hget("ulak:heartbeats", "receiver") or b"{}")["taken"] == 0
